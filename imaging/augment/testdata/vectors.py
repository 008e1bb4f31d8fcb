"""Vectors for package augment, from scipy 1.17.1, numpy 2.4.6 and torch 2.15. Writes vectors.json beside itself."""
import json
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage

rng = np.random.default_rng(20261124)


def flat(a, digits=7):
    return [float(f"{v:.{digits}g}") for v in np.asarray(a, dtype=np.float64).ravel()]


def positions(dims, to, matrix, shift, grid):
    """Where each voxel of the result is read, by the formula of augment.Parameters."""
    o = np.stack(np.meshgrid(*[np.arange(n, dtype=float) for n in to], indexing="ij"))
    c = (np.array(to) - 1) / 2
    p = np.tensordot(matrix, o - c[:, None, None, None], 1) + ((np.array(dims) - 1) / 2 + shift)[:, None, None, None]
    if grid is not None:
        at = np.stack([o[i] * ((grid.shape[i] - 1) / (to[i] - 1) if to[i] > 1 else 0) for i in range(3)])
        for axis in range(3):
            # Padding by hand: beyond the grid its outermost values repeat.
            padded = np.pad(grid[..., axis], 3, mode="edge")
            p[axis] += ndimage.map_coordinates(padded, at + 3, order=3, prefilter=False)
    return p


MODES = {"": "grid-constant", "edge": "nearest", "mirror": "mirror"}
spatial = []
for dims, to, points, border in [
    ((1, 9, 11), (1, 9, 11), None, ""),
    ((1, 9, 11), (1, 9, 11), (1, 3, 4), ""),
    ((1, 9, 11), (1, 12, 8), (1, 4, 3), "edge"),
    ((7, 6, 8), (7, 6, 8), None, ""),
    ((7, 6, 8), (5, 8, 6), (2, 3, 4), "mirror"),
    ((7, 6, 8), (7, 6, 8), (3, 2, 2), ""),
    ((7, 6, 8), (9, 9, 9), None, "edge"),
]:
    plane = dims[0] == 1
    m = np.eye(3) + rng.normal(0, 0.3, (3, 3))
    shift = rng.normal(0, 1, 3)
    grid = None
    if points:
        grid = np.float32(rng.normal(0, 1.2, points + (3,))).astype(float)
    if plane:
        m[0, :], m[:, 0], m[0, 0], shift[0] = 0, 0, 1, 0
        if grid is not None:
            grid[..., 0] = 0
    # Stored values are what the computation starts from.
    m = np.array(flat(m)).reshape(3, 3)
    shift = np.array(flat(shift))
    image = np.float32(rng.normal(0, 1, dims)).astype(float)
    labels = ndimage.zoom(rng.integers(0, 4, [max(1, n // 2) for n in dims]), [n / max(1, n // 2) for n in dims], order=0)
    assert labels.shape == dims
    p = positions(dims, to, m, shift, grid)
    mode = MODES[border]
    indicator = np.stack([ndimage.map_coordinates((labels == k).astype(float), p, order=1, mode=mode, cval=float(k == 0)) for k in range(4)])
    ranked = np.sort(indicator, axis=0)
    spatial.append(
        dict(
            parameters=dict(
                {"from": list(dims), "to": list(to), "matrix": m.tolist(), "shift": shift.tolist(), "border": border},
                **({} if grid is None else {"elastic": {"points": list(points), "displacement": flat(grid, 9)}}),
            ),
            image=flat(image, 9),
            out=flat(ndimage.map_coordinates(image, p, order=1, mode=mode)),
            labels=labels.ravel().tolist(),
            labels_out=indicator.argmax(0).ravel().tolist(),
            # Where two labels weigh the same, rounding decides.
            labels_clear=(ranked[-1] - ranked[-2] > 1e-4).ravel().tolist(),
        )
    )

values = []
for dims in [(1, 10, 13), (6, 5, 7)]:
    x = np.float32(rng.normal(0, 1, dims)).astype(float)

    def add(kind, out, amount=0.0, axes=(0, 0, 0)):
        values.append(dict(dims=dims, image=flat(x, 9), step=dict(kind=kind, amount=amount, axes=list(axes)), out=flat(out)))

    for sigma in ((0.0, 0.7, 1.3), (0.0, 2.5, 0.5)) if dims[0] == 1 else ((0.6, 1.0, 0.8), (2.0, 0, 0)):
        add("blur", ndimage.gaussian_filter(x, sigma, mode="reflect", truncate=4), axes=sigma)
    for zoom in (0.5, 0.77, 1.0):
        small = [max(1, round(n * zoom)) for n in dims]
        t = torch.from_numpy(x)[None, None]
        down = F.interpolate(t, size=small, mode="nearest-exact")
        add("low_resolution", F.interpolate(down, size=dims, mode="trilinear", align_corners=False)[0, 0].numpy(), zoom)
    for g in (0.7, 1.5):
        for kind, y in (("gamma", x), ("inverted_gamma", -x)):
            z = ((y - y.min()) / np.ptp(y)) ** g * np.ptp(y) + y.min()
            z = (z - z.mean()) / z.std() * y.std() + y.mean()
            add(kind, z if kind == "gamma" else -z, g)
    for f in (0.75, 1.25):
        add("contrast", np.clip((x - x.mean()) * f + x.mean(), x.min(), x.max()), f)
        add("multiply", x * f, f)
        add("add", x + f, f)

out = pathlib.Path(__file__).with_suffix(".json")
out.write_text(json.dumps(dict(spatial=spatial, values=values), separators=(",", ":")) + "\n")
