"""A price of a coin that can be forecast to the fourth digit, and nothing is known: the lecture on bitcoin.

A recurrent net reads eleven prices of minutes and predicts the next. Prices were standardised with mean and standard
deviation of the whole sample, the test part included. R² is close to one, as it is for anybody who repeats the last
price; R² of the changes is what a forecast knows besides, and it is not above zero. The lecture's data are in no
package: ours are a simulated random walk, of which it is known that nothing can be forecast. What to expect: the net's
R² of levels says nothing, that of changes says it all, and `ceteris.sequence.compare_forecasts` finds no skill. It
refuses prices that were scaled with what came later.

References
----------
CSCS-USI Summer School (2021), introduction to deep learning, the exercise on bitcoin. Granger, C. and Newbold, P.
(1974). Spurious regressions in econometrics. Journal of Econometrics 2, on R² of series that wander.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import fit, precision
from ceteris.nets import Recurrent
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.mlp import Dense
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence import compare_forecasts

if TYPE_CHECKING:
    import matplotlib.figure

LAGS, WIDTH, VOLATILITY = 11, 32, 0.001  # of the lecture: 11 lags; standard deviation of a minute's log return
METHODS = ("naive", "drift", "ar", "smoothing")
SHARES = (0.8, 0.9)  # where training ends, where validation ends
PUBLISHED = {"training": (0.9999, np.nan), "validation": (0.9665, -0.591)}
ORIGINS, PAST, SHOWN = 5_000, 1_000, 240  # origins of the comparison, minutes before them, minutes drawn


class NextPrice(eqx.Module):
    """A recurrent net that reads standardised prices and predicts the next: (..., lags) -> (...)."""

    recurrent: Recurrent
    head: Dense

    def __init__(self, *, key: Any):
        first, second = jr.split(key)
        self.recurrent, self.head = Recurrent(1, WIDTH, "elman", key=first), Dense(WIDTH, 1, lecun_normal, key=second)

    def __call__(self, x: Any) -> Any:
        """Return the next price."""
        return self.head(self.recurrent(x[..., None])[..., -1, :])[..., 0]


def absolute_error(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Mean absolute error, the loss of the lecture."""
    x, y = batch
    return jnp.mean(jnp.abs(model(x) - y)), {}


def walk(minutes: int, seed: int) -> np.ndarray:
    """Return prices of a random walk in logarithms from 10,000, which nobody can forecast."""
    return 1e4 * np.exp(VOLATILITY * np.cumsum(np.random.default_rng(seed).normal(size=minutes)))


def r_squared(y: np.ndarray, forecast: np.ndarray) -> float:
    """Return one minus the squared errors over those of the mean of y.

    Examples
    --------
    >>> r_squared(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    0.0
    """
    return float(1 - ((y - forecast) ** 2).sum() / ((y - y.mean()) ** 2).sum())


