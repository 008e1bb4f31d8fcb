"""Writes peers.json: what scikit-learn, XGBoost and LightGBM reach with their defaults on public tables, for
stratified splits that are stored with it.

Run with numpy, scikit-learn, xgboost and lightgbm; GALEN_DATA names the folder with diagnosis/heart_cleveland.arff,
of which only row numbers and scores are stored. Breast cancer (Wisconsin, UCI, CC BY 4.0) and diabetes (Efron
et al. 2004) come with scikit-learn and are stored whole.
"""
import csv, json, os, re

import numpy as np
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine
from sklearn.ensemble import (HistGradientBoostingClassifier, HistGradientBoostingRegressor, RandomForestClassifier,
                              RandomForestRegressor)
from sklearn.metrics import log_loss, mean_squared_error, roc_auc_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from xgboost import XGBClassifier, XGBRegressor


def heart():
    """Columns in the file's order; nominal ones as indices into the levels that the header declares."""
    levels, rows, data = [], [], False
    for line in open(os.path.join(os.environ["GALEN_DATA"], "diagnosis", "heart_cleveland.arff")):
        if line.lower().startswith("@attribute"):
            m = re.search(r"\{(.*)\}", line)
            levels.append([v.strip(" '") for v in m.group(1).split(",")] if m else None)
        elif line.lower().startswith("@data"):
            data = True
        elif data and line.strip() and not line.startswith("%"):
            cells = [c.strip(" '") for c in next(csv.reader([line]))]
            rows.append([np.nan if c == "?" else float(c) if v is None else v.index(c) for c, v in zip(cells, levels)])
    a = np.array(rows)
    return a[:, :-1], a[:, -1].astype(int)


def score(y, p, classes):
    if classes == 0:
        return {"loss": mean_squared_error(y, p)}
    if classes == 2:
        return {"auroc": roc_auc_score(y, p[:, 1]), "loss": log_loss(y, p)}
    return {"loss": log_loss(y, p, labels=range(classes))}


def main():
    sets = {"breast cancer": (*load_breast_cancer(return_X_y=True), 2), "diabetes": (*load_diabetes(return_X_y=True), 0),
            "wine": (*load_wine(return_X_y=True), 3), "heart": (*heart(), 2)}
    out = {}
    for name, (x, y, classes) in sets.items():
        split = (StratifiedShuffleSplit if classes else ShuffleSplit)(10, test_size=0.25, random_state=0)
        tests = [t.tolist() for _, t in split.split(x, y)]
        c = classes > 0
        peers = {
            "forest": {"scikit-learn": lambda s: (RandomForestClassifier if c else RandomForestRegressor)(300, n_jobs=1, random_state=s)},
            "boost": {
                "scikit-learn": lambda s: (HistGradientBoostingClassifier if c else HistGradientBoostingRegressor)(random_state=s),
                "xgboost": lambda s: (XGBClassifier if c else XGBRegressor)(n_jobs=1, random_state=s),
                "lightgbm": lambda s: (LGBMClassifier if c else LGBMRegressor)(n_jobs=1, random_state=s, verbose=-1)}}
        result = {}
        for family, models in peers.items():
            for peer, make in models.items():
                scores = []
                for s, test in enumerate(tests):
                    train = np.setdiff1d(np.arange(len(y)), test)
                    m = make(s).fit(x[train], y[train])
                    scores.append(score(y[test], m.predict_proba(x[test]) if c else m.predict(x[test]), classes))
                result.setdefault(family, {})[peer] = {k: float(np.mean([v[k] for v in scores])) for k in scores[0]}
        out[name] = {"classes": classes, "tests": tests, "peers": result}
        if name != "heart":
            out[name] |= {"x": x.T.tolist(), "y": y.tolist()}
        print(name, result)
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "peers.json")
    with open(path, "w") as f:
        json.dump(out, f, separators=(",", ":"))


if __name__ == "__main__":
    main()
