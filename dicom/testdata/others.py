"""Reads the objects that Galen wrote into a folder with pydicom, highdicom, DCMTK and dicom3tools, and checks them.

Run by TestOthersReadWhatIsWritten; prints what it found and fails where something is wrong.
"""
import re, subprocess, sys, warnings
import numpy as np
import pydicom
import highdicom as hd

folder = sys.argv[1]
warnings.simplefilter("error")  # pydicom warns of values that break their VR
pydicom.config.settings.reading_validation_mode = pydicom.config.RAISE
failed = False


def check(what, ok):
    global failed
    print(what, "ok" if ok else "FAILED")
    failed |= not ok


for name in ("seg-binary", "seg-fractional", "capture", "capture-rle", "pdf", "sr", "enhanced", "slice"):
    path = f"{folder}/{name}.dcm"
    d = pydicom.dcmread(path)
    str(d)  # decodes every value
    check(f"pydicom reads {name}: {d.SOPClassUID.name}, {d.file_meta.TransferSyntaxUID.name}", True)
    r = subprocess.run(["dcmdump", "-q", path], capture_output=True, text=True)
    check(f"dcmdump reads {name}", r.returncode == 0 and not re.search(r"^[EW]:", r.stderr, re.M))
    if "PixelData" in d:
        check(f"{name} has pixels of shape {d.pixel_array.shape}", True)

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # highdicom warns that the made-up series is short
    seg = hd.seg.segread(f"{folder}/seg-binary.dcm")
    check(f"highdicom reads {seg.number_of_segments} segments", seg.number_of_segments == 2)
    check("segment labels", [s.segment_label for s in seg.SegmentSequence] == ["Liver", "Spleen"])
    check("segment type", seg.get_segment_description(1).segmented_property_type.value == "10200004")
    sources = [r[2] for r in seg.get_source_image_uids()]
    check(f"{len(sources)} source images", len(sources) == 4)
    a = seg.get_pixels_by_source_instance(sources, combine_segments=True, relabel=False, assert_missing_frames_are_empty=True)
    want = np.zeros((4, 5, 6), int)
    for z in range(1, 4):
        want[z, 2, : z + 1] = 1
    want[2, 4, 5] = 2
    check("the mask, slice by slice", np.array_equal(a, want))
    v = seg.get_volume(combine_segments=True)
    check("the mask as a volume of 2 x 0.7 x 0.5 mm", np.allclose(v.spacing, (2, 0.7, 0.5)) and (v.array == 1).sum() == 9)
    frac = hd.seg.segread(f"{folder}/seg-fractional.dcm")
    b = frac.get_pixels_by_source_instance(sources, assert_missing_frames_are_empty=True)
    check("probabilities", np.allclose(np.unique(b), [0, 64 / 255, 1], atol=1e-6))
    d = pydicom.dcmread(f"{folder}/sr.dcm")
    check("the report's text", d.ContentSequence[0].ContentSequence[1].TextValue == "Größe: unauffällig.")

r = subprocess.run(["dsrdump", f"{folder}/sr.dcm"], capture_output=True, text=True)
check("dsrdump reads the report", r.returncode == 0 and "Findings" in r.stdout and not re.search(r"^E:", r.stderr, re.M))
if r.stderr.strip():
    print("dsrdump says:", r.stderr.strip().replace(folder, "FOLDER"))
for name in ("seg-binary", "seg-fractional", "capture-rle", "pdf", "sr"):
    r = subprocess.run(["dciodvfy", f"{folder}/{name}.dcm"], capture_output=True, text=True)
    errors = [line for line in (r.stdout + r.stderr).splitlines() if line.startswith("Error")]
    check(f"dciodvfy finds no error in {name} {errors}", not errors)
pdf = pydicom.dcmread(f"{folder}/pdf.dcm")
check("the document", pdf.EncapsulatedDocument[: pdf.EncapsulatedDocumentLength] == b"%PDF-1.4\nsynthetic\n%%EOF")
sys.exit(failed)
