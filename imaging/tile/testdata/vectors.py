"""Vectors for package tile, from scipy 1.17.1 and numpy 2.4.6. Writes vectors.json beside itself.

Weights: a single point filtered by a Gaussian of an eighth of the patch, divided by its maximum, zeros replaced by the
smallest of the others. Starts: as many steps as cover the axis, evenly spread.
"""
import json
import pathlib

import numpy as np
from scipy.ndimage import gaussian_filter


def weights(patch):
    point = np.zeros(patch)
    point[tuple(n // 2 for n in patch)] = 1
    g = gaussian_filter(point, [n / 8 for n in patch], 0, mode="constant", cval=0)
    g /= g.max()
    g[g == 0] = g[g != 0].min()
    return [float(f"{v:.8g}") for v in g.ravel()]


def starts(image, tile, step):
    target = tile * step
    steps = int(np.ceil((image - tile) / target)) + 1
    actual = (image - tile) / (steps - 1) if steps > 1 else 1e9
    return [int(np.round(actual * i)) for i in range(steps)]


out = dict(
    weights=[dict(patch=p, weights=weights(p)) for p in ((1, 16, 12), (6, 9, 7), (1, 1, 40), (3, 5, 2))],
    starts=[
        dict(image=i, tile=t, overlap=o, starts=starts(i, t, 1 - o))
        for i, t, o in ((110, 64, 0.5), (64, 64, 0.5), (65, 64, 0.5), (512, 96, 0.5), (333, 17, 0.5), (200, 80, 0.25), (100, 10, 0.0), (75, 20, 0.9))
    ],
)
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out, separators=(",", ":")) + "\n")
