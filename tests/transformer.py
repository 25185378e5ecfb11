"""A transformer over characters, small and whole: what the engine must carry on many devices and in few digits."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

from ceteris.recipe import Descend, Loss, Streamed, optimiser

TEXT = "all other things being equal, demand falls as price rises; what is equal is what we must say. " * 40
LETTERS = sorted(set(TEXT))
CODES = np.array([LETTERS.index(letter) for letter in TEXT], np.int32)
LENGTH, WIDTH, HEADS, DEPTH = 32, 32, 4, 2


def normalised(x):
    return (x - x.mean(-1, keepdims=True)) * jax.lax.rsqrt(x.var(-1, keepdims=True) + 1e-5)


class Block(eqx.Module):
    """Attention to earlier characters, then a perceptron, each added to its input (000, pre-norm)."""

    qkv: jax.Array
    out: jax.Array
    up: jax.Array
    down: jax.Array

    def __init__(self, key):
        shapes = [(WIDTH, 3 * WIDTH), (WIDTH, WIDTH), (WIDTH, 4 * WIDTH), (4 * WIDTH, WIDTH)]
        draws = [jr.normal(k, s) / s[0] ** 0.5 for k, s in zip(jr.split(key, 4), shapes, strict=True)]
        self.qkv, self.out, self.up, self.down = draws

    def __call__(self, x):
        q, k, v = jnp.split((normalised(x) @ self.qkv).reshape(*x.shape[:-1], HEADS, -1), 3, axis=-1)
        scores = jnp.einsum("...thd,...shd->...hts", q, k) / q.shape[-1] ** 0.5
        scores = jnp.where(jnp.tril(jnp.ones((x.shape[-2],) * 2, bool)), scores, -jnp.inf)
        x = x + jnp.einsum("...hts,...shd->...thd", jax.nn.softmax(scores), v).reshape(x.shape) @ self.out
        return x + jax.nn.gelu(normalised(x) @ self.up) @ self.down


class Transformer(eqx.Module):
    letters: jax.Array
    places: jax.Array
    blocks: tuple[Block, ...]

    def __init__(self, key):
        a, b, c = jr.split(key, 3)
        self.letters = jr.normal(a, (len(LETTERS), WIDTH)) / WIDTH**0.5
        self.places = jr.normal(b, (LENGTH, WIDTH)) / WIDTH**0.5
        self.blocks = tuple(map(Block, jr.split(c, DEPTH)))

    def __call__(self, text):
        x = self.letters[text] + self.places
        for block in self.blocks:
            x = block(x)
        return normalised(x) @ self.letters.T


def surprise(model, text, key):
    logits = model(text[:, :-1]).astype(jnp.float32)  # a sum over the alphabet wants more than eight bits
    return optax.softmax_cross_entropy_with_integer_labels(logits, text[:, 1:]).mean(), {}


def windows(step, n, rows=16):
    starts = [np.random.default_rng(step + i).integers(0, len(CODES) - LENGTH - 1, rows) for i in range(n)]
    return CODES[np.array(starts)[..., None] + np.arange(LENGTH + 1)]


def language():
    return Descend(Transformer, Loss(surprise), Streamed(), optimiser("adamw", 3e-3, weight_decay=1e-4))
