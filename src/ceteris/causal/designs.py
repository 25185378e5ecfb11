"""From a question and a table to estimates: the one asked for first, and what it is to be compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import one_of
from ceteris.causal.estimators.balancing import EntropyBalancing
from ceteris.causal.estimators.difference_in_differences import DifferenceInDifferences
from ceteris.causal.estimators.group_time import GroupTimeEffects
from ceteris.causal.estimators.interactive import Interactive
from ceteris.causal.estimators.interactive_iv import InteractiveIV
from ceteris.causal.estimators.matching import NearestNeighbours
from ceteris.causal.estimators.partially_linear import PartiallyLinear
from ceteris.causal.estimators.partially_linear_iv import PartiallyLinearIV
from ceteris.causal.estimators.randomised import DifferenceInMeans, Stratified
from ceteris.causal.estimators.regression import InteractedRegression, RegressionAdjustment
from ceteris.causal.estimators.weighting import InverseProbabilityWeighting
from ceteris.causal.question import DESIGNS, Question
from ceteris.results import Estimate

UNADJUSTED, REGRESSED = "No adjustment", "Regression on the same covariates"
ONE_BY_ONE = {
    "partially-linear": PartiallyLinear,
    "interactive": Interactive,
    "regression": RegressionAdjustment,
    "matching": NearestNeighbours,
    "weighting": InverseProbabilityWeighting,
    "balancing": EntropyBalancing,
}


@dataclass(frozen=True)
class Way:
    """An estimator, with its settings in place, and the columns it takes by their roles."""

    estimator: Any
    roles: Mapping[str, Any]

    def fit(self, frame: pd.DataFrame) -> Estimate:
        """Estimate."""
        return self.estimator.fit(frame, **{role: column for role, column in self.roles.items() if column})


def ways(question: Question, design: str, frame: pd.DataFrame, x: tuple[str, ...], seed: int) -> dict[str, Way]:
    """Return the estimator that answers, and after it those to compare with.

    Parameters
    ----------
    question : Question
    design : str
        One of ``DESIGNS``.
    frame : DataFrame
        Without holes in the columns asked for, the treatment in numbers.
    x : tuple of str
        Covariates.
    seed : int

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, 2.0, 3.0, 5.0], "d": [0, 1, 0, 1], "a": [1.0, 2.0, 2.0, 1.0]})
    >>> found = ways(Question("y", "d"), "regression", frame, ("a",), 0)
    >>> {name: type(way.estimator).__name__ for name, way in found.items()}
    {'Regression': 'RegressionAdjustment', 'No adjustment': 'RegressionAdjustment'}
    """
    roles = {"y": question.y, "d": question.d, "x": list(x), "cluster": list(question.cluster)}
    plain = Way(RegressionAdjustment(), {**roles, "x": None})
    regressed = {REGRESSED: Way(RegressionAdjustment(), roles)} if x else {}
    settings, title = settings_of(question, design, seed), DESIGNS[design].title
    if design == "iv":
        both = is_binary(frame[question.d]) and len(question.iv) == 1 and is_binary(frame[question.iv[0]])
        estimator = InteractiveIV(**settings) if both else PartiallyLinearIV(**settings)
        return {title: Way(estimator, {**roles, "z": list(question.iv)}), **regressed, UNADJUSTED: plain}
    if design == "did":
        return {title: differences(question, roles, settings)}
    if design == "randomised":
        way = experiment(question, roles)
        return {title: way} if isinstance(way.estimator, DifferenceInMeans) else {title: way, UNADJUSTED: plain}
    estimator = ONE_BY_ONE[design](**settings)
    return {title: Way(estimator, roles), **({} if design == "regression" else regressed), UNADJUSTED: plain}


def settings_of(question: Question, design: str, seed: int) -> dict[str, Any]:
    """Settings of the estimator that are given, and the seed where folds are drawn."""
    given = {name: getattr(question, name) for name in ("folds", "repeats", "estimand")}
    chosen = {name: value for name, value in given.items() if value is not None}
    if design in ("matching", "weighting", "balancing"):
        return {"estimand": "ATE", **chosen}
    return chosen if design in ("regression", "randomised") else {**chosen, "seed": seed}


def experiment(question: Question, roles: dict[str, Any]) -> Way:
    """What answers in an experiment: strata, regressions in each arm, or the difference in means."""
    estimand = question.estimand or "ATE"
    if question.strata is not None:
        if roles["x"]:
            raise ValueError(
                f"strata is {question.strata}, but covariates are named too, and arms are compared within strata or at "
                "the same covariates; give --strata or --x."
            )
        return Way(Stratified(estimand), {**roles, "strata": question.strata})
    if roles["x"]:
        return Way(InteractedRegression(estimand), roles)
    if estimand != "ATE":
        raise ValueError(
            f"estimand is {estimand}, but must be ATE for a difference in means, which is that of all alike; leave it "
            "out, or name covariates by --x."
        )
    return Way(DifferenceInMeans(), roles)


def differences(question: Question, roles: dict[str, Any], settings: dict[str, Any]) -> Way:
    """What answers with periods: two of them side by side or below each other, or many of many units."""
    if question.unit is None:
        return Way(DifferenceInDifferences(**settings), {**roles, "before": question.before, "time": question.time})
    panel = {"y": question.y, "group": FIRST, "unit": question.unit, "time": question.time, "x": roles["x"]}
    return Way(GroupTimeEffects(**settings), panel)


FIRST = "first treated"


def with_first_treated(frame: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return a panel with the period in which each unit was first treated, 0 for never.

    A treatment of 0 and 1 in each row is looked through for it; other numbers are taken as that period.

    Examples
    --------
    >>> panel = pd.DataFrame({"id": [1, 1, 2, 2], "year": [1, 2, 1, 2], "d": [0, 1, 0, 0]})
    >>> with_first_treated(panel, Question("y", "d", unit="id", time="year"))[FIRST].tolist()
    [2, 2, 0, 0]
    """
    columns: Any = frame
    unit, time, d = columns[question.unit], columns[question.time], columns[question.d]
    if not is_binary(d):
        return frame.assign(**{FIRST: d})
    first = time.where(d == 1).groupby(unit).transform("min")
    stopped = (d == 0) & (time > first)
    if stopped.any():
        raise ValueError(
            f"d: unit {unit[stopped].iloc[0]} is treated by {question.d!r} and later no more, but must stay treated "
            "here; keep the rows until treatment ends."
        )
    return frame.assign(**{FIRST: first.fillna(0).astype(time.dtype)})


