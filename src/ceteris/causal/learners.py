"""The learners that estimators use when none are given, and boosted trees that stop by themselves.

A nuisance that is fitted badly, or too well, biases what is built on it: intervals of 95 % from boosting with fixed
settings are known to cover 64 to 90 %. So every learner here chooses its own complexity, and does so within the
training fold it is given. The default is additive and smooth (see ``additive``): quick, and at its best in samples of
hundreds to tens of thousands of rows. Where covariates interact strongly, ``boosted_regressor`` and
``boosted_classifier`` are better.
"""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np


def default_regressor() -> Any:
    """Additive smooth regression, penalties by generalised cross-validation."""
    from ceteris.causal.additive import AdditiveRegressor

    return AdditiveRegressor()


def default_classifier() -> Any:
    """Additive smooth logistic regression, penalties by the unbiased risk estimate."""
    from ceteris.causal.additive import AdditiveClassifier

    return AdditiveClassifier()


def default_for(y: np.ndarray | None) -> Any:
    """Return the default classifier for zeros and ones, else the default regressor."""
    binary = y is not None and bool(np.isin(y, (0, 1)).all())
    return default_classifier() if binary else default_regressor()


def given(learner: Any, default: Any) -> Any:
    """Return the learner, or the default where there is none; an unfitted ensemble of scikit-learn has no truth value.

    Examples
    --------
    >>> given(None, "the default")
    'the default'
    """
    return default if learner is None else learner


def weights_argument(role: str, learner: Any) -> str:
    """Name of the argument of ``fit`` that takes weights of rows: of a pipeline, that of its last step.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> weights_argument("final", make_pipeline(LinearRegression()))
    'linearregression__sample_weight'
    """
    steps = getattr(learner, "steps", None)
    name, last = steps[-1] if steps else ("", learner)
    taken = {} if isinstance(learner, type) else inspect.signature(last.fit).parameters
    if "sample_weight" not in taken and all(p.kind is not inspect.Parameter.VAR_KEYWORD for p in taken.values()):
        raise TypeError(
            f"{role} is {learner!r}, but must take sample_weight in fit; give an estimator of scikit-learn that "
            "does, such as a linear one, a forest, or a pipeline that ends with one."
        )
    return f"{name}__sample_weight" if steps else "sample_weight"


def boosted_regressor(seed: int = 0, **settings: Any) -> Any:
    """Boosted trees of scikit-learn that stop when a tenth of the training fold, held out, stops getting better.

    Examples
    --------
    >>> boosted_regressor().early_stopping
    True
    """
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(**{**_STOPPED, "random_state": seed, **settings})


def boosted_classifier(seed: int = 0, **settings: Any) -> Any:
    """Return boosted trees for probabilities, set as in ``boosted_regressor``."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(**{**_STOPPED, "random_state": seed, **settings})


_STOPPED = {
    "learning_rate": 0.05,
    "max_iter": 1000,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 20,
    "early_stopping": True,
    "n_iter_no_change": 20,
}
