"""A synthetic table of house values with a known regression function.

It has the traits that make the well-known Californian census table interesting (values that depend on
income with decreasing strength, on location through two centres and a coast, a long, log-normal right tail)
and what that table lacks: the truth. All numbers are our own invention; nothing is estimated from, or
claimed about, any real place.

With z the covariates of a district,

    log value = g(z) + noise * e,   e standard normal,
    g = 0.35 + 0.75 log(income / 4) + 0.10 log(rooms / 5) - 0.15 log(occupancy / 3)
        + 0.90 exp(-(km to A / 60)²) + 0.65 exp(-(km to B / 90)²) + 0.35 exp(-km to coast / 40)
        + 0.12 sin(age / 8) 1(km to A < 100) - 0.20 1(income < 2.5) 1(age > 35),

so that E[value | z] = exp(g + noise² / 2) is what a perfect learner of the mean would predict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ceteris.arguments import number, whole

if TYPE_CHECKING:
    import pandas as pd

# Two centres (east, north) in kilometres on a 600 x 900 map; the coast is the line east = 60 + north / 5.
_CENTRE_A, _CENTRE_B = (140.0, 220.0), (200.0, 640.0)


def _coast(east: np.ndarray, north: np.ndarray) -> np.ndarray:
    return np.maximum(east - (60 + north / 5), 0.0)


def _distance(east: np.ndarray, north: np.ndarray, centre: tuple[float, float]) -> np.ndarray:
    return np.hypot(east - centre[0], north - centre[1])


def _log_value(X: pd.DataFrame) -> np.ndarray:
    """Return g, the mean of the log value, shape (n,)."""
    income, rooms, occupancy, age, east, north = (
        X[name].to_numpy(dtype=float) for name in ("income", "rooms", "occupancy", "age", "east", "north")
    )
    to_a, to_b = _distance(east, north, _CENTRE_A), _distance(east, north, _CENTRE_B)
    person = 0.75 * np.log(income / 4) + 0.10 * np.log(rooms / 5) - 0.15 * np.log(occupancy / 3)
    place = 0.90 * np.exp(-((to_a / 60) ** 2)) + 0.65 * np.exp(-((to_b / 90) ** 2))
    vintage = 0.12 * np.sin(age / 8) * (to_a < 100) - 0.20 * (income < 2.5) * (age > 35)
    return 0.35 + person + place + 0.35 * np.exp(-_coast(east, north) / 40) + vintage


def housing_mean(X: pd.DataFrame, noise: float = 0.25) -> np.ndarray:
    """Return E[value | X], the best prediction any learner could make.

    Parameters
    ----------
    X : DataFrame, shape (n, 8)
        Covariates from `simulate_housing`.
    noise : float
        The noise the values were drawn with.

    Returns
    -------
    array, shape (n,)

    Examples
    --------
    The share of variance that can be explained at all:

    >>> X, y = simulate_housing(5_000)
    >>> round(float(1 - np.mean((y - housing_mean(X)) ** 2) / np.var(y)), 1)
    0.8
    """
    return np.exp(_log_value(X) + noise**2 / 2)


def _covariates(n: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    # Half the districts cluster around the two centres, the rest spread over the map; none lies in the sea.
    which = rng.choice(3, size=n, p=[0.3, 0.2, 0.5])
    centre = np.array([_CENTRE_A, _CENTRE_B, (0.0, 0.0)])[which]
    spread = centre + rng.normal(scale=45.0, size=(n, 2))
    place = np.where(which[:, None] == 2, rng.uniform((60, 0), (600, 900), size=(n, 2)), spread)
    north = np.clip(place[:, 1], 0, 900)
    east = np.clip(place[:, 0], 60 + north / 5, 600)
    income = np.exp(rng.normal(np.log(3.5), 0.45, size=n))
    rooms = np.exp(rng.normal(np.log(5) + 0.25 * np.log(income / 3.5), 0.2))
    return {
        "income": income,
        "age": rng.integers(1, 53, size=n).astype(float),
        "rooms": rooms,
        "bedrooms": rooms * rng.uniform(0.17, 0.25, size=n),
        "population": np.round(np.exp(rng.normal(np.log(1_200), 0.7, size=n))) + 3,
        "occupancy": 1 + np.exp(rng.normal(np.log(2), 0.25, size=n)),
        "east": east,
        "north": north,
    }


def simulate_housing(n: int = 20_000, *, noise: float = 0.25, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Draw a table of districts with their house values.

    Parameters
    ----------
    n : int
        Number of districts.
    noise : float
        Standard deviation of the log value around its mean; 0 gives the regression function itself.
    seed : int
        Seed of the draws.

    Returns
    -------
    X : DataFrame, shape (n, 8)
        income (10,000 a year), age (years), rooms and bedrooms (per household), population, occupancy
        (people per household), east and north (kilometres). Bedrooms and population do not matter for the
        value.
    y : Series, shape (n,)
        Value (100,000).

    Examples
    --------
    >>> X, y = simulate_housing(2_000)
    >>> X.shape, bool(y.mean() > y.median())
    ((2000, 8), True)
    """
    n = whole("n", n, least=1)
    number("noise", noise, least=0)
    import pandas as pd

    rng = np.random.default_rng(whole("seed", seed, least=0))
    X = pd.DataFrame(_covariates(n, rng))
    value = np.exp(_log_value(X) + noise * rng.normal(size=n))
    return X, pd.Series(value, name="value")
