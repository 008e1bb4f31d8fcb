"""Writes small generated DICOM files (no patient) and what pydicom reads from them, as vectors.json.

Run: python vectors.py   (pydicom 3.0, numpy)
"""
import json, os, zlib
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian, RLELossless
from pydicom.pixels import apply_modality_lut, apply_voi_lut, apply_windowing, apply_color_lut, convert_color_space, pixel_array
import pydicom

here = os.path.dirname(os.path.abspath(__file__))
rng = np.random.default_rng(7)
out = {}


def base(name, rows=5, cols=6):
    d = Dataset()
    d.file_meta = FileMetaDataset()
    d.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    d.SOPInstanceUID = "2.25." + str(zlib.crc32(name.encode()))
    d.StudyInstanceUID = "2.25.1"
    d.SeriesInstanceUID = "2.25.2"
    d.PatientName = "Synthetic^Phantom"
    d.PatientID = "SYNTH"
    d.Modality = "OT"
    d.Rows, d.Columns = rows, cols
    return d


def grey(d, a, stored, photometric="MONOCHROME2", frames=1):
    d.SamplesPerPixel = 1
    d.PhotometricInterpretation = photometric
    d.BitsAllocated = a.dtype.itemsize * 8
    d.BitsStored, d.HighBit = stored, stored - 1
    d.PixelRepresentation = int(a.dtype.kind == "i")
    if frames > 1:
        d.NumberOfFrames = frames
    return a


def save(name, d, a, syntax=ExplicitVRLittleEndian, **expect):
    big = syntax == ExplicitVRBigEndian
    d.file_meta.TransferSyntaxUID = syntax
    b = a.astype(a.dtype.newbyteorder(">" if big else "<")).tobytes() if not isinstance(a, bytes) else a
    if len(b) % 2:
        b += b"\0"
    if big and d.BitsAllocated == 8:  # bytes in words of the other order
        b = np.frombuffer(b, "<u2").astype(">u2").tobytes()
    d.PixelData = b
    d["PixelData"].VR = "OW" if d.BitsAllocated > 8 or big or syntax == ImplicitVRLittleEndian else "OB"
    path = os.path.join(here, name + ".dcm")
    if syntax == RLELossless:
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.compress(RLELossless)
    pydicom.dcmwrite(path, d, enforce_file_format=True)
    d = pydicom.dcmread(path)
    stored = pixel_array(d, raw=True)
    e = {"stored": np.asarray(stored).ravel().tolist()}
    for k, f in expect.items():
        e[k] = np.asarray(f(d, d.pixel_array)).ravel().tolist()
    out[name] = e


mod = lambda d, a: apply_modality_lut(a, d)
i16 = lambda shape=(5, 6), lo=-2000, hi=2000: rng.integers(lo, hi, shape).astype("i2")

for name, syntax in (("implicit", ImplicitVRLittleEndian), ("bigendian", ExplicitVRBigEndian), ("deflated", DeflatedExplicitVRLittleEndian), ("rle", RLELossless)):
    d = base(name)
    d.RescaleSlope, d.RescaleIntercept = "2.5", "-1024"
    save(name, d, grey(d, i16(), 16), syntax, modality=mod)

d = base("signed12")  # twelve stored bits, signed
save("signed12", d, grey(d, i16(lo=-2048, hi=2048) & np.int16(0x0FFF), 12))

d = base("overlay-bits")  # an overlay in bit 15 beside twelve stored bits
a = rng.integers(0, 4096, (5, 6)).astype("u2")
want = a.tolist()
a[::2] |= 0x8000
save("overlay-bits", d, grey(d, a, 12))
out["overlay-bits"]["stored"] = np.asarray(want).ravel().tolist()

d = base("big8", 3, 5)  # odd number of bytes in words of big endian
save("big8", d, grey(d, rng.integers(0, 256, (3, 5)).astype("u1"), 8), ExplicitVRBigEndian)

d = base("frames8", 3, 5)
save("frames8", d, grey(d, rng.integers(0, 256, (3, 3, 5)).astype("u1"), 8, frames=3), ExplicitVRBigEndian)

d = base("bits32")
save("bits32", d, grey(d, rng.integers(0, 2**31, (5, 6)).astype("u4"), 32), ExplicitVRBigEndian)

d = base("onebit", 3, 5)
bits = rng.integers(0, 2, 45).astype("u1")
grey(d, np.zeros(1, "u1"), 1, frames=3)
d.BitsAllocated = 1
save("onebit", d, np.packbits(bits, bitorder="little").tobytes())
out["onebit"]["stored"] = bits.tolist()

