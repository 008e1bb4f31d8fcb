"""Writes small generated pictures with tifffile and Pillow, and vectors.json: their values.

Ran with tifffile 2025 or later, imagecodecs, Pillow 12 or later, numpy 2. Usage: python vectors.py, in this folder.
Values are listed x fastest, then y, page, channel.
"""
import json

import numpy as np
import tifffile
from PIL import Image

rng = np.random.default_rng(5)
out = []


def note(name, array, tolerance=0):  # array: page, y, x, channel
    out.append({"name": name, "dims": [array.shape[2], array.shape[1], array.shape[0]], "channels": array.shape[3], "tolerance": tolerance, "values": [float(v) for v in np.moveaxis(array, 3, 0).ravel()]})


def picture(shape, dtype):
    smooth = np.cumsum(rng.integers(-3, 4, shape), axis=1) + (128 if dtype == "uint8" else 30000)
    return smooth.clip(0, 255 if dtype == "uint8" else 65535).astype(dtype)


# numbers of predictor and packing by name; sides are no multiples of the tiles'
for dtype in ["uint8", "uint16"]:
    for packing in [None, "lzw", "zlib", "packbits"]:
        for channels in [1, 3]:
            for tile in [None, (16, 32)]:
                big = (channels == 3) == (tile is None)
                predictor = packing in ("lzw", "zlib") and channels == 3
                a = picture((21, 37, channels), dtype)
                name = f"{dtype}-{packing or 'none'}-{channels}-{'tiles' if tile else 'strips'}.tif"
                tifffile.imwrite(name, a if channels == 3 else a[..., 0], byteorder=">" if big else "<", compression=packing, tile=tile, predictor=predictor, photometric="rgb" if channels == 3 else "minisblack", rowsperstrip=None if tile else 8, metadata=None)
                note(name, a[None])

a = picture((4, 9, 11, 1), "uint16")
tifffile.imwrite("stack.tif", a[..., 0], photometric="minisblack", metadata=None)
note("stack.tif", a)
a = picture((21, 37, 3), "uint8")
tifffile.imwrite("planar.tif", np.moveaxis(a, 2, 0), photometric="rgb", planarconfig="separate", compression="lzw", metadata=None)
note("planar.tif", a[None])
a = picture((21, 37, 1), "uint8")
tifffile.imwrite("white.tif", a[..., 0], photometric="miniswhite", metadata=None)
note("white.tif", 255 - a[None])
f = rng.normal(size=(9, 11, 1)).astype(np.float32)
tifffile.imwrite("float.tif", f[..., 0], photometric="minisblack", metadata=None)
note("float.tif", f[None])
long = np.repeat(rng.integers(0, 255, (1, 1500, 1)), 12, axis=0).astype(np.uint8)
long[::2] += rng.integers(0, 9, (6, 1500, 1)).astype(np.uint8)
tifffile.imwrite("lzw-long.tif", long[..., 0], photometric="minisblack", compression="lzw", rowsperstrip=12, metadata=None)
note("lzw-long.tif", long[None])
p = Image.fromarray(picture((21, 37, 3), "uint8")).quantize(17)
p.save("palette.tif")
note("palette.tif", np.asarray(p.convert("RGB"))[None])
bits = Image.fromarray((picture((9, 13, 1), "uint8")[..., 0] > 128))
bits.save("bits.tif")
note("bits.tif", np.asarray(bits)[None, ..., None] * 255)
tifffile.imwrite("jpeg.tif", picture((32, 32, 3), "uint8"), compression="jpeg", photometric="rgb", metadata=None)

g8, g16 = picture((7, 9, 1), "uint8"), picture((7, 9, 1), "uint16")
c8 = picture((7, 9, 3), "uint8")
a8 = np.concatenate([c8, rng.integers(0, 255, (7, 9, 1)).astype(np.uint8)], 2)
for name, array in [("grey8.png", g8), ("grey16.png", g16), ("rgb8.png", c8), ("rgba8.png", a8)]:
    Image.fromarray(array[..., 0] if array.shape[2] == 1 else array).save(name)
    note(name, array[None])
p.save("palette.png")
note("palette.png", np.asarray(p.convert("RGB"))[None])
smooth = np.tile(np.arange(0, 128, 4, dtype=np.uint8)[None, :, None], (32, 1, 1))
Image.fromarray(smooth[..., 0]).save("grey.jpg", quality=95)
note("grey.jpg", np.asarray(Image.open("grey.jpg"))[None, ..., None], 1)  # inverse transforms round in their own ways
Image.fromarray(np.repeat(smooth, 3, 2)).save("rgb.jpg", quality=95)
note("rgb.jpg", np.asarray(Image.open("rgb.jpg"))[None], 2)
json.dump(out, open("vectors.json", "w"), separators=(",", ":"))
