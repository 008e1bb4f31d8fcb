"""Writes small generated NIfTI files with nibabel, and vectors.json: what nibabel reads from them.

Ran with nibabel 5.3, numpy 2. Usage: python vectors.py, in this folder.
Values are listed x fastest, then y, z, time and the fifth axis; complex numbers and colours as pairs and triples.
"""
import gzip
import json

import nibabel as nib
import numpy as np

rng = np.random.default_rng(11)
out = []

TYPES = ["uint8", "int16", "int32", "float32", "complex64", "float64", "int8", "uint16", "uint32", "int64", "uint64", "complex128"]


def rotation(angles):
    m = np.eye(3)
    for axis, a in enumerate(angles):
        c, s = np.cos(a), np.sin(a)
        r = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        r[i, i], r[j, j], r[i, j], r[j, i] = c, c, -s, s
        m = m @ r
    return m


def affine(mirror=False):
    a = np.eye(4)
    a[:3, :3] = rotation(rng.uniform(-3, 3, 3)) @ np.diag(rng.uniform(0.5, 4, 3))
    if mirror:
        a[:, 0] *= -1
    a[:3, 3] = rng.normal(0, 80, 3)
    return a


def make(shape, dtype):
    if dtype.startswith("complex"):
        return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(dtype)
    if dtype.startswith("float"):
        return rng.normal(0, 100, shape).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(max(info.min, -2**40), min(info.max, 2**40), shape).astype(dtype)


def listed(a):
    a = np.asarray(a).ravel(order="F")
    if a.dtype.fields:
        return [int(v) for row in a for v in row]
    if np.iscomplexobj(a):
        return [float(f) for v in a for f in (v.real, v.imag)]
    return [float(v) for v in a]


def save(name, image, slope=None, inter=None):
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    nib.save(image, name)
    back = nib.load(name)
    raw = back.dataobj.get_unscaled()
    if back.get_data_dtype().fields or np.iscomplexobj(raw):
        values = listed(np.asarray(back.dataobj))
    else:
        values = listed(back.get_fdata())
    out.append({
        "name": name, "shape": list(back.shape), "affine": back.affine.tolist(), "qform": back.header.get_qform().tolist(),
        "values": values, "zooms": [float(z) for z in back.header.get_zooms()],
    })


for version, cls in [(1, nib.Nifti1Image), (2, nib.Nifti2Image)]:
    for order in "<>":
        for i, dtype in enumerate(TYPES):
            if (i + version + (order == ">")) % 2:
                continue  # half of the pairs keeps the folder small, and still has every type in both orders
            header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=order)
            header.set_data_dtype(dtype)
            header.set_xyzt_units("mm", "sec")
            im = cls(make((4, 3, 2), dtype), affine(i % 3 == 0), header)
            im.set_qform(im.affine, 1)
            im.set_sform(im.affine, 2)
            save(f"v{version}-{'little' if order == '<' else 'big'}-{dtype}.nii", im)

im = nib.Nifti1Image(make((5, 4, 3), "int16"), affine())
im.header.set_xyzt_units("mm")
im.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"made for a test"))
im.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<AFNI/>"))
save("scaled-extensions.nii.gz", im, 0.25, -1024)

im = nib.Nifti1Image(make((3, 4, 2, 5), "float32"), affine(True))
im.header.set_xyzt_units("mm", "msec")
im.header.set_zooms((*im.header.get_zooms()[:3], 1500))
save("series.nii.gz", im)

save("vectors.nii", nib.Nifti1Image(make((3, 2, 2, 2, 3), "int16"), affine()))

rgb = rng.integers(0, 255, (4, 3, 2, 3)).astype(np.uint8).view([("R", "u1"), ("G", "u1"), ("B", "u1")])[..., 0]
save("rgb.nii.gz", nib.Nifti1Image(rgb, affine()))
rgba = rng.integers(0, 255, (4, 3, 2, 4)).astype(np.uint8).view([("R", "u1"), ("G", "u1"), ("B", "u1"), ("A", "u1")])[..., 0]
save("rgba.nii", nib.Nifti1Image(rgba, affine()))

save("pair.hdr", nib.Nifti1Pair(make((4, 4, 4), "uint16"), affine()))
save("pair2.hdr", nib.Nifti2Pair(make((4, 4, 4), "float32"), affine()))

im = nib.Nifti1Image(make((3, 3, 3), "uint8"), affine(True))
im.set_sform(None, 0)
im.set_qform(affine(True), 1)
save("qform-only.nii", im)

im = nib.Nifti1Image(make((3, 3, 3), "uint8"), affine())
im.set_qform(affine(), 1)
save("forms-differ.nii", im)

im = nib.Nifti1Image(make((3, 3, 3), "uint8"), np.diag([1, 2, 3, 1]))
im.set_sform(None, 0)
im.set_qform(None, 0)
save("no-geometry.nii", im)

json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
