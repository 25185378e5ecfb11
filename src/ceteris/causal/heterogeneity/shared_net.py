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

from ceteris.causal.crossfit import splits
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
    outcome = lambda k: averaged(nets, x, fold, lambda outputs: mean + scale * outputs[:, k])
    return Arms(outcome(0), outcome(1), averaged(nets, x, fold, lambda outputs: sigmoid(outputs[:, 2])))


def difference(mu0: Learned, mu1: Learned) -> Learned:
    """Return the effect that two arms' outcomes imply."""
    return Learned(mu1.out_of_fold - mu0.out_of_fold, lambda at: mu1.predict(at) - mu0.predict(at))


def out_of_fold(arms: Arms) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the values at the training rows, shape (n,) each."""
    return arms.mu0.out_of_fold, arms.mu1.out_of_fold, arms.e.out_of_fold


def outcome_of(arms: Arms) -> Learned:
    """Return E[Y | X], whatever the treatment."""
    mu0, mu1, e = arms
    return Learned(
        mean_outcome(mu0.out_of_fold, mu1.out_of_fold, e.out_of_fold),
        lambda at: mean_outcome(mu0.predict(at), mu1.predict(at), e.predict(at)),
    )


@dataclass(frozen=True)
class SharedNet(AbstractEffectLearner):
    """Effects as the difference of two heads of one net; average effects from its scores are doubly robust.

    Parameters
    ----------
    net : Net, optional
        How nets are built and trained; by default small ones, four for each fold, whose outputs are averaged.
    clip, folds, seed, bootstrap
        As in ``TLearner``.

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
