"""Every estimator with a learner in every role, by introspection: whether it takes what scikit-learn offers.

An estimator is a class of the public modules that has ``fit``, a role a field of it that may hold anything and is not
in `OTHERS`. A new estimator is covered by itself; a new field that is no learner is named in `OTHERS`, and one that
asks for data of a new kind in `DATA`.

`rows` makes the table: one line for each estimator, role and learner.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import warnings
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Any

import numpy as np
from sklearn import ensemble
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from ceteris.causal.heterogeneity import TreeSettings
from ceteris.causal.riesz import AverageEffect
from ceteris.causal.structural import linear
from ceteris.training import Net

MODULES = ("ceteris.causal", "ceteris.causal.heterogeneity", "ceteris.causal.policy")
OTHERS = {"folds", "at", "combinations", "start", "functional", "dictionary"}  # fields that hold anything but learners
TREES: dict[str, Any] = {"n_estimators": 3, "random_state": 0}
OLS, LOGIT = LinearRegression(), LogisticRegression()
LEAF: dict[str, Any] = {"max_depth": 2, "random_state": 0}

LEARNERS = {  # regressor, classifier; an ensemble of scikit-learn has no length, hence no truth, before it is fitted
    "forest": (ensemble.RandomForestRegressor(**TREES), ensemble.RandomForestClassifier(**TREES)),
    "extra trees": (ensemble.ExtraTreesRegressor(**TREES), ensemble.ExtraTreesClassifier(**TREES)),
    "bagging": (ensemble.BaggingRegressor(OLS, **TREES), ensemble.BaggingClassifier(LOGIT, **TREES)),
    "boosting": (ensemble.GradientBoostingRegressor(**TREES), ensemble.GradientBoostingClassifier(**TREES)),
    "voting": (
        ensemble.VotingRegressor([("a", OLS), ("b", DecisionTreeRegressor(**LEAF))]),
        ensemble.VotingClassifier([("a", LOGIT), ("b", DecisionTreeClassifier(**LEAF))], voting="soft"),
    ),
    "pipeline": (make_pipeline(StandardScaler(), OLS), make_pipeline(StandardScaler(), LOGIT)),
}

N = 120
_RNG = np.random.default_rng(0)
_X = _RNG.normal(size=(N, 2))
_Z = (_RNG.random(N) < 0.5).astype(float)
_D = np.where(_RNG.random(N) < 0.7, _Z, 1 - _Z)
_Y = _D + _X[:, 0] + _RNG.normal(size=N)
_GROUP = np.where(np.arange(N) // 2 % 2, 2.0, 0.0)
DATA: dict[str, Any] = {"y": _Y, "d": _D, "x": _X, "z": _Z, "scores": _Y, "group": _GROUP,
                        "unit": np.arange(N) // 2, "time": 1.0 + np.arange(N) % 2, "strata": np.arange(N) % 2,
                        "cluster": np.arange(N) // 2}  # fmt: skip
SETTINGS: dict[str, dict[str, Any]] = {  # what an estimator needs besides, or without which a role is not used
    "PartiallyLinear": {"score": "IV-type"},
    "PartiallyLinearIV": {"score": "IV-type"},
    "AutomaticDebiasing": {"functional": AverageEffect()},
    "SeriesEffects": {"along": ["x0"]},
    "StructuredEffects": {"structure": linear(1), "net": Net(members=1, epochs=2)},
}


def estimators() -> Iterator[type]:
    """Yield the public classes with ``fit`` that are dataclasses."""
    for name in MODULES:
        module = importlib.import_module(name)
        for one in (getattr(module, word) for word in module.__all__):
            if inspect.isclass(one) and hasattr(one, "fit") and dataclasses.is_dataclass(one):
                yield one


def roles(estimator: type) -> list[str]:
    """Fields that hold learners."""
    return [f.name for f in dataclasses.fields(estimator) if str(f.type) == "Any" and f.name not in OTHERS]


def pairs() -> list[tuple[type, str]]:
    """Estimators with each of their roles."""
    return [(one, role) for one in estimators() for role in roles(one)]


def fit(estimator: type, **learners: Any) -> Any:
    """Fit on a small sample, two folds and few trees where these are settings."""
    names = {f.name for f in dataclasses.fields(estimator)}
    quick: dict[str, Any] = {"folds": 2, "growth": TreeSettings(trees=20), "least": 5}
    settings = {key: value for key, value in quick.items() if key in names} | SETTINGS.get(estimator.__name__, {})
    asked = inspect.signature(estimator.fit).parameters  # pyright: ignore[reportAttributeAccessIssue]
    data = {name: DATA[name] for name, p in asked.items() if p.default is inspect.Parameter.empty and name in DATA}
    data |= {"x": DATA["x"]} if "x" in asked else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator(**settings, **learners).fit(**data)


def simple(estimator: type) -> dict[str, Any]:
    """A linear learner for each role, of the kind that the role asks for: the first mixture that can be fitted."""
    refusals = []
    for kinds in product((OLS, LOGIT), repeat=len(roles(estimator))):
        found = dict(zip(roles(estimator), kinds, strict=True))
        try:
            fit(estimator, **found)
        except (TypeError, ValueError) as error:
            refusals.append(str(error))
            continue
        return found
    raise AssertionError(f"{estimator.__name__} takes neither regressor nor classifier: {refusals}")


def rows(among: Iterable[type] | None = None) -> Iterator[dict[str, str]]:
    """Yield the table: estimator, role, learner, and "ok" or what went wrong."""
    for estimator in estimators() if among is None else among:
        others = simple(estimator) if roles(estimator) else {}
        for role, kind in others.items():
            for name, learners in LEARNERS.items():
                verdict = "ok"
                try:
                    fit(estimator, **{**others, role: learners[kind is LOGIT]})
                except Exception as error:  # the table says which
                    verdict = f"{type(error).__name__}: {error}"
                yield {"estimator": estimator.__name__, "role": role, "learner": name, "result": verdict}


if __name__ == "__main__":
    for line in rows():
        print("  ".join(line.values()))
