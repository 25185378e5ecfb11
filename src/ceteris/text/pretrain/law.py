"""The scaling law of a loss curve: L(t) = a + b t^-c, and how well it would have foretold what came."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ceteris.arguments import as_many


class PowerLaw(NamedTuple):
    """L(t) = a + b t^-c; call it with t.

    Attributes
    ----------
    a : float
        What no training takes away.
    b, c : float
        What it does, and how fast.

    Examples
    --------
    >>> float(PowerLaw(2.0, 8.0, 0.5)(16.0))
    4.0
    """

    a: float
    b: float
    c: float

    def __call__(self, t):
        """Return the loss after t."""
        return self.a + self.b * np.asarray(t, float) ** -self.c


def power_law(t: np.ndarray, losses: np.ndarray) -> PowerLaw:
    """Fit a power law by least squares, all three numbers at least zero.

    For each exponent the best a and b follow from two equations; the exponent is searched on a fine grid. The rate of
    a schedule moves curves too, so that a law fitted before the rate falls expects too high a loss at its end.

    Parameters
    ----------
    t : array, shape (n,)
        Steps, or tokens; above zero, three at least.
    losses : array, shape (n,)
        Losses there.

    References
    ----------
    Kaplan et al. (2020); Hoffmann et al. (2022).

    Examples
    --------
    >>> t = np.array([1.0, 10, 100, 1000])
    >>> law = power_law(t, 3 + 2 * t**-0.5)
    >>> round(law.a, 3), round(law.b, 3), round(law.c, 3)
    (3.0, 2.0, 0.5)
    """
    t, losses = np.asarray(t, float), np.asarray(losses, float)
    as_many("losses", losses, len(t), of="step")
    if len(t) < 3 or np.ptp(t) == 0 or t.min() <= 0:
        raise ValueError(f"t holds {len(t)} steps, but must hold at least 3 different ones, above 0; train for longer.")
    unit = t.max()  # so that powers neither vanish nor explode

    def best(c: float) -> tuple[float, float, float]:
        x = (t / unit) ** -c
        slope = np.cov(x, losses, bias=True)
        b = max(slope[0, 1] / slope[0, 0], 0.0)
        a = losses.mean() - b * x.mean()
        if a < 0:
            a, b = 0.0, max(x @ losses / (x @ x), 0.0)
        return float(np.sum((losses - a - b * x) ** 2)), a, b

    exponents = np.geomspace(0.01, 4, 120)
    for _ in range(4):  # closer and closer around the best
        errors = [best(c)[0] for c in exponents]
        i = int(np.argmin(errors))
        c = float(exponents[i])
        exponents = np.linspace(exponents[max(i - 1, 0)], exponents[min(i + 1, len(exponents) - 1)], 41)
    _, a, b = best(c)
    return PowerLaw(float(a), float(b * unit**c), c)
