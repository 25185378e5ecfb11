"""A net that squeezes a row into a few numbers, and one that makes the row of them again."""

from __future__ import annotations

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.nets.mlp import MLP


class Coder(eqx.Module):
    """An encoder, a decoder, and the log variance of what the decoder leaves unexplained.

    Parameters
    ----------
    columns : int
        Numbers in a row.
    latent : int
        Numbers that a row is squeezed into.
    codes : int
        Outputs of the encoder: ``latent``, or twice as many for a variational one, means and log variances.
    widths : tuple of int
        Hidden layers of the encoder; the decoder has them in reverse.
    activation : str
        See `ceteris.nets.ACTIVATIONS`.
    dropout : float
        Share of the hidden units dropped in training.
    key : PRNG key
        Decides the first weights.

    Examples
    --------
    >>> coder = Coder(5, 2, 4, (8,), "elu", key=jr.key(0))
    >>> y, divergence = coder.training(jnp.ones((3, 5)), jr.key(1))
    >>> y.shape, divergence.shape, coder.decoder(jnp.ones(2)).shape
    ((3, 5), (), (5,))
    """

    encoder: MLP
    decoder: MLP
    log_noise: Array
    variational: bool = eqx.field(static=True)

    def __init__(
        self,
        columns: int,
        latent: int,
        codes: int,
        widths: tuple[int, ...],
        activation: str,
        dropout: float = 0.0,
        *,
        key: Array,
    ):
        inward, outward = jr.split(key)
        self.encoder = MLP(columns, codes, widths, activation, dropout=dropout, key=inward)
        self.decoder = MLP(latent, columns, widths[::-1], activation, dropout=dropout, key=outward)
        self.log_noise = jnp.zeros(())
        self.variational = codes == 2 * latent

    def training(self, x: Array, key: Array) -> tuple[Array, Array]:
        """Rows again, with units dropped and codes drawn, and the divergence of codes from a standard normal."""
        encode, code, decode = jr.split(key, 3)
        h, _ = self.encoder.training(x, encode)
        divergence = jnp.zeros(())
        if self.variational:
            mean, logvar = jnp.split(h, 2, axis=-1)
            divergence = 0.5 * jnp.mean(jnp.sum(mean**2 + jnp.exp(logvar) - 1 - logvar, -1))
            h = mean + jnp.exp(0.5 * logvar) * jr.normal(code, mean.shape)
        return self.decoder.training(h, decode)[0], divergence
