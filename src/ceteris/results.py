"""What passes between domains and reports: estimates, checks, tables, figures, sections.

These are frozen values. A domain computes, returns sections, and knows nothing of HTML; the report
renders sections and knows nothing of economics. Checks, tables, figures and sections are in `ceteris.evidence`, what an
estimate says of itself in `ceteris.estimates`; both are imported from here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ceteris.arguments import as_many, one_of, probability
from ceteris.estimates.about import About, AbstractDetails, AbstractPooled, Nuisances
from ceteris.estimates.hypotheses import combination
from ceteris.estimates.joint_test import JointTest, joint_test
from ceteris.estimates.single import SINGLE, single
from ceteris.estimates.words import DIGITS, RATIOS, answer, digits_for, number, one_screen
from ceteris.evidence import Check, Figure, Section, Table
from ceteris.outlets import latex_table, markdown_table, whole
from ceteris.showing import AbstractResult
from ceteris.stats.bands import WEIGHTS, maximum, multiplier_bootstrap, normal_maximum
from ceteris.stats.covariance import assembled, covariance, few_clusters, read_clusters, same_partition
from ceteris.stats.small_sample import STANDARD_ERRORS, degrees_in_words, degrees_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SINGLE", "About", "AbstractDetails", "AbstractPooled", "Check", "Estimate", "Figure", "JointTest", "Nuisances",
    "Section", "Table", "joint", "single",
]  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Estimate(AbstractResult):
    """A point and its influence function, from which everything else follows.

    Parameters
    ----------
    point : array, shape (k,)
        The estimates.
    influence : array, shape (n, k), or None
        θ̂ - θ ≈ (1/n) Σ influence_i: centred, one row per row of the data, corrections for small samples included. None
        where ``given`` holds the covariance and no such form exists (matching, bootstrap).
    names : tuple of str
        One for each estimate.
    about : About
        What a reader must know: method, estimand, formula, assumptions, in words.
    clusters : tuple of arrays, shape (n,)
        None, one or two sets of clusters that the rows come in: standard errors are then CR1, as
        ``about.standard_errors`` says.
    given : array, shape (k, k), optional
        Covariance that does not come from ``influence``.
    dof : float, or array of shape (k,), optional
        Degrees of freedom of Student's t, one for each estimate if they differ; without them the normal distribution
        is used.
    splits : tuple of Estimate
        The estimates of repeated splits that this one sums up.
    checks : tuple of Check
        What was looked at, with a verdict each: overlap, balance, fit of the nuisances.
    by_cluster : array, shape (n, k), optional
        What clusters add up, where it is not ``influence``: without corrections for independent rows, and in a
        regression with k coefficients times the root of (n - 1) / (n - k).
    by_deletion : array, shape (n, k), optional
        n (θ̂ - θ̂₋ᵢ), what the estimate loses without each row, where this is cheap; else ``influence`` says it to first
        order. ``checks`` ends with what follows from it: whether a single row, or cluster, decides.
    weights : array, shape (n, k), optional
        By how much n times each estimate moves with the outcome of a row: asks for the correction for small samples of
        ``stats.small_sample``, where rows do not come in clusters, as ``about.standard_errors`` says. Zeros in a
        column ask for none.
    nuisances : Nuisances
        What was learnt about each row on the way.
    details : optional
        What else the estimator found: a value of its own class, described where it is fitted.
    rows : int, optional
        Number of rows where there is no influence function, which says it otherwise.

    Examples
    --------
    >>> x = np.array([1.0, 2.0, 3.0, 4.0])
    >>> mean = Estimate(x.mean(keepdims=True), (x - x.mean())[:, None], ("mean",))
    >>> print(mean)
          estimate  std err     t  P>|t|  2.5 %  97.5 %
    mean     2.500    0.559 4.472  0.000  1.404   3.596
    n = 4
    """

    point: np.ndarray
    influence: np.ndarray | None
    names: tuple[str, ...]
    about: About = field(default_factory=About)
    clusters: tuple[np.ndarray, ...] = ()
    given: np.ndarray | None = None
    dof: float | np.ndarray | None = None
    splits: tuple[Estimate, ...] = ()
    checks: tuple[Check, ...] = ()
    by_cluster: np.ndarray | None = None
    by_deletion: np.ndarray | None = None
    weights: np.ndarray | None = None
    nuisances: Nuisances = field(default_factory=Nuisances)
    details: Any = None
    rows: int | None = None

    def __post_init__(self) -> None:
        k = len(self.names)
        twins = sorted({name for name in self.names if self.names.count(name) > 1})
        if twins:
            raise ValueError(f"names holds {', '.join(map(repr, twins))} twice, but must hold each once; rename one.")
        if np.shape(self.point) != (k,):
            raise ValueError(
                f"point has shape {np.shape(self.point)}, but must have ({k},), one for each name; reshape it."
            )
        if self.influence is None and self.given is None:
            raise ValueError("influence is None, but there is no covariance either; give one of the two.")
        if self.influence is not None and self.influence.shape[1:] != (k,):
            raise ValueError(
                f"influence has shape {self.influence.shape}, but must have (rows, {k}), as many as names; reshape it."
            )
        if self.clusters:
            object.__setattr__(self, "clusters", tuple(read_clusters(labels, self.n) for labels in self.clusters))
            if self.given is None:
                object.__setattr__(self, "about", replace(self.about, standard_errors=self._cr1()))
        elif self._corrected:
            object.__setattr__(self, "about", replace(self.about, standard_errors=STANDARD_ERRORS))

        if self.influence is not None:
            others = tuple(check for check in self.checks if check.name != SINGLE)
            object.__setattr__(self, "checks", (*others, single(self)))

    def _cr1(self) -> str:
        counts = " and ".join(str(len(np.unique(groups))) for groups in self.clusters)
        second = "" if self.by_cluster is None else " (n - 1)/(n - k)"
        return f"CR1, by cluster ({counts}): variances times G/(G - 1){second}."

    @property
    def n(self) -> int | None:
        """Number of rows."""
        return self.rows if self.influence is None else len(self.influence)

    @property
    def covariance(self) -> np.ndarray:
        """Covariance of the estimates, shape (k, k)."""
        if self.given is not None:
            return self.given
        return covariance(self._added_up, self.clusters)

    @property
    def _added_up(self) -> np.ndarray:
        """What rows, or the rows of a cluster, add to the covariance."""
        assert self.influence is not None
        if self.clusters:
            return self.influence if self.by_cluster is None else self.by_cluster
        if not self._corrected:
            return self.influence
        assert self.weights is not None
        assert self.by_deletion is not None
        return np.where(self.weights.any(axis=0), self.by_deletion, self.influence)

    @property
    def _corrected(self) -> bool:
        return self.weights is not None and self.by_deletion is not None and not self.clusters

    @property
    def se(self) -> np.ndarray:
        """Standard errors, shape (k,)."""
        return np.sqrt(np.diag(self.covariance))

    @property
    def degrees(self) -> float | np.ndarray | None:
        """Degrees of freedom of Student's t, None for the normal distribution.

        Those given, with clusters the smaller number of them less one, else those of the correction for small samples.
        """
        return self.dof if self.dof is not None else degrees_of(self.clusters, self.weights)

    @property
    def distribution(self) -> Any:
        """Distribution of (estimate - truth) / standard error."""
        from scipy import stats

        degrees = self.degrees
        return stats.norm if degrees is None else stats.t(degrees)

    @property
    def p_values(self) -> np.ndarray:
        """Two-sided p-values of the hypotheses that an estimand is zero, shape (k,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return 2 * self.distribution.sf(np.abs(self.point / self.se))

    def conf_int(self, level: float = 0.95) -> np.ndarray:
        """Confidence intervals, shape (k, 2)."""
        probability("level", level)
        half = self.distribution.ppf(0.5 + level / 2) * self.se
        return np.stack([self.point - half, self.point + half], axis=1)

    def bands(self, level: float = 0.95, draws: int = 10_000, seed: int = 0, kind: str = "normal") -> np.ndarray:
        """Intervals that hold all estimands at once with probability ``level``, shape (k, 2).

        From normal draws with the covariance of the estimates, which are those of the multiplier bootstrap with normal
        weights; with others (``kind`` as in ``stats.multipliers``) from that bootstrap, where the covariance comes from
        independent rows or one set of clusters. With degrees of freedom each estimate has the quantile of Student's t
        in the place of the normal one.

        Examples
        --------
        >>> x = np.random.default_rng(0).normal(size=(500, 3))
        >>> e = Estimate(x.mean(0), x - x.mean(0), ("a", "b", "c"))
        >>> bool(np.all(e.bands()[:, 1] > e.conf_int()[:, 1]))
        True
        """
        probability("level", level)
        one_of("kind", kind, WEIGHTS)
        if kind == "normal" or self.influence is None or self.given is not None or len(self.clusters) > 1:
            critical = normal_maximum(self.covariance, level, draws, seed)
        else:
            factor = np.sqrt(few_clusters(self.clusters)) if self.clusters else 1.0
            drawn = factor * multiplier_bootstrap(self._added_up, draws, seed, self.clusters, kind)
            critical = maximum(drawn, self.se, level)
        half = self._as_rare(critical) * self.se
        return np.stack([self.point - half, self.point + half], axis=1)

    def _as_rare(self, critical: float) -> Any:
        """What is exceeded, under the distribution of each estimate, as rarely as ``critical`` under the normal."""
        from scipy import stats

        return critical if self.degrees is None else self.distribution.isf(stats.norm.sf(critical))

    def clustered_by(self, *clusters: Any) -> Estimate:
        """Return the same estimate with standard errors for rows that come in clusters: CR1.

        Examples
        --------
        >>> x = np.array([1.0, 2.0, 3.0, 4.0])
        >>> mean = Estimate(x.mean(keepdims=True), (x - x.mean())[:, None], ("mean",))
        >>> mean.clustered_by(["a", "a", "b", "b"]).about.standard_errors
        'CR1, by cluster (2): variances times G/(G - 1).'
        """
        if self.influence is None:
            raise ValueError("clustered_by: this estimate has no influence function; give clusters where it is fitted.")
        return replace(self, clusters=clusters, given=None)

    def contrast(self, weights: Any, names: Sequence[str] | None = None) -> Estimate:
        """Linear combinations of the estimates.

        Parameters
        ----------
        weights : array, shape (m, k) or (k,); or str, or sequence of str
            In words: "b - a", or "a = b = 0", which is "a, b"; "a = 1" is "a - 1".
        names : sequence of m str, optional
            What they are called.

        Returns
        -------
        Estimate
            Of what is pooled over completed tables, pooled anew, so that each combination has degrees of freedom of its
            own.

        Examples
        --------
        >>> e = Estimate(np.array([1.0, 3.0]), np.array([[1.0, 0.0], [-1.0, 1.0], [0.0, -1.0]]), ("a", "b"))
        >>> e.contrast([-1, 1], ["b - a"]).point, e.contrast("b - a").names
        (array([2.]), ('b - a',))
        """
        found = combination(weights, self.names, "weights")
        W, c = found.weights, found.constants
        names = tuple(names or found.names)
        as_many("names", names, len(W), of="combination")
        if isinstance(self.details, AbstractPooled):
            return self.details.contrast(self, W, c, names)
        rows = (self.influence, self.by_cluster, self.by_deletion, self.weights)
        influence, by_cluster, by_deletion, by_outcome = (None if phi is None else phi @ W.T for phi in rows)
        given = None if self.given is None else W @ self.given @ W.T
        splits = tuple(replace(split.contrast(W, names), point=W @ split.point - c) for split in self.splits)
        return replace(
            self, point=W @ self.point - c, influence=influence, names=names, given=given, dof=self._dof_of(W),
            splits=splits, by_cluster=by_cluster, by_deletion=by_deletion, weights=by_outcome, details=None,
        )  # fmt: skip

    def test(self, hypothesis: Any = None, method: str | None = None) -> JointTest:
        """Test linear hypotheses at once.

        Parameters
        ----------
        hypothesis : str, sequence of str, array of shape (q, k), or None
            In words, "a = b = 0" or "a - 2*b = 1, c = 0"; the name of a column of labels stands for all its indicators.
            An array says that these combinations are zero; by default all estimates are, but for a constant.
        method : {"Wald"} or {"D1", "D2", "D3"}, optional
            Of what is pooled over completed tables: D1, by default, of Wald; D2 from the statistic of each table; D3 of
            likelihood, where `pool_regression` fitted it.

        Examples
        --------
        >>> x = np.random.default_rng(0).normal(size=(500, 3))
        >>> Estimate(x.mean(0), x - x.mean(0), ("a", "b", "c")).test("a = b = c = 0").dof
        (3.0, inf)
        """
        return joint_test(self, hypothesis, method)

    def _dof_of(self, W: np.ndarray) -> float | np.ndarray | None:
        """Degrees of freedom of combinations: where entries differ, the fewest of those combined, which is safe."""
        if not isinstance(self.dof, np.ndarray):
            return self.dof
        return np.array([self.dof[row != 0].min(initial=np.inf) for row in W])

    def frame(self, level: float = 0.95) -> pd.DataFrame:
        """The table of ``summary`` as a data frame."""
        import pandas as pd

        with np.errstate(divide="ignore", invalid="ignore"):
            t = self.point / self.se
        low, high = self.conf_int(level).T
        tail = 100 * (1 - level) / 2
        columns = [self.point, self.se, t, self.p_values, low, high]
        titles = ["estimate", "std err", "t", "P>|t|", f"{tail:g} %", f"{100 - tail:g} %"]
        return pd.DataFrame(dict(zip(titles, columns, strict=True)), index=pd.Index(self.names, dtype=object))

    def summary(self, format: str = "text", level: float = 0.95, digits: int | None = None) -> str:
        """What was estimated and the estimates: as text on one screen, all of them as "markdown" or "latex".

        Parameters
        ----------
        format : {"text", "markdown", "latex"}
        level : float
            Of the intervals.
        digits : int, optional
            Behind the point; by default three, or more where standard errors are small.
        """
        one_of("format", format, ("text", "markdown", "latex"))
        frame, digits = self.frame(level), digits_for(self.se) if digits is None else digits
        if format == "text":
            above = [text for text in (self.about.method, self.about.estimand) if text]
            below = f"n = {self.n}{degrees_in_words(self.degrees, self._corrected)}"
            below += self.details.foot() if isinstance(self.details, AbstractPooled) else ""
            return one_screen(above, frame, below, self.checks, digits)
        places = [min(digits, DIGITS) if name in RATIOS else digits for name in frame.columns]
        body = [[str(i), *map(number, row, places)] for i, *row in frame.itertuples()]
        rows = [["", *frame.columns], *body]
        return markdown_table(rows) if format == "markdown" else latex_table(rows)

    def diagnostics(self) -> pd.DataFrame:
        """All checks: verdict, measured value, the bar it is held against, and a sentence; one row for each.

        Examples
        --------
        >>> x = np.arange(20.0)
        >>> mean = Estimate(x.mean(keepdims=True), (x - x.mean())[:, None], ("mean",))
        >>> mean.diagnostics()["verdict"].to_dict()
        {'no single row decides': 'pass'}
        """
        import pandas as pd

        rows = [(check.verdict, check.value, check.bar, check.sentence) for check in self.checks]
        index = pd.Index([check.name for check in self.checks], name="check", dtype=object)
        frame = pd.DataFrame(rows, columns=["verdict", "value", "bar", "sentence"], index=index)
        return whole(frame.astype({"value": float, "bar": float}))

    def sections(self) -> tuple[Section, ...]:
        """The estimand, its formula, what has to be believed, the numbers, their figures, and the checks."""
        return (answer(self),)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, ready for JSON; without the influence function."""
        low, high = self.conf_int().T
        numbers = {"estimate": self.point, "std_err": self.se, "p_value": self.p_values, "low": low, "high": high}
        rows = {name: {key: float(v[i]) for key, v in numbers.items()} for i, name in enumerate(self.names)}
        checks = [{"name": c.name, "verdict": c.verdict, "sentence": c.sentence} for c in self.checks]
        return {"estimates": rows, "n": self.n, "checks": checks, "about": asdict(self.about)}


def joint(*estimates: Estimate) -> Estimate:
    """Several estimates on the same rows as one, with their joint covariance.

    Each keeps its own covariance and degrees of freedom; correlations between them come from the influence functions.
    All must have the same clusters, or none. A name that occurs again is numbered.

    Examples
    --------
    >>> e = Estimate(np.array([1.0]), np.array([[1.0], [-1.0]]), ("a",))
    >>> both = joint(e, e)
    >>> both.names, both.contrast([1, -1]).se
    (('a', 'a (2)'), array([0.]))
    """
    if not estimates or any(e.influence is None for e in estimates):
        raise ValueError(
            "estimates holds one without an influence function, but its covariance with the others is needed; drop it."
        )
    sizes = sorted({e.n or 0 for e in estimates})
    if len(sizes) > 1:
        raise ValueError(f"estimates: they have {', '.join(map(str, sizes))} rows; give estimates on the same rows.")
    if any(not _same_clusters(e, estimates[0]) for e in estimates):
        raise ValueError(
            "estimates: they come in different clusters, so that no covariance holds for all; give all the same "
            "clusters where they are fitted, or by clustered_by."
        )
    found = Estimate(
        np.concatenate([e.point for e in estimates]),
        np.concatenate([e.influence for e in estimates if e.influence is not None], axis=1),
        _numbered([name for e in estimates for name in e.names]),
        clusters=estimates[0].clusters,
        dof=_joint_dof(estimates),
        by_cluster=_joint_rows(estimates, "by_cluster"),
        by_deletion=_joint_rows(estimates, "by_deletion"),
        weights=_joint_rows(estimates, "weights", 0.0),
    )
    if all(e.given is None for e in estimates):
        return found
    return replace(found, given=assembled([e.covariance for e in estimates], found.covariance))


def _joint_rows(estimates: Sequence[Estimate], name: str, share: float = 1.0) -> np.ndarray | None:
    """What the estimates hold under a name, side by side; those that lack it have ``share`` times their influence."""
    each = [getattr(e, name) for e in estimates]
    if all(values is None for values in each):
        return None
    pairs = zip(estimates, each, strict=True)
    return np.concatenate([share * cast(np.ndarray, e.influence) if v is None else v for e, v in pairs], axis=1)


def _joint_dof(estimates: Sequence[Estimate]) -> float | np.ndarray | None:
    if all(e.dof is None for e in estimates):
        return None
    each = [np.broadcast_to(np.inf if e.degrees is None else e.degrees, len(e.names)) for e in estimates]
    dof = np.concatenate(each).astype(float)
    return float(dof[0]) if np.ptp(dof) == 0 else dof


def _same_clusters(one: Estimate, other: Estimate) -> bool:
    pairs = zip(one.clusters, other.clusters, strict=False)
    return len(one.clusters) == len(other.clusters) and all(same_partition(*pair) for pair in pairs)


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Names, the second 'a' being called 'a (2)'."""
    found: list[str] = []
    for name in names:
        count = 2
        told = name
        while told in found:
            told, count = f"{name} ({count})", count + 1
        found.append(told)
    return tuple(found)
