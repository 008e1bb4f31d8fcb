"""Reference vectors for package metric/region, written to vectors.json: DeepMind surface-distance 0.1, MONAI 1.6.1,
MedPy 0.5.2, SciPy 1.17.1 (NumPy 2.4.6, PyTorch 2.15), and panoptic quality and aggregated Jaccard index by their
definitions (Kirillov 2019; Kumar 2017; Graham 2019), written here. Run: python vectors.py"""

import base64
import json
import os
import warnings

import numpy as np
import scipy.ndimage as ndi
import torch
from scipy.optimize import linear_sum_assignment

warnings.filterwarnings("ignore")
np.Inf, np.bool = np.inf, np.bool_  # names that surface-distance 0.1 still uses
if not hasattr(ndi, "morphology"):
    ndi.morphology = ndi
if not hasattr(ndi, "filters"):
    ndi.filters = ndi

import monai.metrics as mm  # noqa: E402
import surface_distance as sd  # noqa: E402
from medpy.metric import binary as mp  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))


def number(x):
    x = float(x)
    return x if np.isfinite(x) else None


def packed(a):
    """Arrays are indexed [z, y, x] here, so that x runs fastest in memory."""
    return base64.b64encode(np.packbits(a.ravel().astype(bool), bitorder="little").tobytes()).decode()


def blobs(rng, shape, sigma, part):
    noise = ndi.gaussian_filter(rng.normal(size=shape), sigma)
    return noise > np.quantile(noise, 1 - part)


