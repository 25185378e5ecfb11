"""A simulated economy of monthly indicators and a quarterly target, and the best nowcast there is: the Kalman filter.

A factor f_t moves month by month, indicators show it with noise, and the quarter is its mean over three months:

    f_t = φ f_{t-1} + √(1 - φ²) u_t,   x_{i,t} = λ_i f_t + √(1 - λ_i²) e_{i,t},
    y_q = b (f_{3q} + f_{3q+1} + f_{3q+2}) / 3 + s v_q,

all shocks standard normal. Figures come out late: an indicator of month t some months after it, the quarterly one some
months after its quarter. With the parameters known, the filter on what is out gives the expectation of y_q.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ceteris.arguments import number, whole

LATEST = 3  # months that a figure may be late


@dataclass(frozen=True)
class FactorModel:
    """A factor, its monthly indicators, and a quarterly series.

    Parameters
    ----------
    loadings : tuple of float
        λ_i of each indicator.
    persistence : float
        φ.
    effect : float
        b.
    noise : float
        s.

    Examples
    --------
    >>> monthly, quarterly = FactorModel().simulate(80, seed=0)
    >>> monthly.shape, quarterly.shape
    ((240, 5), (80,))
    """

    loadings: tuple[float, ...] = (0.9, 0.8, 0.7, 0.6, 0.5)
    persistence: float = 0.8
    effect: float = 1.0
    noise: float = 0.3

    def __post_init__(self) -> None:
        for loading in self.loadings:
            number("FactorModel: loadings", loading, above=-1, below=1)
        number("FactorModel: persistence", self.persistence, above=-1, below=1)
        number("FactorModel: noise", self.noise, above=0)

    def simulate(self, quarters: int, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
        """Draw monthly indicators and the quarterly series.

        Parameters
        ----------
        quarters : int
        seed : int
        """
        whole("quarters", quarters, such_as=200)
        rng, months = np.random.default_rng(seed), 3 * quarters
        f, u = np.empty(months), rng.normal(size=months)
        f[0] = u[0]
        for t in range(1, months):
            f[t] = self.persistence * f[t - 1] + np.sqrt(1 - self.persistence**2) * u[t]
        loadings = np.asarray(self.loadings)
        x = f[:, None] * loadings + np.sqrt(1 - loadings**2) * rng.normal(size=(months, len(loadings)))
        y = self.effect * f.reshape(-1, 3).mean(1) + self.noise * rng.normal(size=quarters)
        names = pd.Index([f"x{i + 1}" for i in range(len(loadings))])
        return pd.DataFrame(x, columns=names), pd.Series(y, name="y")

    def nowcasts(
        self, monthly: pd.DataFrame, quarterly: pd.Series, month: int, delays: Sequence[int], own_delay: int
    ) -> np.ndarray:
        """Return the expectation of each quarter given what is out at the end of one of its months.

        Parameters
        ----------
        monthly : DataFrame, shape (months, series)
        quarterly : Series, shape (quarters,)
            Of each, only earlier ones that are out are used.
        month : int
            1, 2 or 3.
        delays : sequence of int
            Months after which each indicator is out, 0 to 3.
        own_delay : int
            Months after the end of a quarter at which its figure is out, 0 to 3.

        Returns
        -------
        array, shape (quarters,)
            NaN in the first two quarters.
        """
        x, y = monthly.to_numpy(float), quarterly.to_numpy(float)
        means, spread = self._filtered(x, y)
        quarters = np.arange(2, len(y))
        m, P = means[3 * quarters - 4], spread[3 * quarters - 4]
        for ahead in range(-3, 3):  # months 3q - 3 to 3q + 2
            at, now = 3 * quarters + ahead, month - 1
            out = [i for i, delay in enumerate(delays) if ahead + delay <= now]
            own = y[quarters - 1] if ahead == -1 and ahead + own_delay <= now else None
            m, P = self._moved(m, P, x[at][:, out], out, own)
        expected = self.effect * m.mean(1)
        return np.concatenate([[np.nan, np.nan], expected])

    def _filtered(self, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of (f_t, f_{t-1}, f_{t-2}) after each month, all figures being out."""
        everything = list(range(x.shape[1]))
        phi = self.persistence ** np.abs(np.subtract.outer(np.arange(3), np.arange(3)))
        m, P = np.zeros((1, 3)), phi[None]  # of the three months before the first
        means, spread = np.empty((len(x), 3)), np.empty((len(x), 3, 3))
        for t in range(len(x)):
            own = y[t // 3 : t // 3 + 1] if t % 3 == 2 else None
            m, P = self._moved(m, P, x[t : t + 1], everything, own)
            means[t], spread[t] = m[0], P[0]
        return means, spread

    def _moved(self, m, P, x, which, own) -> tuple[np.ndarray, np.ndarray]:
        """One month of the filter for many paths at once: predict, then update by the indicators that are out."""
        A = np.array([[self.persistence, 0, 0], [1, 0, 0], [0, 1, 0]])
        m, P = m @ A.T, A @ P @ A.T
        P[:, 0, 0] += 1 - self.persistence**2
        for k, i in enumerate(which):
            h = np.array([self.loadings[i], 0.0, 0.0])
            m, P = _updated(m, P, h, 1 - self.loadings[i] ** 2, x[:, k])
        return (m, P) if own is None else _updated(m, P, np.full(3, self.effect / 3), self.noise**2, own)


def _updated(m: np.ndarray, P: np.ndarray, h: np.ndarray, variance: float, seen: np.ndarray):
    """Update by one figure."""
    gain = P @ h / (h @ (P @ h).T + variance)[:, None]
    return m + gain * (seen - m @ h)[:, None], P - gain[:, :, None] * (P @ h)[:, None, :]
