"""Write vectors.json: compressed frames made by DCMTK, GDCM, Pillow and OpenJPEG, with the pixels that they
stand for. Synthetic images only.

Needs dcmtk, libgdcm-tools and libopenjp2-tools in PATH, and numpy, pydicom and pillow.
Usage: python3 vectors.py [out.json]
"""
import base64, hashlib, io, json, os, subprocess, sys, tempfile
import numpy as np
import pydicom
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.encaps import generate_frames
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from PIL import Image

UID = "1.2.840.10008.1.2."
vectors, images = [], {}


def scene(rows, cols, samples, bits, signed, seed):
    """Smooth shading, an ellipse, flat areas and noise: something like a slice."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:rows, 0:cols]
    out = np.zeros((rows, cols, samples))
    for s in range(samples):
        v = 0.45 + 0.3 * np.sin(x / (9.0 + s)) * np.cos(y / 13.0) + 0.02 * rng.standard_normal((rows, cols))
        inside = ((x - cols / 2) / (cols * 0.45)) ** 2 + ((y - rows / 2) / (rows * 0.45)) ** 2 <= 1
        v = np.where(inside, v, 0.02 * s)
        v[rows // 3: rows // 2, cols // 4: cols // 3] = 0.9
        out[:, :, s] = v
    v = np.clip(np.round(out * (2**bits - 1)), 0, 2**bits - 1).astype(np.int64)
    if signed:
        v -= 1 << (bits - 1)
    kind = ("i" if signed else "u") + ("1" if bits <= 8 else "2")
    v = v.astype("<" + kind)
    return v[:, :, 0] if samples == 1 else v


def dataset(v, bits, path):
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=["galen", path])
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds = FileDataset(path, {}, file_meta=meta, preamble=b"\0" * 128)
    ds.SOPClassUID, ds.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID = ds.SeriesInstanceUID = generate_uid(entropy_srcs=["galen"])
    ds.PatientName, ds.PatientID, ds.Modality, ds.ConversionType = "Synthetic", "0", "OT", "WSD"
    ds.Rows, ds.Columns = v.shape[:2]
    ds.SamplesPerPixel = 1 if v.ndim == 2 else v.shape[2]
    ds.PhotometricInterpretation = "MONOCHROME2" if v.ndim == 2 else "RGB"
    if v.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 8 * v.dtype.itemsize, bits, bits - 1
    ds.PixelRepresentation = int(v.dtype.kind == "i")
    data = v.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds.save_as(path, enforce_file_format=True)


def add(name, uid, stream, v, bits, tolerance=0, photometric=""):
    pixels = np.ascontiguousarray(v).tobytes()
    key = hashlib.sha256(pixels).hexdigest()[:12]
    images[key] = base64.b64encode(pixels).decode()
    vectors.append({
        "name": name, "uid": UID + uid, "rows": v.shape[0], "columns": v.shape[1],
        "samples": 1 if v.ndim == 2 else v.shape[2], "allocated": 8 * v.dtype.itemsize, "stored": bits,
        "signed": v.dtype.kind == "i", "tolerance": tolerance, "photometric": photometric,
        "stream": base64.b64encode(stream).decode(), "pixels": key,
    })


def run(*args):
    p = subprocess.run(args, capture_output=True, text=True)
    if p.returncode:
        sys.exit(f"{' '.join(args)}: {p.stdout}{p.stderr}")


def frame_of(path):
    ds = pydicom.dcmread(path)
    return ds, next(iter(generate_frames(ds.PixelData, number_of_frames=1)))


def through(name, v, bits, tool, tmp, lossy=None):
    """Encode v by a command; lossy names the command that gives the reference pixels."""
    a, b = os.path.join(tmp, "in.dcm"), os.path.join(tmp, "out.dcm")
    dataset(v, bits, a)
    run(*tool, a, b)
    ds, stream = frame_of(b)
    uid = ds.file_meta.TransferSyntaxUID[len(UID):]
    if lossy:
        c = os.path.join(tmp, "back.dcm")
        run(*lossy, b, c)
        back = pydicom.dcmread(c)
        v = np.frombuffer(back.PixelData, dtype=v.dtype, count=v.size).reshape(v.shape)
    add(name, uid, stream, v, ds.BitsStored, photometric="")


def rle(name, v, bits, tmp):
    path = os.path.join(tmp, "in.dcm")
    dataset(v, bits, path)
    ds = pydicom.dcmread(path)
    ds.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom", generate_instance_uid=False)
    add(name, "5", next(iter(generate_frames(ds.PixelData, number_of_frames=1))), v, bits)


SHAPES = [(1, 1), (1, 17), (19, 1), (33, 21), (64, 70)]
KINDS = [(1, 8, False), (1, 12, False), (1, 12, True), (1, 16, False), (1, 16, True), (3, 8, False)]


def lossless(tmp):
    for i, (samples, bits, signed) in enumerate(KINDS):
        for j, (rows, cols) in enumerate(SHAPES):
            if rows > 60 and i not in (1, 4, 5) or rows == 1 and i not in (0, 4, 5):
                continue
            v = scene(rows, cols, samples, bits, signed, 10 * i + j)
            label = f"{rows}x{cols}x{samples} {'s' if signed else 'u'}{bits}"
            rle(f"rle pydicom {label}", v, bits, tmp)
            through(f"jpeg lossless sv1 dcmtk {label}", v, bits, ["dcmcjpeg", "+e1"], tmp)
            through(f"jpeg lossless gdcm {label}", v, bits, ["gdcmconv", "--jpeg"], tmp)
            through(f"jpeg-ls dcmtk {label}", v, bits, ["dcmcjpls", "+el"], tmp)
            if rows > 1 and cols > 1:  # GDCM refuses single lines in these
                if rows % 2 == 0:  # and odd sizes in this
                    through(f"rle gdcm {label}", v, bits, ["gdcmconv", "--rle"], tmp)
                through(f"jpeg-ls gdcm {label}", v, bits, ["gdcmconv", "--jpegls"], tmp)
                through(f"jpeg 2000 gdcm {label}", v, bits, ["gdcmconv", "--j2k"], tmp)
    noise = np.random.default_rng(3).integers(0, 65536, (23, 31)).astype("<u2")
    flat = np.full((40, 300), 1000, "<u2")
    for label, v in (("noise", noise), ("flat", flat)):
        rle(f"rle pydicom {label}", v, 16, tmp)
        if label == "flat":
            through(f"rle gdcm {label}", v, 16, ["gdcmconv", "--rle"], tmp)
        through(f"jpeg lossless sv1 dcmtk {label}", v, 16, ["dcmcjpeg", "+e1"], tmp)
        through(f"jpeg-ls dcmtk {label}", v, 16, ["dcmcjpls", "+el"], tmp)
        through(f"jpeg 2000 gdcm {label}", v, 16, ["gdcmconv", "--j2k"], tmp)


def jpeg(tmp):
    grey, deep, colour = scene(33, 21, 1, 8, False, 1), scene(33, 21, 1, 16, False, 2), scene(33, 21, 3, 8, False, 3)
    for sv in range(1, 8):
        through(f"jpeg lossless predictor {sv} u8", grey, 8, ["dcmcjpeg", "+el", "+sv", str(sv)], tmp)
        through(f"jpeg lossless predictor {sv} u16", deep, 16, ["dcmcjpeg", "+el", "+sv", str(sv)], tmp)
        through(f"jpeg lossless predictor {sv} rgb", colour, 8, ["dcmcjpeg", "+el", "+sv", str(sv)], tmp)
    shifted = deep >> 3 << 3
    through("jpeg lossless point transform 3", shifted, 16, ["dcmcjpeg", "+e1", "+pt", "3"], tmp)
    for bits in (8, 12):
        for rows, cols in SHAPES:
            v = scene(rows, cols, 1, bits, False, rows + bits)
            through(f"jpeg extended {rows}x{cols} u{bits}", v, bits, ["dcmcjpeg", "+ee", "+q", "90"], tmp, ["dcmdjpeg"])
    for sampling, word in ((0, "444"), (1, "422"), (2, "420")):
        for rows, cols in SHAPES + [(17, 5), (16, 32)]:
            v = scene(rows, cols, 3, 8, False, rows)
            for restart in (0, 2):
                buf = io.BytesIO()
                extra = {"restart_marker_blocks": restart} if restart else {}
                Image.fromarray(v).save(buf, "JPEG", quality=88, subsampling=sampling, **extra)
                im = Image.open(io.BytesIO(buf.getvalue()))
                im.draft("YCbCr", im.size)  # the stored components, not converted
                back = np.asarray(im)
                assert im.mode == "YCbCr" and back.shape == v.shape
                add(f"jpeg baseline {word} {rows}x{cols} restart {restart}", "4.50", buf.getvalue(), back, 8, 0, "YBR_FULL")


def jpegls(tmp):
    for samples, bits in ((1, 8), (1, 12), (1, 16), (3, 8)):
        v = scene(33, 45, samples, bits, False, bits)
        for near in (1, 3, 7):
            through(f"jpeg-ls near {near} x{samples} u{bits}", v, bits, ["dcmcjpls", "+en", "+md", str(near)], tmp, ["dcmdjpls"])
    v = scene(33, 45, 3, 8, False, 5)
    for flag, word in (("+il", "line"), ("+is", "sample"), ("+in", "none")):
        through(f"jpeg-ls interleave {word}", v, 8, ["dcmcjpls", "+el", flag], tmp)
        through(f"jpeg-ls interleave {word} near 2", v, 8, ["dcmcjpls", "+en", "+md", "2", flag], tmp, ["dcmdjpls"])
    deep = scene(33, 45, 1, 16, False, 6)
    through("jpeg-ls own thresholds", deep, 16, ["dcmcjpls", "+el", "+t1", "5", "+t2", "40", "+t3", "300", "+rs", "40"], tmp)


def planar(v):
    return np.ascontiguousarray(v if v.ndim == 2 else v.transpose(2, 0, 1))


def openjpeg(name, v, bits, args, tmp, exact=True):
    """Encode by opj_compress; unless exact, the reference is what opj_decompress makes of it."""
    raw, j2k, back = (os.path.join(tmp, n) for n in ("in.rawl", "out.j2k", "back.rawl"))
    with open(raw, "wb") as f:
        f.write(planar(v).tobytes())
    rows, cols = v.shape[:2]
    samples = 1 if v.ndim == 2 else v.shape[2]
    run("opj_compress", "-i", raw, "-o", j2k, "-F", f"{cols},{rows},{samples},{bits},{'s' if v.dtype.kind == 'i' else 'u'}", *args)
    with open(j2k, "rb") as f:
        stream = f.read()
    run("opj_decompress", "-i", j2k, "-o", back)
    out = np.fromfile(back, dtype=v.dtype).astype(np.int64).reshape(planar(v).shape)
    if v.dtype.kind == "i":  # it writes the bare bits
        out = ((out & (1 << bits) - 1) ^ 1 << bits - 1) - (1 << bits - 1)
    out = (out if v.ndim == 2 else out.transpose(1, 2, 0)).astype(v.dtype)
    if exact:
        assert np.array_equal(out, v), name
    transformed = samples == 3 and "-mct" not in args
    add(f"jpeg 2000 openjpeg {name}", "4.90" if exact else "4.91", stream, out, bits, 0 if exact else 2 if bits == 16 else 1, "RGB" if transformed else "")


def jpeg2000(tmp):
    grey, deep = scene(70, 53, 1, 8, False, 31), scene(70, 53, 1, 16, False, 32)
    signed, colour, four = scene(70, 53, 1, 12, True, 33), scene(45, 53, 3, 8, False, 34), scene(33, 21, 4, 8, False, 35)
    for rows, cols in SHAPES + [(2, 2), (3, 2), (1, 2), (2, 1), (65, 3)]:
        for samples, bits, sign in KINDS:
            if bits in (8, 16) or rows == 33:
                v = scene(rows, cols, samples, bits, sign, rows + cols)
                openjpeg(f"{rows}x{cols}x{samples} {'s' if sign else 'u'}{bits}", v, bits, ["-n", str(min(6, min(rows, cols).bit_length()))], tmp)
    for bits in range(1, 17):
        v = scene(21, 34, 1, bits, bits % 2 == 0 and bits > 1, bits)
        openjpeg(f"{bits} bits", v, bits, ["-n", "4"], tmp)
    openjpeg("four components", four, 8, ["-mct", "0", "-n", "4"], tmp)
    openjpeg("colours apart", colour, 8, ["-mct", "0"], tmp)
    for order in ("LRCP", "RLCP", "RPCL", "PCRL", "CPRL"):
        openjpeg(f"{order} layers precincts", colour, 8, ["-p", order, "-r", "30,10,1", "-c", "[32,32],[16,16],[8,8]", "-b", "8,8"], tmp)
        openjpeg(f"{order} tiles", colour, 8, ["-p", order, "-t", "17,19", "-n", "2", "-c", "[8,8],[4,4]"], tmp)
        openjpeg(f"{order} offsets", deep, 16, ["-p", order, "-d", "13,7", "-T", "5,3", "-t", "23,29", "-n", "4", "-c", "[16,8],[8,8]"], tmp)
    openjpeg("change of progression", colour, 8, ["-n", "4", "-r", "20,1", "-POC", "T0=0,0,1,2,3,RLCP/T0=2,0,2,4,3,CPRL"], tmp)
    openjpeg("change of progression 2", grey, 8, ["-n", "3", "-r", "20,5,1", "-POC", "T0=0,0,1,3,1,LRCP/T0=0,0,3,3,1,RPCL"], tmp)
    for style in (1, 2, 4, 8, 16, 32, 5, 13, 63):
        openjpeg(f"style {style}", deep, 16, ["-M", str(style)], tmp)
        openjpeg(f"style {style} layers", signed, 12, ["-M", str(style), "-r", "20,5,1"], tmp)
    openjpeg("region of interest", grey, 8, ["-ROI", "c=0,U=7"], tmp, exact=False)
    for width, height in ((4, 4), (1024, 4), (4, 1024), (32, 64), (64, 64)):
        openjpeg(f"blocks {width}x{height}", deep, 16, ["-b", f"{width},{height}"], tmp)
    openjpeg("SOP EPH", deep, 16, ["-SOP", "-EPH", "-r", "8,1"], tmp)
    openjpeg("tile-parts", colour, 8, ["-TP", "R", "-t", "32,32", "-n", "3"], tmp)
    openjpeg("tile-parts by layer", colour, 8, ["-TP", "L", "-r", "30,10,1"], tmp)
    openjpeg("one level", deep, 16, ["-n", "1"], tmp)
    openjpeg("two levels", deep, 16, ["-n", "2"], tmp)
    for label, v, bits in (("u8", grey, 8), ("u16", deep, 16), ("s12", signed, 12), ("rgb", colour, 8), ("line", scene(1, 40, 1, 8, False, 3), 8), ("column", scene(37, 1, 1, 12, False, 3), 12)):
        small = ["-n", str(min(4, min(v.shape[:2]).bit_length()))]
        openjpeg(f"lossy 5:1 {label}", v, bits, small + ["-I", "-r", "5"], tmp, exact=False)
        openjpeg(f"lossy 20:1 {label}", v, bits, small + ["-I", "-r", "20"], tmp, exact=False)
        openjpeg(f"lossy reversible 6:1 {label}", v, bits, small + ["-r", "6"], tmp, exact=False)
        openjpeg(f"lossy all planes {label}", v, bits, small + ["-I"], tmp, exact=False)
    openjpeg("lossy tiles offsets", colour, 8, ["-I", "-r", "8", "-d", "3,5", "-t", "31,17", "-n", "3"], tmp, exact=False)


def main():
    with tempfile.TemporaryDirectory() as tmp:
        lossless(tmp)
        jpeg(tmp)
        jpegls(tmp)
        jpeg2000(tmp)
    out = sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "vectors.json")
    with open(out, "w") as f:
        rows = ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in images.items())
        f.write('{"images": {\n' + rows + '\n},\n"vectors": [\n' + ",\n".join(json.dumps(v) for v in vectors) + "\n]}\n")
    print(len(vectors), "vectors,", os.path.getsize(out), "bytes")


main()
