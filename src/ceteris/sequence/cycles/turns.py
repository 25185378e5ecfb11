"""Who predicts the turn: the next reset of an Edgeworth cycle, from prices seen with noise.

In the equilibrium the reset is random, and only a firm at a price of zero makes one. With prices seen through noise,
what can be known of the next turn is what the filter of the hidden chain says: with the strategy R and the density f of
what is seen, the probabilities of the present price given all that was seen go

    α_t(p) ∝ f(y_t | p) Σ_q α_{t-1}(q) R[q, p],

and a reset comes with probability α_t(0) (1 - a). Against this bound stand a recurrent net that learns from other
series, a logistic regression on the last three prices, the hazard by the time since the last rise that looked like a
reset, and the mere share of resets.
"""

from __future__ import annotations

from functools import partial

import equinox as eqx
import jax
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from ceteris.arguments import number, whole
from ceteris.recipe import optimiser
from ceteris.sequence.cycles.edgeworth import PricingEquilibrium
from ceteris.sequence.reader import Reader
from ceteris.training import AbstractRowLoss, TrainingPlan, evaluate, padded, split, train

BURN = 10  # first periods, which are not judged: nobody knows where a series stands
FLOOR = 1e-6  # least probability that is scored


class AtEach(AbstractRowLoss):
    """Cross-entropy of what happens next, averaged over the periods of a series."""

    def losses(self, model, batch, key):
        """Return the mean of minus the log likelihood over the periods of each series."""
        z = model(batch["x"])[..., 0]
        return (jax.nn.softplus(z) - batch["y"] * z)[:, BURN:].mean(1), {}


