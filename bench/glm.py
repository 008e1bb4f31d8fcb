"""Times glm beside scikit-learn and InterpretML on the same rows, alternately, and prints medians of ratios.

Run from the repository root: python bench/glm.py [--repeats 3] [--only NAME]
Needs numpy, scikit-learn and interpret (versions are printed). Data are synthetic, from fixed seeds.
Both sides fit in memory; the time of reading data and of starting a process is not counted.
"""
import argparse, json, os, statistics, subprocess, tempfile, time, warnings
import numpy as np

warnings.filterwarnings("ignore")
import interpret, sklearn
from interpret.glassbox import ExplainableBoostingClassifier
from sklearn.linear_model import ElasticNetCV, LogisticRegression, LogisticRegressionCV
from sklearn.metrics import roc_auc_score


def cohort(seed, n, p, binary=True, curves=False):
    r = np.random.default_rng(seed)
    X = r.standard_normal((n, p))
    b = r.standard_normal(p) * (r.uniform(size=p) < min(1, 20 / p))
    eta = X @ b / 2
    if curves:
        eta = np.sin(2 * X[:, 0]) * 1.5 + np.abs(X[:, 1]) + (X[:, 2] > 0.5) + X[:, 3] * X[:, 4] + X[:, 5] / 2
        eta = eta - eta.mean()
    y = (r.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(float) if binary else eta + r.standard_normal(n)
    return X, y


def folds(n, k):
    f = np.arange(n) % k
    return [(np.where(f != q)[0], np.where(f == q)[0]) for q in range(k)]


class Job:
    def __init__(self, name, X, y, tests, what, peer, **kw):
        self.name, self.X, self.y, self.tests, self.peer = name, X, y, tests, peer
        self.spec = {"What": what, "Rows": len(y), "Features": X.shape[1], "Tests": tests, **kw}


def jobs():
    X, y = cohort(1, 201000, 30)
    yield Job("logistic ridge 200000x30, C=1 (LogisticRegression, lbfgs, tol 1e-4)", X, y, 1000, "fit",
              lambda A, b: LogisticRegression(max_iter=1000).fit(A, b), Family=1, Lambda=1 / 200000)
    yield Job("logistic ridge 200000x30, C=1 (LogisticRegression, newton-cholesky, tol 1e-8)", X, y, 1000, "fit",
              lambda A, b: LogisticRegression(max_iter=1000, tol=1e-8, solver="newton-cholesky").fit(A, b), Family=1, Lambda=1 / 200000)
    X, y = cohort(2, 1200, 2000)
    yield Job("logistic lasso 200x2000 (LogisticRegression, liblinear)", X, y, 1000, "fit",
              lambda A, b: LogisticRegression(C=1 / (200 * 0.05), l1_ratio=1, solver="liblinear", penalty="l1", intercept_scaling=100).fit(A, b),
              Family=1, Alpha=1, Lambda=0.05)
    X, y = cohort(3, 6000, 30)
    yield Job("logistic CV 5000x30, 5 folds, 100 penalties (LogisticRegressionCV, lbfgs)", X, y, 1000, "cv",
              lambda A, b: LogisticRegressionCV(Cs=100, cv=folds(len(b), 5), scoring="neg_log_loss", max_iter=1000).fit(A, b),
              Family=1, Folds=5)
    yield Job("logistic lasso CV 5000x30, 5 folds (100 penalties; LogisticRegressionCV, saga, 10 penalties)", X, y, 1000, "cv",
              lambda A, b: LogisticRegressionCV(Cs=10, cv=folds(len(b), 5), scoring="neg_log_loss", l1_ratios=[1], solver="saga", max_iter=1000).fit(A, b),
              Family=1, Alpha=1, Folds=5)
    X, y = cohort(4, 3000, 200, binary=False)
    yield Job("elastic-net CV 2000x200, 5 folds, 100 penalties (ElasticNetCV)", X, y, 1000, "cv",
              lambda A, b: ElasticNetCV(l1_ratio=0.5, alphas=100, cv=folds(len(b), 5)).fit(A, b), Family=0, Alpha=0.5, Folds=5)
    X, y = cohort(5, 4000, 10, curves=True)
    yield Job("additive 2000x10 (ExplainableBoostingClassifier)", X, y, 2000, "additive",
              lambda A, b: ExplainableBoostingClassifier(n_jobs=2).fit(A, b), Family=1)


def scored(model, X, y, binary):
    if binary:
        return roc_auc_score(y, model.predict_proba(X)[:, 1])
    return float(np.mean((model.predict(X) - y) ** 2))


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--repeats", type=int, default=3)
    args.add_argument("--only", default="")
    args = args.parse_args()
    print("scikit-learn", sklearn.__version__, "interpret", interpret.__version__, "processors", os.cpu_count())
    with tempfile.TemporaryDirectory() as tmp:
        binary = os.path.join(tmp, "glm.test")
        subprocess.run(["go", "test", "-c", "-tags", "bench", "-o", binary, "./glm"], check=True)
        for j in jobs():
            if args.only not in j.name:
                continue
            data, spec = os.path.join(tmp, "data"), os.path.join(tmp, "job.json")
            np.vstack([j.X.T, j.y]).astype("<f8").tofile(data)
            with open(spec, "w") as f:
                json.dump({**j.spec, "File": data}, f)
            n = len(j.y) - j.tests
            A, b = np.ascontiguousarray(j.X[:n]), j.y[:n]
            ours, theirs = [], []
            for _ in range(args.repeats):
                out = subprocess.run([binary, "-test.run", "^TestPeer$"], env={**os.environ, "GLM_JOB": spec}, capture_output=True, text=True, check=True)
                got = json.loads(out.stdout.splitlines()[0])
                ours.append(got["seconds"])
                t = time.perf_counter()
                m = j.peer(A, b)
                theirs.append(time.perf_counter() - t)
                print(f"  galen {ours[-1]:.3f} s, peer {theirs[-1]:.3f} s", flush=True)
            key = "auroc" if j.spec["Family"] == 1 else "mse"
            print(f"{j.name}: galen {statistics.median(ours):.3f} s, peer {statistics.median(theirs):.3f} s, "
                  f"peer/galen {statistics.median(p / o for o, p in zip(ours, theirs)):.1f}, {key} galen {got[key]:.4f} "
                  f"peer {scored(m, j.X[n:], j.y[n:], key == 'auroc'):.4f}, predict {got['predict_us']:.2f} us a row", flush=True)


if __name__ == "__main__":
    main()
