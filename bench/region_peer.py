#!/usr/bin/env python3
"""Galen's scores of segmentations beside SciPy, MedPy, MONAI and DeepMind's surface-distance, in turns.

Usage: region_peer.py [--rounds R] [--threads N] [NAME ...]     (run from the repository's root)
Needs numpy, scipy and, for the pieces of work that name them, medpy, monai with torch, and surface-distance. The masks
are those of metric/region/bench_test.go: rough ellipsoids in a CT of 512 x 512 x 200 voxels. Each round runs the peer
once, then Galen's benchmark of the same work. Printed are medians in milliseconds, and the median over rounds of the
peer's time over Galen's: above 1, Galen is faster.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

import numpy as np
import scipy.ndimage as ndi

CT = (200, 512, 512)
SPACING = (2.5, 0.8, 0.8)


def ellipsoid(shape, part, shift):
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    r = sum(((a - shift - n / 2) / (part * n / 2)) ** 2 for a, n in zip(axes, shape))
    z, y, x = axes
    return r < 1 + 0.2 * np.sin(x / 5) * np.sin(y / 7) * np.sin(z / 3)


def pair(part=0.45):
    return ellipsoid(CT, part, 2), ellipsoid(CT, part, 0)


def medpy():
    from medpy.metric import binary
    pred, ref = pair()

    def run():
        binary.hd95(pred, ref, SPACING)
        binary.assd(pred, ref, SPACING)
    return run


def monai():
    import monai.metrics as mm
    import torch
    pred, ref = (torch.from_numpy(m)[None, None] for m in pair())

    def run():
        mm.compute_hausdorff_distance(pred, ref, percentile=95, include_background=True, spacing=list(SPACING))
        mm.compute_average_surface_distance(pred, ref, symmetric=True, include_background=True, spacing=list(SPACING))
        mm.compute_surface_dice(pred, ref, [1.0], include_background=True, spacing=list(SPACING))
    return run


def deepmind():
    np.Inf, np.bool = np.inf, np.bool_  # names that the package still uses
    for name in ("morphology", "filters"):
        if not hasattr(ndi, name):
            setattr(ndi, name, ndi)
    import surface_distance as sd
    pred, ref = pair()

    def run():
        d = sd.compute_surface_distances(ref, pred, SPACING)
        sd.compute_robust_hausdorff(d, 95)
        sd.compute_average_surface_distance(d)
        sd.compute_surface_dice_at_tolerance(d, 1)
    return run


def numpy_dice():
    pred, ref = pair()
    return lambda: 2 * np.count_nonzero(pred & ref) / (np.count_nonzero(pred) + np.count_nonzero(ref))


def transform():
    mask = ~ellipsoid((100, 256, 256), 0.45, 0)
    return lambda: ndi.distance_transform_edt(mask, sampling=SPACING)


WORK = {
    "borders-medpy": ("OrganBorders", medpy),
    "borders-monai": ("OrganBorders", monai),
    "elements-deepmind": ("OrganElements", deepmind),
    "dice-numpy": ("Overlap", numpy_dice),
    "transform-scipy": ("Transform", transform),
}


def galen_time(binary, name):
    out = subprocess.run([binary, "-test.run=NONE", f"-test.bench=^Benchmark{name}$", "-test.benchtime=3x"],
                         check=True, capture_output=True, text=True).stdout
    return float(re.search(r"([\d.]+) ns/op", out).group(1)) / 1e6


def main():
    args = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    args.add_argument("--rounds", type=int, default=3)
    args.add_argument("--threads", type=int, default=2)
    args.add_argument("names", nargs="*", metavar="NAME", choices=[[], *WORK], help=", ".join(WORK))
    args = args.parse_args()
    os.environ["GOMAXPROCS"] = os.environ["OMP_NUM_THREADS"] = str(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["go", "test", "-c", "-o", f"{folder}/region", "./metric/region"], check=True)
        print(f"{'work':20}{'galen ms':>10}{'peer ms':>10}{'ratio':>8}")
        for name in args.names or WORK:
            benchmark, make = WORK[name]
            peer = make()
            ours, theirs, ratios = [], [], []
            for _ in range(args.rounds):
                begin = time.perf_counter()
                peer()
                theirs.append((time.perf_counter() - begin) * 1e3)
                ours.append(galen_time(f"{folder}/region", benchmark))
                ratios.append(theirs[-1] / ours[-1])
            print(f"{name:20}{statistics.median(ours):10.1f}{statistics.median(theirs):10.1f}{statistics.median(ratios):8.1f}", flush=True)


if __name__ == "__main__":
    main()
