"""Cross-entropy over a vocabulary: most of a small model's work, so done once and in single precision."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import Array

from ceteris.text.models import LanguageModel
from ceteris.text.models.parts import ACTIVATIONS

AT_ONCE = 2**25  # logits that are held at a time: 128 MiB


def token_loss(model: LanguageModel, x: Array, targets: Array, weights: Array) -> tuple[Array, Array]:
    """Return the weighted mean of -log P(target | x), and the share of targets that have the largest logit.

    Parameters
    ----------
    model : LanguageModel
        Its head makes logits of vectors.
    x : array, shape (n, width)
        Last vectors of the model, after its final norm.
    targets : int array, shape (n,)
        What is to be foretold.
    weights : array, shape (n,)
        How much each counts; zero for padding.

    Returns
    -------
    loss : array, shape ()
    right : array, shape ()
    """
    about, head = model.description, model.head
    if head.layer is not None and head.norm is not None:
        x = head.norm(ACTIVATIONS[about.activation](head.layer(x)))
    W = model.tokens if head.out is None else head.out.weight.T
    bias = jnp.zeros(W.shape[0], W.dtype) if head.bias is None else head.bias
    scale = about.head_scale if head.out is None else 1.0
    return cross_entropy(x * scale, W, bias, targets, weights / jnp.maximum(weights.sum(), 1e-9))


@jax.custom_vjp
def looked_up(W: Array, tokens: Array) -> tuple[Array, Array]:
    """Return W[tokens], and W for whoever needs it later: a head that is tied to the embedding.

    The gradient of what comes later is then at hand when that of the rows is, which is added to it where it lies,
    rather than to zeros of W's size first.

    Parameters
    ----------
    W : array, shape (V, width)
        The embedding.
    tokens : int array
        Rows of it.

    Examples
    --------
    >>> def loss(W):
    ...     x, W = looked_up(W, jnp.array([1, 1]))
    ...     return x.sum() + 10 * W.sum()
    >>> jax.grad(loss)(jnp.ones((3, 1)))[:, 0]
    Array([10., 12., 10.], dtype=float32)
    """
    return W[tokens], W


looked_up.defvjp(
    lambda W, tokens: ((W[tokens], W), tokens),
    lambda tokens, upstream: (upstream[1].at[tokens].add(upstream[0]), None),
)


@jax.custom_vjp
def cross_entropy(x: Array, W: Array, bias: Array, targets: Array, weights: Array) -> tuple[Array, Array]:
    """Return Σᵢ wᵢ (log Σᵥ exp zᵢᵥ - zᵢ,target) with logits z = x W' + bias, and the weight of those foretold right.

    Logits lie as (vocabulary, tokens), so that sums over the vocabulary run along memory that many tokens share, and
    gradients are worked out as soon as a block of logits is there, which is then forgotten: (softmax - indicator) w.

    Parameters
    ----------
    x : array, shape (n, width)
        Vectors.
    W : array, shape (V, width)
        A row for each token.
    bias : array, shape (V,)
        Added to the logits.
    targets : int array, shape (n,)
        The right tokens.
    weights : array, shape (n,)
        Of each.

    Examples
    --------
    >>> x, W = jnp.ones((1, 2)), jnp.zeros((4, 2))
    >>> round(float(cross_entropy(x, W, jnp.zeros(4), jnp.array([2]), jnp.ones(1))[0] / jnp.log(4)), 6)
    1.0
    """
    blocks = _blocks(W.shape[0], x, targets, weights)

    def one(total, block):
        loss, right, _ = _block(W, bias, *block)
        return (total[0] + loss, total[1] + right), None

    return jax.lax.scan(one, (jnp.zeros(()), jnp.zeros(())), blocks)[0]


def _forward(x, W, bias, targets, weights):
    n, blocks = x.shape[0], _blocks(W.shape[0], x, targets, weights)

    def one(total, block):
        loss, right, g = _block(W, bias, *block)
        g = g.astype(W.dtype)
        down = jnp.einsum("vn,nd->vd", g, block[0], preferred_element_type=jnp.float32)
        found = loss, right, down, g.sum(1, dtype=jnp.float32)
        return jax.tree.map(jnp.add, total, found), jnp.einsum("vn,vd->nd", g, W)

    start = jnp.zeros(()), jnp.zeros(()), jnp.zeros(W.shape, jnp.float32), jnp.zeros(W.shape[0], jnp.float32)
    if blocks[0].shape[0] == 1:  # nothing to add up
        (loss, right, dW, db), dx = one(start, jax.tree.map(lambda a: a[0], blocks))
    else:
        (loss, right, dW, db), dx = jax.lax.scan(one, start, blocks)
    dx = dx.reshape(-1, x.shape[1])[:n]
    return (loss, right), (dx, dW.astype(W.dtype), db.astype(bias.dtype))


def _backward(gradients, upstream):
    times = lambda g: g * upstream[0].astype(g.dtype)
    return (*map(times, gradients), None, None)


cross_entropy.defvjp(_forward, _backward)


def _block(W, bias, x, targets, weights):
    """Loss, weight of right answers, and gradient by the logits, (V, n), of one block."""
    at = jnp.arange(targets.size)
    z = jnp.einsum("vd,nd->vn", W, x, preferred_element_type=jnp.float32) + bias[:, None].astype(jnp.float32)
    top = z.max(0)
    e = jnp.exp(z - top)
    total = e.sum(0)
    chosen = z[targets, at]
    loss = jnp.sum(weights * (jnp.log(total) + top - chosen))
    right = jnp.sum(weights * (chosen >= top))
    return loss, right, (e * (weights / total)).at[targets, at].add(-weights)


def _blocks(vocabulary, x, targets, weights):
    """Cut n tokens into equal blocks, the last filled up with tokens that weigh nothing."""
    n = targets.size
    count = -(-n * vocabulary // AT_ONCE)
    size = -(-n // count)
    cut = lambda a: jnp.pad(a, [(0, count * size - n)] + [(0, 0)] * (a.ndim - 1)).reshape(count, size, *a.shape[1:])
    return cut(x), cut(targets), cut(weights.astype(jnp.float32))
