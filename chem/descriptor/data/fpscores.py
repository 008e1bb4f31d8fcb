"""Packs RDKit's fragment scores of synthetic accessibility into fpscores.bin: python fpscores.py

The source is Contrib/SA_Score/fpscores.pkl.gz of the RDKit wheel (BSD-3-Clause). The result is a raw deflate stream
of unsigned varints: the number of scores; then for each score, rising, 10,000 times the score less the one before
(the first less -100,000), the number of its codes, and the codes, rising, each less the one before.
"""

import gzip
import os
import pickle
import zlib

from rdkit import RDConfig

source = os.path.join(RDConfig.RDContribDir, "SA_Score", "fpscores.pkl.gz")
groups = {}
for row in pickle.load(gzip.open(source)):
    score = round(row[0] * 10000)
    assert abs(score / 10000 - row[0]) < 1e-9
    groups.setdefault(score, []).extend(row[1:])

out = bytearray()


def put(n):
    while n >= 128:
        out.append(n & 127 | 128)
        n >>= 7
    out.append(n)


put(len(groups))
before = -100000
for score in sorted(groups):
    put(score - before)
    before = score
    codes = sorted(groups[score])
    put(len(codes))
    last = 0
    for code in codes:
        put(code - last)
        last = code

packer = zlib.compressobj(9, zlib.DEFLATED, -15)
here = os.path.dirname(os.path.abspath(__file__))
with open(os.path.join(here, "fpscores.bin"), "wb") as f:
    f.write(packer.compress(bytes(out)) + packer.flush())
