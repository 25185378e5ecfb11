"""The result of a comparison: who was best, how good, how surely, and the evidence as report sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ceteris.learners.candidates import NEURAL
from ceteris.learners.classical import BASELINE, LEARNERS
from ceteris.learners.figures import calibration, confusion, fit, roc, roc_by_class, scores
from ceteris.learners.metrics import LOWER_IS_BETTER
from ceteris.learners.trials import CRITERION
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful

NAMES = {
    "r2": "R²",
    "mae": "MAE",
    "mse": "MSE",
    "rmse": "RMSE",
    "auc": "AUC",
    "f1": "F1",
    "log_loss": "log loss",
    "brier": "Brier score",
    "fpr": "FPR",
    "fnr": "FNR",
    "tpr": "TPR",
    "tnr": "TNR",
}
"""Measures whose written name is not their name in the table."""


@dataclass(frozen=True, eq=False, repr=False)
class Comparison(AbstractResult):
    """What `ceteris.learners.comparing.compare` found.

    Attributes
    ----------
    task : {'regression', 'classification'}
    positive : scalar or None
        The class that counts as positive; None in a regression and with more than two classes, where the
        rates are macro averages.
    design : str
        A sentence on the parts and the folds.
    table : DataFrame
        A row per learner, the best first and failures last: the mean of the criterion over the folds and its
        standard error (``cv r2`` and ``cv r2 se``, or ``cv log_loss``), every measure on the test part with its
        bootstrap standard error (``test auc``, ``test auc se``), ``fit seconds`` on the whole training part,
        ``status`` ('ok', 'warned' or 'failed') and ``note``.
    best : str
        The learner with the best criterion over the folds; the test part had no say.
    fitted : dict of str to estimator
        Refitted on the whole training part.
    fold_scores : DataFrame
        Every measure by learner and fold.
    test_predictions : DataFrame
        ``y``, ``weight`` and a column per learner; the index is the place of the row in the whole table.
    test_probabilities : dict of str to DataFrame
        Per learner a column per class; empty in a regression.
    test_draws : DataFrame of shape (draws, learners)
        The criterion on the bootstrap resamples of the test part, the same for all learners.
    """

    task: str
    positive: Any
    design: str
    table: pd.DataFrame
    best: str
    fitted: dict[str, Any]
    fold_scores: pd.DataFrame
    test_predictions: pd.DataFrame
    test_probabilities: dict[str, pd.DataFrame]
    test_draws: pd.DataFrame

    @property
    def criterion(self) -> str:
        """The measure that chose the best learner: 'r2' or 'log_loss'."""
        return CRITERION[self.task]

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the best beats the baseline, the net keeps up, and nobody failed."""
        return beats_baseline(self), net_keeps_up(self), none_failed(self.table)

    def summary(self) -> str:
        """Return one screen: the best learner, the table of all, failed checks."""
        columns = [f"cv {self.criterion}", f"cv {self.criterion} se", f"test {self.criterion}"]
        table: Any = self.table[[*(name for name in columns if name in self.table), "fit seconds", "status"]]
        heading = f"Comparison of {len(table)} learners ({self.task}): {self.best} is best over the folds."
        return screenful(heading, [self.design], table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the evidence as sections of a report."""
        return choosing(self), judging(self)


def gain(table: pd.DataFrame, column: str, a: str, b: str) -> float:
    """Return by how much learner a is better than learner b in a column of the table."""
    values: Any = table[column]
    return float(values[b] - values[a] if column.split()[1] in LOWER_IS_BETTER else values[a] - values[b])


def beats_baseline(c: Comparison) -> Check:
    """Whether the best learner beats the baseline on the test part by more than two standard errors.

    The error is that of the difference, from resamples drawn alike for both.
    """
    name, written = "the best learner beats the baseline", NAMES[c.criterion]
    if c.best == BASELINE:
        return Check(name, False, "No learner beat the baseline over the folds: X may say little about y.")
    if not {c.best, BASELINE} <= set(c.test_draws):
        return Check(name, None, f"{c.best} or the baseline has no predictions on the test part.")
    difference = gain(c.table, f"test {c.criterion}", c.best, BASELINE)
    draws: Any = c.test_draws
    se = float((draws[c.best] - draws[BASELINE]).std(ddof=1))
    passed = None if np.isnan(difference + se) else difference > 2 * se
    than = "worse" if difference < 0 else "better"
    advice = "" if passed else " More rows or better columns are needed before this is relied on."
    sentence = (
        f"On the test part the {written} of {c.best} is {than} than the baseline's by {abs(difference):.3g} "
        f"(bootstrap standard error {se:.2g}).{advice}"
    )
    return Check(name, passed, sentence, difference, 2 * se)


def net_keeps_up(c: Comparison) -> Check:
    """Whether the neural net is within one standard error of the best classical learner over the folds."""
    name, column = "the neural net keeps up", f"cv {c.criterion}"
    running: Any = c.table[c.table["status"] != "failed"]
    classical = [k for k in running.index if k in LEARNERS[c.task] and k != BASELINE]
    if NEURAL not in running.index or not classical:
        return Check(name, None, "There is no neural net and classical learner to compare.")
    rival = classical[0]
    difference, se = gain(running, column, NEURAL, rival), float(running[f"{column} se"][rival])
    than = "better" if difference >= 0 else "worse"
    sentence = (
        f"Over the folds the {NAMES[c.criterion]} of the neural net is {than} than that of the best classical learner, "
        f"{rival}, by {abs(difference):.3g} (standard error {se:.2g})."
    )
    return Check(name, difference >= -se, sentence, difference, -se)


def none_failed(table: Any) -> Check:
    """Whether every learner could be fitted and judged; warnings are told but do not fail it."""
    failed, warned = (table.index[table["status"] == status].tolist() for status in ("failed", "warned"))
    told = [f"{name}: {table.loc[name, 'note']}" for name in [*failed, *warned]]
    return Check(
        "no learner failed",
        not failed,
        " ".join(told) or "All were fitted without a warning.",
        len(failed),
        0,
    )


def choosing(c: Comparison) -> Section:
    """Return the section on the folds."""
    written = NAMES[c.criterion]
    better = "lower" if c.criterion in LOWER_IS_BETTER else "higher"
    text = (
        f"{c.design}\n\nEvery learner was fitted on the same folds. {c.best} has the best mean {written} over them "
        f"({better} is better) and was chosen for it, before the test part was opened."
    )
    frame = c.table[[f"cv {c.criterion}", f"cv {c.criterion} se", "fit seconds", "status", "note"]].reset_index()
    frame.columns = [
        "learner",
        f"{written} over the folds",
        "standard error",
        "seconds to fit",
        "status",
        "note",
    ]
    note = "The standard error takes the folds for independent and is on the small side."
    return Section(
        "Choosing a learner",
        text,
        (Table("Cross-validation", frame, note),),
        (scores(c, written),),
        c.checks[1:],
    )


def judging(c: Comparison) -> Section:
    """Return the section on the test part."""
    tested = c.table.loc[c.table.index.isin(c.test_draws.columns)]
    measures = [name[5:-3] for name in tested.columns if name.startswith("test ") and name.endswith(" se")]
    values = tested[[f"test {m}" for m in measures]].set_axis([NAMES.get(m, m) for m in measures], axis=1)
    errors = tested[[f"test {m} se" for m in measures]].set_axis(values.columns, axis=1)
    text = "The test part was opened once, after the choice: these figures are not those that chose the learner."
    if c.task == "classification":
        text += " " + (
            "Precision, recall, F1, specificity, the rates and AUC are macro averages: the plain mean over the "
            "classes, each against the rest."
            if c.positive is None
            else f"The positive class is {c.positive!s}."
        )
    note = "Bootstrap of the test rows with the predictions as they are."
    tables = Table("Test part", values.reset_index()), Table("Standard errors", errors.reset_index(), note)
    return Section("How good it is", text, tables, pictures(c), c.checks[:1])


def pictures(c: Comparison) -> tuple[Figure, ...]:
    """Return the figures of the test part; without one that needs predictions of a best learner that failed there."""
    if c.best not in c.test_draws:
        return ()
    if c.task == "regression":
        return (fit(c),)
    if c.positive is None:
        return roc_by_class(c), confusion(c)
    return roc(c), calibration(c), confusion(c)
