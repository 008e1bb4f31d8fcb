"""Reference vectors for package calibrate, written to vectors.json: scikit-learn (isotonic, sigmoid), statsmodels
(beta), SciPy (temperature) and Venn-Abers by its definition. Run: python vectors.py"""

import json
import os

import numpy as np
import scipy.optimize as so
import statsmodels.api as sm
from sklearn.calibration import _SigmoidCalibration
from sklearn.isotonic import IsotonicRegression


def logit(p):
    return np.log(p) - np.log1p(-p)


def venn_abers(p, y, at):
    out = []
    for x in at:
        pair = []
        for label in (0, 1):
            iso = IsotonicRegression().fit(np.append(p, x), np.append(y, label))
            pair.append(iso.predict([x])[0])
        out.append(pair)
    return np.array(out)


def case(rng, n, ties, shift, a, b):
    l = rng.normal(-0.5, 1.5, n)
    y = rng.random(n) < 1 / (1 + np.exp(-(shift + a * np.minimum(l, 0) + b * np.maximum(l, 0))))
    p = 1 / (1 + np.exp(-l))
    if ties:
        p = np.clip(np.round(p, 1), 0.05, 0.95)
    at = np.concatenate([rng.random(40), p[:20], [0.0, 1.0, p.min(), p.max()]])
    iso = IsotonicRegression(out_of_bounds="clip").fit(p, y)
    sig = _SigmoidCalibration().fit(logit(p), y)
    X = np.column_stack([np.ones(n), np.log(p), -np.log1p(-p)])
    beta = sm.GLM(y * 1.0, X, family=sm.families.Binomial()).fit(tol=1e-13, maxiter=200).params
    if beta[1] < 0 or beta[2] < 0:
        keep = [0, 2] if beta[1] < 0 else [0, 1]
        w = sm.GLM(y * 1.0, X[:, keep], family=sm.families.Binomial()).fit(tol=1e-13, maxiter=200).params
        beta = np.zeros(3)
        beta[keep] = w
    loss = lambda b: np.logaddexp(0, -b * logit(p) * (2 * y - 1)).mean()
    temp = so.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options=dict(xatol=1e-12)).x
    return dict(p=p, y=y, at=at, isotonic=iso.predict(at), x=iso.X_thresholds_, sigmoid=[sig.a_, sig.b_], beta=beta,
                sharpness=temp, venn=venn_abers(p, y * 1.0, at))


def multi(rng, n, k):
    y = rng.integers(0, k, n)
    z = rng.normal(0, 2, (n, k)) + 1.5 * np.eye(k)[y]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    lp = np.log(p)
    def loss(b):
        q = b * lp
        return (np.log(np.exp(q).sum(1)) - q[np.arange(n), y]).mean()
    temp = so.minimize_scalar(loss, bounds=(0.05, 20), method="bounded", options=dict(xatol=1e-12)).x
    ovr = np.column_stack([IsotonicRegression(out_of_bounds="clip").fit(p[:, c], y == c).predict(p[:, c]) for c in range(k)])
    return dict(p=p, y=y, sharpness=temp, isotonic=ovr / ovr.sum(1, keepdims=True))


rng = np.random.default_rng(5)
out = dict(
    binary=[case(rng, 200, False, 0.3, 0.6, 1.3), case(rng, 200, True, 0, 1, 0.3), case(rng, 60, False, -0.5, 2, 0.0), case(rng, 120, False, 0, -0.7, 2.5)],
    multi=multi(rng, 150, 3),
)
with open(os.path.join(os.path.dirname(__file__), "vectors.json"), "w") as f:
    json.dump(out, f, default=lambda v: v.tolist() if isinstance(v, np.ndarray) else v.item())
