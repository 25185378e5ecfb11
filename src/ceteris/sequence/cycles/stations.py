"""Panels of station prices, some of which cycle: simulated from equilibria, with noise and with look-alikes.

A station that cycles is a firm of the equilibrium of `ceteris.sequence.cycles.edgeworth` at its own speed: a
firm moves with some probability per observation, so that a cycle takes a few or many of them. Prices are marginal cost,
a slow random walk, a margin times the price of the game, and noise. Five kinds of stations do not cycle, each made
to mislead a rule: cost plus a margin, changed in lumps; costs passed through fast upwards and slowly downwards, whose
median change is negative; a focal price with wars (the kinked-demand equilibrium); sales, which are cycles upside down;
and a weekly wave, which has a peak in its spectrum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import one_of, whole
from ceteris.sequence.cycles.edgeworth import PricingEquilibrium, edgeworth_cycle, kinked_demand

KINDS = ("cycle", "cost plus", "rockets and feathers", "focal price", "sales", "weekly wave")
NOISE = {  # sd of noise in units of the margin; share of observations that repeat the last; slowest and fastest firm
    "clean": (0.02, 0.0, (0.5, 0.9)),
    "noisy": (0.12, 0.1, (0.3, 1.3)),
}


@dataclass(frozen=True, eq=False)
class StationPanel:
    """Prices of stations over time.

    Attributes
    ----------
    prices : array, shape (stations, periods)
    cycling : array of bool, shape (stations,)
        The truth.
    kind : array of str, shape (stations,)
        One of `KINDS`.
    """

    prices: np.ndarray
    cycling: np.ndarray
    kind: np.ndarray


def simulate_stations(stations: int = 400, periods: int = 90, noise: str = "clean", seed: int = 0) -> StationPanel:
    """Draw a panel of stations, half of which cycle.

    Parameters
    ----------
    stations : int
        How many; every second one cycles, the others take turns among the kinds that do not.
    periods : int
        Observations of each.
    noise : {"clean", "noisy"}
        Cycles of a week or two, well seen; or of any length, down to several within one observation, with noise of a
        fifth of the margin and stale prices.
    seed : int

    Examples
    --------
    >>> panel = simulate_stations(10, 60)
    >>> panel.prices.shape, panel.kind[:4].tolist()
    ((10, 60), ['cycle', 'cost plus', 'cycle', 'rockets and feathers'])
    """
    whole("stations", stations, least=2, such_as=400)
    whole("periods", periods, least=20, such_as=90)
    one_of("noise", noise, NOISE)
    rng = np.random.default_rng(seed)
    cycle, kink = edgeworth_cycle(), kinked_demand()
    kind = np.array([KINDS[0] if i % 2 == 0 else KINDS[1 + i // 2 % 5] for i in range(stations)])
    prices = np.stack([_station(which, periods, noise, (cycle, kink), rng) for which in kind])
    return StationPanel(prices, kind == KINDS[0], kind)


def _station(
    kind: str, periods: int, noise: str, games: tuple[PricingEquilibrium, PricingEquilibrium], rng: np.random.Generator
) -> np.ndarray:
    """Return one station's prices."""
    sd, stale, speed = NOISE[noise]
    margin = rng.uniform(0.08, 0.2)
    cost = 1.0 + 0.15 * margin * np.cumsum(rng.normal(size=periods))
    shape = {
        "cycle": lambda: _moves(games[0], periods, rng.uniform(*speed), rng),
        "cost plus": lambda: _lumps(cost / margin, 0.3, rng) - cost / margin + 0.3,
        "rockets and feathers": lambda: _rockets(cost / margin, rng) - cost / margin,
        "focal price": lambda: _moves(games[1], periods, rng.uniform(*speed), rng, war=0.04),
        "sales": lambda: 0.8 - _moves(games[0], periods, rng.uniform(*speed), rng),
        "weekly wave": lambda: 0.4 + 0.3 * np.sin(2 * np.pi * (np.arange(periods) / rng.uniform(5, 14) + rng.random())),
    }[kind]()
    prices = cost + margin * (shape + sd * rng.normal(size=periods))
    kept = np.maximum.accumulate(np.where(rng.random(periods) < stale, 0, np.arange(periods)))
    return prices[kept]


def _moves(
    game: PricingEquilibrium, periods: int, speed: float, rng: np.random.Generator, war: float = 0.0
) -> np.ndarray:
    """Prices of one firm, in units of the game, if both move ``speed`` times per observation on average."""
    steps, standing, mover, seen = np.cumsum(game.reaction, 1), rng.integers(0, 6, 2), 0, np.empty(periods)
    for t in range(periods):
        for _ in range(2 * (int(speed) + (rng.random() < speed % 1))):
            answer = np.searchsorted(steps[standing[1 - mover]], rng.random(), side="right")
            standing[mover] = rng.integers(0, 2) if rng.random() < war else min(answer, game.game.steps)
            mover = 1 - mover
        seen[t] = standing[0]
    return seen / game.game.steps


def _lumps(target: np.ndarray, width: float, rng: np.random.Generator) -> np.ndarray:
    """Follow a target, but only where it is further away than a width (or, rarely, at once)."""
    found = np.empty_like(target)
    at = target[0]
    for t, wanted in enumerate(target):
        at = wanted if abs(wanted - at) > width or rng.random() < 0.05 else at
        found[t] = at
    return found


def _rockets(cost: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Follow jumping costs upwards at once and downwards slowly."""
    shocks = np.cumsum(rng.normal(size=len(cost)) * (rng.random(len(cost)) < 0.15)) * 0.6
    target, found = cost + shocks, np.empty_like(cost)
    at = target[0]
    for t, wanted in enumerate(target):
        at += (0.9 if wanted > at else 0.12) * (wanted - at)
        found[t] = at
    return found + 0.3
