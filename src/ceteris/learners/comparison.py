"""The result of a comparison: who was best, how good, how surely, and the evidence as report sections."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd

from ceteris.arguments import listed, one_of
from ceteris.learners.claims import (
    beats_baseline,
    blend_gains,
    fold_gain,
    net_keeps_up,
    none_failed,
    row_gain,
    stands_out,
    ties,
)
from ceteris.learners.figures import calibration, confusion, differences, fit, roc, roc_by_class, scores
from ceteris.learners.metrics import LOWER_IS_BETTER, NAMES
from ceteris.learners.trials import CRITERION
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful


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
        standard error (``cv r2`` and ``cv r2 se``, or ``cv log_loss``), the ``verdict`` against the best ('worse', or
        'no difference' where the interval of the paired difference holds zero), every measure on the test part with its
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
    test_X : data frame or array
        What the learners predict from on the test part.
    rows : int
        Of the whole table.
    overlap : float
        Rows judged over rows learnt from in a fold.
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
    test_X: Any
    rows: int
    overlap: float

    @property
    def criterion(self) -> str:
        """The measure that chose the best learner: 'r2' or 'log_loss'."""
        return CRITERION[self.task]

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the best beats the baseline and every other, the net keeps up, a blend gains, and nobody failed."""
        found = beats_baseline(self), stands_out(self), net_keeps_up(self), blend_gains(self), none_failed(self.table)
        return tuple(check for check in found if check is not None)

    def differences(self, to: str | None = None) -> pd.DataFrame:
        """Return by how much each learner is better than one of them, with intervals of the paired differences.

        Parameters
        ----------
        to : str, optional
            The learner that the others are held against; by default the best.

        Returns
        -------
        DataFrame
            A row per learner: the ``gain`` in the criterion over the folds (positive is better), its ``se`` and 95 %
            interval ``low`` to ``high``, ``verdict`` ('better', 'worse' or 'no difference'), then ``test gain``,
            ``test low``, ``test high`` and ``test verdict`` from the same resamples of the test rows.
        """
        running = self.table.index[self.table["status"] != "failed"]
        to = one_of("to", self.best if to is None else to, running, kind="a learner of the comparison:")
        found = {name: _difference(self, name, to) for name in running if name != to}
        return pd.DataFrame.from_dict(found, orient="index").rename_axis("learner")

    def summary(self) -> str:
        """Return one screen: the best learner and those that tie with it, the table of all, failed checks."""
        columns = [f"cv {self.criterion}", f"cv {self.criterion} se", "verdict", f"test {self.criterion}"]
        table: Any = self.table[[*(name for name in columns if name in self.table), "fit seconds", "status"]]
        heading = f"Comparison of {len(table)} learners ({self.task}): {leading(self)}"
        return screenful(heading, [self.design], table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return the evidence as sections of a report."""
        return choosing(self), judging(self)


def leading(c: Comparison) -> str:
    """Return a sentence on who leads over the folds, and who is no different."""
    tied = ties(c)
    return (
        f"{c.best} leads over the folds, but ties with {listed(tied)}." if tied else f"{c.best} is best over the folds."
    )


def _difference(c: Comparison, name: str, to: str) -> dict[str, Any]:
    over, tested = fold_gain(c, name, to), row_gain(c, name, to)
    row = {"gain": over.value, "se": over.se, "low": over.low, "high": over.high, "verdict": over.verdict}
    if tested is not None:
        row |= {"test gain": tested.value, "test low": tested.low, "test high": tested.high}
        row["test verdict"] = tested.verdict
    return row


def choosing(c: Comparison) -> Section:
    """Return the section on the folds."""
    written = NAMES[c.criterion]
    better = "lower" if c.criterion in LOWER_IS_BETTER else "higher"
    text = (
        f"{c.design}\n\nEvery learner was fitted on the same folds. {c.best} has the best mean {written} over them "
        f"({better} is better) and was chosen for it, before the test part was opened."
    )
    tied = ties(c)
    if tied:
        text += (
            f" That it is better than {listed(tied)} cannot be said: there is no difference that the folds can tell."
        )
    kept = [f"cv {c.criterion}", f"cv {c.criterion} se", "verdict", "fit seconds", "status", "note"]
    frame = c.table[kept].reset_index()
    frame.columns = [
        "learner",
        f"{written} over the folds",
        "standard error",
        "against the best",
        "seconds to fit",
        "status",
        "note",
    ]
    note = (
        "Standard errors and verdicts are corrected for what the folds learn from in common (Nadeau and Bengio, 2003). "
        "There is no difference where the 95% interval of the paired differences holds zero."
    )
    figures = (scores(c, written), *([differences(c, written)] if len(c.differences()) else []))
    return Section("Choosing a learner", text, (Table("Cross-validation", frame, note),), figures, c.checks[1:])


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