def masks():
    rng = np.random.default_rng(20)
    out = []
    for shape, spacing in (((9, 12, 17), (3.0, 0.8, 0.7)), ((20, 21, 22), (1.0, 1.0, 1.0)), ((6, 30, 25), (5.0, 0.9375, 1.25)),
                           ((24, 31), (0.5, 0.7)), ((40, 18), (1.0, 1.0))):
        full = np.ones(shape, bool)
        one = np.zeros(shape, bool)
        one[tuple(s // 2 for s in shape)] = True
        corner = np.zeros(shape, bool)
        corner[(0,) * len(shape)] = True
        edge = np.zeros(shape, bool)
        edge[..., : shape[-1] // 3] = True
        a = blobs(rng, shape, 1.5, 0.3)
        b = blobs(rng, shape, 1.5, 0.25)
        near = ndi.binary_dilation(a) & (rng.random(shape) > 0.02)
        noise = rng.random(shape) > 0.5
        sparse = rng.random(shape) > 0.97
        for name, p, r in (("blobs", a, b), ("near", near, a), ("noise", noise, a), ("sparse", sparse, b), ("same", a, a.copy()),
                           ("one voxel", one, a), ("two voxels", one, corner), ("full", full, b), ("both full", full, full.copy()),
                           ("edge", edge, a), ("noise on noise", noise, rng.random(shape) > 0.4)):
            out.append((name, spacing, p, r))
    return out


def surfaces(name, spacing, p, r):
    c = dict(name=name, dims=list(p.shape[::-1]), spacing=list(spacing[::-1]), pred=packed(p), ref=packed(r))
    d = sd.compute_surface_distances(r, p, spacing)
    ref, pred = sd.compute_average_surface_distance(d)
    c["deepmind"] = dict(
        size_pred=d["surfel_areas_pred"].sum(), size_ref=d["surfel_areas_gt"].sum(), asd_pred=number(pred), asd_ref=number(ref),
        percentiles=[number(sd.compute_robust_hausdorff(d, q)) for q in (50, 90, 95, 99.9, 100)],
        surface_dice=[number(sd.compute_surface_dice_at_tolerance(d, t)) for t in (0.0, 0.6, 1.0, 2.45)])
    tp, tr = torch.from_numpy(p)[None, None].float(), torch.from_numpy(r)[None, None].float()
    c["monai"] = dict(
        dice=number(mm.compute_dice(tp, tr)), iou=number(mm.compute_iou(tp, tr)),
        hausdorff=number(mm.compute_hausdorff_distance(tp, tr, spacing=list(spacing))),
        hd95=number(mm.compute_hausdorff_distance(tp, tr, percentile=95, spacing=list(spacing))),
        assd=number(mm.compute_average_surface_distance(tp, tr, symmetric=True, spacing=list(spacing))),
        asd_pred=number(mm.compute_average_surface_distance(tp, tr, spacing=list(spacing))),
        surface_dice=[number(mm.compute_surface_dice(tp, tr, [t], spacing=list(spacing))) for t in (0.0, 0.6, 1.0, 2.45)],
        surface_dice_elements=[number(mm.compute_surface_dice(tp, tr, [t], spacing=list(spacing), use_subvoxels=True)) for t in (0.6, 1.0, 2.45)])
    c["medpy"] = dict(
        dice=mp.dc(p, r), iou=mp.jc(p, r), sensitivity=mp.sensitivity(p, r), precision=mp.precision(p, r), ravd=mp.ravd(p, r),
        hausdorff=mp.hd(p, r, spacing), hd95=mp.hd95(p, r, spacing), asd_pred=mp.asd(p, r, spacing), asd_ref=mp.asd(r, p, spacing),
        assd=mp.assd(p, r, spacing))
    return c


def transforms():
    rng = np.random.default_rng(21)
    out = []
    for shape, spacing, part in (((7, 8, 9), (2.5, 0.7, 1.1), 0.01), ((5, 1, 40), (1, 1, 1), 0.05), ((1, 33, 34), (1, 0.3, 0.4), 0.01),
                                 ((12, 13, 14), (1, 1, 1), 0.002), ((1, 1, 50), (1, 1, 0.6), 0.1), ((6, 50, 3), (4, 0.5, 0.5), 0.2)):
        m = rng.random(shape) < part
        m[-1, -1, -1] = True
        out.append(dict(dims=list(shape[::-1]), spacing=list(spacing[::-1]), mask=packed(m), distance=ndi.distance_transform_edt(~m, sampling=spacing).ravel().tolist()))
    return out


def overlaps(ref, pred):
    """Voxels in common, union and IoU of every pair of instances."""
    rs, ps = [i for i in np.unique(ref) if i], [i for i in np.unique(pred) if i]
    inter = np.array([[np.sum((ref == i) & (pred == j)) for j in ps] for i in rs], float).reshape(len(rs), len(ps))
    sr, sp = np.array([np.sum(ref == i) for i in rs]), np.array([np.sum(pred == j) for j in ps])
    union = sr[:, None] + sp[None, :] - inter
    return inter, union, sr, sp


def panoptic(ref, pred, above):
    inter, union, sr, sp = overlaps(ref, pred)
    iou = inter / union if union.size else inter
    i, j = linear_sum_assignment(-iou)
    keep = iou[i, j] > above
    tp, s = int(keep.sum()), float(iou[i, j][keep].sum())
    fp, fn = len(sp) - tp, len(sr) - tp
    return dict(above=above, tp=tp, fp=fp, fn=fn, sq=s / tp if tp else None, pq=s / (tp + fp / 2 + fn / 2) if tp + fp + fn else None)


def jaccard(ref, pred, plus):
    inter, union, sr, sp = overlaps(ref, pred)
    if not len(sr) and not len(sp):
        return None
    if not len(sr) or not len(sp):
        return 0.0
    iou = inter / union
    if plus:
        i, j = linear_sum_assignment(-iou)
    else:
        i, j = np.arange(len(sr)), iou.argmax(1)
    keep = iou[i, j] > 0
    i, j = i[keep], j[keep]
    up, down = inter[i, j].sum(), union[i, j].sum()
    down += sum(s for k, s in enumerate(sr) if k not in set(i)) + sum(s for k, s in enumerate(sp) if k not in set(j))
    return float(up / down)


def instances():
    rng = np.random.default_rng(22)
    out = []

    def nuclei(shape, n, at=None, jitter=0.0):
        centres = rng.random((n, len(shape))) * shape if at is None else at + rng.normal(size=at.shape) * jitter
        m = np.zeros(shape, np.int32)
        grid = np.indices(shape)
        for k, c in enumerate(centres):
            radius = rng.uniform(2, 6)
            m[sum((g - x) ** 2 for g, x in zip(grid, c)) < radius**2] = k + 1
        return m, centres

    def add(name, ref, pred):
        out.append(dict(name=name, dims=list(ref.shape[::-1]) + [1] * (3 - ref.ndim), ref=ref.ravel().tolist(), pred=pred.ravel().tolist(),
                        pq=[panoptic(ref, pred, a) for a in (0.5, 0.3, 0.1, 0.7)], aji=jaccard(ref, pred, False), aji_plus=jaccard(ref, pred, True)))

    for shape, n in (((50, 60), 18), ((70, 40), 30), ((12, 24, 25), 12)):
        ref, at = nuclei(shape, n)
        for jitter in (0.5, 1.5, 4):
            pred, _ = nuclei(shape, n, at, jitter)
            pred[(pred > 0) & (rng.random(shape) < 0.05)] = 0
            add(f"jitter {jitter}", ref, pred)
        add("merged", ref, ndi.label(ref > 0)[0].astype(np.int32))
        add("split", ref, np.where(ref > 0, ref * 2 + (np.indices(shape)[-1] % 8 > 3), 0))
        add("same", ref, ref * 7)
        add("none predicted", ref, np.zeros_like(ref))
        add("none in reference", np.zeros_like(ref), ref)
    add("both empty", np.zeros((4, 5), np.int32), np.zeros((4, 5), np.int32))
    return out


def areas():
    spacings = [(1, 1, 1), (3.0, 0.8, 0.7), (1.0, 2.5, 4.0)]
    return [dict(spacing=list(s[::-1]), areas=[float(x) for x in sd.lookup_tables.create_table_neighbour_code_to_surface_area(s)]) for s in spacings]


json.dump(
    dict(areas=areas(), surfaces=[surfaces(*m) for m in masks()], transforms=transforms(), instances=instances()),
    open(os.path.join(HERE, "vectors.json"), "w"), separators=(",", ":"))
