"""Policies by a net: the value itself is maximised, smoothed by probabilities of actions.

The net gives each row logits of the actions; their softmax π_θ(x) is a policy, and its value, the mean of
Σ_a π_θ,a(X_i) Γ_ia, a smooth function of θ. It stops when the value of rows set aside falls. No surrogate loss stands
between, so that the policy is best within its class also where no policy of the class is right everywhere.

References
----------
Kallus (2021), Management Science 67; Mo, Qi and Liu (2021), JASA 116.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceteris.causal.heterogeneity.evaluate.inputs import same_covariates, same_length
from ceteris.causal.policy.shown import Choices, choices_of, policy_page
from ceteris.causal.policy.value import read_scores
from ceteris.causal.rows import read_covariates
from ceteris.causal.screens import counted
from ceteris.results import Section
from ceteris.showing import AbstractResult
from ceteris.tables.frames import same_labels
from ceteris.training import AbstractRowLoss, Net, learn, mean_outputs


class MinusValue(AbstractRowLoss):
    """Minus the expected score of each row under the policy; a batch has "x" (rows, p) and "scores" (rows, k)."""

    def losses(self, model, batch, key):
        """Return the loss of each row."""
        return -jnp.sum(jax.nn.softmax(model(batch["x"])) * batch["scores"], axis=-1), {}


SMALL = Net(widths=(32,), rate=0.01)


@dataclass(frozen=True)
class NetPolicy:
    """Learner of policies by nets.

    Parameters
    ----------
    net : Net
    seed : int

    Examples
    --------
    >>> x = np.linspace(-1, 1, 200)[:, None]
    >>> policy = NetPolicy(Net(widths=(8,), epochs=20, members=1)).fit(x, x[:, 0] - 0.2)
    >>> policy.predict([[-0.9], [0.9]])
    array([0, 1])
    """

    net: Net = SMALL
    seed: int = 0

    def fit(self, x: Any, scores: Any) -> FittedNetPolicy:
        """Fit to covariates (n, p) and doubly robust scores of the effect, (n,), or of every action, (n, k)."""
        same_labels(x=x, scores=scores)
        matrix, names = read_covariates(x)
        gamma = read_scores(scores)
        same_length(x=matrix, scores=gamma)
        worth = gamma
        gamma = gamma - gamma.mean(1, keepdims=True)  # a constant of the row changes no policy, but the noise
        scale = float(gamma.std())
        if scale == 0:
            raise ValueError("scores: all actions are worth the same in every row; there is nothing to learn.")
        spread = matrix.std(0)
        moments = matrix.mean(0), np.where(spread > 0, spread, 1.0)
        columns = {"x": (matrix - moments[0]) / moments[1], "scores": gamma / scale}
        everyone, sizes = [np.arange(len(matrix))], (matrix.shape[1], gamma.shape[1])
        run = learn("policy nets", self.net, MinusValue(), columns, everyone, sizes, self.seed)
        found = FittedNetPolicy(run.model, moments, names)
        chosen = found.predict(matrix)
        return replace(found, choices=choices_of(matrix, worth, chosen, np.ndim(scores) == 1))


@dataclass(frozen=True, eq=False, repr=False)
class FittedNetPolicy(AbstractResult):
    """A policy from nets, whose logits are averaged.

    Attributes
    ----------
    nets : module, stacked
    moments : tuple of arrays, shape (p,)
        Means and standard deviations of the covariates.
    names : tuple of str
        Of the covariates.
    choices : Choices, optional
        What it chose on the rows it was learnt from.
    """

    nets: Any
    moments: tuple[np.ndarray, np.ndarray]
    names: tuple[str, ...]
    choices: Choices | None = None

    def probabilities(self, x: Any) -> np.ndarray:
        """Return the probability of each action, shape (n, k)."""
        logits = self._logits(x)
        odds = np.exp(logits - logits.max(1, keepdims=True))
        return odds / odds.sum(1, keepdims=True)

    def predict(self, x: Any) -> np.ndarray:
        """Return the likeliest action of each row, shape (n,)."""
        return self._logits(x).argmax(1)

    def _logits(self, x: Any) -> np.ndarray:
        matrix = (same_covariates(x, self.names) - self.moments[0]) / self.moments[1]
        return mean_outputs(self.nets, [matrix])[0]

    def summary(self) -> str:
        """One screen: what it chose on the rows it was learnt from, what that is worth, and who differs."""
        title = f"Policy by nets: {counted(len(self.names), 'covariate')}"
        return policy_page(title, self.names, self.choices)

    def sections(self) -> tuple[Section, ...]:
        """Its choices on the rows it was learnt from, and how these rows differ."""
        return () if self.choices is None else (self.choices.section(self.names),)
