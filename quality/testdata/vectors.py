"""Writes vectors.json: distances, p-values and AUROCs by SciPy 1.x and scikit-learn 1.9."""
import json
import pathlib

import numpy as np
from scipy.spatial.distance import jensenshannon
from scipy.special import kolmogorov
from scipy.stats import chi2_contingency, ks_2samp, wasserstein_distance
from sklearn.metrics import roc_auc_score

rng = np.random.default_rng(3)
numbers = []
for shift in (0, 0.2, 1):
    a, b = np.round(rng.normal(size=80), 2), np.round(rng.normal(shift, 1.3, size=50), 2)
    d = ks_2samp(a, b).statistic
    n = 80 * 50 / 130
    numbers.append({
        "a": a.tolist(), "b": b.tolist(), "distance": wasserstein_distance(a, b) / a.std(),
        # the limiting distribution at Stephens' argument
        "p": float(kolmogorov((np.sqrt(n) + 0.12 + 0.11 / np.sqrt(n)) * d)),
    })
counts = []
for p in ([0.5, 0.3, 0.2], [0.4, 0.3, 0.3], [0.1, 0.2, 0.7]):
    a, b = rng.multinomial(90, [0.5, 0.3, 0.2]), rng.multinomial(60, p)
    counts.append({
        "a": a.tolist(), "b": b.tolist(), "distance": float(jensenshannon(a, b)),
        "p": float(chi2_contingency([a, b], correction=False).pvalue),
    })
x, y = np.round(rng.normal(size=200), 1), rng.integers(0, 3, 200)
x += y / 2
auroc = [float(roc_auc_score(y == k, x)) for k in range(3)]
out = {"numbers": numbers, "counts": counts, "x": x.tolist(), "y": y.tolist(), "auroc": auroc}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out))
