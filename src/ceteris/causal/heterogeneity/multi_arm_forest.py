"""The causal forest for a treatment with several arms: effects of each arm against the first.

The moment is that of the regression of the outcome's residual on those of the arms' indicators, so that one forest has
a vector of effects τ(x), and splits where any of them changes.

References
----------
Athey, Tibshirani and Wager (2019), Annals of Statistics 47, section 6, for vectors of treatments. Nie and Wager (2021),
Biometrika 108.
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
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import Check, Estimate, Nuisances

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class MultiArmForest:
    """Causal forest for several arms.

    Parameters
    ----------
    growth, interval, folds : as in ``CausalForest``
    outcome, treatment : estimator in the manner of scikit-learn, optional
        Learners of E[Y | X] and, one arm at a time, P(D = arm | X); by default our own regression forests, out of bag.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, d = rng.normal(size=(900, 2)), rng.choice(["none", "letter", "visit"], size=900)
    >>> y = np.select([d == "letter", d == "visit"], [1.0, 2.0]) + x[:, 0] + rng.normal(size=900)
    >>> fitted = MultiArmForest(TreeSettings(trees=100)).fit(y=y, d=d, x=x, reference="none")
    >>> fitted.average().names
    ('letter - none', 'visit - none')
    >>> bool(np.all(np.abs(fitted.average().point - [1, 2]) < 0.3))
    True
    """

    growth: TreeSettings = field(default_factory=TreeSettings)
    outcome: Any = None
    treatment: Any = None
    interval: str = "bias-aware"
    folds: Any = 5

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any,
        reference: Any = None,
        cluster: Any = None,
        nuisances: Nuisances | Mapping[str, Any] | None = None,
    ) -> FittedMultiArmForest:
        """Grow the forest; arguments as in ``CausalForest.fit``, the treatment being a category.

        Parameters
        ----------
        reference : label, optional
            The arm that others are compared with; by default the first in order.
        nuisances : mapping, optional
            "m" (n,), and "e" (n, arms - 1): P(D = arm | X) of all arms but the reference, in order.
        """
        one_of("interval", self.interval, INTERVALS)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, levels=True, missing=True)
        base = rows.levels[0] if reference is None else reference
        one_of("reference", base, rows.levels)
        others = [k for k, level in enumerate(rows.levels) if level != base]
        arms = (rows.d[:, None] == np.array(others)).astype(float)
        wanted = {"m": (rows.y, self.outcome), "e": (arms, self.treatment)}
        found, checks = centring.centre(rows, wanted, nuisances, self.growth, self.folds)
        e, overlaps = _clipped(rows, found.e, [rows.levels[k] for k in others], base)
        found = replace(found, e=e)
        y_left, d_left = rows.y - found.m, arms - e
        linear = fit_linear_effect(rows.x, y_left, d_left)
        forest = grow_forest(rows.x, effect_target(y_left, d_left, linear=linear(rows.x)), self.growth, rows.clusters)
        names = tuple(f"{rows.levels[k]} - {base}" for k in others)
        answers = Answers(forest, linear, self.interval, "Causal forest, several arms", names)
        tau = answered(forest.predict()).point
        return FittedMultiArmForest(rows, arms, found, answers, tau, (*checks, *overlaps))


@dataclass(frozen=True, eq=False)
class FittedMultiArmForest:
    """A forest for several arms that has been grown.

    Attributes
    ----------
    rows : Rows
    arms : array, shape (n, k)
        Which of the arms but the reference a row has.
    nuisances : Nuisances
        m (n,) and e (n, k).
    answers : Answers
    tau : array, shape (n, k)
        Effects out of bag.
    checks : tuple of Check
    """

    rows: Rows
    arms: np.ndarray
    nuisances: Nuisances
    answers: Answers
    tau: np.ndarray
    checks: tuple[Check, ...] = ()

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effects (m, k) at the rows of x, as in ``FittedCausalForest.effect``."""
        return self.answers.at(self.rows, x, level, self.checks)

    @property
    def scores(self) -> np.ndarray:
        """Doubly robust score of each training row and contrast, shape (n, k)."""
        y, e = self.rows.y, self.nuisances.e
        base = self.nuisances.m - (e * self.tau).sum(axis=1)  # E[Y | reference, X]
        last = 1 - e.sum(axis=1)
        on_arm = self.arms * (y[:, None] - base[:, None] - self.tau) / e
        on_base = (1 - self.arms.sum(axis=1)) * (y - base) / np.maximum(last, centring.CLIP)
        return self.tau + on_arm - on_base[:, None]

    def average(self, subgroup: Any = None) -> Estimate:
        """Average effects of the arms over a subgroup, doubly robust."""
        said = f"Average effects of {self.rows.treatment} on {self.rows.outcome}, each arm against the reference."
        names = self.answers.names
        found = averages.mean_of_scores(self.rows, self.scores, names, subgroup, self.answers.method, said)
        return replace(found, checks=self.checks)

    def best_linear_projection(self, contrast: str, on: Any = None) -> Estimate:
        """Linear function of covariates closest to the effects of a contrast, such as "b - a"; see ``CausalForest``."""
        one_of("contrast", contrast, self.answers.names)
        return averages.projection(self.rows, self.scores[:, self.answers.names.index(contrast)], on)

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, as in ``FittedCausalForest``."""
        return self.answers.importance(self.rows.names)

    def weights(self, x: Any = None) -> np.ndarray:
        """α_i(x) of each training row i for each row of x (m, p): shape (m, n), large for many rows."""
        return self.answers.weights(self.rows.names, x)


def _clipped(rows: Rows, e: np.ndarray, labels: list[Any], base: Any) -> tuple[np.ndarray, list[Check]]:
    """Propensities of the arms within [0.01, 0.99], and the overlap of these and of the reference."""
    parts = [centring.clipped(rows, column, f"arm {label}") for column, label in zip(e.T, labels, strict=True)]
    _, of_base = centring.clipped(rows, 1 - e.sum(axis=1), f"arm {base}")
    return np.stack([part for part, _ in parts], axis=1), [*(check for _, check in parts), of_base]