def simulate_chains(
    equilibrium: PricingEquilibrium, series: int, periods: int, noise: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return prices set one after the other, as seen and as they are, and whether the next one is a reset.

    Returns
    -------
    seen, place, reset : array, shape (series, periods)
        Prices with noise, places of the true prices on the grid, 0 or 1.
    """
    steps, k = np.cumsum(equilibrium.reaction, 1), equilibrium.game.steps
    place = np.empty((series, periods + 1), int)
    place[:, 0] = rng.integers(0, k + 1, series)
    for t in range(periods):
        drawn = (steps[place[:, t]] < rng.random((series, 1))).sum(1)
        place[:, t + 1] = np.minimum(drawn, k)
    seen = place[:, :-1] / k + noise * rng.normal(size=(series, periods))
    return seen, place[:, :-1], (place[:, 1:] > place[:, :-1]).astype(float)


def filtered_resets(equilibrium: PricingEquilibrium, seen: np.ndarray, noise: float) -> np.ndarray:
    """Return the probability that the next price is a reset, given the equilibrium and the prices so far.

    Parameters
    ----------
    equilibrium : PricingEquilibrium
    seen : array, shape (series, periods)
        Prices with noise.
    noise : float
        Its standard deviation.

    Returns
    -------
    array, shape (series, periods)

    Examples
    --------
    >>> from ceteris.sequence import edgeworth_cycle, filtered_resets
    >>> cycle = edgeworth_cycle(0.9)
    >>> filtered_resets(cycle, np.array([[2 / 6, 1 / 6, 0.0]]), noise=0.01).round(3).tolist()
    [[0.0, 0.0, 0.787]]
    """
    number("noise", noise, above=0, such_as=0.1)
    R, prices = equilibrium.reaction, equilibrium.game.prices
    up = np.triu(R, 1).sum(1)
    density = np.exp(-0.5 * ((seen[..., None] - prices) / noise) ** 2) + 1e-300
    at = np.full((len(seen), len(prices)), 1 / len(prices))
    found = np.empty(seen.shape)
    for t in range(seen.shape[1]):
        at = density[:, t] * (at if t == 0 else at @ R)
        at /= at.sum(1, keepdims=True)
        found[:, t] = at @ up
    return found


def compare_turns(
    equilibrium: PricingEquilibrium,
    noise: float = 0.12,
    *,
    series: int = 400,
    periods: int = 60,
    epochs: int = 60,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Let all predict the next reset on series that none has learnt from.

    Parameters
    ----------
    equilibrium : PricingEquilibrium
    noise : float
        Standard deviation of the noise on prices, which run from 0 to 1.
    series : int
        Series to learn from, and as many to be judged by.
    periods : int
        Of each.
    epochs : int
        Of the net.
    seed : int

    Returns
    -------
    scores : DataFrame
        Per predictor: log loss, Brier score, area under the curve.
    probabilities : DataFrame
        One row per judged period: the probability of each predictor, and whether the reset came.
    """
    whole("series", series, least=40, such_as=400)
    whole("periods", periods, least=BURN + 10, such_as=60)
    rng = np.random.default_rng(seed)
    learnt, judged = (simulate_chains(equilibrium, series, periods, noise, rng) for _ in range(2))
    truth = judged[2][:, BURN:].ravel()
    found = {
        "filter that knows the equilibrium": filtered_resets(equilibrium, judged[0], noise),
        "recurrent net": _net(learnt[0], learnt[2], judged[0], epochs, seed),
        "logistic, last three prices": _logistic(learnt[0], learnt[2], judged[0]),
        "hazard by time since a rise": _hazard(learnt[0], learnt[2], judged[0]),
        "share of resets": np.full(judged[0].shape, learnt[2].mean()),
    }
    said = pd.DataFrame({name: p[:, BURN:].ravel() for name, p in found.items()})
    scores = pd.DataFrame([{"predictor": name, **_scores(truth, said[name].to_numpy())} for name in said])
    return scores, said.assign(reset=truth)


def _scores(truth: np.ndarray, p: np.ndarray) -> dict[str, float]:
    p = np.clip(p, FLOOR, 1 - FLOOR)
    log_loss = -np.mean(truth * np.log(p) + (1 - truth) * np.log1p(-p))
    return {
        "log loss": float(log_loss),
        "Brier": float(np.mean((truth - p) ** 2)),
        "auc": float(roc_auc_score(truth, p)),
    }


def _net(seen: np.ndarray, reset: np.ndarray, other: np.ndarray, epochs: int, seed: int) -> np.ndarray:
    """Learn from series, predict at others: the mean log odds of two nets."""
    scaled = lambda a: (4 * (a - 0.4))[..., None].astype(np.float32)
    rows = split(np.zeros(len(seen)), 2, 0.2, np.random.default_rng(seed))
    rule = partial(optimiser, "adamw", 1e-2, schedule="cosine", weight_decay=0.01, clip=1.0)
    plan = TrainingPlan(epochs, min(16, rows.train.shape[1]), rule, max(epochs // 4, 1))
    build = eqx.Partial(Reader, "gru", 1, 16, 1, False)
    data = padded({"x": scaled(seen), "y": reset})
    run = train("compare_turns", build, AtEach(), data, rows, plan, seed)
    z = evaluate(_outputs, run.model, [scaled(other)])[0][..., 0].astype(float).mean(0)
    return 1 / (1 + np.exp(-z))


def _logistic(seen: np.ndarray, reset: np.ndarray, other: np.ndarray) -> np.ndarray:
    lags = lambda a: np.stack([a, np.roll(a, 1, 1), np.roll(a, 2, 1)], -1)[:, 2:]
    model = LogisticRegression(C=1e6).fit(lags(seen).reshape(-1, 3), reset[:, 2:].ravel())
    p = model.predict_proba(lags(other).reshape(-1, 3))[:, 1].reshape(len(other), -1)
    return np.pad(p, ((0, 0), (2, 0)), mode="edge")


def _hazard(seen: np.ndarray, reset: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Share of resets by the number of periods since the last rise of more than half the range of prices."""
    waited, asked = _since_rise(seen), _since_rise(other)
    most = int(waited.max())
    counts = np.bincount(waited.ravel(), minlength=most + 1) + 1.0
    hazard = (np.bincount(waited.ravel(), reset.ravel(), minlength=most + 1) + reset.mean()) / counts
    return hazard[np.minimum(asked, most)]


def _since_rise(seen: np.ndarray) -> np.ndarray:
    waited = np.zeros(seen.shape, int)
    for t in range(1, seen.shape[1]):
        waited[:, t] = np.where(seen[:, t] - seen[:, t - 1] > 0.5, 0, np.minimum(waited[:, t - 1] + 1, 20))
    return waited


def _outputs(net, x):
    return net(x)
