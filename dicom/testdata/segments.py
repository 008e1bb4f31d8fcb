"""Makes segmentation objects with highdicom for segments_test.go: python3 segments.py FOLDER
The images are those of ct() in synth_test.go: 4 slices of 5 x 6 pixels, 2 mm apart. No patient."""
import json, sys, warnings
from pathlib import Path
import highdicom as hd
import numpy as np
from highdicom.seg import SegmentAlgorithmTypeValues, SegmentationTypeValues, SegmentDescription
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian, JPEGLSLossless, RLELossless

warnings.simplefilter("ignore")
out = Path(sys.argv[1])
root = "1.2.826.0.1.3680043.8.498.2026."


def ct(z):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    d.SOPClassUID, d.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", f"{root}1.{z}"
    d.StudyInstanceUID, d.SeriesInstanceUID, d.FrameOfReferenceUID = root + "2", root + "3", root + "4"
    d.Modality, d.PatientName, d.PatientID = "CT", "Synthetic^Phantom", "SYNTH-1"
    d.PatientBirthDate = d.PatientSex = d.StudyDate = d.StudyTime = d.AccessionNumber = d.StudyID = d.ReferringPhysicianName = ""
    d.SeriesNumber, d.InstanceNumber = 1, z + 1
    d.ImagePositionPatient = [-10, -20, 30 + 2 * z]
    d.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    d.PixelSpacing, d.SliceThickness = [0.7, 0.5], 2
    d.Rows, d.Columns, d.SamplesPerPixel, d.PhotometricInterpretation = 5, 6, 1, "MONOCHROME2"
    d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 12, 11, 0
    d.PixelData = bytes(60)
    return d


def description(n, label, code):
    return SegmentDescription(n, label, codes.SCT.Organ if n == 2 else codes.SCT.AnatomicalStructure, code,
                              SegmentAlgorithmTypeValues.MANUAL if n == 2 else SegmentAlgorithmTypeValues.SEMIAUTOMATIC,
                              algorithm_identification=None if n == 2 else hd.AlgorithmIdentificationSequence("hand", codes.DCM.ArtificialIntelligence, "1"),
                              display_color=hd.color.CIELabColor(60, 30, 20) if n == 1 else None)


slices = [ct(z) for z in range(4)]
liver, spleen = np.zeros((4, 5, 6), bool), np.zeros((4, 5, 6), bool)
liver[1:3, 1:4, 2:5] = True
spleen[3, 0, 5] = spleen[3, 4, 0] = True
overlap = spleen.copy()
overlap[1, 2, 3] = True
p = np.stack([liver * .8, spleen * .4], -1)
p[2, 1, 2] = [.5, .5]
p[2, 1, 3] = [.25, .75]
segments = [description(1, "Liver", codes.SCT.Liver), description(2, "Spleen", codes.SCT.Spleen)]


def make(name, pixels, kind, syntax=ExplicitVRLittleEndian, **kw):
    s = hd.seg.Segmentation(slices, pixels, kind, segments, root + "9", 9, root + "10", 1, "Oracle", "highdicom", hd.__version__, "1",
                            transfer_syntax_uid=syntax, content_date="20260304", content_time="050607", **kw)
    s.InstanceCreationDate, s.InstanceCreationTime = "20260304", "050607"
    s.save_as(out / f"seg-{name}.dcm")
    back = hd.seg.segread(out / f"seg-{name}.dcm")
    uids = [d.SOPInstanceUID for d in slices]
    a = back.get_pixels_by_source_instance(uids, assert_missing_frames_are_empty=True)
    return [[float(x) for x in a[..., k].ravel()] for k in range(a.shape[-1])]


both = lambda a, b: np.stack([a, b], -1)
B, F, L = SegmentationTypeValues.BINARY, SegmentationTypeValues.FRACTIONAL, SegmentationTypeValues.LABELMAP
want = {
    "binary": make("binary", both(liver, spleen).astype(np.uint8), B),
    "overlap": make("overlap", both(liver, overlap).astype(np.uint8), B),
    "fractional": make("fractional", p, F, max_fractional_value=200, fractional_type="PROBABILITY"),
    "fractional-rle": make("fractional-rle", p, F, RLELossless, fractional_type="OCCUPANCY"),
    "labelmap": make("labelmap", (liver + 2 * spleen).astype(np.uint8), L),
    "labelmap-rle": make("labelmap-rle", (liver + 2 * spleen).astype(np.uint8), L, RLELossless),
}
(out / "segments.json").write_text(json.dumps({"made_by": f"highdicom {hd.__version__}", "masks": want}, separators=(",", ":")))