def lecture(prices: np.ndarray, epochs: int, seed: int) -> pd.DataFrame:
    """Train the lecture's net on prices standardised over the whole sample; forecasts of all parts, in time's order."""
    z = (prices - prices.mean()) / prices.std()  # the leak: the test part has its say in mean and spread
    x, y = np.lib.stride_tricks.sliding_window_view(z[:-1], LAGS).astype(np.float32), z[LAGS:].astype(np.float32)
    ends = [int(share * len(y)) for share in SHARES]
    with precision("single"):
        rule = optimiser("adam", 2e-3, schedule="cosine", updates=epochs * (ends[0] // 64))
        data = (jnp.asarray(x[: ends[0]]), jnp.asarray(y[: ends[0]]))
        descend = Descend(NextPrice, Loss(absolute_error), Minibatches(data, batch_size=64), rule)
        said = eqx.filter_jit(fit(descend, jr.key(seed), steps=epochs, every=epochs).model)(jnp.asarray(x))
    part = np.repeat(["training", "validation", "test"], [ends[0], ends[1] - ends[0], len(y) - ends[1]])
    return pd.DataFrame({"minute": np.arange(LAGS, len(z)), "part": part, "last": z[LAGS - 1 : -1], "price": z[LAGS:],
                         "net": np.asarray(said, float)})  # fmt: skip


def judged(said: pd.DataFrame) -> pd.DataFrame:
    """Return R² of levels and of changes of the net and of the last price, by part."""
    rows = []
    for part, own in said.groupby("part", sort=False):
        last, price = own["last"].to_numpy(), own["price"].to_numpy()
        for who in ("net", "last"):
            forecast = own[who].to_numpy()
            levels, changes = r_squared(price, forecast), r_squared(price - last, forecast - last)
            published = PUBLISHED.get(str(part), (np.nan, np.nan)) if who == "net" else (np.nan, np.nan)
            rows.append((part, "net" if who == "net" else "last price", levels, changes, *published))
    names = ["part", "forecast", "R² of levels", "R² of changes", "published, levels", "published, changes"]
    return pd.DataFrame(rows, columns=pd.Index(names))


def _lecture(said: pd.DataFrame) -> Section:
    table: Any = judged(said)
    net = table[table["forecast"] == "net"].set_index("part")
    levels, changes = float(net.loc["training", "R² of levels"]), float(net["R² of changes"].max())
    shown: Any = said[said["part"] == "validation"].head(SHOWN)
    return Section(
        "The lecture's net on a random walk",
        f"{len(said):,} minutes, eight tenths to learn from. A plain recurrent net of {WIDTH} units, {LAGS} lags, mean "
        "absolute error; prices are standardised over the whole sample, as in the lecture. The coin is simulated, and "
        "published figures are for another one: only what they show is comparable.\n\nThe last price needs no net.",
        (Table("R² of levels and of changes", table),),
        (
            Figure("It looks like a success", "First minutes of the validation part, standardised prices.", shown,
                   _draw_prices, (7.0, 3.6)),
            Figure("It is none", "Changes that were forecast against those that came, same minutes.", shown,
                   _draw_changes, (4.6, 4.2)),
        ),
        (
            Check("R² of levels is close to one", levels > 0.99, f"It is {levels:.4f} where the net was trained.",
                  levels, 0.99),
            Check("R² of changes is not above zero", changes <= 0, f"It is {changes:.2f} at most, in all parts.",
                  changes, 0.0),
        ),
    )  # fmt: skip


def _compared(prices: np.ndarray, origins: int) -> Section:
    found = compare_forecasts(prices[-origins - PAST :], 1, METHODS, origins=origins, season=1)
    levels = float(found.skill.loc[found.best, "R² of levels"])
    skill = next(check for check in found.checks if check.name == "skill")
    table = found.skill.loc[list(found.table.index)].join(found.table[["mase", "verdict"]])
    table = table.rename_axis("method").reset_index()
    try:
        compare_forecasts((prices - prices.mean()) / prices.std(), 1, METHODS, origins=origins, season=1)
        answer = ""
    except ValueError as refused:
        answer = str(refused)
    return Section(
        "What a comparison says",
        f"The same prices, unscaled, in the last {origins:,} minutes, with `compare_forecasts`. Each method knows what "
        "was known at the minute, and none knows more than the last price.",
        (Table("Skill", table),),
        (Figure("Losses", "Squared errors against those of the last price.", table, _draw_gain),),
        (
            Check("a high R² is no skill", skill.passed is False and levels > 0.99, skill.sentence, levels, 0.99),
            Check("prices scaled with the future are refused", "saw the test part" in answer,
                  f"The answer is: {answer}" if answer else "They were taken."),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Repeat the lecture, then compare; see `ceteris.gallery.sections`."""
    minutes, epochs = (40_000, 4) if quick else (160_000, 8)
    prices = walk(minutes, seed)
    return (_lecture(lecture(prices, epochs, seed)), _compared(prices, ORIGINS))


def _draw_prices(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["minute"], data["price"], label="price")
    axes.plot(data["minute"], data["net"], label="net", linestyle="--")
    axes.set(xlabel="minute", ylabel="standardised price")
    axes.legend()


def _draw_changes(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes, last = figure.subplots(), data["last"]
    axes.axhline(0, color="0.5", linewidth=0.8)
    axes.plot(data["price"] - last, data["net"] - last, "o", markersize=3)
    axes.set(xlabel="change that came", ylabel="change that was forecast")


def _draw_gain(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(-100 * data["gain over naive"], np.arange(len(data))[::-1], "o")
    axes.axvline(0, color="0.5", linewidth=0.8)
    axes.set_yticks(np.arange(len(data))[::-1], data["method"].tolist())
    axes.set(xlabel="squared error above that of the last price, percent")
