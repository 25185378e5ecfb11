"""Paths of the future: errors of different steps and series go together as they did at past origins.

References
----------
Clark, M. et al. (2004). The Schaake shuffle. Journal of Hydrometeorology 5. (Their reordering by ranks of past events
is used here.)
"""

from __future__ import annotations

import numpy as np

from ceteris.arguments import one_of
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.heads import LEVELS, between
from ceteris.sequence.forecast.rolling import Origins


def paths(origins: Origins, panel: Panel, draws: int, intervals: str, seed: int) -> np.ndarray:
    """Return paths after the last value of each series, (draws, series, horizon)."""
    one_of("intervals", intervals, ("rolling", "split", "adaptive", "head"))
    rng = np.random.default_rng(seed)
    n, horizon = len(panel.names), origins.point.shape[2]
    scores = template(origins, panel, draws, rng)
    ranks = scores.argsort(0, kind="stable").argsort(0, kind="stable")
    found = np.empty((draws, n, horizon))
    for end in np.unique(panel.last):
        own = np.flatnonzero(panel.last == end)
        q = origins.quantiles(int(end), np.array(LEVELS), intervals)[own]
        sorted_draws = between(q, np.array(LEVELS), (np.arange(draws) + rng.uniform(size=draws)) / draws)
        found[:, own] = np.take_along_axis(np.moveaxis(sorted_draws, 2, 0), ranks[:, own], axis=0)
    return found


def template(origins: Origins, panel: Panel, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Standardised errors of whole past horizons, drawn with either sign, (draws, series, horizon).

    Where there are no common past origins, errors of steps are drawn as those of a random walk.
    """
    z = origins.errors / np.where(origins.sigma > 0, origins.sigma, np.nan)
    whole = np.flatnonzero(np.isfinite(z).all((0, 2)))
    n, horizon = z.shape[0], z.shape[2]
    tiny = 1e-3 * rng.normal(size=(draws, n, horizon))
    if len(whole) < 8:
        walk = np.cumsum(rng.normal(size=(draws, n, horizon)), axis=2)
        return walk / np.sqrt(np.arange(1, horizon + 1)) + tiny
    drawn = z[:, whole[-120:]][:, rng.integers(0, len(whole[-120:]), draws)]
    sign = rng.choice([-1.0, 1.0], draws)
    return np.moveaxis(drawn, 1, 0) * sign[:, None, None] + tiny
