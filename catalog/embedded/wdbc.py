"""Makes wdbc.csv from the copy of the Wisconsin diagnostic breast cancer set that scikit-learn carries.

Values are copied as text, digit for digit. The columns get the names that the set's documentation gives
them, and the class gets its word. Run: python wdbc.py > wdbc.csv
"""

import csv
import sys
from importlib.resources import files

MEASURES = [
    "radius", "texture", "perimeter", "area", "smoothness",
    "compactness", "concavity", "concave_points", "symmetry", "fractal_dimension",
]
COLUMNS = [f"{m}_{s}" for s in ("mean", "se", "worst") for m in MEASURES]

with files("sklearn.datasets.data").joinpath("breast_cancer.csv").open(encoding="utf-8", newline="") as f:
    rows = csv.reader(f)
    head = next(rows)
    assert head == ["569", "30", "malignant", "benign"], head
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(COLUMNS + ["diagnosis"])
    n = 0
    for row in rows:
        assert len(row) == 31
        out.writerow(row[:30] + [head[2 + int(row[30])]])
        n += 1
    assert n == 569
