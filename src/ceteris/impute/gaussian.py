"""The multivariate normal as a first model of a table: what a net that imputes starts from.

Fit by data augmentation on rows drawn with replacement, so that the spread between members is the uncertainty about the
mean and the covariance. A hole is drawn with Matheron's rule: for any draw x̃ of the model,

    x_hidden = x̃_hidden + Σ_hs Σ_ss⁻¹ (x_seen - x̃_seen)

has the conditional distribution.

References
----------
Schafer (1997), Analysis of Incomplete Multivariate Data, chapter 5. Honaker and King (2010), "What to do about missing
values in time-series cross-section data", AJPS 54, for the bootstrap. Journel and Huijbregts (1978) for the rule.
"""

from __future__ import annotations

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.gaussian import Gaussian, solve_seen

RIDGE = 0.02  # added to the variances: columns are standardised, indicators of labels add up to one
BURN, KEEP = 15, 10  # rounds of data augmentation, and how many of the last are averaged


def learn(x: Array, seen: Array, rows: Array, key: Array) -> Gaussian:
    """Mean and covariance of a sample with holes.

    Parameters
    ----------
    x, seen : arrays, shape (n, d)
        Columns standardised on what is observed.
    rows : int array, shape (k,)
        The rows drawn.
    key : PRNG key

    Examples
    --------
    A column of which only a half was seen, where another one is high:

    >>> a, e = jr.normal(jr.key(0), (2, 4000))
    >>> x = jnp.stack([a, 0.8 * a + 0.6 * e], 1)
    >>> seen = jnp.stack([a > -9, a > 0], 1)
    >>> fitted = learn(x, seen, jnp.arange(4000), jr.key(1))
    >>> bool(abs(fitted.mean[1]) < 0.1), bool(abs(fitted.covariance[0, 1] - 0.8) < 0.1)
    (True, True)
    """
    x, seen = x[rows], seen[rows]
    n, d = x.shape

    def moments(y):
        mean = y.mean(0)
        return Gaussian(mean, (y - mean).T @ (y - mean) / n + RIDGE * jnp.eye(d))

    def one(model, key):
        root = jnp.linalg.cholesky(model.covariance)
        drawn = model.mean + jr.normal(key, (n, d)) @ root.T
        gap = jnp.where(seen, x - drawn, 0.0)
        y = jnp.where(seen, x, drawn + solve_seen(model.covariance, gap, seen) @ model.covariance)
        model = moments(y)
        return model, model

    shrunk = jnp.where(seen, x, 0.0)
    _, path = jax.lax.scan(one, moments(shrunk), jr.split(key, BURN + KEEP))
    return jax.tree.map(lambda a: a[BURN:].mean(0), path)


learn_all = eqx.filter_jit(eqx.filter_vmap(learn, in_axes=(None, None, 0, 0)))
learn_each = eqx.filter_jit(eqx.filter_vmap(learn, in_axes=(0, 0, 0, 0)))
