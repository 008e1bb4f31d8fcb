#!/usr/bin/env python3
"""The studies of diagnosis/risk beside scikit-learn and XGBoost, on the same splits.

Usage: risk.py [--galen PROGRAM] [--repeats N] [--model NAME] [STUDY ...]

Runs each ready study with N repeated splits, reads the splits that the run left, fits the peers to the same
training rows and prints the mean test AUROC of all, with its standard deviation over splits. Needs numpy,
pandas, scikit-learn and xgboost.
"""
import argparse, csv, json, pathlib, subprocess, tempfile
import numpy as np, pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier


def dense():
    return make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()), make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude=np.number)))


def as_is():
    return make_column_transformer(
        ("passthrough", make_column_selector(dtype_include=np.number)),
        (OneHotEncoder(handle_unknown="ignore", sparse_output=False), make_column_selector(dtype_exclude=np.number)))


PEERS = {
    "scikit-learn logistic": lambda: make_pipeline(dense(), LogisticRegression(max_iter=5000)),
    "scikit-learn forest": lambda: make_pipeline(dense(), RandomForestClassifier(500, random_state=0, n_jobs=2)),
    "scikit-learn boosting": lambda: make_pipeline(as_is(), HistGradientBoostingClassifier(random_state=0)),
    "XGBoost": lambda: make_pipeline(dense(), XGBClassifier(n_jobs=2)),
}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--galen", default="galen")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--model", default="auto")
    parser.add_argument("studies", nargs="*", default=["wdbc", "heart_cleveland"])
    args = parser.parse_args()
    for study in args.studies:
        with tempfile.TemporaryDirectory() as store:
            out = subprocess.run([args.galen, "run", study, "--repeats", str(args.repeats), "--seed", str(args.seed), "--model", args.model, "--bootstrap", "100", "--store", store, "--json", "-q"],
                                 check=True, capture_output=True, text=True).stdout
            compare(study, pathlib.Path(json.loads(out)["folder"]))


def compare(study, run):
    table = pd.read_parquet(run / "preprocess/prepared.parquet")
    cohort = json.load(open(run / "preprocess/cohort.json"))
    plan = json.load(open(run / "preprocess/plan.json"))
    splits = json.load(open(run / "preprocess/splits.json"))
    y = np.array(cohort["y"])
    X = table[[c["name"] for c in plan["columns"]]].copy()
    for c in plan["columns"]:
        if c["kind"] == "category":
            X[c["name"]] = X[c["name"]].astype(object).where(X[c["name"]].notna(), "missing").astype(str)
        else:
            X[c["name"]] = pd.to_numeric(X[c["name"]])
    rows = {"Galen": []}
    predicted = list(csv.DictReader(open(run / "evaluate/predictions.csv")))
    event = list(predicted[0])[6]
    for k in range(splits["repeats"]):
        part = [r for r in predicted if r["repeat"] == str(k)]
        rows["Galen"].append(scores([f"p({r['outcome']})" == event for r in part], [float(r[event]) for r in part]))
    for name, make in PEERS.items():
        rows[name] = []
        for p in splits["parts"]:
            model = make().fit(X.iloc[p["train"]], y[p["train"]])
            rows[name].append(scores(y[p["test"]], model.predict_proba(X.iloc[p["test"]])[:, 1]))
    print(f"{study}: {splits['repeats']} splits, {len(splits['parts'][0]['train'])} training and {len(splits['parts'][0]['test'])} test cases")
    print(f"  {'':24}{'AUROC':>8} {'sd':>6} {'Brier':>8} {'log loss':>9}")
    for name, r in rows.items():
        r = np.array(r)
        print(f"  {name:24}{r[:, 0].mean():8.4f} {r[:, 0].std(ddof=1):6.4f} {r[:, 1].mean():8.4f} {r[:, 2].mean():9.4f}", flush=True)


def scores(y, p):
    return roc_auc_score(y, p), brier_score_loss(y, p), log_loss(y, p)


if __name__ == "__main__":
    main()
