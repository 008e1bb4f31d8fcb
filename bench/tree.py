#!/usr/bin/env python3
"""Times package tree side by side with its peers on the same generated tables, alternating A B A B.

    python3 bench/tree.py [boost|forest|shap|background|single|all] [--repeats 3] [--rows 1000000]

Needs numpy, scikit-learn, lightgbm, xgboost and shap. All programs get two threads, the same rows, rounds, leaves,
bins and learning rate; the test AUROC and log loss are printed to show that the work was equal. Times include
binning, but not reading the table. Prints medians, and medians of the ratios galen/peer: below 1, Galen is faster.
"""
import argparse, json, os, statistics, subprocess, sys, tempfile, time

THREADS = 2
for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = str(THREADS)
os.environ["OMP_WAIT_POLICY"] = "passive"  # a peer that spins while it waits would lose most on a busy machine

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))


def table(rows, features, seed):
    """A risk that depends on thresholds, products and a smooth part, with noise and 5 % missing values in a third."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((features, rows))
    x[1::5] = np.exp(x[1::5])          # skewed, like laboratory values
    x[2::5] = np.round(x[2::5] * 3)    # few values, like scores
    x[3::10] = x[3::10] > 0.5          # yes or no
    m = (np.sin(x[0] * 2) + 0.8 * (x[1] > 1) * x[4] + 0.3 * x[2] * x[3] + 0.5 * x[5] * x[7]
         + 0.4 * np.abs(x[8]) - 0.3 * x[10 % features] + 0.2 * sum(x[5 * k % features] for k in range(3, 6)))
    y = (m + rng.logistic(size=rows) > 0.8).astype(float)
    for f in range(0, features, 3):
        x[f, rng.random(rows) < 0.05] = np.nan
    return x, y


def save(path, x, y):
    with open(path, "wb") as f:
        np.array([x.shape[1], x.shape[0]], dtype="<u4").tofile(f)
        y.astype("<f8").tofile(f)
        x.astype("<f8").tofile(f)


class Galen:
    def __init__(self, folder):
        self.folder = folder
        self.exe = os.path.join(folder, "treebench")
        subprocess.run(["go", "build", "-o", self.exe, "./cmd/treebench"], cwd=HERE, check=True)

    def run(self, task, **flags):
        args = [self.exe, "-task", task, "-train", self.folder + "/train", "-test", self.folder + "/test"]
        args += [f"-{k.replace('_', '-')}={v}" for k, v in flags.items()]
        env = dict(os.environ, GOMAXPROCS=str(THREADS))
        return json.loads(subprocess.run(args, env=env, check=True, capture_output=True).stdout)


def scores(p, y):
    from sklearn.metrics import log_loss, roc_auc_score
    return {"auroc": roc_auc_score(y, p), "log_loss": log_loss(y, np.clip(p, 1e-15, 1 - 1e-15))}


def compare(title, galen, peers, repeats):
    """Runs galen and the peers in turn and prints the medians."""
    runs = {name: [] for name in ["galen", *peers]}
    for _ in range(repeats):
        runs["galen"].append(galen())
        for name, f in peers.items():
            runs[name].append(f())
    print(f"\n{title}")
    for name, rs in runs.items():
        line = f"  {name:22s} {statistics.median(r['seconds'] for r in rs):9.4f} s"
        for key in ("auroc", "log_loss", "predict_seconds", "largest_difference_of_sum"):
            if key in rs[-1]:
                line += f"  {key} {rs[-1][key]:.6g}"
        if name != "galen":
            ratio = statistics.median(g["seconds"] / r["seconds"] for g, r in zip(runs["galen"], rs))
            line += f"  galen/{name} {ratio:.3f}"
        print(line, flush=True)


def timed(fit, predict, y):
    start = time.perf_counter()
    m = fit()
    seconds = time.perf_counter() - start
    start = time.perf_counter()
    p = predict(m)
    return {"seconds": seconds, "predict_seconds": time.perf_counter() - start, **scores(p, y)}


def boost(a, galen, x, y, tx, ty):
    import lightgbm as lgb, xgboost as xgb
    rows, test = np.ascontiguousarray(x.T), np.ascontiguousarray(tx.T)
    common = dict(learning_rate=0.1)

    def light():
        return timed(lambda: lgb.train(dict(objective="binary", num_leaves=31, max_bin=255, min_data_in_leaf=20, lambda_l2=0,
                                            num_threads=THREADS, verbose=-1, **common), lgb.Dataset(rows, y), a.rounds),
                     lambda m: m.predict(test, num_threads=THREADS), ty)

    def xg():
        return timed(lambda: xgb.train(dict(objective="binary:logistic", tree_method="hist", max_bin=255, max_leaves=31,
                                            max_depth=0, grow_policy="lossguide", reg_lambda=0, min_child_weight=1,
                                            nthread=THREADS, **common), xgb.QuantileDMatrix(rows, y, max_bin=255, nthread=THREADS), a.rounds),
                     lambda m: m.predict(xgb.DMatrix(test, nthread=THREADS)), ty)

    compare(f"boosting, {x.shape[1]:,} x {x.shape[0]}, {a.rounds} rounds of 31 leaves",
            lambda: galen.run("boost", rounds=a.rounds), {"lightgbm": light, "xgboost": xg}, a.repeats)


def forest(a, galen, x, y, tx, ty):
    from sklearn.ensemble import RandomForestClassifier
    rows, test = np.ascontiguousarray(x.T, dtype=np.float32), np.ascontiguousarray(tx.T, dtype=np.float32)

    def sk():
        return timed(lambda: RandomForestClassifier(100, n_jobs=THREADS, random_state=0).fit(rows, y),
                     lambda m: m.predict_proba(test)[:, 1], ty)

    compare(f"random forest, {x.shape[1]:,} x {x.shape[0]}, 100 full trees",
            lambda: galen.run("forest", rounds=100, min_leaf=1), {"scikit-learn": sk}, a.repeats)


def peer_model(x, y, rounds, leaves, depth):
    import lightgbm as lgb
    return lgb.train(dict(objective="binary", num_leaves=leaves, max_depth=depth, learning_rate=0.1, min_data_in_leaf=20,
                          num_threads=THREADS, verbose=-1), lgb.Dataset(np.ascontiguousarray(x.T), y), rounds)


def sums(phi, base, margin):
    return float(np.abs(phi.sum(1) + base - margin).max())


def shap_rows(a, galen, x, y, tx, ty):
    import shap, xgboost as xgb
    test = np.ascontiguousarray(tx.T)[: a.explain]
    m = peer_model(x, y, 500, 256, 8)
    margin = m.predict(test, raw_score=True)
    # shap hands LightGBM models to LightGBM's own code; XGBoost's go the same way. Its C extension is reached
    # through a tree ensemble of its own, which is built outside the time measured.
    explainer = shap.TreeExplainer(m)
    ensemble = explainer.model
    ensemble.original_model = None
    ensemble.model_type = "internal"
    explainer.model.model_type = "internal"

    def ext():
        start = time.perf_counter()
        phi = explainer.shap_values(test, check_additivity=False)
        phi = phi[1] if isinstance(phi, list) else phi
        s = time.perf_counter() - start
        base = np.ravel(explainer.expected_value)[-1]
        return {"seconds": s, "largest_difference_of_sum": sums(phi, base, margin)}

    def light():
        start = time.perf_counter()
        phi = m.predict(test, pred_contrib=True, num_threads=THREADS)
        return {"seconds": time.perf_counter() - start, "largest_difference_of_sum": sums(phi[:, :-1], phi[:, -1], margin)}

    bst = xgb.train(dict(objective="binary:logistic", max_depth=8, nthread=THREADS), xgb.DMatrix(x.T, y), 500)

    def xg():
        d = xgb.DMatrix(test, nthread=THREADS)
        start = time.perf_counter()
        bst.predict(d, pred_contribs=True)
        return {"seconds": time.perf_counter() - start}

    compare(f"TreeSHAP, {len(test):,} rows, 500 trees of depth 8",
            lambda: galen.run("shap", rounds=500, leaves=256, depth=8, explain=a.explain),
            {"shap (C)": ext, "lightgbm pred_contrib": light, "xgboost pred_contribs": xg}, a.repeats)


def background(a, galen, x, y, tx, ty):
    import shap
    test = np.ascontiguousarray(tx.T)
    rows, bg = test[:500], test[-100:]
    m = peer_model(x, y, 100, 31, 8)
    margin = m.predict(rows, raw_score=True)
    explainer = shap.TreeExplainer(m, bg, feature_perturbation="interventional")

    def ext():
        start = time.perf_counter()
        phi = explainer.shap_values(rows, check_additivity=False)
        phi = phi[1] if isinstance(phi, list) else phi
        s = time.perf_counter() - start
        return {"seconds": s, "largest_difference_of_sum": sums(phi, np.ravel(explainer.expected_value)[-1], margin)}

    compare("interventional TreeSHAP, 500 rows against 100, 100 trees of 31 leaves",
            lambda: galen.run("shap-background", rounds=100, leaves=31, depth=8, explain=500), {"shap (C)": ext}, a.repeats)


def single(a, galen, x, y, tx, ty):
    import shap
    test = np.ascontiguousarray(tx.T)
    m = peer_model(x, y, 300, 31, -1)
    explainer = shap.TreeExplainer(m)

    def peer(f):
        times = []
        for i in range(200):
            start = time.perf_counter()
            f(test[i : i + 1])
            times.append(time.perf_counter() - start)
        return {"seconds": statistics.median(times)}

    compare("prediction and explanation of one row, 300 trees of 31 leaves",
            lambda: galen.run("shap-single", rounds=300, explain=500),
            {"shap": lambda: peer(lambda r: (m.predict(r), explainer.shap_values(r))),
             "lightgbm pred_contrib": lambda: peer(lambda r: (m.predict(r), m.predict(r, pred_contrib=True)))}, a.repeats)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", nargs="?", default="all", choices=["boost", "forest", "shap", "background", "single", "all"])
    p.add_argument("--repeats", type=int, default=3)
    p.add_argument("--rows", type=int, default=1_000_000)
    p.add_argument("--rounds", type=int, default=100)
    p.add_argument("--explain", type=int, default=10_000)
    a = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        galen = Galen(folder)
        for name, rows, f in (("boost", a.rows, boost), ("forest", 100_000, forest), ("shap", 50_000, shap_rows),
                              ("background", 50_000, background), ("single", 50_000, single)):
            if a.what in (name, "all"):
                x, y = table(rows, 30, 1)
                tx, ty = table(100_000, 30, 2)
                save(folder + "/train", x, y)
                save(folder + "/test", tx, ty)
                f(a, galen, x, y, tx, ty)


if __name__ == "__main__":
    sys.exit(main())
