"""Temperatures some hours ahead: a recurrent net against persistence, climatology and the best that can be known.

A net reads five days of hourly temperatures, and nothing else, and forecasts one to 72 hours ahead at once. The
lecture's data are in no package, so ours are generated: a yearly and a daily cycle, weather systems that last for days
and gusts that last for hours, both Gaussian autoregressions of order one. So the best forecast from a window is known:
the conditional mean, a regression on its 120 departures from the cycles with known covariances. What to expect:
persistence (the last value) is good for an hour and bad for half a day, climatology (what is usual at that hour and
season) is equally good at all; the net beats both, and comes near the best although it is told neither hour nor season.

References
----------
CSCS-USI Summer School (2021), introduction to deep learning, the exercise on weather. Murphy, A. (1992). Climatology,
persistence, and their linear combination as standards of reference in skill scores. Weather and Forecasting 7.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from scipy.linalg import solve_toeplitz, toeplitz

from ceteris.engine import fit, precision
from ceteris.gallery._plots import ticks_at
from ceteris.nets import Recurrent
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.mlp import Dense
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

HOURS, TRAINING = 70_000, 50_000  # of the lecture: 420,000 steps of ten minutes, 300,000 of them to learn from
WINDOW, AHEAD = 120, (1, 3, 6, 12, 24, 48, 72)  # of the lecture: five days, and 6 hours ahead among others
SYSTEMS, GUSTS = (5.5, 72.0), (1.2, 3.0)  # degrees, and the hours after which 1/e of a departure is left
DAY, YEAR = 24, 8_766
WIDTH, BATCH, SHOWN = 32, 64, 240


def cycles(hours: np.ndarray) -> np.ndarray:
    """Return the temperature that is usual at some hours: a year of 10 degrees up and down, days of 2 to 6."""
    year, day = 2 * np.pi * (hours / YEAR - 0.3), 2 * np.pi * (hours / DAY - 0.375)
    return 9 + 10 * np.sin(year) + (4 + 2 * np.sin(year)) * np.sin(day)


def temperatures(hours: int, seed: int) -> np.ndarray:
    """Return hourly temperatures in degrees Celsius: the cycles and two autoregressions."""
    rng, departures = np.random.default_rng(seed), np.zeros(hours)
    for size, last in (SYSTEMS, GUSTS):
        rho, part = np.exp(-1 / last), np.empty(hours)
        shocks = size * np.sqrt(1 - rho**2) * rng.normal(size=hours)
        part[0] = size * rng.normal()
        for t in range(1, hours):
            part[t] = rho * part[t - 1] + shocks[t]
        departures += part
    return cycles(np.arange(hours)) + departures


def covariance(lag: np.ndarray) -> np.ndarray:
    """Return the covariance of two departures from the cycles, so many hours apart."""
    return sum((size**2 * np.exp(-np.abs(lag) / last) for size, last in (SYSTEMS, GUSTS)), np.zeros(np.shape(lag)))


def best_weights() -> np.ndarray:
    """Return the weights of a window's departures, newest first, in the conditional mean: (window, steps ahead)."""
    lags = np.arange(WINDOW)
    return solve_toeplitz(covariance(lags), covariance(lags[:, None] + np.array(AHEAD)))


def best_errors() -> np.ndarray:
    """Return the root mean squared error of the conditional mean, for each step ahead."""
    weights, lags = best_weights(), np.arange(WINDOW)
    explained = np.einsum("ih,ij,jh->h", weights, toeplitz(covariance(lags)), weights)
    return np.sqrt(covariance(np.zeros(1)) - explained)


class Weather(eqx.Module):
    """A recurrent net that reads a window and says how far all steps ahead are from its last value, (..., window)."""

    recurrent: Recurrent
    head: Dense

    def __init__(self, *, key: Any):
        first, second = jr.split(key)
        self.recurrent = Recurrent(1, WIDTH, "lstm", key=first)
        self.head = Dense(WIDTH, len(AHEAD), lecun_normal, key=second)

    def __call__(self, x: Any) -> Any:
        """Return forecasts, (..., steps ahead)."""
        return x[..., -1:] + self.head(self.recurrent(x[..., None])[..., -1, :])


