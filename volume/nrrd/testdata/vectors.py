"""Writes small generated NRRD files with SimpleITK and pynrrd, and vectors.json: values and places.

Ran with SimpleITK 2.5, pynrrd 1.1, numpy 2. Usage: python vectors.py, in this folder.
Values are listed x fastest, then y, z, then channels; affines are RAS.
"""
import json

import nrrd
import numpy as np
import SimpleITK as sitk

rng = np.random.default_rng(3)
out = []


def direction():
    q, r = np.linalg.qr(rng.normal(size=(3, 3)))
    return q


def by_sitk(name, array, packed, colours=False):
    im = sitk.GetImageFromArray(array, isVector=colours)
    d = direction()
    spacing, origin = rng.uniform(0.4, 3, 3), rng.normal(0, 70, 3)
    im.SetSpacing(spacing.tolist())
    im.SetDirection(d.ravel().tolist())
    im.SetOrigin(origin.tolist())
    sitk.WriteImage(im, name, packed)
    a = np.eye(4)
    a[:3, :3] = np.diag([-1, -1, 1]) @ d @ np.diag(spacing)
    a[:3, 3] = np.diag([-1, -1, 1]) @ origin
    channels = array.shape[3] if colours else 1
    values = np.moveaxis(array, 3, 0) if colours else array
    out.append({"name": name, "dims": list(array.shape[2::-1]), "channels": channels, "affine": a.tolist(), "values": [float(v) for v in values.ravel()]})


for dtype in ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64", "int64", "uint64"]:
    a = rng.normal(0, 40, (2, 3, 4)) if dtype.startswith("float") else rng.integers(0 if dtype[0] == "u" else -99, 100, (2, 3, 4))
    by_sitk(f"sitk-{dtype}.nrrd", a.astype(dtype), dtype.endswith("16"))
by_sitk("sitk-colours.nrrd", rng.integers(0, 255, (2, 3, 4, 3)).astype(np.uint8), False, True)
by_sitk("detached.nhdr", rng.integers(0, 255, (2, 3, 4)).astype(np.int16), False)
by_sitk("detached-packed.nhdr", rng.integers(0, 255, (2, 3, 4)).astype(np.int16), True)


def by_pynrrd(name, array, header, affine):
    nrrd.write(name, array, header)
    out.append({"name": name, "dims": list(array.shape[:3]), "channels": 1, "affine": affine, "values": [float(v) for v in array.ravel(order="F")]})


for name, space, sign in [("ras", "right-anterior-superior", (1, 1)), ("las", "LAS", (-1, 1))]:
    v = np.round(rng.normal(size=(3, 3)), 3)
    o = np.round(rng.normal(size=3), 3)
    a = np.eye(4)
    a[:3, :3] = v.T
    a[:3, 3] = o
    a[0] *= sign[0]
    a[1] *= sign[1]
    by_pynrrd(f"pynrrd-{name}.nrrd", rng.integers(0, 9, (3, 4, 2)).astype(">i2"), {"space": space, "space directions": v, "space origin": o, "space units": ["cm"] * 3, "endian": "big", "encoding": "gzip", "patient note": "none"}, (a * np.array([[10], [10], [10], [1]])).tolist())

nrrd.write("plain.nrrd", rng.integers(0, 9, (3, 4, 2)).astype(np.uint8), {"spacings": [1, 2, 3]})
json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
