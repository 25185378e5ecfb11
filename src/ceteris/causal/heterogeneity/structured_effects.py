"""Effects from a net with a parameter layer: a structural model whose parameters are functions of the covariates.

References
----------
Farrell, M. H., Liang, T. and Misra, S. (2020). Deep learning for individual heterogeneity. arXiv 2010.14694.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ceteris.causal.crossfit import splits
from ceteris.causal.estimators.structured import PARAMETER_NET, make_jobs, stacked
from ceteris.causal.heterogeneity.final_stage import default_treatment
from ceteris.causal.heterogeneity.learned import Learned, learn, standardiser
from ceteris.causal.heterogeneity.model import AbstractEffectLearner, EffectModel, model_of_arms
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.parameter_layer import learn_parameters, parameters_at
from ceteris.causal.rows import Rows
from ceteris.causal.structural import Structure
from ceteris.engine import precision
from ceteris.results import Nuisances
from ceteris.training import Net


@dataclass(frozen=True)
class StructuredEffects(AbstractEffectLearner):
    """τ(x) = G(θ(x), 1) - G(θ(x), 0), θ(x) from a net that minimises the structural loss.

    Parameters
    ----------
    structure : Structure
        With a mean G: `linear`, `logit`, `poisson` of `ceteris.causal.structural`, or your own.
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | X), which the scores need.
    net : Net
        How the nets for θ(x) are built and trained.
    clip, folds, seed, bootstrap
        As in ``TLearner``.

    Examples
    --------
    >>> from ceteris.causal.structural import linear
    >>> from ceteris.data import simulate_nie_wager
    >>> from sklearn.linear_model import LogisticRegression
    >>> data = simulate_nie_wager("B", 400)
    >>> net = Net(widths=(32,), members=1, epochs=40)
    >>> model = StructuredEffects(linear(), LogisticRegression(), net).fit(data, y="y", d="d", x=["x0", "x1", "x2"])
    >>> bool(np.corrcoef(model.effect().point, data["tau"])[0, 1] > 0.5)
    True
    """

    structure: Structure
    treatment: Any = None
    net: Net = PARAMETER_NET

    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        if self.structure.mean is None:
            raise ValueError("structure: it has a loss but no mean, so no effect on the mean; give mean=G.")
        self.structure.refuse_outcome(rows.y)
        treatment = default_treatment(rows.n, self.seed) if self.treatment is None else self.treatment
        refuse_learners(treatment=treatment)
        jobs = make_jobs([[fold]], "regress", self.seed)
        run, constants = learn_parameters(self.structure, stacked([rows]), jobs, self.net, self.seed)
        inputs = standardiser(rows.x)

        def means(x: np.ndarray, at: list[np.ndarray]) -> list[np.ndarray]:
            """G(θ, 0) and G(θ, 1) of each fold's nets at its rows of x, (rows, 2)."""
            thetas = parameters_at(run.model, constants, inputs(x), at)
            return [_both_means(self.structure, theta) for theta in thetas]

        def anywhere(x: np.ndarray) -> np.ndarray:
            everywhere = np.mean(means(x, [np.arange(len(x))] * len(jobs)), axis=0)
            return everywhere[:, 1] - everywhere[:, 0]

        own = [np.flatnonzero(test) for _, test in splits(fold)]
        mu = np.empty((rows.n, 2))
        for index, values in zip(own, means(rows.x, own), strict=True):
            mu[index] = values
        raw = learn(treatment, rows.x, rows.d, fold, kind="probability").out_of_fold
        tau = Learned(mu[:, 1] - mu[:, 0], anywhere)
        return model_of_arms("Structured net", rows, fold, tau, (mu[:, 0], mu[:, 1], raw), self.clip)


def _both_means(structure: Structure, theta: np.ndarray) -> np.ndarray:
    """G(θ, 0) and G(θ, 1) of each row, shape (n, 2)."""
    assert structure.mean is not None
    with precision("double"):
        of = jax.vmap(structure.mean, in_axes=(0, None))
        return np.stack([np.asarray(of(jnp.asarray(theta), jnp.asarray(t))) for t in (0.0, 1.0)], axis=1)
