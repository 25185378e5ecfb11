"""What a net says about the future: quantiles that do not cross, or the parameters of a distribution.

A net puts out raw numbers of shape (rows, horizon, outputs), zeros at first, which stand for the base forecast with
errors of about the scale of the window.
"""

from __future__ import annotations

import abc
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import gammaln
from scipy import stats

LEVELS = (0.025, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.975)


class AbstractHead(eqx.Module):
    """Raw outputs to a loss, and to quantiles."""

    @property
    @abc.abstractmethod
    def outputs(self) -> int:
        """Raw outputs for each step ahead."""

    @abc.abstractmethod
    def losses(self, raw: Array, batch: dict[str, Array]) -> Array:
        """Return losses (rows, horizon): "y" is the target, "base" the forecast, "z" their scaled difference."""

    @abc.abstractmethod
    def quantiles(self, raw: np.ndarray, base: np.ndarray, scale: np.ndarray, levels: np.ndarray) -> np.ndarray:
        """Return quantiles (members, rows, horizon, levels) in units of the data."""


class QuantileHead(AbstractHead):
    """Quantiles that never cross: a median, and steps of positive length on both sides of it (pinball loss)."""

    @property
    def outputs(self) -> int:
        return len(LEVELS)

    def ordered(self, raw: Any, module: Any = jnp) -> Any:
        """Quantiles in units of the scale."""
        steps = np.diff(stats.norm.ppf(LEVELS))
        start = np.log(np.expm1(steps)).astype(np.float32)
        middle = len(LEVELS) // 2
        length = module.logaddexp(raw[..., 1:] + start, 0.0)
        up = module.cumsum(length[..., middle:], -1)
        down = module.cumsum(length[..., middle - 1 :: -1], -1)[..., ::-1]
        return module.concatenate([-down, module.zeros_like(raw[..., :1]), up], -1) + raw[..., :1]

    def losses(self, raw, batch):
        error = batch["z"][..., None] - self.ordered(raw)
        levels = jnp.asarray(np.array(LEVELS, np.float32))
        return 2 * jnp.mean(jnp.maximum(levels * error, (levels - 1) * error), -1)

    def quantiles(self, raw, base, scale, levels):
        own = self.ordered(raw.astype(float), np) * scale[:, None, None] + base[..., None]
        return between(own, np.array(LEVELS), levels)


class NormalHead(AbstractHead):
    """A normal distribution: mean and log standard deviation."""

    @property
    def outputs(self) -> int:
        return 2

    def losses(self, raw, batch):
        z = batch["z"]
        return raw[..., 1] + 0.5 * ((z - raw[..., 0]) * jnp.exp(-raw[..., 1])) ** 2

    def quantiles(self, raw, base, scale, levels):
        raw = raw.astype(float)
        q = raw[..., :1] + np.exp(raw[..., 1:2]) * stats.norm.ppf(levels)
        return base[..., None] + scale[:, None, None] * q


class StudentHead(AbstractHead):
    """Student's distribution: location, log scale, and degrees of freedom above two."""

    @property
    def outputs(self) -> int:
        return 3

    def losses(self, raw, batch):
        z = batch["z"]
        nu = 2.1 + 10 * jax.nn.softplus(raw[..., 2])
        u = ((z - raw[..., 0]) * jnp.exp(-raw[..., 1])) ** 2 / nu
        constant = gammaln((nu + 1) / 2) - gammaln(nu / 2) - 0.5 * jnp.log(nu)
        return raw[..., 1] - constant + (nu + 1) / 2 * jnp.log1p(u)

    def quantiles(self, raw, base, scale, levels):
        raw = raw.astype(float)
        nu = 2.1 + 10 * np.logaddexp(raw[..., 2:3], 0)
        q = raw[..., :1] + np.exp(raw[..., 1:2]) * stats.t.ppf(levels, nu)
        return base[..., None] + scale[:, None, None] * q


class NegativeBinomialHead(AbstractHead):
    """A negative binomial distribution of counts: log mean against that of the base forecast, and log dispersion."""

    @property
    def outputs(self) -> int:
        return 2

    def losses(self, raw, batch):
        y, mean = batch["y"], jnp.maximum(batch["base"], 0.1) * jnp.exp(jnp.clip(raw[..., 0], -5, 5))
        size = jnp.exp(jnp.clip(raw[..., 1] + 1, -5, 8))
        constant = gammaln(y + size) - gammaln(size) - gammaln(y + 1)
        return -(constant + size * jnp.log(size / (size + mean)) + y * jnp.log(mean / (size + mean)))

    def quantiles(self, raw, base, scale, levels):
        raw = raw.astype(float)
        mean = np.maximum(base[..., None], 0.1) * np.exp(np.clip(raw[..., :1], -5, 5))
        size = np.exp(np.clip(raw[..., 1:2] + 1, -5, 8))
        return stats.nbinom.ppf(levels, size, size / (size + mean))


HEADS: dict[str, AbstractHead] = {
    "quantile": QuantileHead(),
    "normal": NormalHead(),
    "student": StudentHead(),
    "negative binomial": NegativeBinomialHead(),
}


def between(values: np.ndarray, levels: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Return quantiles at other levels: straight lines between those given, and beyond them as of a normal tail.

    Parameters
    ----------
    values : array, shape (..., levels)
        Ascending along the last axis.
    levels, wanted : arrays
        Ascending.

    Examples
    --------
    >>> between(np.array([-1.0, 0.0, 1.0]), np.array([0.1, 0.5, 0.9]), np.array([0.1, 0.3, 0.5])).round(2).tolist()
    [-1.0, -0.41, 0.0]
    """
    z, w = stats.norm.ppf(levels), stats.norm.ppf(wanted)
    place = np.clip(np.searchsorted(z, w, side="right") - 1, 0, len(z) - 2)
    share = (w - z[place]) / (z[place + 1] - z[place])
    return values[..., place] + share * (values[..., place + 1] - values[..., place])
