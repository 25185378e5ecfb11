"""The game of a Wasserstein GAN with a gradient penalty: what each of two players minimises.

    critic       E D(g(ξ)) - E D(x) + λ E (‖∇D(x̂)‖ - 1)²        x̂ between a real and a made row
    generator   -E D(g(ξ)), and cross-entropy of the label that was asked for

The rates of both players fall to almost nothing, so that the game, which circles, comes to rest. (A running average of
the generator's weights, as many advise, was tried beside it and gave the same rows.)

References
----------
Gulrajani, I., Ahmed, F., Arjovsky, M., Dumoulin, V. and Courville, A. (2017). Improved training of Wasserstein GANs.
NeurIPS 30. (There λ = 10, with which eight Gaussians in a ring were not found in 1,500 rounds; with λ = 1 they were,
and tables were learnt better.)
"""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import optax
from jax import Array

from ceteris.nets import MLP
from ceteris.recipe import AbstractObjective, Schedule

PENALTY = 1.0  # λ

Spans = tuple[tuple[str, int, int], ...]


def players(inputs: int, columns: int, condition: int, widths: tuple[int, ...], *, key: Array) -> dict[str, Any]:
    """Build both players; the generator has ``inputs`` numbers of noise besides the condition."""
    ours, theirs = jr.split(key)
    return {
        "generator": MLP(inputs + condition, columns, widths, "swish", key=ours),
        "critic": MLP(columns + condition, 1, widths, "leaky_relu", key=theirs),
    }


class Maker(eqx.Module):
    """A net that makes rows of noise and a condition.

    Attributes
    ----------
    inputs : int
        Numbers of noise per row.
    spans : tuple of (kind, start, stop)
        What each stretch of the output is: "number" free, "mode" or "labels" nearly one-hot. None: all free.
    """

    inputs: int = eqx.field(static=True)
    spans: Spans = eqx.field(static=True, default=())

    def __call__(self, net: MLP, condition: Array, key: Array) -> tuple[Array, Array]:
        """Return rows and the raw output behind them, both (rows, columns)."""
        noise, draw = jr.split(key)
        raw = net(jnp.concatenate([jr.normal(noise, (len(condition), self.inputs)), condition], 1))
        parts = [self._finished(kind, raw[:, a:b], jr.fold_in(draw, a)) for kind, a, b in self.spans]
        return (jnp.concatenate(parts, 1) if parts else raw), raw

    def _finished(self, kind: str, raw: Array, key: Array) -> Array:
        if kind == "number":
            return raw
        return jax.nn.softmax((raw + jr.gumbel(key, raw.shape)) / 0.2)  # Gumbel-softmax: draws with a gradient


def scores(critic: MLP, rows: Array, condition: Array) -> Array:
    """Return the critic's verdict on each row, shape (rows,)."""
    return critic(jnp.concatenate([rows, condition], 1))[:, 0]


class CriticLoss(AbstractObjective):
    """What the critic minimises; a batch is (real rows, their condition)."""

    make: Maker

    def __call__(self, model, batch, key):
        real, condition = batch
        draw, mix = jr.split(key)
        fake, _ = self.make(model["generator"], condition, draw)
        D = lambda rows: scores(model["critic"], rows, condition)
        share = jr.uniform(mix, (len(real), 1))
        slope = jax.grad(lambda rows: D(rows).sum())(share * real + (1 - share) * fake)
        norm = jnp.sqrt(jnp.sum(slope**2, 1) + 1e-12)
        distance = D(real).mean() - D(fake).mean()
        return PENALTY * jnp.mean((norm - 1) ** 2) - distance, {"distance": distance}


class GeneratorLoss(AbstractObjective):
    """What the generator minimises; the label spans are those of its condition, in the same order."""

    make: Maker

    def __call__(self, model, batch, key):
        _, condition = batch
        fake, raw = self.make(model["generator"], condition, key)
        loss = -scores(model["critic"], fake, condition).mean()
        at = 0
        for kind, a, b in self.make.spans:
            if kind == "labels" and condition.shape[1]:
                loss -= jnp.sum(condition[:, at : at + b - a] * jax.nn.log_softmax(raw[:, a:b])) / len(raw)
                at += b - a
        return loss, {}


def rule(rate: float, updates: int) -> Any:
    """Adam with little momentum, as games need, at a rate that falls along a half cosine."""
    course = Schedule("cosine", jnp.asarray(rate, float), jnp.asarray(updates, float), jnp.asarray(0.01, float))
    return eqx.Partial(_adam, course)


def _adam(course):
    return optax.adam(course, b1=0.5, b2=0.9)
