"""Reads back what TestSolid writes (GALEN_KEEP=folder go test -run TestSolid) with pydicom, highdicom and nibabel, and
prints the verdict that testdata/seg.json holds.

Ran with pydicom 3.0, highdicom 0.27, nibabel 5.4:
    python seg.py folder > seg.json
"""

import io
import json
import sys
import zipfile
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom

try:
    import nibabel as nib
except ImportError:
    nib = None

folder = Path(sys.argv[1])
with zipfile.ZipFile(folder / "series.zip") as z:
    slices = [pydicom.dcmread(io.BytesIO(z.read(n))) for n in z.namelist()]
by_uid = {s.SOPInstanceUID: s for s in slices}
seg = hd.seg.segread(folder / "segmentation.dcm")
uids = seg.get_source_image_uids()
out = {
    "versions": {"pydicom": pydicom.__version__, "highdicom": hd.__version__},
    "segments": [str(seg.get_segment_description(n).segment_label) for n in seg.segment_numbers],
    "references_every_slice": sorted(u[2] for u in uids) == sorted(by_uid),
    "same_frame_of_reference": seg.FrameOfReferenceUID == slices[0].FrameOfReferenceUID,
    "same_study": seg.StudyInstanceUID == slices[0].StudyInstanceUID,
}
order = sorted(by_uid, key=lambda u: by_uid[u].InstanceNumber)
pixels = seg.get_pixels_by_source_instance(source_sop_instance_uids=order, combine_segments=True)
out["voxels"] = [int((pixels == n).sum()) for n in seg.segment_numbers]
if nib is not None:
    mask = np.asarray(nib.load(folder / "mask.nii.gz").dataobj)
    out["voxels_of_nifti"] = [int((mask == n).sum()) for n in seg.segment_numbers]
    out["same_voxels_as_nifti"] = bool((np.transpose(mask, (2, 1, 0)) == pixels).all())
sr = pydicom.dcmread(folder / "report.dcm")
out["report"] = {"class": str(sr.SOPClassUID), "completion": sr.CompletionFlag, "verification": sr.VerificationFlag}
out["pdf"] = (folder / "report.pdf").read_bytes()[:8].decode()
print(json.dumps(out, indent=1))
