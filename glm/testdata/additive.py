"""Reference accuracies of InterpretML's explainable boosting machine and scikit-learn's logistic regression.

Stratified splits with 25 % test rows, seed 1337, default settings: three of heart_cleveland.arff (UCI, CC BY
4.0; read from the folder in GALEN_DATA) and the first of the Wisconsin breast cancer set (from the scikit-learn
package; UCI, CC BY 4.0), on which InterpretML takes five minutes and more a split. Writes additive.json (test
rows and scores) and cancer.csv.

Run: GALEN_DATA=... python additive.py   (interpret-core 0.7.8, scikit-learn 1.9.1; takes minutes)
"""
import csv, itertools, json, os, time, warnings
import numpy as np
from interpret.glassbox import ExplainableBoostingClassifier
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

warnings.filterwarnings("ignore")
here = os.path.dirname(os.path.abspath(__file__))


def heart():
    rows, kinds, data = [], [], False
    with open(os.path.join(os.environ["GALEN_DATA"], "diagnosis", "heart_cleveland.arff")) as f:
        for line in f:
            line = line.strip()
            if data and line and not line.startswith("%"):
                rows.append([v.strip().strip("'") for v in line.split(",")])
            elif line.lower().startswith("@data"):
                data = True
            elif line.lower().startswith("@attribute"):
                kinds.append("{" in line)
    y = np.array([int(r[-1] != "<50") for r in rows])
    X = np.array([[np.nan if v == "?" else (v if k else float(v)) for v, k in zip(r[:-1], kinds)] for r in rows], dtype=object)
    return X, y, kinds[:-1]


def linear(kinds):
    num = [i for i, k in enumerate(kinds) if not k]
    cat = [i for i, k in enumerate(kinds) if k]
    prep = make_column_transformer((make_pipeline(SimpleImputer(), StandardScaler()), num),
                                   (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")), cat))
    return make_pipeline(prep, LogisticRegression(max_iter=1000))


out = {}
cancer = load_breast_cancer()
with open(os.path.join(here, "cancer.csv"), "w") as f:
    w = csv.writer(f, lineterminator="\n")
    w.writerow([n.replace(" ", "_") for n in cancer.feature_names] + ["benign"])
    w.writerows([[repr(float(v)) for v in r] + [int(t)] for r, t in zip(cancer.data, cancer.target)])
for name, splits, (X, y, kinds) in (("heart", 3, heart()), ("cancer", 1, (cancer.data, cancer.target, [False] * 30))):
    res = []
    for tr, te in itertools.islice(StratifiedShuffleSplit(3, test_size=0.25, random_state=1337).split(X, y), splits):
        e = {"test": sorted(te.tolist())}
        te = np.array(e["test"])
        models = (("logistic", linear(kinds)),
                  ("ebm", ExplainableBoostingClassifier(random_state=1337, feature_types=["nominal" if k else "continuous" for k in kinds], n_jobs=1)))
        for mname, m in models:
            t = time.time()
            m.fit(X[tr], y[tr])
            p = m.predict_proba(X[te])[:, 1]
            e[mname] = {"auroc": roc_auc_score(y[te], p), "logloss": log_loss(y[te], p)}
            print(name, mname, e[mname], round(time.time() - t, 1), flush=True)
        res.append(e)
    out[name] = res
    with open(os.path.join(here, "additive.json"), "w") as f:
        json.dump(out, f, indent=1)
