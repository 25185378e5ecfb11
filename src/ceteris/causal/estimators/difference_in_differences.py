"""Difference in differences with covariates: two periods, on a panel or on repeated cross-sections."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal import assemble, scores
from ceteris.causal.crossfit import cross_fit, read_folds
from ceteris.causal.learners import default_classifier, default_regressor, given
from ceteris.causal.nuisances import fit_of, overlap, propensity, refuse_clip, refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Estimate, Nuisances

EFFICIENT, CHANG = "orthogonal", "Chang"
CELLS = ((0, 0), (0, 1), (1, 0), (1, 1))  # treatment and period of repeated cross-sections
ASSUMPTIONS = [
    "Given the covariates, the outcomes of treated and controls would have moved in parallel without the treatment.",
    "Nobody reacts to the treatment before it starts.",
    "Overlap: no covariates at which everybody is treated.",
]


@dataclass(frozen=True)
class DifferenceInDifferences:
    """Average effect on the treated, from before and after, with controls.

    Parameters
    ----------
    outcome : estimator in the manner of scikit-learn, optional
        Learner of the outcome (its change, on a panel) given covariates; by default that of ``causal.learners``.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | X); by default that of ``causal.learners``.
    score : {"orthogonal", "Chang"}
        On repeated cross-sections: with the outcome in each of the four cells of group and period, or Chang's, with
        E[(T - λ)Y | X, D = 0] only. The former has smaller standard errors.
    normalise : bool
        Scale the weights so that each set averages to one (orthogonal score).
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat);
        balanced by treatment and period.
    repeats : int
        How often it is done with other folds; the median is reported.
    seed : int
        Of the draw of folds.
    jobs : int, optional
        Folds fitted at once; None leaves it to ``joblib.parallel_config``.
    small_sample : bool
        Whether standard errors are those of the jackknife, with Student's t; see ``PartiallyLinear``.

    References
    ----------
    Sant'Anna and Zhao (2020), Journal of Econometrics 219; Chang (2020), Econometrics Journal 23; Zimmert (2020),
    arXiv:1809.01643.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=500)
    >>> d = rng.random(500) < 1 / (1 + np.exp(-x))
    >>> before = x + d + rng.normal(size=500)
    >>> after = 2 * x + 2 * d + rng.normal(size=500)  # the trend depends on x; the effect is one
    >>> learners = LinearRegression(), LogisticRegression()
    >>> DifferenceInDifferences(*learners).fit(y=after, before=before, d=d, x=x).point.round(1)
    array([1.])
    """

    outcome: Any = None
    treatment: Any = None
    score: str = EFFICIENT
    normalise: bool = True
    clip: float = 0.01
    folds: Any = 5
    repeats: int = 1
    seed: int = 0
    jobs: int | None = None
    small_sample: bool = True

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any = None,
        before: Any = None,
        time: Any = None,
        cluster: Any = None,
    ) -> Estimate:
        """Estimate the effect on the treated.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome; on a panel that of the second period.
        d : str or array, shape (n,)
            1 for the group that is treated in the second period, in both periods.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.
        before : str or array, optional
            Panel: the outcome before, y being the outcome after. Without it and without ``time``, y is the change.
        time : str or array, optional
            Repeated cross-sections: 0 before and 1 after.
        """
        one_of("score", self.score, (EFFICIENT, CHANG))
        refuse_clip(self.clip)
        rows = self._read(data, y=y, d=d, x=x, before=before, time=time, cluster=cluster)
        after = rows.extra.get("time")
        learners = {
            "outcome": given(self.outcome, default_regressor()),
            "treatment": given(self.treatment, default_classifier()),
        }
        refuse_learners(**learners)
        strata = rows.d if after is None else 2 * rows.d + after
        drawn = read_folds(self.folds, rows.n, self.repeats, self.seed, rows.clusters, stratify=strata)
        splits, nuisances = [], []
        for fold in drawn:
            found = self._nuisances(rows, learners, fold)
            weights = [self._weights(rows, found.e)] if self.small_sample else None
            splits.append(assemble.solve([self._score(rows, found)], ["ATT"], fold, rows.clusters, weights))
            nuisances.append(found)
        first = nuisances[0]
        checks = [
            overlap(first.raw, self.clip, rows.x, rows.names),
            fit_of("treatment", rows.d, first.e),
        ]
        return assemble.finish(splits, self._about(after is None), nuisances, drawn, checks)

    def _read(self, data: Any, *, y: Any, d: Any, x: Any, before: Any, time: Any, cluster: Any) -> Rows:
        if before is not None and time is not None:
            raise ValueError(
                "before, time: both given; give before= for a panel, or time= for repeated cross-sections."
            )
        if self.score == CHANG and time is None:
            raise ValueError("score: 'Chang' given without time; it is for repeated cross-sections; give time=.")
        extra = {name: given for name, given in (("before", before), ("time", time)) if given is not None}
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True, extra=extra)
        if "time" in extra:
            t = rows.extra["time"]
            if not np.array_equal(np.unique(t), [0, 1]):
                raise ValueError("time: it must hold both 0 (before) and 1 (after) and nothing else; recode it.")
            for w, s in CELLS:
                if ((rows.d == w) & (t == s)).sum() < 2:
                    raise ValueError(
                        f"time: fewer than two rows have d = {w} and time = {s}; all four cells are needed."
                    )
        return rows

    def _nuisances(self, rows: Rows, learners: dict[str, Any], fold: np.ndarray) -> Nuisances:
        e, raw = propensity(learners["treatment"], rows.x, rows.d, fold, self.clip, self.jobs)
        found = Nuisances(e=e, raw=raw, normalised=self.normalise)

        def fitted(target: np.ndarray, among: np.ndarray) -> np.ndarray:
            return cross_fit(learners["outcome"], rows.x, target, fold, among=among, jobs=self.jobs)

        t = rows.extra.get("time")
        if t is None:
            return replace(found, change=fitted(_change(rows), rows.d == 0))
        if self.score == CHANG:
            return replace(found, change=fitted((t - t.mean()) * rows.y, rows.d == 0))
        cells = [fitted(rows.y, (rows.d == w) & (t == s)) for w, s in CELLS]
        return replace(found, arms=np.stack(cells, axis=1))

    def _score(self, rows: Rows, found: Nuisances) -> scores.Score:
        t, e = rows.extra.get("time"), found.e
        if t is None:
            return scores.did_panel(_change(rows), rows.d, found.change, e, self.normalise)
        if self.score == CHANG:
            return scores.chang(rows.y, rows.d, t, e, found.change)
        cells = dict(zip(CELLS, found.arms.T, strict=True))
        return scores.did_cross_sections(rows.y, rows.d, t, cells, e, self.normalise)

    def _weights(self, rows: Rows, e: np.ndarray) -> np.ndarray:
        """Return the weight of each outcome (change, on a panel) in the score: that of a one predicted as zero."""
        t, one, zero = rows.extra.get("time"), np.ones(rows.n), np.zeros(rows.n)
        if t is None:
            return scores.did_panel(one, rows.d, zero, e, self.normalise)[1]
        if self.score == CHANG:
            return scores.chang(one, rows.d, t, e, zero)[1]
        cells = dict.fromkeys(CELLS, zero)
        return scores.did_cross_sections(one, rows.d, t, cells, e, self.normalise)[1]

    def _about(self, panel: bool) -> About:
        kind = "panel" if panel else f"repeated cross-sections, {self.score} score"
        more = [] if panel else ["The covariates have the same distribution in both periods, group by group."]
        return About(
            f"Difference in differences ({kind}), cross-fitted",
            "The average effect of the treatment on the treated, in the second period.",
            "τ = E[Y₁(1) - Y₁(0) | D = 1]",
            (*ASSUMPTIONS, *more),
        )


def _change(rows: Rows) -> np.ndarray:
    return rows.y - rows.extra["before"] if "before" in rows.extra else rows.y
