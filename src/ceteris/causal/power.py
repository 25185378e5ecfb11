"""How many units an experiment needs, what effect it can find, and with what probability it finds one.

For a difference in means with a share p of n units treated, outcomes with standard deviations σ_1 and σ_0,

    se² = [(σ_1² / p + σ_0² / (1 - p)) / n] (1 - R²) [1 + (m - 1) ρ]

R² is what covariates explain of the outcome within arms (regression adjustment), and the last factor the design effect
of assigning whole clusters of m units with intra-class correlation ρ. Power is that of the t-test with n - 2 degrees of
freedom (number of clusters - 2 if they are assigned), exact for normal outcomes of equal variance.

References
----------
Cohen (1988), Statistical power analysis for the behavioral sciences. Bloom (1995), Evaluation Review 19. Donner and
Klar (2000), Design and analysis of cluster randomization trials.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ceteris.arguments import INSIDE, POSITIVE, SHARE, check, number, one_of, probability, whole

MOST = 10**9  # units, beyond which a sample size is not looked for


@dataclass(frozen=True)
class Experiment:
    """An experiment to be planned.

    Parameters
    ----------
    sd : float
        Standard deviation of the outcome of the controls.
    sd_treated : float, optional
        Standard deviation of the outcome of the treated; by default that of the controls.
    share : float
        Share of the units (clusters) that are treated.
    r2 : float
        Share of the variance within arms that covariates explain.
    cluster_size : int
        Units in each cluster that is assigned as a whole.
    icc : float
        Intra-class correlation of the units of a cluster.
    level : float
        Confidence level of the test.
    alternative : 'two-sided' or 'one-sided'
        Whether an effect of the other sign would be an effect, too.

    Examples
    --------
    The textbook case: half a standard deviation, 64 units in each arm, power of four fifths.

    >>> design = Experiment()
    >>> round(design.power(0.5, 128), 4), design.sample_size(0.5), round(design.detectable(128), 3)
    (0.8015, 128, 0.499)
    """

    sd: float = 1.0
    sd_treated: float | None = None
    share: float = 0.5
    r2: float = 0.0
    cluster_size: int = 1
    icc: float = 0.0
    level: float = 0.95
    alternative: str = "two-sided"

    def __post_init__(self) -> None:
        check(self, share=INSIDE, level=INSIDE, r2=SHARE, icc=SHARE, sd=POSITIVE, sd_treated=POSITIVE)
        whole("cluster_size", self.cluster_size)
        one_of("alternative", self.alternative, ("two-sided", "one-sided"))

    def standard_error(self, n: float) -> float:
        """Standard error of the difference in means with n units."""
        treated = self.sd if self.sd_treated is None else self.sd_treated
        variance = (treated**2 / self.share + self.sd**2 / (1 - self.share)) / n
        return float(np.sqrt(variance * (1 - self.r2) * (1 + (self.cluster_size - 1) * self.icc)))

    def power(self, effect: float, n: int) -> float:
        """Probability that the test rejects with n units, if the effect is the one given."""
        from scipy import stats

        _refuse_small(self, n)
        dof, shift = self._dof(n), abs(effect) / self.standard_error(n)
        if self.alternative == "one-sided":
            return float(stats.nct.sf(stats.t.ppf(self.level, dof), dof, shift))
        edge = stats.t.ppf((1 + self.level) / 2, dof)
        other = stats.nct.cdf(-edge, dof, shift)  # a rejection on the wrong side; not a number where it is negligible
        return float(stats.nct.sf(edge, dof, shift) + (other if np.isfinite(other) else 0.0))

    def sample_size(self, effect: float, power: float = 0.8) -> int:
        """Fewest units, in whole clusters, with at least this power."""
        number("power", power, above=1 - self.level, below=1, such_as=0.8)
        if effect == 0:
            raise ValueError("effect is 0, but no sample finds an effect of zero; give the smallest that matters.")
        m = self.cluster_size
        low, high = 3, 4  # clusters
        while self.power(effect, high * m) < power:
            low, high = high, 2 * high
            if high * m > MOST:
                raise ValueError(f"effect is {effect}, but that needs over {MOST:.0e} units; give a larger one.")
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if self.power(effect, middle * m) >= power else (middle, high)
        return high * m

    def detectable(self, n: int, power: float = 0.8) -> float:
        """Smallest effect that n units find with this power."""
        from scipy.optimize import brentq

        number("power", power, above=1 - self.level, below=1, such_as=0.8)
        _refuse_small(self, n)
        se = self.standard_error(n)
        gap = lambda shift: self.power(shift * se, n) - power
        top = 4.0
        while gap(top) < 0:
            top *= 2
        root: Any = brentq(gap, 1e-9, top, xtol=1e-12)
        return float(se * root)

    def curve(self, effects: Any, sizes: Any) -> Any:
        """Power by effect and number of units, as a data frame with columns effect, n and power."""
        import pandas as pd

        rows = [{"effect": effect, "n": n, "power": self.power(effect, n)} for effect in effects for n in sizes]
        return pd.DataFrame(rows)

    def _dof(self, n: int) -> float:
        return n / self.cluster_size - 2


def proportions(control: float, treated: float, **settings: Any) -> Experiment:
    """The design for an outcome of zeros and ones with these shares; the effect is their difference.

    Examples
    --------
    >>> proportions(0.10, 0.15).sample_size(0.05)
    1368
    """
    for name, value in (("control", control), ("treated", treated)):
        probability(name, value, such_as=0.1)
    sds = {"sd": (control * (1 - control)) ** 0.5, "sd_treated": (treated * (1 - treated)) ** 0.5}
    return replace(Experiment(**settings), **sds)


def best_share(sd: float, sd_treated: float, cost: float = 1.0, cost_treated: float = 1.0) -> float:
    """Share of treated units with the least variance for a budget: proportional to σ / sqrt(cost of a unit).

    Examples
    --------
    >>> best_share(1.0, 2.0)
    0.6666666666666666
    """
    one, none = sd_treated / cost_treated**0.5, sd / cost**0.5
    return one / (one + none)


def _refuse_small(design: Experiment, n: int) -> None:
    if design._dof(n) < 1:
        raise ValueError(
            f"n is {n}, which makes {n / design.cluster_size:g} units to assign, but must make three; give more."
        )
