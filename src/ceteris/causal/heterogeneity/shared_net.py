"""A net with a trunk that both arms share, and a head for each arm and for the propensity.

References
----------
Shalit, Johansson and Sontag (2017), ICML (shared trunk, two heads); Shi, Blei and Veitch (2019), NeurIPS (the
propensity as a third head).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from ceteris.causal.crossfit import Function, splits
from ceteris.causal.heterogeneity.functions import Gap
from ceteris.causal.heterogeneity.learned import Learned, averaged
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, mean_outcome, model_of_arms
from ceteris.causal.linear import sigmoid
from ceteris.causal.neural import small_net
from ceteris.causal.rows import Rows
from ceteris.results import Nuisances
from ceteris.stats.centring import standardised
from ceteris.training import AbstractRowLoss, Net
from ceteris.training import learn as learn_nets

PROPENSITY = 0.1  # weight of the propensity's loss: it shapes the trunk, the outcomes are what it is for
MEMBERS = 4  # nets for each fold


class Heads(AbstractRowLoss):
    """Squared error of the head of the row's arm, and the propensity's log loss with a small weight."""

    def losses(self, model, batch, key):
        mu0, mu1, index = jnp.moveaxis(model(batch["x"]), -1, 0)
        fit = jnp.where(batch["d"] == 1, mu1, mu0)
        return (fit - batch["y"]) ** 2 + PROPENSITY * (jnp.logaddexp(0.0, index) - batch["d"] * index), {}


class Arms(NamedTuple):
    """E[Y | D = 0, X], E[Y | D = 1, X] and P(D = 1 | X)."""

    mu0: Learned
    mu1: Learned
    e: Learned


def learn_arms(
    x: np.ndarray, y: np.ndarray, d: np.ndarray, fold: np.ndarray, net: Net | None = None, seed: int = 0
) -> Arms:
    """Train two-headed nets, those of all folds side by side."""
    mean, scale = float(y.mean()), float(y.std()) or 1.0
    rows = [np.flatnonzero(train) for train, _ in splits(fold)]
    net = net or small_net(int(np.mean([len(r) for r in rows])) // 32 * 32, MEMBERS)
    columns = {"x": standardised(x)[0], "y": (y - mean) / scale, "d": d}
    nets = learn_nets("two-headed nets", net, Heads(), columns, rows, (x.shape[1], 3), seed).model
    mu0, mu1 = (averaged(nets, x, fold, OutcomeHead(k, mean, scale)) for k in (0, 1))
    return Arms(mu0, mu1, averaged(nets, x, fold, PropensityHead()))


@dataclass(frozen=True)
class OutcomeHead:
    """mean + scale times one of the outputs, (rows, 3) to (rows,)."""

    place: int
    mean: float
    scale: float

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        return self.mean + self.scale * outputs[:, self.place]


@dataclass(frozen=True)
class PropensityHead:
    """The probability that the third of the outputs is the index of, (rows, 3) to (rows,)."""

    def __call__(self, outputs: np.ndarray) -> np.ndarray:
        return sigmoid(outputs[:, 2])


def difference(mu0: Learned, mu1: Learned) -> Learned:
    """Return the effect that two arms' outcomes imply."""
    return Learned(mu1.out_of_fold - mu0.out_of_fold, Gap(mu1.predict, mu0.predict))


def out_of_fold(arms: Arms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values at the training rows, shape (n,) each."""
    return arms.mu0.out_of_fold, arms.mu1.out_of_fold, arms.e.out_of_fold


def outcome_of(arms: Arms) -> Learned:
    """Return E[Y | X], whatever the treatment."""
    return Learned(mean_outcome(*out_of_fold(arms)), BothArms(*(arm.predict for arm in arms)))


@dataclass(frozen=True, eq=False)
class BothArms:
    """E[Y | X] from E[Y | D = w, X] and P(D = 1 | X)."""

    mu0: Function
    mu1: Function
    e: Function

    def __call__(self, x: np.ndarray) -> np.ndarray:
        return mean_outcome(self.mu0(x), self.mu1(x), self.e(x))


@dataclass(frozen=True)
class SharedNet(AbstractEffectLearner):
    """Effects as the difference of two heads of one net; average effects from its scores are doubly robust.

    Parameters
    ----------
    net : Net, optional
        How nets are built and trained; by default small ones, four for each fold, whose outputs are averaged.
    clip : float
        Propensities are kept within [clip, 1 - clip]; the share that is not is reported.
    folds : int or array
        Folds, balanced by the treatment, or their numbers.
    seed : int
        Decides folds and everything else that is random.
    bootstrap : int
        Samples that everything is learnt from again, for standard errors; 200 are usual.

    Examples
    --------
    >>> from ceteris.data import simulate_nie_wager
    >>> data = simulate_nie_wager("B", 500)
    >>> model = SharedNet().fit(data, y="y", d="d", x=["x0", "x1", "x2", "x3", "x4"])
    >>> bool(np.corrcoef(model.effect().point, data["tau"])[0, 1] > 0.5)
    True
    """

    net: Net | None = None

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        arms = learn_arms(rows.x, rows.y, rows.d, fold, self.net, self.seed)
        tau = difference(arms.mu0, arms.mu1)
        return model_of_arms("Two-headed net", rows, fold, tau, out_of_fold(arms), self.clip)
