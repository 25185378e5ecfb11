"""SOAP: Adam in the eigenbasis of the gradient's second moments (Vyas et al. 2024, "SOAP").

Where a loss is badly conditioned in directions that no single weight points in, as residual losses are, Adam scales the
wrong axes. For a matrix of weights with gradient G, the eigenvectors of E[G Gᵀ] and E[Gᵀ G] are better ones.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax


def soap(rate: Any, **betas: Any) -> optax.GradientTransformation:
    """SOAP at a learning rate or schedule."""
    return optax.chain(scale_by_soap(**betas), optax.scale_by_learning_rate(rate))


def scale_by_soap(
    b1: float = 0.95, b2: float = 0.98, eps: float = 1e-12, every: int = 20, warmup: int = 200, largest: int = 200
) -> optax.GradientTransformation:
    """Adam in the eigenbasis of E[G Gᵀ] and E[Gᵀ G] for matrices, Adam for everything else.

    Bases are renewed every ``every`` updates by one orthogonal iteration; a side longer than ``largest`` keeps its own
    axes. The first update only measures, and the size rises over ``warmup`` updates. Statistics are in single precision
    whatever the weights are, since bases need no more and cost half.
    """

    def sides(p):
        return [n if p.ndim == 2 and n <= largest else 0 for n in p.shape]

    def first(p: Any) -> dict[str, Any]:
        eyes: list[Any] = [jnp.eye(n, dtype=jnp.float32) if n else None for n in sides(p)]
        zero = jnp.zeros(p.shape, jnp.float32)
        return {"m": zero, "v": zero, "factors": [None if e is None else 0 * e for e in eyes], "bases": eyes}

    def init(weights: Any) -> Any:
        return jnp.zeros((), jnp.int32), [first(p) for p in jax.tree.leaves(weights)]

    def one(G: Any, s: dict[str, Any], t: Any) -> Any:
        both: Any = (G @ G.T, G.T @ G) if G.ndim == 2 else ()
        grams: list[Any] = [None if f is None else both[i] for i, f in enumerate(s["factors"])]
        factors = [None if f is None else b2 * f + (1 - b2) * g for f, g in zip(s["factors"], grams, strict=True)]
        bases = [None if f is None else basis(f, Q, t) for f, Q in zip(factors, s["bases"], strict=True)]
        m = b1 * s["m"] + (1 - b1) * G
        v = b2 * s["v"] + (1 - b2) * turned(G, bases) ** 2
        u = turned(m, bases) / (1 - b1**t) / (jnp.sqrt(v / (1 - b2**t)) + eps)
        return turned(u, [None if Q is None else Q.T for Q in bases]), dict(m=m, v=v, factors=factors, bases=bases)

    def basis(factor, Q, t):
        n = factor.shape[0]
        scaled = factor * (n / (jnp.trace(factor) + 1e-30)) + 1e-6 * jnp.eye(n, dtype=factor.dtype)
        renew = lambda: jax.lax.cond(t <= 1, lambda: jnp.linalg.eigh(scaled)[1], lambda: jnp.linalg.qr(scaled @ Q)[0])
        return jax.lax.cond((t <= 1) | (t % every == 0), renew, lambda: Q)

    def turned(M, bases):
        if M.ndim != 2:
            return M
        left, right = bases
        M = M if left is None else left.T @ M
        return M if right is None else M @ right

    def update(gradients: Any, state: Any, weights: Any = None) -> Any:
        t, states = state[0] + 1, state[1]
        leaves, tree = jax.tree.flatten(gradients)
        size = jnp.minimum(1.0, t / warmup) * (t > 1)
        done = [one(g.astype(jnp.float32), s, t) for g, s in zip(leaves, states, strict=True)]
        steps = [(u * size).astype(g.dtype) for (u, _), g in zip(done, leaves, strict=True)]
        return jax.tree.unflatten(tree, steps), (t, [s for _, s in done])

    transformation: Any = optax.GradientTransformation
    return transformation(init, update)
