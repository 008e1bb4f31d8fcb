"""Reference vectors for package metric, written to vectors.json: scikit-learn, statsmodels, SciPy and
scikit-misc, and DeLong by the O(mn) definition. Run: python vectors.py"""

import json
import os
import warnings

import numpy as np
import scipy.stats as st
import sklearn.metrics as sm
import statsmodels.api as smapi
from skmisc.loess import loess

warnings.filterwarnings("ignore")


def delong(ps, y):
    """AUROCs and their covariance from the pairwise kernel, straight from the definition."""
    a, v10, v01 = [], [], []
    for p in ps:
        k = (p[y][:, None] > p[~y][None, :]) + 0.5 * (p[y][:, None] == p[~y][None, :])
        a.append(k.mean())
        v10.append(k.mean(1))
        v01.append(k.mean(0))
    return np.array(a), np.cov(v10) / y.sum() + np.cov(v01) / (~y).sum()


def direct_loess(p, y, span):
    """Local quadratic fits at each point, tricube weights, without interpolation."""
    q = span * len(p)
    out = []
    for x0 in p:
        d = np.abs(p - x0)
        h = np.sort(d)[int(np.ceil(q - 1e-9)) - 1]
        w = np.clip(1 - (d / h) ** 3, 0, None) ** 3
        X = np.vander((p - x0) / h, 3, increasing=True) * np.sqrt(w)[:, None]
        out.append(np.linalg.lstsq(X, y * np.sqrt(w), rcond=None)[0][0])
    return np.array(out)


def binary(rng, n, ties):
    l = rng.normal(-0.7, 1.4, n)
    y = rng.random(n) < 1 / (1 + np.exp(-(0.2 + 0.8 * l)))
    p = 1 / (1 + np.exp(-l))
    if ties:
        p = np.clip(np.round(p, 1), 0.05, 0.95)
    p2 = np.clip(1 / (1 + np.exp(-(l + rng.normal(0, 1, n)))), 1e-6, 1 - 1e-6)
    if ties:
        p2 = np.round(p2, 2)
    w = rng.integers(1, 40, n) / 8
    t = 0.3
    c = dict(p=p, p2=p2, y=y, w=w)
    for name, sw in (("", None), ("_weighted", w)):
        c["auroc" + name] = sm.roc_auc_score(y, p, sample_weight=sw)
        c["ap" + name] = sm.average_precision_score(y, p, sample_weight=sw)
        c["brier" + name] = sm.brier_score_loss(y, p, sample_weight=sw)
        c["log_loss" + name] = sm.log_loss(y, p, sample_weight=sw)
        f, r, h = sm.roc_curve(y, p, sample_weight=sw, drop_intermediate=False)
        c["roc" + name] = dict(fpr=f[1:], tpr=r[1:], threshold=h[1:])
        pr, rc, h = sm.precision_recall_curve(y, p, sample_weight=sw)
        c["pr" + name] = dict(precision=pr[:-1][::-1], recall=rc[:-1][::-1], threshold=h[::-1])
    pr, rc, _ = sm.precision_recall_curve(y, p)
    c["min_se_ppv"] = np.minimum(pr, rc).max()
    c["mcc"] = sm.matthews_corrcoef(y, p >= t)
    c["f1"] = sm.f1_score(y, p >= t)
    c["kappa"] = sm.cohen_kappa_score(y, p >= t)
    c["balanced_accuracy"] = sm.balanced_accuracy_score(y, p >= t)
    c["accuracy"] = sm.accuracy_score(y, p >= t)
    a, s = delong([p, p2], y)
    c["delong"] = dict(auroc=a, covariance=s)
    lg = np.log(p) - np.log1p(-p)
    kw = dict(tol=1e-13, maxiter=200)
    c["intercept"] = smapi.GLM(y * 1.0, np.ones((n, 1)), family=smapi.families.Binomial(), offset=lg).fit(**kw).params[0]
    c["slope"] = smapi.GLM(y * 1.0, np.column_stack([np.ones(n), lg]), family=smapi.families.Binomial()).fit(**kw).params
    if not ties:
        d = direct_loess(p, y * 1.0, 0.75)
        i = loess(p, y * 1.0, span=0.75, degree=2)
        i.control.surface = "interpolate"
        i.fit()
        e = np.abs(np.clip(d, 0, 1) - p)
        s = np.sort(e)
        c["loess"] = dict(direct=d, ici=e.mean(), e50=s[int(np.ceil(0.5 * n)) - 1], e90=s[int(np.ceil(0.9 * n)) - 1], emax=e.max(),
                          interpolated_ici=np.abs(i.outputs.fitted_values - p).mean())
    c["wilson"] = [smapi.stats.proportion_confint(k, m, method="wilson") for k, m in ((0, 7), (3, 11), (20, 20), (480, 1000))]
    return c


def multiclass(rng, n, k):
    y = rng.integers(0, k, n)
    z = rng.normal(0, 1, (n, k)) + 1.2 * np.eye(k)[y]
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    q = p.argmax(1)
    return dict(
        p=p, y=y,
        macro=sm.roc_auc_score(y, p, multi_class="ovr"), weighted=sm.roc_auc_score(y, p, multi_class="ovr", average="weighted"),
        log_loss=sm.log_loss(y, p), brier=((p - np.eye(k)[y]) ** 2).sum(1).mean(),
        accuracy=sm.accuracy_score(y, q), balanced_accuracy=sm.balanced_accuracy_score(y, q), mcc=sm.matthews_corrcoef(y, q),
        macro_f1=sm.f1_score(y, q, average="macro"), weighted_f1=sm.f1_score(y, q, average="weighted"),
        kappa=[sm.cohen_kappa_score(y, q, weights=w) for w in (None, "linear", "quadratic")],
        confusion=sm.confusion_matrix(y, q),
    )


def regression(rng, n):
    a = np.round(rng.normal(0, 1, n), 1)
    b = np.round(a + rng.normal(0, 1, n), 1)
    return dict(a=a, b=b, rmse=sm.root_mean_squared_error(b, a), mae=sm.mean_absolute_error(b, a), r2=sm.r2_score(b, a),
                pearson=st.pearsonr(a, b)[0], spearman=st.spearmanr(a, b)[0], kendall=st.kendalltau(a, b)[0])


rng = np.random.default_rng(20)
out = dict(
    binary=[binary(rng, 150, False), binary(rng, 150, True), binary(rng, 40, True)],
    multiclass=multiclass(rng, 120, 4),
    regression=regression(rng, 90),
)


def plain(v):
    if isinstance(v, np.ndarray):
        return v.tolist()
    return v.item()


with open(os.path.join(os.path.dirname(__file__), "vectors.json"), "w") as f:
    json.dump(out, f, default=plain)
