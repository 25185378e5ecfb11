"""Imputers, and what is said of holes."""

import functools
from typing import Any

import numpy as np
import pandas as pd

from ceteris.data.missing import simulate_regression
from ceteris.impute import (
    MIDAS,
    Adversarial,
    Chained,
    HotDeck,
    Imputer,
    Iterative,
    MeanMode,
    OverImputation,
    little_test,
    missingness_report,
    overimpute,
    pool_regression,
)
from ceteris.impute.little import Little
from ceteris.impute.missingness import Missingness
from ceteris.results import JointTest
from door.case import Case

SETTINGS: dict[type, dict[str, Any]] = {
    MeanMode: {},
    HotDeck: {},
    Iterative: {"iterations": 2},
    Chained: {"iterations": 1},
    MIDAS: {"widths": (8,), "epochs": 1},
    Adversarial: {"widths": (8,), "epochs": 1},
    Imputer: {"members": 2, "width": 8, "depth": 1, "epochs": 1},
}


@functools.cache
def survey() -> pd.DataFrame:
    """Quantities, a label and an ordered one, each with holes, and rows by name."""
    table, rng = simulate_regression(60).round(2), np.random.default_rng(0)
    table["town"] = pd.Categorical(rng.choice(["a", "b", "c"], 60))
    table["owner"] = pd.array(rng.random(60) < 0.5, dtype="boolean")
    for name in ("town", "owner"):
        table.loc[rng.random(60) < 0.2, name] = None
    return table.set_axis([f"row {i}" for i in range(60)])


def imputer(kind: type) -> Case:
    make = lambda: kind(**SETTINGS[kind], random_state=0).fit(survey())
    return Case(make, lambda fitted: [*fitted.sample(2), fitted.transform(survey().iloc[:9])])


def pooled() -> Any:
    tables = HotDeck(random_state=0).fit(survey()).sample(3)
    return pool_regression(tables, y="y", x=["x", "town"], tests="x = 0")


CASES = {kind: imputer(kind) for kind in SETTINGS} | {
    OverImputation: Case(
        lambda: overimpute(HotDeck(random_state=0), survey(), m=4), lambda over: [over.scores, over.cells]
    ),
    Missingness: Case(lambda: missingness_report(survey()), lambda it: [it.text, it.shares, it.little.p_value]),
    JointTest: Case(
        lambda: pooled().test("town = 0", "D3"), lambda test: [test.p_value, test.dof, test.point], figures=False
    ),
    Little: Case(lambda: little_test(survey()), lambda test: [test.statistic, test.p_value], figures=False),
}