def squared_error(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Mean squared error over all steps ahead."""
    x, y = batch
    return jnp.mean((model(x) - y) ** 2), {}


def windows(values: np.ndarray, first: int, last: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return hours from which is forecast, the windows up to them and what came, all within [first, last)."""
    at = np.arange(first + WINDOW - 1, last - max(AHEAD))
    return at, values[at[:, None] - np.arange(WINDOW)[::-1]], values[at[:, None] + np.array(AHEAD)]


def learnt(values: np.ndarray, epochs: int, seed: int) -> Weather:
    """Train on all windows of standardised temperatures."""
    _, x, y = windows(values.astype(np.float32), 0, len(values))
    with precision("single"):
        data = (jnp.asarray(x), jnp.asarray(y))
        rule = optimiser("adam", 3e-3, schedule="cosine", updates=epochs * (len(y) // BATCH))
        descend = Descend(Weather, Loss(squared_error), Minibatches(data, batch_size=BATCH), rule)
        return fit(descend, jr.key(seed), steps=epochs, every=epochs).model


def climatology(values: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """Return what is usual at some hours, by a regression of `values`, the first ones, on waves of year and day."""
    return _waves(hours) @ np.linalg.lstsq(_waves(np.arange(len(values))), values, rcond=None)[0]


def _waves(hours: np.ndarray) -> np.ndarray:
    """One, two waves of the year, two of the day, and their products: (hours, 25)."""
    waves = lambda period: np.stack(
        [np.ones(len(hours)), *(f(2 * np.pi * k * hours / period) for k in (1, 2) for f in (np.sin, np.cos))], 1
    )
    return np.einsum("ti,tj->tij", waves(YEAR), waves(DAY)).reshape(len(hours), -1)


def judged(values: np.ndarray, epochs: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train on the first hours, forecast from all later ones.

    Returns
    -------
    errors : DataFrame
        Root mean squared errors in degrees by hours ahead, and the best that can be expected.
    shown : DataFrame
        What came and what was said 24 hours before, first hours.
    """
    past = values[:TRAINING]
    centre, scale = past.mean(), past.std()  # of the training part only
    model = learnt((past - centre) / scale, epochs, seed)
    at, x, came = windows(values, TRAINING, len(values))
    said = eqx.filter_jit(model)(jnp.asarray((x - centre) / scale, jnp.float32))
    usual = climatology(past, np.arange(len(values)))
    departures = values - cycles(np.arange(len(values)))
    known = cycles(at[:, None] + np.array(AHEAD)) + departures[at[:, None] - np.arange(WINDOW)] @ best_weights()
    forecasts = {
        "persistence": np.repeat(x[:, -1:], len(AHEAD), 1),
        "climatology": usual[at[:, None] + np.array(AHEAD)],
        "net": np.asarray(said, float) * scale + centre,
        "best": known,
    }
    errors = {name: np.sqrt(((forecast - came) ** 2).mean(0)) for name, forecast in forecasts.items()}
    table = pd.DataFrame({"hours ahead": AHEAD, **errors, "best, expected": best_errors()})
    day = AHEAD.index(24)
    shown = pd.DataFrame({"hour": at + 24, "came": came[:, day]} | {n: f[:, day] for n, f in forecasts.items()})
    return table, shown.head(SHOWN)


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Forecast, and hold the net between what is easy and what is best; see `ceteris.gallery.sections`."""
    table, shown = judged(temperatures(HOURS, seed), 1 if quick else 6, seed)
    persistence, climate = table["persistence"].to_numpy(), table["climatology"].to_numpy()
    net, best = table["net"].to_numpy(), table["best"].to_numpy()
    easy = float((net / np.minimum(persistence, climate)).max())
    worst, drawn = float((net / best).max()), float(abs(best / table["best, expected"] - 1).max())
    crossing = bool(persistence[0] < climate[0] and persistence[-1] > climate[-1])
    return (
        Section(
            "Hours ahead",
            f"{HOURS:,} hours of generated temperatures, {TRAINING:,} of them to learn from. An LSTM of {WIDTH} units "
            f"reads {WINDOW} hours and forecasts {', '.join(map(str, AHEAD[:-1]))} and {AHEAD[-1]} hours ahead; it is "
            "told neither hour nor season, and is scaled with what it learns from. Persistence is the last value, "
            "climatology a regression of the training part on waves of year and day. The best forecast knows the "
            "cycles and the covariances that generated the data, and what error to expect of it is known too.",
            (Table("Root mean squared errors, degrees", table),),
            (
                Figure("Errors by hours ahead", "Degrees. No forecast from the same window can be expected to be "
                       "below the best.", table, _draw_errors, (7.0, 3.8)),
                Figure("A day ahead", "First ten days of the test part: what came, and what was said 24 hours before.",
                       shown, _draw_days, (7.0, 3.6)),
            ),
            (
                Check("the net beats persistence and climatology", easy < 1,
                      f"Its error is at most {easy:.2f} times that of the better of them, at all hours.", easy, 1.0),
                Check("persistence is for hours, climatology for days", crossing,
                      f"One hour ahead their errors are {persistence[0]:.1f} and {climate[0]:.1f} degrees, "
                      f"{AHEAD[-1]} hours ahead {persistence[-1]:.1f} and {climate[-1]:.1f}."),
                Check("the net comes near the best", worst < 1.1,
                      f"Its error is at most {worst:.2f} times that of the best forecast.", worst, 1.1),
                Check("the best errs as it should", drawn < 0.05,
                      f"Its errors differ by {drawn:.1%} at most from those expected.", drawn, 0.05),
            ),
        ),
    )  # fmt: skip


def _draw_errors(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name, line in (("persistence", "--"), ("climatology", ":"), ("net", "-"), ("best", "-.")):
        axes.plot(data["hours ahead"], data[name], line, marker="o", markersize=3, label=name)
    axes.set(xlabel="hours ahead", ylabel="root mean squared error, °C", xscale="log", ylim=(0, None))
    ticks_at(axes, data["hours ahead"])
    axes.legend()


def _draw_days(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes, days = figure.subplots(), (data["hour"] - data["hour"].iloc[0]) / DAY
    axes.plot(days, data["came"], color="0.5", label="came")
    for name, line in (("net", "-"), ("climatology", ":")):
        axes.plot(days, data[name], line, label=name)
    axes.set(xlabel="days", ylabel="°C")
    axes.legend()