for function in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
    name = "window-" + function.lower().replace("_", "-")
    d = base(name)
    d.RescaleSlope, d.RescaleIntercept, d.WindowCenter, d.WindowWidth, d.VOILUTFunction = "1", "-24", "40", "1500", function
    save(name, d, grey(d, i16(), 16), modality=mod,
         brightness=lambda d, a: apply_windowing(apply_modality_lut(a, d), d, index=0))


def lut(first, bits, entries, implicit=False):
    x = Dataset()
    x.LUTDescriptor = [len(entries), first, bits]
    x["LUTDescriptor"].VR = "US" if first >= 0 else "SS"
    x.LUTData = np.asarray(entries, "<u2").tobytes()
    x["LUTData"].VR = "OW"
    return x


d = base("modality-lut")
m = lut(10, 16, rng.integers(0, 60000, 200).tolist())
m.ModalityLUTType = "OD"
d.ModalityLUTSequence = [m]
save("modality-lut", d, grey(d, rng.integers(0, 256, (5, 6)).astype("u2"), 8), modality=mod)

d = base("voi-lut")
d.VOILUTSequence = [lut(20, 12, np.sort(rng.integers(0, 4096, 150)).tolist())]
save("voi-lut", d, grey(d, rng.integers(0, 256, (5, 6)).astype("u2"), 8), brightness=lambda d, a: apply_voi_lut(a, d))


def rgb(d, a, photometric, planar):
    d.SamplesPerPixel, d.PhotometricInterpretation, d.PlanarConfiguration = 3, photometric, planar
    d.BitsAllocated = d.BitsStored = 8
    d.HighBit, d.PixelRepresentation = 7, 0
    return a


c = rng.integers(0, 256, (4, 6, 3)).astype("u1")
same = lambda d, a: a
for planar in (0, 1):
    d = base("rgb%d" % planar, 4, 6)
    save("rgb%d" % planar, d, rgb(d, c if planar == 0 else c.transpose(2, 0, 1), "RGB", planar), colours=same)
ybr = lambda d, a: convert_color_space(pixel_array(d, raw=True), "YBR_FULL", "RGB")
d = base("ybr", 4, 6)
save("ybr", d, rgb(d, c, "YBR_FULL", 0), colours=ybr)
d = base("ybr422", 4, 6)
packed = np.stack([c[:, ::2, 0], c[:, 1::2, 0], c[:, ::2, 1], c[:, ::2, 2]], -1)
save("ybr422", d, rgb(d, packed, "YBR_FULL_422", 0), colours=ybr)


def palette(d, bits, entries, first=0):
    for name in ("Red", "Green", "Blue"):
        d.add_new(pydicom.datadict.tag_for_keyword(name + "PaletteColorLookupTableDescriptor"), "US", [len(entries[0]) % 65536, first, bits])
    for name, e in zip(("Red", "Green", "Blue"), entries):
        d.add_new(pydicom.datadict.tag_for_keyword(name + "PaletteColorLookupTableData"), "OW", np.asarray(e, "<u2" if bits == 16 else "u1").tobytes())


top = lambda d, a: (lambda x: x >> 8 if x.dtype == np.uint16 else x)(apply_color_lut(a, d))
d = base("palette16")
palette(d, 16, rng.integers(0, 65536, (3, 100)), first=30)
save("palette16", d, grey(d, rng.integers(0, 256, (5, 6)).astype("u1"), 8, "PALETTE COLOR"), colours=top)
d = base("palette8")
palette(d, 8, rng.integers(0, 256, (3, 256)))
save("palette8", d, grey(d, rng.integers(0, 256, (5, 6)).astype("u1"), 8, "PALETTE COLOR"), colours=top)

d = base("palette-segmented")
for name in ("Red", "Green", "Blue"):
    d.add_new(pydicom.datadict.tag_for_keyword(name + "PaletteColorLookupTableDescriptor"), "US", [256, 0, 16])
for name, peak in (("Red", 65535), ("Green", 30000), ("Blue", 12000)):
    # four discrete values, a ramp up, a copy of both segments, then a ramp down
    seg = [0, 4, 0, 100, 200, 300, 1, 100, peak, 2, 2, 0, 0, 1, 48, 0]
    d.add_new(pydicom.datadict.tag_for_keyword("Segmented" + name + "PaletteColorLookupTableData"), "OW", np.asarray(seg, "<u2").tobytes())
save("palette-segmented", d, grey(d, np.arange(0, 256, 256 / 30).astype("u1").reshape(5, 6), 8, "PALETTE COLOR"), colours=top)

with open(os.path.join(here, "vectors.json"), "w") as f:
    f.write("{\n" + ",\n".join(json.dumps(k) + ": " + json.dumps(v, separators=(",", ":")) for k, v in sorted(out.items())) + "\n}\n")
