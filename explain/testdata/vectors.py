"""Writes vectors.json: what scikit-learn and shap say about a fixed polynomial. Run with scikit-learn 1.9, shap."""
import json
import pathlib

import numpy as np
import shap
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.inspection import partial_dependence, permutation_importance


def f(X):
    return 2 * X[:, 0] - X[:, 1] * X[:, 2] + 0.5 * X[:, 3] ** 2 + X[:, 0] * X[:, 3] * X[:, 4] - 3


class Fixed(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X):
        return f(np.asarray(X))


rng = np.random.default_rng(11)
n, p, repeats = 40, 5, 4
X = np.round(rng.normal(size=(n, p)), 3)
X[:, 2] = rng.integers(0, 4, n)
y = np.round(f(X) + rng.normal(size=n), 3)
model = Fixed().fit(X, y)

result = permutation_importance(model, X, y, scoring="neg_mean_squared_error", n_repeats=repeats, random_state=5)
# scikit-learn shuffles one column again and again from one seed for all columns: draw the same orders once more.
seed = np.random.RandomState(5).randint(np.iinfo(np.int32).max + 1)
state, order, index, orders = np.random.RandomState(seed), np.arange(n), np.arange(n), []
for _ in range(repeats):
    state.shuffle(index)
    order = order[index]
    orders.append(order.tolist())
base = -np.mean((y - f(X)) ** 2)
for j in range(p):
    for r in range(repeats):
        Z = X.copy()
        Z[:, j] = X[orders[r], j]
        assert abs(base + np.mean((y - f(Z)) ** 2) - result.importances[j, r]) < 1e-12

dependence = []
for j in range(p):
    d = partial_dependence(model, X, [j], kind="both", method="brute", grid_resolution=10)
    dependence.append({
        "grid": d["grid_values"][0].tolist(), "mean": d["average"][0].tolist(), "ice": d["individual"][0][:3].tolist(),
    })

background = X[:15]
values = shap.ExactExplainer(f, shap.maskers.Independent(background, max_samples=100))(X[30:34])

out = {
    "x": X.T.tolist(), "y": y.tolist(), "orders": orders,
    "permutation": result.importances_mean.tolist(), "dependence": dependence,
    "shapley": values.values.tolist(), "base": float(np.mean(f(background))),
}
pathlib.Path(__file__).with_suffix(".json").write_text(json.dumps(out))
