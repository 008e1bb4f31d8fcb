"""Reference coefficients of scikit-learn and statsmodels for glm's tests.

Run: python linear.py   (writes linear.json beside itself; scikit-learn 1.9.1, statsmodels 0.15.0)
"""
import json, os, warnings
import numpy as np
import statsmodels.api as sm
from sklearn.linear_model import LogisticRegression, ElasticNet, Ridge

warnings.filterwarnings("ignore")
rng = np.random.default_rng(20260101)


def design(n, p):
    z = rng.standard_normal((n, p))
    z[:, 1] = 0.7 * z[:, 0] + 0.7 * z[:, 1]
    return np.round(z * np.array([1, 2, 0.5, 3, 1, 1.5])[:p] + np.array([0, 50, -3, 1, 0, 2])[:p], 4)


def rows(model):
    return {"intercept": np.atleast_1d(model.intercept_).tolist(), "coef": np.atleast_2d(model.coef_).tolist()}


def entry(name, family, X, y, w, lam, alpha, got, cov=None, se=None):
    e = {"name": name, "family": family, "x": X.T.tolist(), "y": y.tolist(), "lambda": lam, "alpha": alpha, **got}
    if w is not None:
        e["weights"] = w.tolist()
    if cov is not None:
        e["cov"] = np.asarray(cov).tolist()
    return e


out = []
n, p = 160, 6
X = design(n, p)
beta = np.array([0.8, -0.3, 0, 0.2, -0.5, 0])
eta = X @ beta + 14
w = np.round(rng.uniform(0.2, 3, n), 3)
yb = (rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(float)
yg = np.round(eta + rng.standard_normal(n), 4)
B = rng.standard_normal((p, 3)) * 0.7
em = (X - X.mean(0)) @ B
ym = np.array([rng.choice(3, p=np.exp(e - e.max()) / np.exp(e - e.max()).sum()) for e in em]).astype(float)

for wname, ww in (("", None), ("-weighted", w)):
    tot = n if ww is None else ww.sum()
    for lam in (0.003, 0.1):
        C = 1 / (lam * tot)
        m = LogisticRegression(C=C, solver="newton-cg", tol=1e-13, max_iter=100000).fit(X, yb, ww)
        out.append(entry(f"logistic-ridge-{lam}{wname}", "binomial", X, yb, ww, lam, 0, rows(m)))
        for a in (0.5, 1.0):
            m = LogisticRegression(C=C, l1_ratio=a, solver="saga", tol=1e-13, max_iter=3000000)
            mu = X.mean(0)  # saga needs centred columns to converge; the intercept is moved back below
            m.fit(X - mu, yb, ww)
            m.intercept_ = m.intercept_ - m.coef_ @ mu
            out.append(entry(f"logistic-enet-{lam}-{a}{wname}", "binomial", X, yb, ww, lam, a, rows(m)))
        m = LogisticRegression(C=C, solver="newton-cg", tol=1e-13, max_iter=100000).fit(X - X.mean(0), ym, ww)
        m.intercept_ = m.intercept_ - m.coef_ @ X.mean(0)
        m.intercept_ -= m.intercept_.mean()
        out.append(entry(f"softmax-ridge-{lam}{wname}", "multinomial", X, ym, ww, lam, 0, rows(m)))
        m = LogisticRegression(C=C, l1_ratio=0.5, solver="saga", tol=1e-13, max_iter=3000000).fit(X - X.mean(0), ym, ww)
        m.intercept_ = m.intercept_ - m.coef_ @ X.mean(0)
        m.intercept_ -= m.intercept_.mean()
        out.append(entry(f"softmax-enet-{lam}{wname}", "multinomial", X, ym, ww, lam, 0.5, rows(m)))
        m = ElasticNet(alpha=lam, l1_ratio=0.5, tol=1e-14, max_iter=1000000).fit(X, yg, ww)
        out.append(entry(f"linear-enet-{lam}{wname}", "gaussian", X, yg, ww, lam, 0.5, rows(m)))
        m = Ridge(alpha=lam * tot, solver="cholesky").fit(X, yg, ww)
        out.append(entry(f"linear-ridge-{lam}{wname}", "gaussian", X, yg, ww, lam, 0, rows(m)))
    kw = {} if ww is None else {"freq_weights": ww}
    A = sm.add_constant(X)
    for name, fam, y in (("logistic", "binomial", yb), ("linear", "gaussian", yg)):
        f = {"binomial": sm.families.Binomial(), "gaussian": sm.families.Gaussian()}[fam]
        r = sm.GLM(y, A, family=f, **kw).fit(tol=1e-14, maxiter=200)
        out.append(entry(f"{name}-unpenalised{wname}", fam, X, y, ww, 0, 0,
                         {"intercept": [r.params[0]], "coef": [r.params[1:].tolist()]}, cov=r.cov_params()))
A = sm.add_constant(X - X.mean(0))
r = sm.MNLogit(ym, A).fit(method="newton", tol=1e-14, maxiter=200, disp=0)
P = np.asarray(r.params)  # contrasts with class 0, columns centred
T = np.eye(p + 1)
T[0, 1:] = -X.mean(0)
P = T @ P
cov = np.asarray(r.cov_params())
TT = np.kron(np.eye(2), T)
cov = TT @ cov @ TT.T
out.append(entry("softmax-unpenalised", "multinomial", X, ym, None, 0, 0,
                 {"intercept": P[0].tolist(), "coef": P[1:].T.tolist()}, cov=cov))
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "linear.json"), "w") as f:
    json.dump(out, f, separators=(",", ":"))
print(len(out))
