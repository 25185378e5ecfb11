"""Forecasts from all origins at once: simple methods, nets of several cutoffs, and what is made of them.

Whatever is said from an origin uses what was known there: methods are fitted to the data up to it, nets to the data up
to a cutoff that is not later, weights and intervals to errors whose targets had come to pass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.sequence.forecast import conformal
from ceteris.sequence.forecast.frame import Panel
from ceteris.sequence.forecast.heads import LEVELS, between
from ceteris.sequence.forecast.learning import Learnt, forecasts_of, learn, rows_by
from ceteris.sequence.forecast.simple import ahead, all_origins, usable
from ceteris.sequence.forecast.weighing import combined, weights
from ceteris.sequence.forecast.windows import cut

HISTORY = 250  # origins before the first that is asked about: more would have faded
MOST = 60_000  # windows that nets learn from
NET = "net"


@dataclass(frozen=True, eq=False)
class Origins:
    """What was said from each origin of the calendar.

    Attributes
    ----------
    names : tuple of str
        The simple methods.
    simple : array, shape (methods, series, times, horizon)
        Their forecasts; NaN before the first origin that was asked about, less a history.
    weights : array, shape (methods, series, times)
        In their combination.
    base : array, shape (series, times, horizon)
        The combination.
    net : array, shape (series, times, horizon, levels), or None
        Quantiles of the nets at `ceteris.sequence.forecast.heads.LEVELS`; NaN before their first cutoff.
    earned : array, shape (series, times)
        Weight that the nets had earned by then.
    share : array, shape (series, times)
        Their weight in the forecast: this, or zero where they have none.
    point : array, shape (series, times, horizon)
        The forecast.
    errors : array, shape (series, times, horizon)
        What came later minus the forecast; NaN where it is not known.
    sigma : array, shape (series, times, horizon)
        The spread of errors that had come to pass.
    """

    names: tuple[str, ...]
    simple: np.ndarray
    weights: np.ndarray
    base: np.ndarray
    net: np.ndarray | None
    earned: np.ndarray
    share: np.ndarray
    point: np.ndarray
    errors: np.ndarray
    sigma: np.ndarray

    def quantiles(self, at: int, levels: np.ndarray, intervals: str) -> np.ndarray:
        """Return quantiles of the forecasts from one origin, (series, horizon, levels)."""
        if intervals == "head" and self.net is not None:
            own = between(self.net[:, at], np.array(LEVELS), levels)
            share = self.share[:, at, None, None]
            if (share == 1).all():
                return own
            return share * np.nan_to_num(own) + (1 - share) * (self._spread(at, levels) + self.base[:, at, :, None])
        found = {"split": self._split, "adaptive": self._adaptive}.get(intervals, self._spread)(at, levels)
        return self.point[:, at, :, None] + found

    def _spread(self, at: int, levels: np.ndarray) -> np.ndarray:
        return conformal.rolling(self.errors, at, levels, self.sigma[:, at])

    def _split(self, at: int, levels: np.ndarray) -> np.ndarray:
        known = _known(self.errors, at)
        return np.stack([conformal.split(own, levels) for own in known])

    def _adaptive(self, at: int, levels: np.ndarray) -> np.ndarray:
        start = max(at - 2 * conformal.ORIGINS, 0)
        known, sigma = _known(self.errors, at, True)[:, start:], self.sigma[:, start : at + 1]
        plain, found = self._spread(at, levels), np.zeros((*self.point.shape[::2], len(levels)))
        for cover in np.unique(np.abs(2 * np.round(levels, 12) - 1)):
            if cover == 0:
                continue
            half = np.stack([conformal.adaptive(e, s, cover)[-1] for e, s in zip(known, sigma, strict=True)])
            for k in np.flatnonzero(np.isclose(np.abs(2 * levels - 1), cover)):
                side = np.sign(levels[k] - 0.5)
                found[..., k] = np.where(np.isnan(half), plain[..., k], side * half)
        return found


def _known(errors: np.ndarray, at: int, itself: bool = False) -> np.ndarray:
    """Errors whose targets had come to pass at a time, of the origins before it (and of it, where there is none)."""
    stop = at + 1 if itself else at
    late = np.arange(stop)[:, None] + np.arange(1, errors.shape[2] + 1) > at
    return np.where(late, np.nan, errors[:, :stop])


def run_origins(
    who: str, settings: Any, panel: Panel, window: int, cutoffs: Sequence[int]
) -> tuple[Origins, Learnt | None]:
    """Return the forecasts from every origin, and nets that were fitted at cutoffs.

    Parameters
    ----------
    who : str
        For messages.
    settings : Forecaster
    panel : Panel
    window : int
        Length of what nets see.
    cutoffs : sequence of int
        Places of the calendar at which nets are fitted; the first of them judges whether nets are worth it.
    """
    horizon = settings.horizon
    names = usable(settings.simple, panel.season)
    since = max(0, min(cutoffs) - HISTORY)
    simple = all_origins(panel, names, horizon, since)
    simple[:, :, :since] = np.nan
    actual = ahead(panel.y, horizon)
    base, own = combined(simple, actual)
    learnt, said = None, None
    if settings.net is not None:
        windows = cut(panel, base, window, MOST, since)
        kept = [cutoff for cutoff in cutoffs if rows_by(windows, cutoff, horizon) is not None]
        if kept:
            learnt = learn(who, settings, windows, kept, horizon, settings.random_state)
            said = forecasts_of(learnt, settings, windows, (*panel.shape, horizon), np.array(LEVELS))
    earned, share, point = together(settings.fallback, base, said, actual)
    errors = actual - point
    found = Origins(names, simple, own, base, said, earned, share, point, errors, conformal.spread(errors))
    return found, learnt


def together(
    fallback: bool, base: np.ndarray, said: np.ndarray | None, actual: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the weight that nets have earned since the first cutoff, the one they have, and the forecast."""
    earned = np.zeros(base.shape[:2])
    if said is None:
        return earned, earned, base
    net = said[..., len(LEVELS) // 2]
    there = np.isfinite(net).all(2)
    both = np.stack([base, net])
    earned = weights(np.abs(actual - both), np.ones(both.shape[:3], bool))[1] if fallback else np.ones_like(earned)
    share = np.where(there, earned, 0.0)
    return earned, share, mixed(share, base, net)


def mixed(share: np.ndarray, base: np.ndarray, net: np.ndarray) -> np.ndarray:
    """Return the weighted mean of two forecasts, of which the second may be missing."""
    part = share[..., None]
    return np.where(part > 0, part * np.nan_to_num(net) + (1 - part) * np.nan_to_num(base), base)
