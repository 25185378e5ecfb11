"""Difference in differences with treatment that starts at different times: an effect for each group and period."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, make_folds
from ceteris.causal.estimators.difference_in_differences import ASSUMPTIONS
from ceteris.causal.learners import default_classifier, default_regressor, given
from ceteris.causal.nuisances import propensity, refuse_clip, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.estimates import figures
from ceteris.results import About, AbstractDetails, Check, Estimate, Figure

CONTROLS = ("never treated", "not yet treated")
UNLIKELY = 0.05  # p-value below which effects before treatment are not zero


@dataclass(frozen=True)
class GroupTimeEffects:
    """ATT(g, t): the effect in period t on the units first treated in period g, for all g and t, with joint covariance.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of the change of the outcome given covariates; by default that of ``causal.learners``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of the probability to be of a group; by default that of ``causal.learners``.
    controls : {"never treated", "not yet treated"}
        Whom a group is compared with.
    normalise : bool
        Scale the weights so that each set averages to one.
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported.
    folds : int
        Number of folds of the cross-fitting; they are drawn for each group and period among the units that are
        compared.
    repeats : int
        How often it is done with other folds; the median is reported.
    seed : int
        Of the draw of folds.
    jobs : int, optional
        Folds fitted at once; None leaves it to ``joblib.parallel_config``.
    small_sample : bool
        Whether standard errors are those of the jackknife, with Student's t; see ``PartiallyLinear``.

    Notes
    -----
    Before treatment each period is compared with the one before it, so that these effects, which should be zero, test
    the assumption of parallel trends; from treatment on, with the last period before treatment. ``event_study``,
    ``by_group`` and ``overall`` sum the effects up.

    References
    ----------
    Callaway and Sant'Anna (2021), Journal of Econometrics 225.

    Examples
    --------
    >>> from ceteris.data import simulate_staggered
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> data = simulate_staggered(400, seed=1)
    >>> effects = GroupTimeEffects(LinearRegression(), LogisticRegression())
    >>> estimate = effects.fit(data, y="y", group="group", unit="unit", time="time", x=["x0", "x1"])
    >>> event_study(estimate).names
    ('-2', '-1', '0', '1', '2')
    """

    outcome: Any = None
    treatment: Any = None
    controls: str = CONTROLS[0]
    normalise: bool = True
    clip: float = 0.01
    folds: int = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(self, data: Any = None, *, y: Any, group: Any, unit: Any, time: Any, x: Any = None) -> Estimate:
        """Estimate all effects.

        Parameters
        ----------
        data : data frame, optional
            One row for each unit and period. Without it the roles are arrays.
        y : str or array
            Outcome.
        group : str or array
            The period a unit is first treated in; 0 for never.
        unit : str or array
            Which unit a row is of.
        time : str or array
            Which period a row is of.
        x : list of str or matrix
            Covariates; their values in the earlier of two compared periods are used.
        """
        one_of("controls", self.controls, CONTROLS)
        refuse_clip(self.clip)
        learners = {
            "outcome": given(self.outcome, default_regressor()),
            "treatment": given(self.treatment, default_classifier()),
        }
        refuse_learners(**learners)
        panel = _read(data, y=y, group=group, unit=unit, time=time, x=x)
        cells = _cells(panel)
        splits = []
        for r in range(self.repeats):
            solved = [self._cell(panel, learners, g, base, t, r) for g, base, t in cells]
            point = np.array([point for point, _ in solved])
            influence, by_deletion, weights = np.stack([parts for _, parts in solved], axis=2)
            names = tuple(f"ATT({g:g}, {t:g})" for g, _, t in cells)
            asked = weights if self.small_sample else None
            splits.append(Estimate(point, influence, names, by_deletion=by_deletion, weights=asked))
        estimate = assemble.median_of(splits)
        about = replace(self._about(), standard_errors=estimate.about.standard_errors)
        return replace(estimate, about=about, details=Staggered(np.array([(g, t) for g, _, t in cells]), panel.group))

    def _cell(
        self, panel: _Panel, learners: dict[str, Any], g: float, base: float, t: float, repeat: int
    ) -> tuple[float, np.ndarray]:
        """Point of one group and period; influence, by_deletion and weights over all units, shape (3, units)."""
        before, after = panel.at(min(base, t)), panel.at(max(base, t))
        untreated = ~np.isfinite(panel.group)
        if self.controls == CONTROLS[1]:
            untreated |= (panel.group > max(base, t)) & (panel.group != g)
        used = np.flatnonzero(((panel.group == g) | untreated) & (before >= 0) & (after >= 0))
        d = (panel.group[used] == g).astype(float)
        for count, who in ((int(d.sum()), f"of group {g:g}"), (int((1 - d).sum()), "without treatment")):
            if count < 2 * self.folds:
                raise ValueError(
                    f"group: {count} units {who} are seen in periods {base:g} and {t:g}; {self.folds} folds need "
                    f"{2 * self.folds}; give fewer folds, drop the group, or choose controls='not yet treated'."
                )
        change = panel.y[after[used]] - panel.y[before[used]]
        if t < base:
            change = -change
        x = panel.x[before[used]]
        fold = make_folds(len(used), self.folds, 1, self.seed + 7919 * repeat, stratify=d)[0]
        g0 = cross_fit(learners["outcome"], x, change, fold, among=d == 0, jobs=self.jobs)
        e, _ = propensity(learners["treatment"], x, d, fold, self.clip, self.jobs)
        weights = scores.did_panel(np.ones(len(used)), d, np.zeros(len(used)), e, self.normalise)[1]
        one = assemble.solve([scores.did_panel(change, d, g0, e, self.normalise)], ["ATT"], fold, weights=[weights])
        parts = np.zeros((3, len(panel.group)))
        parts[:, used] = np.stack(
            [part[:, 0] for part in (one.influence, one.by_deletion, one.weights) if part is not None]
        )
        return float(one.point[0]), parts * len(panel.group) / len(used)

    def _about(self) -> About:
        return About(
            f"Group-time effects against the {self.controls}, cross-fitted",
            "The average effect in period t on the units first treated in period g.",
            "ATT(g, t) = E[Y_t(g) - Y_t(0) | G = g]",
            (*ASSUMPTIONS, "Once treated, a unit stays treated."),
        )


@dataclass(frozen=True, eq=False)
class Staggered(AbstractDetails):
    """Which groups and periods the effects of an estimate are of; in ``Estimate.details``.

    Parameters
    ----------
    cells : array, shape (k, 2)
        Group and period of each effect.
    groups : array, shape (units,)
        The period each unit is first treated in, infinity for never.
    """

    cells: np.ndarray
    groups: np.ndarray

    def figures(self, estimate: Estimate) -> tuple[Figure, ...]:
        """The event study."""
        return event_study(estimate).figures[:1]


@dataclass(frozen=True, eq=False)
class EventTimes(AbstractDetails):
    """Periods since treatment, shape (k,), that the effects of an estimate are of; in ``Estimate.details``."""

    times: np.ndarray

    def figures(self, estimate: Estimate) -> tuple[Figure, ...]:
        """The event study, with a band that holds all effects at once."""
        import pandas as pd

        (low, high), (band_low, band_high) = estimate.conf_int().T, estimate.bands().T
        columns = {"time": self.times, "estimate": estimate.point, "low": low, "high": high}
        return (figures.event_study(pd.DataFrame({**columns, "band low": band_low, "band high": band_high})),)


def event_study(estimate: Estimate) -> Estimate:
    """Effects by periods since treatment, averaged over groups by their size.

    Its figure shows them with pointwise intervals and a band that holds them all; a check says whether those before
    treatment are zero together.
    """
    panel = _staggered(estimate)
    since = panel.cells[:, 1] - panel.cells[:, 0]
    times = np.unique(since)
    said = "The average effect by periods since the start of treatment, over the groups seen then, by their size."
    found = _averages(estimate, panel.cells[:, 0], {f"{s:g}": since == s for s in times}, panel.groups, said)
    found = replace(found, details=EventTimes(times), checks=(parallel(found, times), *found.checks))
    return found


def parallel(found: Estimate, times: np.ndarray) -> Check:
    """Whether the effects before treatment are zero together, by a Wald test: what can be seen of parallel trends."""
    from scipy import stats

    before = np.flatnonzero((times < 0) & (found.se > 0))
    if not len(before):
        return Check("no effects before treatment", None, "No periods before treatment can be compared.")
    point, covariance = found.point[before], found.covariance[np.ix_(before, before)]
    p = float(stats.chi2.sf(point @ np.linalg.pinv(covariance) @ point, np.linalg.matrix_rank(covariance)))
    said = f"That the {len(before)} effects before treatment are all zero has a p-value of {p:.3f}"
    advice = ", which is no proof of parallel trends." if p > UNLIKELY else "; trends were not parallel: find out why."
    return Check("no effects before treatment", p > UNLIKELY, said + advice, p, UNLIKELY)


def by_group(estimate: Estimate) -> Estimate:
    """Effects by group, averaged over the periods from treatment on."""
    panel = _staggered(estimate)
    group, period = panel.cells.T
    chosen = {f"{g:g}": (period >= group) & (group == g) for g in np.unique(group)}
    said = "The average effect on the units first treated in period g, over the periods they are treated in."
    return _averages(
        estimate, group, {name: which for name, which in chosen.items() if which.any()}, panel.groups, said
    )


def overall(estimate: Estimate) -> Estimate:
    """One effect: the average over the treated units of the average over their treated periods."""
    groups = by_group(estimate)
    labels = np.array([float(name) for name in groups.names])
    said = "The average effect on the treated, over the periods they are treated in."
    return _averages(groups, labels, {"overall": np.ones(len(labels), dtype=bool)}, _staggered(estimate).groups, said)


# ------------------------------------------------------------------------------------------ the panel


@dataclass(frozen=True)
class _Panel:
    y: np.ndarray  # (rows,)
    x: np.ndarray  # (rows, p)
    group: np.ndarray  # (units,), infinity for never
    place: np.ndarray  # (units, periods): the row, -1 where there is none
    periods: np.ndarray

    def at(self, period: float) -> np.ndarray:
        return self.place[:, int(np.searchsorted(self.periods, period))]


def _read(data: Any, *, y: Any, group: Any, unit: Any, time: Any, x: Any) -> _Panel:
    rows: Rows = read_rows(data, y=y, d=group, x=x, strata=unit, extra={"time": time})
    assert rows.strata is not None
    units, seen = rows.strata, rows.extra["time"]
    periods = np.unique(seen)
    if len(periods) < 2:
        raise ValueError(f"time: it is {periods[0]:g} in every row; two periods at least are needed.")
    place = np.full((int(units.max()) + 1, len(periods)), -1)
    column = np.searchsorted(periods, seen)
    if len(np.unique(units * len(periods) + column)) < rows.n:
        raise ValueError("unit: some unit has several rows in one period; one is allowed; sum them up first.")
    place[units, column] = np.arange(rows.n)
    starts = np.where(rows.d == 0, np.inf, rows.d)
    first = np.full(len(place), np.nan)
    first[units] = starts
    if (first[units] != starts).any():
        raise ValueError("group: it changes within a unit; it is the first treated period, the same in all its rows.")
    return _Panel(rows.y, rows.x, first, place, periods)


def _cells(panel: _Panel) -> list[tuple[float, float, float]]:
    """Group, period compared with, period."""
    groups = [g for g in np.unique(panel.group[np.isfinite(panel.group)]) if (panel.periods < g).any()]
    if not groups:
        raise ValueError("group: no group is seen before its treatment starts; there is nothing to compare with.")
    cells = []
    for g in groups:
        last = panel.periods[panel.periods < g].max()
        for earlier, t in zip(panel.periods[:-1], panel.periods[1:], strict=True):
            cells.append((float(g), float(last if t >= g else earlier), float(t)))
    return cells


# ------------------------------------------------------------------------------------------ sums


def _staggered(estimate: Estimate) -> Staggered:
    if not isinstance(estimate.details, Staggered):
        raise ValueError("estimate: it has no group-time effects; give what GroupTimeEffects.fit returned.")
    return estimate.details


def _averages(
    estimate: Estimate, labels: np.ndarray, chosen: dict[str, np.ndarray], groups: np.ndarray, estimand: str
) -> Estimate:
    """Averages of the chosen effects, each weighted by the size of the group that ``labels`` says it is of."""
    parts = [_averaged(one, labels, chosen, groups) for one in estimate.splits or (estimate,)]
    found = assemble.median_of(parts)
    said = found.about.standard_errors or estimate.about.standard_errors
    return replace(found, about=replace(estimate.about, estimand=estimand, formula="", standard_errors=said))


def _averaged(estimate: Estimate, labels: np.ndarray, chosen: dict[str, np.ndarray], found: np.ndarray) -> Estimate:
    """Shares of groups are those in the sample, and the influence function contains that they are estimated."""
    assert estimate.influence is not None
    points, rows, asked = [], [], estimate.weights is not None
    for which in chosen.values():
        member = found[:, None] == labels[None, which]  # units by effects
        share = member.mean(0)
        weight = share / share.sum()
        effect = estimate.point[which]
        point = weight @ effect
        points.append(point)
        drawn = (member - share) @ (effect - point) / share.sum()
        parts = [estimate.influence, estimate.by_deletion, estimate.weights]
        kept = [np.zeros_like(drawn) if part is None else part[:, which] @ weight for part in parts]
        rows.append([kept[0] + drawn, kept[1] + drawn, kept[2]])
    influence, by_deletion, weights = np.stack(rows, axis=2)
    return Estimate(
        np.array(points), influence, tuple(chosen), by_deletion=by_deletion, weights=weights if asked else None
    )
