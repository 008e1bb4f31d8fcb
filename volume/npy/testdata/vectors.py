"""Writes small generated .npy and .npz files, and vectors.json: their values. Ran with numpy 2.

Usage: python vectors.py, in this folder. Values are listed in the order of the array's axes, the last fastest.
"""
import json

import numpy as np

rng = np.random.default_rng(2)
out = []


def save(name, a):
    np.save(name, a, allow_pickle=True)
    out.append({"name": name, "shape": list(a.shape), "values": [float(v) for v in a.ravel(order="C")]})


for dtype in ["u1", "i1", "<u2", ">i2", ">u4", "<i4", "<f4", ">f8", "<u8", ">i8", "<f2"]:
    kind = dtype[-2]
    a = rng.normal(0, 50, (2, 3, 4)) if kind == "f" else rng.integers(0 if kind == "u" else -100, 100, (2, 3, 4))
    save(f"{dtype.replace('<', 'little-').replace('>', 'big-')}.npy", a.astype(dtype))
save("fortran.npy", np.asfortranarray(rng.integers(0, 99, (3, 4, 5)).astype("<i2")))
save("bool.npy", rng.random((3, 3)) < 0.5)
save("line.npy", np.arange(5.0))
save("scalar.npy", np.array(7, dtype="<i4"))
halves = np.array([0, -0.0, 1, 65504, 6e-8, 6.1e-5, -1.5, 2**-15], dtype="<f2")
save("halves.npy", halves)
np.save("objects.npy", np.array([{}, 1], dtype=object), allow_pickle=True)
np.save("records.npy", np.zeros(2, dtype=[("a", "i4"), ("b", "f4")]))
np.savez("plain.npz", images=np.arange(12, dtype=np.uint8).reshape(3, 2, 2), labels=np.arange(3))
np.savez_compressed("packed.npz", images=np.zeros((600, 64, 64), np.uint8))

json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
