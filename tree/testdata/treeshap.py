"""Writes treeshap.json: trees of scikit-learn models, rows, and the Shapley values that shap finds for them.

Run with numpy, scikit-learn and shap. The models are float64 throughout, so values can be compared to 1e-9;
shap keeps rows, thresholds and, for backgrounds, leaf values in float32, so all three are rounded to numbers that
float32 holds exactly. For backgrounds it keeps Shapley's weights in float32 too, which are exact (1 and 1/2) for
trees of depth 2 alone: deeper ones are off by some 1e-8 in shap itself.
"""
import json, os

import numpy as np
import shap
from sklearn.ensemble import GradientBoostingClassifier, GradientBoostingRegressor, RandomForestClassifier

rng = np.random.default_rng(7)
rows, features = 300, 7
x = np.round(rng.standard_normal((rows, features)) * 16) / 16
signal = x[:, 0] + x[:, 1] * x[:, 2] + np.sin(3 * x[:, 3])
y2 = (signal > 0).astype(int)
y3 = np.digitize(signal, [-0.7, 0.7])
test, back = x[:12], x[100:140]


def coarse(trees, shares=False):
    """Rounds leaf values in place, to multiples that float32 holds exactly; shares go on adding up to 1."""
    for t in trees:
        v = t.tree_.value
        v[:] = np.round(v * 2**16) / 2**16
        if shares:
            v[:, 0, -1] = 1 - v[:, 0, :-1].sum(1)


def export(tree, values):
    return {"left": tree.children_left.tolist(), "right": tree.children_right.tolist(),
            "feature": tree.feature.tolist(), "threshold": tree.threshold.tolist(),
            "cover": tree.weighted_n_node_samples.tolist(), "value": [np.ravel(v).tolist() for v in values]}


def case(name, model, trees, outputs, base):
    """Shapley values as [row][output][feature]."""
    out = {"name": name, "outputs": outputs, "base": base, "trees": trees}
    for kind, ex in (("path", shap.TreeExplainer(model)),
                     ("background", shap.TreeExplainer(model, back, feature_perturbation="interventional"))):
        phi = np.asarray(ex.shap_values(test, check_additivity=False))
        if phi.ndim == 2:
            phi = phi[:, :, None]
        e = np.ravel(ex.expected_value)
        keep = range(phi.shape[2]) if outputs > 1 else [phi.shape[2] - 1]
        out[kind] = {"phi": phi.transpose(0, 2, 1)[:, list(keep)].tolist(), "base": [float(e[k]) for k in keep]}
    return out


def main():
    cases = []
    m = GradientBoostingRegressor(n_estimators=15, max_depth=5, learning_rate=0.25, random_state=0).fit(x, signal)
    coarse(m.estimators_[:, 0])
    cases.append(case("gradient boosting, regression", m,
                      [export(t.tree_, t.tree_.value * m.learning_rate) for t in m.estimators_[:, 0]], 1, [float(m.init_.constant_.item())]))
    m = GradientBoostingRegressor(n_estimators=40, max_depth=2, learning_rate=0.25, random_state=0).fit(x, signal)
    coarse(m.estimators_[:, 0])
    cases.append(case("shallow gradient boosting", m,
                      [export(t.tree_, t.tree_.value * m.learning_rate) for t in m.estimators_[:, 0]], 1, [float(m.init_.constant_.item())]))
    m = GradientBoostingClassifier(n_estimators=15, max_depth=6, learning_rate=0.25, random_state=0).fit(x, y2)
    coarse(m.estimators_[:, 0])
    p = y2.mean()
    cases.append(case("gradient boosting, two classes", m,
                      [export(t.tree_, t.tree_.value * m.learning_rate) for t in m.estimators_[:, 0]], 1, [float(np.log(p / (1 - p)))]))
    for name, y in (("two", y2), ("three", y3)):
        m = RandomForestClassifier(8, random_state=0).fit(x, y)
        coarse(m.estimators_, shares=True)
        k = len(m.classes_)
        trees = []
        for e in m.estimators_:
            v = e.tree_.value[:, 0, :]
            v = v / v.sum(1, keepdims=True) / len(m.estimators_)
            trees.append(export(e.tree_, v if k > 2 else v[:, 1:]))
        cases.append(case(f"random forest, {name} classes", m, trees, k if k > 2 else 1, [0.0] * (k if k > 2 else 1)))
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "treeshap.json")
    with open(path, "w") as f:
        json.dump({"shap": shap.__version__, "rows": test.tolist(), "background": back.tolist(), "cases": cases}, f,
                  separators=(",", ":"))


if __name__ == "__main__":
    main()
