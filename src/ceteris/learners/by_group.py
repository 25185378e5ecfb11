"""How predictions treat groups: rates, errors and calibration in each, and the gaps between them.

    base rate          P(y = 1 | group)                 selection rate    P(ŷ = 1 | group)         demographic parity
    true positive rate P(ŷ = 1 | y = 1, group)          false positive rate P(ŷ = 1 | y = 0, group)  equalised odds
    predictive value   P(y = 1 | ŷ = 1, group)          calibration gap   mean of y - p in the group      calibration

Where base rates differ, no prediction short of a perfect one makes all gaps vanish (Kleinberg and others;
Chouldechova): which of them matters is not for a table to say. Errors and intervals are of a bootstrap of the rows in
each group, with the predictions as they are; those of a rate are of draws from its posterior under Jeffreys' prior,
since resamples of a group in which none was selected know no error (Brown, Cai and DasGupta).

References
----------
Brown, L. D., Cai, T. T. and DasGupta, A. (2001). Interval estimation for a binomial proportion. Statistical Science 16.
Hardt, M., Price, E. and Srebro, N. (2016). Equality of opportunity in supervised learning. NeurIPS 29. Kleinberg, J.,
Mullainathan, S. and Raghavan, M. (2017). Inherent trade-offs in the fair determination of risk scores. ITCS.
Chouldechova, A. (2017). Fair prediction with disparate impact. Big Data 5.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ceteris.arguments import as_many, listed, one_of, probability, shown, whole
from ceteris.learners.candidates import TASKS, looks_like_classes
from ceteris.learners.figures import by_group
from ceteris.learners.group_measures import FEW, GroupRows, drawn_of, gap_of, measures_of, members_of, row_of
from ceteris.learners.target import classes, numbers, weights
from ceteris.results import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

NEAR = 0.1  # a gap that is surely smaller counts as none
JUDGED = {
    "selection rate": "selection rates are alike",
    "true positive rate": "true positive rates are alike",
    "false positive rate": "false positive rates are alike",
    "calibration gap": "predictions are calibrated alike",
    "mean error": "mean errors are alike",
}


class How(NamedTuple):
    """The group that others are held against (the largest, if none), the level of intervals, draws and their seed."""

    reference: Any = None
    level: float = 0.95
    draws: int = 500
    seed: int = 0


@dataclass(frozen=True, eq=False, repr=False)
class Fairness(AbstractResult):
    """What `fairness` found.

    Attributes
    ----------
    name : str
        Whose predictions they are.
    positive : scalar or None
        The class that is positive; None in a regression.
    table : DataFrame
        A row per group, the largest first: ``n``, every measure with its bootstrap standard error beside it, and a
        ``note`` where the group is small or empty, or a measure undefined.
    gaps : DataFrame
        A row per measure and group: the ``difference`` to the reference with its interval ``low`` to ``high``, the
        ``ratio`` with ``ratio low`` and ``ratio high`` (of rates and errors), and the ``verdict``: 'higher', 'lower',
        'no difference' where the interval of the difference holds zero, or 'not known'.
    reference : scalar
        The group that others are held against.
    level : float
        Of the intervals, each for itself.
    scale : float
        What a gap is small against: 1 for classes, the root mean squared error in a regression.
    """

    name: str
    positive: Any
    table: pd.DataFrame
    gaps: pd.DataFrame
    reference: Any
    level: float
    scale: float

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether groups are treated alike by each measure, and none is small."""
        there = set(self.gaps["measure"])
        alike = [_alike(self, measure, name) for measure, name in JUDGED.items() if measure in there]
        return (*alike, _large_enough(self.table))

    def summary(self) -> str:
        """Return one screen: the groups, and the checks that failed."""
        what = "a regression" if self.positive is None else f"{self.positive!s} is positive"
        heading = f"{self.name} in {len(self.table)} groups ({what})."
        fact = f"Gaps are to {self.reference!s}, the reference. Standard errors are in .table, intervals in .gaps."
        values: Any = self.table[[name for name in self.table if not name.endswith(" se") and name != "note"]]
        return screenful(heading, [fact], values, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return groups and gaps as a section of a report."""
        text = (
            f"How the predictions of {self.name} do in each group. Where base rates differ, not all gaps can vanish: "
            "which of them matters is not for a table to say."
        )
        note = f"Gaps are to {self.reference!s}, with intervals of {self.level:.0%}, each for itself."
        values = self.table[[name for name in self.table if not name.endswith(" se")]].reset_index()
        errors = self.table[[name for name in self.table if name.endswith(" se")]].reset_index()
        errors.columns = [str(name).removesuffix(" se") for name in errors.columns]
        tables = Table("By group", values), Table("Standard errors", errors), Table("Gaps", self.gaps, note)
        return (Section("By group", text, tables, (by_group(self, list(JUDGED)),), self.checks),)


def fairness(
    y: npt.ArrayLike,
    predicted: npt.ArrayLike,
    group: Any,
    *,
    task: str = "auto",
    positive: Any = None,
    threshold: float = 0.5,
    reference: Any = None,
    level: float = 0.95,
    draws: int = 500,
    seed: int = 0,
    name: str = "the predictions",
    sample_weight: npt.ArrayLike | None = None,
) -> Fairness:
    """Judge predictions group by group.

    Parameters
    ----------
    y, predicted : array-like of shape (n,)
        What was observed; and predicted numbers, predicted classes, or probabilities of the positive class.
    group : array-like of shape (n,)
        Labels of the groups.
    task : {'auto', 'regression', 'classification'}
        As in `ceteris.compare`.
    positive : scalar, optional
        The class that counts as positive: by default the second of two in sorted order.
    threshold : float
        Probability from which a row is selected.
    reference : scalar, optional
        The group that others are held against; by default the largest.
    level : float
        Of the intervals.
    draws : int
        Of the bootstrap.
    seed : int
        Of the bootstrap.
    name : str
        Whose predictions they are.
    sample_weight : array-like of shape (n,), optional
        Of the rows.

    Returns
    -------
    Fairness

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> group = np.repeat(["a", "b"], 400)
    >>> y = rng.random(800) < 0.5
    >>> found = fairness(y, np.clip(y + (group == "b"), 0, 1), group)  # whoever is in b is selected
    >>> found.table["selection rate"].round(1).to_dict(), found.gaps.iloc[1]["verdict"]
    ({'a': 0.5, 'b': 1.0}, 'higher')
    """
    one_of("task", task, TASKS)
    probability("threshold", threshold, such_as=0.5)
    y = np.asarray(y)
    if looks_like_classes(y) if task == "auto" else task == "classification":
        judged, positive = _of_classes(y, predicted, positive, threshold)
    else:
        judged = _of_numbers(y, predicted)
    how = How(reference, level, draws, seed)
    return _judge(judged, group, weights(sample_weight, len(y)), name, positive, how)


def judged_by_group(c: Any, name: str, group: np.ndarray, positive: Any, options: dict[str, Any]) -> Fairness:
    """Return how a learner of a comparison does in each group of the test part."""
    test = c.test_predictions
    if c.task == "regression":
        judged = GroupRows(test["y"].to_numpy(float), test[name].to_numpy(float), None, of_classes=False)
    else:
        known = c.test_probabilities[name].columns.tolist()
        positive = _positive(known, c.positive if positive is None else positive)
        p = c.test_probabilities[name][positive].to_numpy()
        judged = GroupRows((test["y"] == positive).to_numpy(), (test[name] == positive).to_numpy(), p, of_classes=True)
    for argument in options:
        one_of("fairness: an argument", argument, How._fields)
    return _judge(judged, group, test["weight"].to_numpy(), name, positive, How(**options))


def _of_classes(y: np.ndarray, predicted: Any, positive: Any, threshold: float) -> tuple[GroupRows, Any]:
    y, given = classes(y, len(y)), np.asarray(predicted)
    as_many("predicted", given, len(y), of="row of y")
    known = np.unique(y).tolist()
    positive = _positive(known, positive)
    if np.isin(given, known).all():
        return GroupRows(y == positive, given == positive, None, of_classes=True), positive
    p = given.astype(float) if given.dtype.kind in "iufb" else np.full(len(y), np.nan)
    if not ((p >= 0) & (p <= 1)).all():
        stranger = given[np.argmin(np.isin(given, known))]
        raise ValueError(
            f"predicted holds {shown(stranger)}, but must hold classes of y, {listed(known)}, or probabilities of "
            f"{positive!s} between 0 and 1; give one of both."
        )
    return GroupRows(y == positive, p >= threshold, p, of_classes=True), positive


def _positive(known: list[Any], positive: Any) -> Any:
    if positive is None and len(known) == 2:
        return known[1]
    if positive is None:
        raise ValueError(f"positive is not given, but y holds {len(known)} classes; name one of {listed(known)}.")
    return one_of("positive", positive, known, kind="one of the classes")


def _of_numbers(y: np.ndarray, predicted: Any) -> GroupRows:
    y, given = (numbers(one, len(y), several=False)[:, 0] for one in (y, np.asarray(predicted)))
    return GroupRows(y, given, None, of_classes=False)


def _judge(judged: GroupRows, group: Any, weight: np.ndarray, name: str, positive: Any, how: How) -> Fairness:
    reference, level, draws, seed = how
    probability("level", level)
    whole("draws", draws, least=2, such_as=500)
    members, empty = members_of(group, len(judged.y))
    names = sorted(members, key=lambda label: -len(members[label]))
    reference = names[0] if reference is None else one_of("reference", reference, names, kind="one of the groups")
    values: dict[Any, dict[str, Any]] = {}
    drawn: dict[Any, pd.DataFrame] = {}
    for k, label in enumerate(names):
        rows = members[label]
        part = judged.take(rows)
        values[label] = measures_of(part, weight[rows])
        drawn[label] = drawn_of(part, weight[rows], draws, np.random.default_rng([seed, k]))
    rows = {label: row_of(len(members[label]), values[label], drawn[label]) for label in names}
    rows |= {label: {"n": 0, "note": "No rows."} for label in empty}
    pairs = [(measure, label) for measure in values[reference] for label in names if label != reference]
    gaps = [gap_of(measure, label, values, drawn, reference, level) for measure, label in pairs]
    errors = None if judged.of_classes else (judged.y - judged.predicted) ** 2
    scale = 1.0 if errors is None else float(np.sqrt(np.average(errors, weights=weight)))
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")
    return Fairness(name, positive, table, pd.DataFrame(gaps), reference, level, scale)


def _alike(found: Fairness, measure: str, name: str) -> Check:
    """Judge one measure: it differs where an interval leaves out zero; it is alike where all are within a tenth."""
    own: Any = found.gaps[(found.gaps["measure"] == measure) & found.gaps["low"].notna()]
    apart, near = own[own["verdict"].isin(["higher", "lower"])], NEAR * found.scale
    if own.empty:
        return Check(name, None, f"The {measure} is not known for two groups.")
    told = apart if len(apart) else own
    worst: Any = told.loc[told["difference"].abs().idxmax()]
    ends = [worst["low"], worst["high"]]
    if len(apart):
        ends = sorted(map(abs, ends))  # as so much higher, or lower
    interval = f"{found.level:.0%} interval {ends[0]:.3g} to {ends[1]:.3g}"
    if len(apart):
        sentence = (
            f"The {measure} of {listed(apart['group'])} differs from that of {found.reference!s}: of "
            f"{worst['group']!s} it is {worst['verdict']} by {abs(worst['difference']):.3g} ({interval}). Look where "
            "that comes from before anyone is treated by these predictions."
        )
        return Check(name, False, sentence, float(worst["difference"]), near)
    sure = bool((own[["low", "high"]].abs().max(axis=1) <= near).all())
    where = f"of {worst['group']!s} to {found.reference!s}"
    sentence = f"No difference: the largest, {where}, is {worst['difference']:.3g} ({interval})."
    sentence += "" if sure else f" Differences of {near:.2g} are not ruled out; more rows would tell."
    return Check(name, True if sure else None, sentence, float(worst["difference"]), near)


def _large_enough(table: Any) -> Check:
    small = table.index[table["n"] < FEW].tolist()
    sentence = f"{listed(small)}: what is said of so few rows is not to be relied on; merge groups." if small else ""
    return Check(f"each group has {FEW} rows", not small, sentence or "All have.", float(table["n"].min()), FEW)
