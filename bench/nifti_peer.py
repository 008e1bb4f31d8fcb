#!/usr/bin/env python3
"""Galen's reading of .nii.gz beside nibabel's, in turns.

Usage: nifti_peer.py [--rounds R] [FILE]     (needs nibabel and numpy; run from the repository's root)
Without a file one is made: a synthetic CT of 512 x 512 x 160 voxels of int16, packed by nibabel at its own level.
Each round reads the file with nibabel to its stored values, then with nibabel to float32 real values, then with
Galen's benchmark (package nifti) to its stored values. Printed are the medians in milliseconds, and the medians over
rounds of nibabel's time over Galen's: above 1, Galen is faster.
"""
import argparse
import os
import re
import statistics
import subprocess
import tempfile
import time

import nibabel as nib
import numpy as np


def synthetic(name):
    rng = np.random.default_rng(0)
    x = np.linspace(-1, 1, 512)[:, None, None]
    y = np.linspace(-1, 1, 512)[None, :, None]
    z = np.linspace(-1, 1, 160)[None, None, :]
    body = (x**2 / 0.7 + y**2 / 0.5 < 1) & (z > -2)
    ct = np.where(body, 40 + 20 * np.sin(20 * x) * np.cos(17 * y + 9 * z), -1000)
    ct = ct + np.where(body, rng.normal(0, 12, ct.shape), rng.normal(0, 3, ct.shape))
    image = nib.Nifti1Image(ct.clip(-1024, 3000).astype(np.int16), np.diag([-0.8, -0.8, 2, 1]))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, name)


def timed(f):
    begin = time.perf_counter()
    f()
    return (time.perf_counter() - begin) * 1e3


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--rounds", type=int, default=7)
    args.add_argument("file", nargs="?")
    args = args.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        name = args.file or os.path.join(folder, "ct.nii.gz")
        if not args.file:
            synthetic(name)
        test = os.path.join(folder, "nifti.test")
        subprocess.run(["go", "test", "-c", "-o", test, "./nifti"], check=True)

        def galen():
            env = dict(os.environ, GALEN_NIFTI=os.path.abspath(name))
            text = subprocess.run([test, "-test.run=^$", "-test.bench=^BenchmarkRead$", "-test.benchtime=1x"], env=env, check=True, capture_output=True, text=True).stdout
            return float(re.search(r"([\d.]+) ns/op", text).group(1)) / 1e6

        rows = []
        for _ in range(args.rounds):
            stored = timed(lambda: np.asarray(nib.load(name).dataobj.get_unscaled()))
            g1 = galen()
            real = timed(lambda: nib.load(name).get_fdata(dtype=np.float32))
            g2 = galen()
            rows.append((stored, real, (g1 + g2) / 2))
        s, r, g = (statistics.median(c) for c in zip(*rows))
        print(f"nibabel {nib.__version__}: stored {s:.0f} ms, float32 {r:.0f} ms; Galen: stored {g:.0f} ms")
        print(f"nibabel/Galen: stored {statistics.median(a / c for a, _, c in rows):.2f}, float32 {statistics.median(b / c for _, b, c in rows):.2f}")


if __name__ == "__main__":
    main()
