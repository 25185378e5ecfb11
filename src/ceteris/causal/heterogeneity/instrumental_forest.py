"""The instrumental forest: effects, near x, of a treatment that an instrument moves.

    τ̂(x) = Σ_i α_i(x) (Z̃_i - Z̄)(Ỹ_i - Ȳ) / Σ_i α_i(x) (Z̃_i - Z̄)(D̃_i - D̄)

with residuals of outcome, treatment and instrument on the covariates. With a binary treatment and instrument it is the
effect on those at x who comply with the instrument.

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47, section 7.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.forest import averages, centring
from ceteris.causal.heterogeneity.forest.answers import INTERVALS, Answers
from ceteris.causal.heterogeneity.forest.forest import answered, grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.linear_effect import fit_linear_effect
from ceteris.causal.heterogeneity.forest.targets import effect_target
from ceteris.causal.nuisances import f_statistic, first_stage
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import Check, Estimate, Nuisances

if TYPE_CHECKING:
    import pandas as pd

WEAK = 0.05  # effect of the instrument, over twice the sd of D, below which a score would divide by next to nothing


@dataclass(frozen=True)
class InstrumentalForest:
    """Instrumental forest.

    Parameters
    ----------
    growth : TreeSettings
        By default with larger leaves than other forests: an estimate divides by the effect of the instrument near x.
    interval, folds : as in ``CausalForest``
    outcome, treatment, instrument : estimator in the manner of scikit-learn, optional
        Learners of E[Y | X], E[D | X] and E[Z | X]; by default our own regression forests, out of bag.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, u = rng.normal(size=(1000, 2)), rng.normal(size=1000)
    >>> z = (rng.random(1000) < 0.5).astype(float)
    >>> d = 0.5 * z + u + rng.normal(size=1000)
    >>> fitted = InstrumentalForest(TreeSettings(trees=100)).fit(y=2 * d - u, d=d, x=x, z=z)
    >>> bool(abs(np.median(fitted.effect().point) - 2) < 0.5)
    True
    """

    growth: TreeSettings = field(default_factory=lambda: TreeSettings(least=20))
    outcome: Any = None
    treatment: Any = None
    instrument: Any = None
    interval: str = "bias-aware"
    folds: Any = 5

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any,
        z: Any,
        cluster: Any = None,
        nuisances: Nuisances | Mapping[str, Any] | None = None,
    ) -> FittedInstrumentalForest:
        """Grow the forest; arguments as in ``CausalForest.fit``, z the instrument, nuisances "m", "e" and "h".

        "h" is E[Z | X].
        """
        one_of("interval", self.interval, INTERVALS)
        rows = read_rows(data, y=y, d=d, x=x, z=z, cluster=cluster, missing=True)
        if rows.z is None or rows.z.ndim > 1 or rows.d.ndim > 1:
            raise ValueError("z: one instrument for one treatment is allowed; give one column of each.")
        if np.ptp(rows.z) == 0:
            raise ValueError(f"z: the instrument is {rows.z[0]:g} in every row, so it moves nothing; choose another.")
        wanted = {"m": (rows.y, self.outcome), "e": (rows.d, self.treatment), "h": (rows.z, self.instrument)}
        found, checks = centring.centre(rows, wanted, nuisances, self.growth, self.folds)
        y_left, d_left, z_left = rows.y - found.m, rows.d - found.e, rows.z - found.h
        checks = (*checks, first_stage(f_statistic(d_left, z_left, rows.clusters)))
        linear = fit_linear_effect(rows.x, y_left, d_left, z_left)
        target = effect_target(y_left, d_left, z_left, linear(rows.x))
        forest = grow_forest(rows.x, target, self.growth, rows.clusters)
        answers = Answers(forest, linear, self.interval, "Instrumental forest", (rows.treatment,))
        tau = answered(forest.predict()).point[:, 0]
        return FittedInstrumentalForest(rows, found, answers, tau, self.growth, checks)


@dataclass(frozen=True, eq=False)
class FittedInstrumentalForest:
    """An instrumental forest that has been grown.

    Attributes
    ----------
    rows : Rows
    nuisances : Nuisances
        m, e and h.
    answers : Answers
    tau : array, shape (n,)
        Effects out of bag.
    growth : TreeSettings
    checks : tuple of Check
        The strength of the instrument among them.
    """

    rows: Rows
    nuisances: Nuisances
    answers: Answers
    tau: np.ndarray
    growth: TreeSettings
    checks: tuple[Check, ...] = ()

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effects at the rows of x, as in ``FittedCausalForest.effect``."""
        return self.answers.at(self.rows, x, level, self.checks)

    @property
    def scores(self) -> np.ndarray:
        """Doubly robust score of each training row, shape (n,), for an instrument of zeros and ones.

        τ + (z - h) / (h (1 - h) Δ) (y - m - (d - e)τ), where Δ(x) is the effect of the instrument on the treatment, by
        a causal forest, and kept away from zero.
        """
        rows, kept = self.rows, self.nuisances
        assert rows.z is not None
        if not centring.is_binary(rows.z):
            raise ValueError("z: scores and averages need an instrument of zeros and ones; use effect for others.")
        h, _ = centring.clipped(rows, kept.h, "instrument")
        y_left, d_left, z_left = rows.y - kept.m, rows.d - kept.e, rows.z - h
        moved = answered(grow_forest(rows.x, effect_target(d_left, z_left), self.growth, rows.clusters).predict())
        strength = moved.point[:, 0]
        floor = WEAK * 2 * rows.d.std()  # in units of the treatment; 0.05 where half are treated
        strength = np.where(strength < 0, -1, 1) * np.maximum(np.abs(strength), floor)
        return self.tau + z_left / (h * (1 - h) * strength) * (y_left - d_left * self.tau)

    def average(self, subgroup: Any = None) -> Estimate:
        """Average over a subgroup of the effects on those who comply, E[τ(X)], doubly robust."""
        said = "Average over the rows of the effect, at a row's covariates, on those whom the instrument moves."
        names, method = ["E[LATE(X)]"], "Instrumental forest"
        found = averages.mean_of_scores(self.rows, self.scores, names, subgroup, method, said)
        return replace(found, checks=self.checks)

    def best_linear_projection(self, on: Any = None) -> Estimate:
        """Linear function of covariates that is closest to τ(x), as in ``FittedCausalForest``."""
        return averages.projection(self.rows, self.scores, on)

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, as in ``FittedCausalForest``."""
        return self.answers.importance(self.rows.names)

    def weights(self, x: Any = None) -> np.ndarray:
        """α_i(x) of each training row i for each row of x (m, p): shape (m, n), large for many rows."""
        return self.answers.weights(self.rows.names, x)
