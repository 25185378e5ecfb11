"""Effects with standard errors from a forest: what intervals contain, and what they say of themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import probability
from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.forest.calibration import AS_IS, Calibration
from ceteris.causal.heterogeneity.forest.forest import Forest, answered
from ceteris.causal.heterogeneity.forest.linear_effect import LinearEffect
from ceteris.causal.rows import Rows
from ceteris.results import About, Check

if TYPE_CHECKING:
    import pandas as pd

INTERVALS = {
    "bias-aware": "An interval allows for sampling, and for the smoothing bias that a linear effect would have; where "
    "effects bend sharply it covers τ(x) less often than it says.",
    "sampling": "An interval covers the mean of the forest's estimate over samples, not τ(x): smoothing bias is left "
    "out.",
}


@dataclass(frozen=True, eq=False)
class Answers:
    """A forest of effects, and all that is needed to say how sure it is.

    Attributes
    ----------
    forest : Forest
        Its further outcome is the treatment times the effects by ``linear``.
    linear : LinearEffect
    interval : str
        One of ``INTERVALS``.
    method : str
        For titles.
    names : tuple of str
        One for each effect.
    calibration : Calibration
    """

    forest: Forest
    linear: LinearEffect
    interval: str
    method: str
    names: tuple[str, ...]
    calibration: Calibration = AS_IS

    def at(self, rows: Rows, x: Any = None, level: float = 0.95, checks: Sequence[Check] = ()) -> Effects:
        """Effects at x, a table or a matrix, or out of bag at the rows grown on; shape (m,), or (m, k) if several."""
        probability("level", level)
        new = None if x is None else covariates_at(x, rows.names)
        predicted = answered(self.forest.predict(new, variance=self.forest.growth.bag > 1))
        point, se = self.calibration.of(predicted.point), None
        said = "The forest was grown with bag=1, so there are no standard errors."
        if predicted.variance is not None:
            variance = self.calibration.variance(predicted.point, predicted.variance)
            se, said = np.sqrt(variance), INTERVALS[self.interval]
            if self.interval == "bias-aware":
                se = np.sqrt(variance + self._bias(predicted.further[:, 0], rows.x if new is None else new) ** 2)
            refuse_unsure(se)
        if len(self.names) == 1:
            point, se = point[:, 0], None if se is None else se[:, 0]
        return Effects(point, se, self.names, About(self.method, interval=said), tuple(checks), level)

    def importance(self, names: tuple[str, ...]) -> pd.Series:
        """Share of the splits by covariate, of the first four levels, weighed by 1/level², sorted."""
        import pandas as pd

        return pd.Series(self.forest.importance(), index=pd.Index(names)).sort_values(ascending=False)

    def weights(self, names: tuple[str, ...], x: Any = None) -> np.ndarray:
        """α_i(x) of the rows grown on (n,) for each row of x, or out of bag; shape (m, n)."""
        return self.forest.weights(None if x is None else covariates_at(x, names))

    def _bias(self, smoothed: np.ndarray, x: np.ndarray) -> np.ndarray:
        """What forest and calibration make of the linear effect, less that; shape (m, k)."""
        average = self.linear.average
        return average + self.calibration.factor * (smoothed - average) - self.linear(x)


def refuse_unsure(se: np.ndarray) -> None:
    """Standard errors, shape (m, k), are finite: every row has two bags that answer for it."""
    lost = int((~np.isfinite(se)).any(axis=1).sum())
    if lost:
        raise FloatingPointError(
            f"growth: {lost} rows have fewer than two bags that answer for them, so there is no standard error; grow "
            "more trees."
        )