def coded(frame: pd.DataFrame, question: Question) -> tuple[pd.DataFrame, str]:
    """Return the frame with a treatment of numbers, and a sentence about the labels if it had any.

    Examples
    --------
    >>> frame, sentence = coded(pd.DataFrame({"arm": ["new", "old"]}), Question("y", "arm", treated="new"))
    >>> frame["arm"].tolist(), sentence
    ([1, 0], "Treatment 'arm' is 1 for 'new' and 0 for 'old'.")
    """
    column = frame[question.d]
    if question.treated is None:
        if column.dtype.kind in "iufb":
            return frame, ""
        labels = sorted(map(str, column.unique()))
        raise ValueError(
            f"d: the treatment {question.d!r} holds the labels {', '.join(labels[:5])}, but must hold numbers; say "
            f"which label is treated, as by --treated {labels[-1]!r}."
        )
    texts = column.map(lambda value: f"{value:g}" if isinstance(value, float) else str(value))
    labels = sorted(set(texts))
    one_of("treated", question.treated, labels, kind=f"a label of {question.d!r}:")
    if len(labels) != 2:
        raise ValueError(
            f"treated is {question.treated!r}, but {question.d!r} holds {len(labels)} labels, and must hold two; keep "
            "the rows of two of them, or use AveragePotentialOutcomes in Python."
        )
    other = labels[1 - labels.index(question.treated)]
    said = f"Treatment {question.d!r} is 1 for {question.treated!r} and 0 for {other!r}."
    return frame.assign(**{question.d: (texts == question.treated).astype(int)}), said


def is_binary(column: Any) -> bool:
    """Whether a column holds 0 and 1 only."""
    return bool(column.dtype.kind in "iufb" and np.isin(column.unique(), (0, 1)).all())
