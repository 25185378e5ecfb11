"""Time to a first result, in a process of its own: `tables_first.py KIND [whole]`.

KIND is regressor, classifier or quantiles. Prints one JSON object: CPU seconds of the whole process up to the first
prediction; and with `whole` those of a second fit of another number of rows, what was compiled in it, and what
five-fold cross-validation of other tables compiled after its first fit.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

import numpy as np

warnings.simplefilter("ignore")
ROWS, OTHER_ROWS, COLUMNS = 500, 470, 10
TABLES = (450, 475, 500, 520)


def sample(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Friedman's first function with noise."""
    rng = np.random.default_rng(seed)
    X = rng.uniform(size=(rows, COLUMNS))
    f = 10 * np.sin(np.pi * X[:, 0] * X[:, 1]) + 20 * (X[:, 2] - 0.5) ** 2 + 10 * X[:, 3] + 5 * X[:, 4]
    return X, f + rng.normal(size=rows)


def fit_and_predict(kind: str, X, y, new):
    from ceteris import learners

    if kind == "classifier":
        return learners.NeuralClassifier(random_state=0).fit(X, (y > 14).astype(int)).predict_proba(new)
    if kind == "quantiles":
        levels = (0.05, 0.5, 0.95)
        return learners.NeuralQuantileRegressor(levels=levels, random_state=0).fit(X, y).predict_quantiles(new)
    return learners.NeuralRegressor(random_state=0).fit(X, y).predict(new)


def cross_validated(kind: str) -> list[str]:
    """What five folds of each of several tables compile, but for the very first fit and prediction."""
    from sklearn.model_selection import KFold

    from ceteris.testing import count_compilations

    def fold(X, y, train, test):
        fit_and_predict(kind, X[train], y[train], X[test])

    jobs = [
        (X, y, train, test)
        for seed, rows in enumerate(TABLES)
        for X, y in [sample(rows, seed)]
        for train, test in KFold(5, shuffle=True, random_state=0).split(X)
    ]
    fold(*jobs[0])
    with count_compilations() as compiled:
        for job in jobs[1:]:
            fold(*job)
    return compiled


def measure(kind: str, whole: bool) -> dict:
    X, y = sample(ROWS, 0)
    fit_and_predict(kind, X, y, X)
    first = time.process_time()
    if not whole:
        return {"first": first}
    from ceteris.testing import count_compilations

    X, y = sample(OTHER_ROWS, 1)
    with count_compilations() as compiled:
        start = time.process_time()
        fit_and_predict(kind, X, y, X)
        second = time.process_time() - start
    return {"first": first, "second": second, "compiled": compiled, "folds_compiled": cross_validated(kind)}


if __name__ == "__main__":
    kind, *more = sys.argv[1:]
    print(json.dumps(measure(kind, whole=more == ["whole"])))
