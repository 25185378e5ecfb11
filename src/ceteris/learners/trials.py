"""One learner on its way through a comparison: fitted and judged on the folds, refitted, tested."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from ceteris.learners.classical import takes_weights
from ceteris.learners.metrics import (
    Measures,
    bootstrap,
    classification_measures,
    regression_measures,
    summarise,
)
from ceteris.learners.splits import Folds, TableRows

CRITERION = {"regression": "r2", "classification": "log_loss"}


class Contest(NamedTuple):
    """What every learner is judged by; `classes` is None in a regression."""

    task: str
    classes: np.ndarray | None
    positive: Any
    seed: int

    @property
    def criterion(self) -> str:
        return CRITERION[self.task]


class Predictions(NamedTuple):
    """Predictions (n,) and, of classes, probabilities (n, K)."""

    value: np.ndarray
    probability: np.ndarray | None


@dataclass
class Trial:
    """One learner on its way through the workflow; None is what it has not got to.

    `folds` are its measures on each fold, `held` what it predicted there.
    """

    model: Any
    folds: pd.DataFrame | None = None
    held: list[Predictions] = field(default_factory=list)
    fitted: Any = None
    seconds: float = np.nan
    predicted: Predictions | None = None
    judged: pd.DataFrame | None = None
    draws: Any = None
    failed: bool = False
    notes: list[str] = field(default_factory=list)

    @property
    def status(self) -> str:
        """One of 'ok', 'warned' and 'failed'."""
        warned = any(note.startswith("Warned") for note in self.notes)
        return "failed" if self.failed else "warned" if warned else "ok"


def learn(model: Any, contest: Contest, train: TableRows, folds: Folds) -> Trial:
    """Steps 2 and 4 for one learner."""
    trial = Trial(model)
    trial.folds = _attempt(trial, lambda: _cross_validate(trial, contest, train, folds))
    start = time.perf_counter()
    trial.fitted = _attempt(trial, lambda: _fit(model, train))
    trial.seconds = time.perf_counter() - start if trial.fitted is not None else np.nan
    if train.weight is not None and not takes_weights(model):
        trial.notes.append("Fitted without the sample weights, which it does not take.")
    return trial


def judge(trial: Trial, contest: Contest, test: TableRows) -> None:
    """Step 5 for one learner. Equal seeds draw equal resamples, so that learners can be compared in pairs."""
    if trial.failed:
        return
    predicted = _attempt(trial, lambda: _predict(trial.fitted, contest, test))
    if predicted is None:
        return
    measures = lambda weight: measure(contest, test.y, predicted, weight)
    rng = np.random.default_rng(contest.seed)
    draws = bootstrap(measures, len(test), rng, weight=test.weight, cluster=test.group)
    judged = summarise(measures(test.weight), draws)
    trial.predicted, trial.draws, trial.judged = predicted, draws[contest.criterion], judged
    for note, measured in judged.groupby("note", sort=False):
        if note:
            names = ", ".join(measured.index)
            trial.notes.append(f"On the test part {names} {'is' if len(measured) == 1 else 'are'} {note}.")


def _cross_validate(trial: Trial, contest: Contest, train: TableRows, folds: Folds) -> pd.DataFrame:
    """Return the measures on each validation fold, shape (folds, measures), and keep what was predicted there."""
    measured = []
    for a, b in folds:
        valid = train.take(b)
        trial.held.append(_predict(_fit(trial.model, train.take(a)), contest, valid))
        measured.append(measure(contest, valid.y, trial.held[-1], valid.weight))
    return pd.DataFrame(measured).astype(float)


def _fit(model: Any, rows: TableRows) -> Any:
    model = clone(model)
    if rows.weight is None or not takes_weights(model):
        return model.fit(rows.X, rows.y)
    name = f"{model.steps[-1][0]}__sample_weight" if isinstance(model, Pipeline) else "sample_weight"
    return model.fit(rows.X, rows.y, **{name: rows.weight})


def _predict(model: Any, contest: Contest, rows: TableRows) -> Predictions:
    value = np.asarray(model.predict(rows.X))
    if contest.classes is None:
        if not np.isfinite(value).all():
            raise ValueError(f"{np.sum(~np.isfinite(value))} of {len(value)} predictions are NaN or infinite")
        return Predictions(value.reshape(len(rows)), None)
    probability = probabilities(model, contest.classes, rows.X)
    if not np.isfinite(probability).all():
        raise ValueError("some predicted probabilities are NaN or infinite")
    return Predictions(value, probability)


def probabilities(model: Any, classes: np.ndarray | None, X: Any) -> np.ndarray:
    """Return a classifier's probabilities, a column for each of the classes (n, K): zero for one it does not know."""
    known, place = np.asarray(classes), np.searchsorted(np.asarray(classes), model.classes_)
    given = np.asarray(model.predict_proba(X))
    probability = np.zeros((len(given), len(known)))
    probability[:, place] = given
    return probability


def measure(contest: Contest, y: np.ndarray, predicted: Predictions, weight: np.ndarray | None) -> Measures:
    """Return all measures of predictions, by name."""
    if predicted.probability is None or contest.classes is None:
        return regression_measures(y, predicted.value, weight)
    return classification_measures(y, predicted.value, predicted.probability, contest.classes, contest.positive, weight)


def _attempt(trial: Trial, work: Callable[[], Any]) -> Any:
    """Do the work unless the learner has failed; what it raises or warns of goes to the notes."""
    if trial.failed:
        return None
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            return work()
        except Exception as error:  # whatever a learner raises is its own failure, not the comparison's
            trial.failed = True
            trial.notes.append(f"Failed: {_sentence(error)}")
        finally:
            told = {f"Warned: {_sentence(one.message)}": None for one in caught}
            trial.notes += [note for note in told if note not in trial.notes]
    return None


def _sentence(message: Any) -> str:
    """The first line of a message, or the name of an error without one, as a sentence."""
    first = (str(message).strip().splitlines() or [type(message).__name__])[0].strip()
    return first if first.endswith(".") else f"{first}."
