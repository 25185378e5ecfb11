"""Learners and their comparison."""

from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from ceteris.learners import (
    Comparison,
    Explanation,
    Fairness,
    NeuralClassifier,
    NeuralQuantileRegressor,
    NeuralRegressor,
    compare,
    fairness,
)
from door.case import Case

TINY: dict[str, Any] = {"members": 2, "epochs": 4, "widths": (4,), "weight_decay": 0.1, "random_state": 0}


@cache
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame({"x": rng.normal(size=60), "word": 20 * ["a", "b", "c"]})


def compared() -> Comparison:
    X = table()
    return compare(X, np.where(X["x"] > 0, "yes", "no"), learners=["k-NN", "tree"], blend=True)


CASES = {
    NeuralRegressor: Case(
        lambda: NeuralRegressor(**TINY).fit(table(), table()["x"]), lambda net: net.predict(table(), return_std=True)
    ),
    NeuralClassifier: Case(
        lambda: NeuralClassifier(**TINY).fit(table(), table()["word"]), lambda net: net.predict_proba(table())
    ),
    NeuralQuantileRegressor: Case(
        lambda: NeuralQuantileRegressor(**TINY).fit(table(), table()["x"]),
        lambda net: net.predict_quantiles(table()),
    ),
    Comparison: Case(
        compared, lambda c: [c.table, *(c.fitted[name].predict_proba(table()) for name in ("tree", "k-NN", "blend"))]
    ),
    Explanation: Case(
        lambda: compared().explain(), lambda e: [e.importance, *e.accumulated.values(), *e.curves.values()]
    ),
    Fairness: Case(lambda: fairness(table()["x"], np.zeros(60), table()["word"]), lambda f: [f.table, f.gaps]),
}
