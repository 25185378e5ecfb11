"""The causal forest: effects of a binary or continuous treatment, locally centred, with honest trees.

With m = E[Y | X] and e = E[D | X] from other rows, the forest gives each row i a weight α_i(x), and

    τ̂(x) = Σ_i α_i(x) (D̃_i - D̄)(Ỹ_i - Ȳ) / Σ_i α_i(x) (D̃_i - D̄)²,    Ỹ = Y - m,  D̃ = D - e, bars α-weighted means.

As this flattens effects, differences between rows are multiplied by the factor that the calibration test finds (see
``forest.calibration``); ``calibrated=False`` gives the plain forest.

Intervals. Little bags measure how τ̂(x) varies from sample to sample around its mean. That mean is not τ(x): a forest
averages effects over a neighbourhood. The bias is measured on the best linear effect in the R-loss: what the forest
would make of it, less that effect. By default the square of it is added to the variance, so that an interval allows for
the bias that a linear effect shows; ``interval="sampling"`` leaves it out, and then the interval is one for the mean of
τ̂(x). Curvature is covered by neither.

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47; Wager and Athey (2018), JASA 113; Nie and Wager (2021),
Biometrika 108; Armstrong and Kolesár (2020), Quantitative Economics 11, for intervals that allow for bias. That √n
times the error is asymptotically normal, as is sometimes said of forests, is not so: they converge more slowly.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity.effects import Effects, average_effect
from ceteris.causal.heterogeneity.evaluate.linear import calibration_test
from ceteris.causal.heterogeneity.forest import averages, centring
from ceteris.causal.heterogeneity.forest.answers import INTERVALS, Answers
from ceteris.causal.heterogeneity.forest.calibration import AS_IS, fit_calibration
from ceteris.causal.heterogeneity.forest.forest import answered, grow_forest
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.linear_effect import fit_linear_effect
from ceteris.causal.heterogeneity.forest.local_linear import local_linear
from ceteris.causal.heterogeneity.forest.targets import effect_target
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Check, Estimate, Nuisances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class CausalForest:
    """Causal forest.

    Parameters
    ----------
    growth : TreeSettings
        How trees are grown.
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of E[Y | X] and E[D | X], cross-fitted; by default the out-of-bag predictions of our own regression
        forests.
    interval : {"bias-aware", "sampling"}
        What standard errors contain; see above.
    calibrated : bool
        Whether differences between rows are calibrated.
    folds : int or array
        For learners that are given.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(600, 3))
    >>> d = (rng.random(600) < 0.5).astype(float)
    >>> y = (1 + x[:, 0]) * d + x[:, 1] + rng.normal(size=600)
    >>> fitted = CausalForest(TreeSettings(trees=100)).fit(y=y, d=d, x=x)
    >>> low, high = fitted.average().conf_int()[0]
    >>> bool(low < 1 < high)
    True
    >>> less, more = fitted.effect([[-1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]).point  # 0 and 2
    >>> bool(less < 0.6 and more > 1.4)
    True
    """

    growth: TreeSettings = field(default_factory=TreeSettings)
    outcome: Any = None
    treatment: Any = None
    interval: str = "bias-aware"
    calibrated: bool = True
    folds: Any = 5

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any,
        cluster: Any = None,
        nuisances: Nuisances | Mapping[str, Any] | None = None,
    ) -> FittedCausalForest:
        """Grow the forest.

        Parameters
        ----------
        data, y, d, x : as for ``read_rows``
            The treatment is binary or continuous; covariates may be missing.
        cluster : str or array of shape (n,), optional
            Rows that are drawn together.
        nuisances : mapping of str to array of shape (n,), optional
            "m" and "e", E[Y | X] and E[D | X] of each row, if they are known or were learnt elsewhere.
        """
        one_of("interval", self.interval, INTERVALS)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, missing=True)
        rows.refuse_several_treatments("code arms as a category for MultiArmForest")
        wanted = {"m": (rows.y, self.outcome), "e": (rows.d, self.treatment)}
        found, checks = centring.centre(rows, wanted, nuisances, self.growth, self.folds)
        if centring.is_binary(rows.d):
            e, check = centring.clipped(rows, found.e)
            found, checks = replace(found, e=e, v=e * (1 - e)), (*checks, check)
        else:
            found = replace(found, v=centring.variance_given(rows, (rows.d - found.e) ** 2, self.growth))
        y_left, d_left = rows.y - found.m, rows.d - found.e
        linear = fit_linear_effect(rows.x, y_left, d_left)
        forest = grow_forest(rows.x, effect_target(y_left, d_left, linear=linear(rows.x)), self.growth, rows.clusters)
        raw = answered(forest.predict()).point[:, 0]
        calibration = fit_calibration(raw, y_left, d_left, rows.clusters) if self.calibrated else AS_IS
        answers = Answers(forest, linear, self.interval, "Causal forest", (rows.treatment,), calibration)
        return FittedCausalForest(rows, found, answers, raw, checks)


@dataclass(frozen=True, eq=False)
class FittedCausalForest:
    """A causal forest that has been grown.

    Attributes
    ----------
    rows : Rows
    nuisances : Nuisances
        m, e, and v, the variance of the treatment given X.
    answers : Answers
        The forest and what its intervals are made of.
    raw : array, shape (n,)
        Effects out of bag, not calibrated.
    checks : tuple of Check
    """

    rows: Rows
    nuisances: Nuisances
    answers: Answers
    raw: np.ndarray
    checks: tuple[Check, ...] = ()

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effects at the rows of x, or out of bag at the training rows.

        Parameters
        ----------
        x : data frame with the columns of the covariates, or matrix of shape (m, p), optional
        level : float
            Checked here, used by ``conf_int`` of the result.
        """
        return self.answers.at(self.rows, x, level, self.checks)

    def local_linear(self, x: Any = None, penalty: float = 0.1) -> Effects:
        """Effects from a regression, weighted by α(x), of residual on residual that is linear in the covariates near x.

        It removes the bias of averaging a sloping effect, at a price in variance; there are no standard errors.

        Parameters
        ----------
        x : as in ``effect``
        penalty : float
            Of the slopes, ridge, relative to their mean variance.
        """
        at = None if x is None else covariates_at(x, self.rows.names)
        y_left, d_left = self.rows.y - self.nuisances.m, self.rows.d - self.nuisances.e
        point = local_linear(self.answers.forest, self.rows.x, y_left, d_left, at, penalty)
        about = About("Causal forest, locally linear", interval="Local linear effects have no standard errors.")
        return Effects(point, None, (self.rows.treatment,), about, self.checks)

    @property
    def tau(self) -> np.ndarray:
        """Effects out of bag, shape (n,)."""
        return self.answers.calibration.of(self.raw)

    @property
    def scores(self) -> np.ndarray:
        """Doubly robust score of each training row, shape (n,): τ + (d - e)/v (y - m - (d - e)τ), from out-of-bag τ."""
        rows, kept = self.rows, self.nuisances
        left = rows.d - kept.e
        return self.tau + left / kept.v * (rows.y - kept.m - left * self.tau)

    def average(self, subgroup: Any = None, estimand: str = "ATE") -> Estimate:
        """Average effect over a subgroup, doubly robust.

        Parameters
        ----------
        subgroup : array of bool, shape (n,), optional
        estimand : {"ATE", "ATT", "ATU", "ATO"}
            For a binary treatment. For a continuous one "ATE", the average slope E[Cov(Y, D | X) / Var(D | X)], and
            "ATO", the same weighted by Var(D | X), are defined.
        """
        rows, kept, method = self.rows, self.nuisances, "Causal forest, averaged"
        if centring.is_binary(rows.d) or estimand == "ATO":
            found = average_effect(rows, kept.m, kept.e, self.tau, subgroup, estimand, method)
            return replace(found, checks=self.checks)
        if estimand != "ATE":
            raise ValueError(
                f"estimand is {estimand!r}, but must be 'ATE' (average slope) or 'ATO' (weighted by the variance of "
                "the treatment) where that is not binary; choose one of them."
            )
        said = f"Average over the rows of the slope of {rows.outcome} in {rows.treatment}."
        found = averages.mean_of_scores(rows, self.scores, [estimand], subgroup, method, said)
        return replace(found, checks=self.checks)

    def best_linear_projection(self, on: Any = None) -> Estimate:
        """Linear function of covariates that is closest to τ(x): names, or an array (n, k); all by default."""
        return averages.projection(self.rows, self.scores, on)

    def calibration(self) -> Estimate:
        """Test, out of bag, whether the mean of the forest and its differences, before calibration, are right."""
        kept, groups = self.nuisances, self.rows.clusters
        return calibration_test(
            self.rows.y, self.rows.d, kept.m, kept.e, self.raw, cluster=groups[0] if groups else None
        )

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, of the first four levels, weighed by 1/level²."""
        return self.answers.importance(self.rows.names)

    def weights(self, x: Any = None) -> np.ndarray:
        """α_i(x) of each training row i for each row of x (m, p): shape (m, n), large for many rows."""
        return self.answers.weights(self.rows.names, x)
