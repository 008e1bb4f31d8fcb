"""Writes vectors.json: what scipy.ndimage, nibabel and SimpleITK make of small generated grids.

Ran with numpy 2, scipy 1.16 or later, nibabel 5.3, SimpleITK 2.5. Usage: python vectors.py > vectors.json
Arrays are listed x fastest, as package volume keeps them (numpy order "F" for arrays indexed [x, y, z]).
"""
import json
import sys

import nibabel as nib
import numpy as np
import scipy
import scipy.ndimage as ndi
import SimpleITK as sitk

rng = np.random.default_rng(4)


def flat(a):
    return [float(f"{np.float32(v):.9g}") for v in np.asarray(a).ravel(order="F")]


def ints(a):
    return [int(v) for v in np.asarray(a).ravel(order="F")]


out = {"versions": {"numpy": np.__version__, "scipy": scipy.__version__, "nibabel": nib.__version__, "sitk": sitk.Version.VersionString()}}

image = np.float32(rng.normal(0, 100, (9, 7, 5)))
out["image"] = {"dims": list(image.shape), "data": flat(image)}

# Zoom over the same field, as nnU-Net resizes (skimage.transform.resize calls exactly this for mode "edge").
out["zoom"] = []
for to in [(9, 7, 5), (13, 7, 5), (18, 14, 10), (5, 4, 3), (4, 20, 1), (31, 6, 9)]:
    for order in [0, 1, 3]:
        for mode in ["nearest", "mirror"]:
            factor = [n / m for n, m in zip(to, image.shape)]
            got = ndi.zoom(image.astype(np.float64), factor, order=order, mode=mode, grid_mode=True)
            assert got.shape == to
            out["zoom"].append({"dims": list(to), "order": order, "mode": mode, "data": flat(got)})

# Planes: cubic in the plane, nearest through it, as nnU-Net's resample_data_or_seg does with separate z.
to = (12, 9, 8)
planes = np.stack([ndi.zoom(image[:, :, z].astype(np.float64), (to[0] / 9, to[1] / 7), order=3, mode="nearest", grid_mode=True) for z in range(5)], -1)
xs, ys, zs = np.meshgrid(*[np.arange(n) for n in to], indexing="ij")
zs = 5 / to[2] * (zs + 0.5) - 0.5
out["planes"] = {"dims": list(to), "data": flat(ndi.map_coordinates(planes, [xs, ys, zs], order=0, mode="nearest"))}


def rotation(angles):
    m = np.eye(3)
    for axis, a in enumerate(angles):
        c, s = np.cos(a), np.sin(a)
        r = np.eye(3)
        i, j = (axis + 1) % 3, (axis + 2) % 3
        r[i, i], r[j, j], r[i, j], r[j, i] = c, c, -s, s
        m = m @ r
    return m


def affine(angles, spacing, origin):
    a = np.eye(4)
    a[:3, :3] = rotation(angles) @ np.diag(spacing)
    a[:3, 3] = origin
    return a


def as_sitk(array, a):
    im = sitk.GetImageFromArray(np.ascontiguousarray(array.transpose(2, 1, 0)))
    spacing = np.linalg.norm(a[:3, :3], axis=0)
    lps = np.diag([-1, -1, 1]) @ (a[:3, :3] / spacing)
    im.SetSpacing(spacing.tolist())
    im.SetDirection(lps.ravel().tolist())
    im.SetOrigin((np.diag([-1, -1, 1]) @ a[:3, 3]).tolist())
    return im


# Onto a turned grid: scipy with the map of indices, SimpleITK with the positions in the patient.
source = affine([0.1, -0.2, 0.05], [0.8, 0.9, 2.0], [-4, 3, 10])
target = affine([0.15, -0.1, 0.2], [0.7, 1.0, 1.3], [-4.5, 2.5, 9.5])
tdims = (11, 8, 9)
m = np.linalg.inv(source) @ target
out["turned"] = {"source": source.tolist(), "target": target.tolist(), "dims": list(tdims), "cases": []}
for order in [0, 1, 3]:
    for mode in ["nearest", "mirror"]:
        got = ndi.affine_transform(image.astype(np.float64), m[:3, :3], m[:3, 3], output_shape=tdims, order=order, mode=mode)
        out["turned"]["cases"].append({"order": order, "mode": mode, "data": flat(got)})
reference = as_sitk(np.zeros(tdims, np.float32), target)
for name, method in [("sitk-linear", sitk.sitkLinear), ("sitk-nearest", sitk.sitkNearestNeighbor)]:
    got = sitk.GetArrayFromImage(sitk.Resample(as_sitk(image, source), reference, sitk.Transform(), method, -1000.0))
    out["turned"]["cases"].append({"order": 1 if method == sitk.sitkLinear else 0, "mode": name, "data": flat(got.transpose(2, 1, 0))})

# Labels: nnU-Net's resize_segmentation, one mask per label; a voxel where no label reaches a half has none.
labels = ndi.zoom(rng.integers(0, 4, (4, 4, 3)), (3, 3, 2), order=0).astype(np.uint8)
out["labels"] = {"dims": list(labels.shape), "data": ints(labels), "cases": []}
for to in [(19, 13, 6), (7, 9, 11), (24, 24, 12)]:
    factor = [n / m for n, m in zip(to, labels.shape)]
    weights = np.stack([ndi.zoom((labels == l).astype(np.float64), factor, order=1, mode="nearest", grid_mode=True) for l in range(4)])
    got = np.zeros(to, np.int16)
    for l in range(4):
        got[weights[l] >= 0.5 - 1e-9] = l
    got[weights.max(0) < 0.5 - 1e-9] = -1
    out["labels"]["cases"].append({"dims": list(to), "data": ints(got)})

# Connected components.
out["components"] = []
for dims in [(12, 9, 7), (15, 14, 1), (1, 1, 20)]:
    for density in [0.3, 0.55]:
        mask = rng.random(dims) < density
        case = {"dims": list(dims), "data": ints(mask), "numbers": []}
        for connectivity in [1, 2, 3]:
            # Along memory x is fastest, so that scipy must see z first.
            numbers, _ = ndi.label(mask.transpose(2, 1, 0), structure=ndi.generate_binary_structure(3, connectivity))
            case["numbers"].append(ints(numbers.transpose(2, 1, 0)))
        out["components"].append(case)

# Orientation codes.
out["codes"] = []
for _ in range(60):
    a = affine(rng.uniform(-np.pi, np.pi, 3), rng.uniform(0.3, 6, 3) * rng.choice([-1, 1], 3), rng.normal(0, 50, 3))
    a[:3, :3] += rng.normal(0, 0.05, (3, 3))
    out["codes"].append({"affine": a.tolist(), "codes": "".join(nib.aff2axcodes(a))})

# Statistics.
out["percentiles"] = {"percent": [0, 0.5, 10, 50, 99.5, 100], "values": np.percentile(image.astype(np.float64), [0, 0.5, 10, 50, 99.5, 100]).tolist()}
out["moments"] = {"mean": float(image.astype(np.float64).mean()), "sd": float(image.astype(np.float64).std())}

json.dump(out, sys.stdout, separators=(",", ":"))
