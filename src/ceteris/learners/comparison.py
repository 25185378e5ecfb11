"""The result of a comparison: who was best, how good, how surely, and the evidence as report sections."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from ceteris.arguments import listed, one_of
from ceteris.learners.candidates import read_labels
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
from ceteris.learners.classical import BASELINE
from ceteris.learners.figures import calibration, confusion, differences, fit, roc, roc_by_class, scores
from ceteris.learners.metrics import LOWER_IS_BETTER, NAMES
from ceteris.learners.trials import CRITERION
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    from ceteris.learners.by_group import Fairness
    from ceteris.learners.explaining.explanation import Explanation

WIDE = 100  # columns: a report explains what was learnt from no more


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
        running: Any = [name for name in self.table.index if self.table.loc[name, "status"] != "failed"]
        to = one_of("to", self.best if to is None else to, running, kind="a learner of the comparison:")
        found = {name: _difference(self, name, to) for name in running if name != to}
        return pd.DataFrame.from_dict(found, orient="index").rename_axis("learner")

    def summary(self) -> str:
        """Return one screen: the best learner and those that tie with it, the table of all, failed checks."""
        columns = [f"cv {self.criterion}", f"cv {self.criterion} se", "verdict", f"test {self.criterion}"]
        table: Any = self.table[[*(name for name in columns if name in self.table), "fit seconds", "status"]]
        heading = f"Comparison of {len(table)} learners ({self.task}): {leading(self)}"
        return screenful(heading, [self.design], table, self.checks)

    def explain(self, name: str | None = None, **options: Any) -> Explanation:
        """Explain what a learner has learnt, on the test part.

        Parameters
        ----------
        name : str, optional
            The learner; by default the best.
        **options
            Arguments of `ceteris.learners.explain`: ``columns``, ``kinds``, ``repeats`` and others.
        """
        from ceteris.learners.explaining.explanation import explain

        name = one_of("name", self.best if name is None else name, self.fitted, kind="a fitted learner:")
        test, own = self.test_predictions, {"positive": self.positive, "name": name}
        return explain(self.fitted[name], self.test_X, test["y"], sample_weight=test["weight"], **(own | options))

    def fairness(self, column: Any, name: str | None = None, *, positive: Any = None, **options: Any) -> Fairness:
        """Return how a learner does in each group, on the test part.

        Parameters
        ----------
        column : str or array-like of shape (n,)
            A column of X; or the groups of all rows of the table, where X leaves them out.
        name : str, optional
            The learner; by default the best.
        positive : scalar, optional
            The class that counts as positive, if there are more than two.
        **options
            Arguments of `ceteris.learners.fairness`: ``level``, ``draws``, ``seed``.
        """
        from ceteris.learners.by_group import judged_by_group

        tested: Any = list(self.test_draws)
        name = one_of("name", self.best if name is None else name, tested, kind="a tested learner:")
        group = read_labels("column", column, self.test_X, self.test_predictions.index, self.rows)
        return judged_by_group(self, str(name), group, positive, options)

    def sections(self) -> tuple[Section, ...]:
        """Return the evidence as sections of a report."""
        learnt = self._learnt
        return choosing(self), judging(self), *(() if learnt is None else (learnt,))

    def glance(self) -> Section:
        """Return what a notebook shows: how the learners did over the folds."""
        return choosing(self)

    @cached_property
    def _learnt(self) -> Section | None:
        """What the best learner has learnt, as a section; none of a constant, a foreigner, a very wide table."""
        from ceteris.learners.explaining.response import can_be_explained

        constant = self.best == BASELINE or self.best not in self.test_draws
        if constant or self.test_X.shape[1] > WIDE or not can_be_explained(self.fitted[self.best]):
            return None
        found = self.explain(kinds=("importance", "accumulated"), repeats=5, rows=500)
        parts = found.sections()
        tables, figures = (sum((getattr(part, what) for part in parts), ()) for what in ("tables", "figures"))
        text = "\n\n".join(part.text for part in parts)
        return Section(f"What {self.best} has learnt", text, tables, figures)


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
