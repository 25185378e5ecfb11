"""From one sequence of codes to another: an encoder reads the source, a decoder writes the target code by code.

Without attention all that the decoder knows of the source is the encoder's last state, a vector of fixed size: the
information bottleneck of 004, section 6.2.4. With it, every step looks at all states of the encoder again.
"""

from __future__ import annotations

from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.arguments import one_of, whole
from ceteris.nets.attention import Alignment
from ceteris.nets.initialisers import glorot_uniform
from ceteris.nets.mlp import Dense
from ceteris.nets.positions import Embedding
from ceteris.nets.recurrent import Recurrent
from ceteris.nets.transformer import Transformer

START, END = 0, 1  # codes of the target that begin and end it; codes of words follow


class EncoderDecoder(eqx.Module):
    """An encoder and a decoder of LSTMs, with attention or without, or of transformers.

    Parameters
    ----------
    sources : int
        Codes of the source language.
    targets : int
        Codes of the target language, `START` and `END` among them.
    width : int
        Numbers in a state.
    kind : {"lstm", "transformer"}
        What reads and writes. LSTMs follow Sutskever et al. (2014), and with attention Luong et al. (2015): the
        decoder's state asks, the encoder's states answer.
    score : {"general", "additive", "dot", "scaled", "cosine", None}
        The attention of LSTMs; with None there is none. A transformer has its own.
    depth : int
        Layers of each.
    heads : int
        Of a transformer.
    key : PRNG key
        For the weights.

    Examples
    --------
    >>> net = EncoderDecoder(12, 9, 16, key=jr.key(0))
    >>> source, target = jnp.array([[3, 5, 7, 7]]), jnp.array([[START, 4, 6]])
    >>> net(source, target).shape
    (1, 3, 9)
    """

    source: Embedding
    target: Embedding
    encoder: Any
    decoder: Any
    look: Alignment | None
    mix: Dense | None
    output: Dense
    kind: str = eqx.field(static=True)

    def __init__(
        self,
        sources: int,
        targets: int,
        width: int = 64,
        kind: Literal["lstm", "transformer"] = "lstm",
        score: Literal["general", "additive", "dot", "scaled", "cosine"] | None = "general",
        depth: int = 1,
        heads: int = 4,
        *,
        key: Array,
    ):
        self.kind = one_of("kind", kind, ("lstm", "transformer"))
        one_of("score", score, ("general", "additive", "dot", "scaled", "cosine", None))
        whole("targets", targets, least=3)
        keys = jr.split(key, 7)
        self.source, self.target = Embedding(sources, width, key=keys[0]), Embedding(targets, width, key=keys[1])
        self.look = self.mix = None
        if kind == "lstm":
            self.encoder, self.decoder = (Recurrent(width, width, "lstm", depth, key=k) for k in keys[2:4])
            if score is not None:
                self.look = Alignment(width, width, score, key=keys[4])
                self.mix = Dense(2 * width, width, glorot_uniform, key=keys[5])
        else:
            self.encoder = Transformer(None, width, heads, depth, key=keys[2])
            self.decoder = Transformer(None, width, heads, depth, causal=True, context_size=width, key=keys[3])
        self.output = Dense(width, targets, glorot_uniform, key=keys[6])

    def __call__(self, source: Array, target: Array, mask: Array | None = None) -> Array:
        """Say what comes next, with the right codes so far given (teacher forcing).

        Parameters
        ----------
        source : int array, shape (..., S)
            Codes of the source.
        target : int array, shape (..., T)
            `START` and the codes of the target.
        mask : bool array, shape (..., S), optional
            Which codes of the source there are.

        Returns
        -------
        array, shape (..., T, targets)
            Logits of the code after each.
        """
        if self.kind == "transformer":
            context = self.encoder(self.source(source), mask)
            return self.output(self.decoder(self.target(target), context=context, context_mask=mask))
        read, state = self.encoder.read(self.source(source), mask=mask)
        states, _ = self.decoder.read(self.target(target), state)
        return self.output(self._mixed(states, read, mask)[0])

    def alignment(self, source: Array, target: Array, mask: Array | None = None) -> Array:
        """Return how much each step of the target looked at each code of the source, (..., T, S); LSTMs' attention."""
        if self.look is None:
            raise ValueError(
                f"score is None or kind {self.kind!r}, but must be LSTMs with attention; build such a net."
            )
        read, state = self.encoder.read(self.source(source), mask=mask)
        return self._mixed(self.decoder.read(self.target(target), state)[0], read, mask)[1]

    def begin(self, source: Array, mask: Array, length: int) -> Any:
        """Return what the decoder starts from for one source (S,): state, and what it looks at."""
        if self.kind == "transformer":
            context = self.encoder(self.source(source), mask)
            return self.decoder.start(length), self.decoder.remember(context, mask)
        read, state = self.encoder.read(self.source(source), mask=mask)
        return state, (read, mask)

    def follow(self, code: Array, begun: Any) -> tuple[Array, Any]:
        """Return the logits (targets,) of what follows one more code, and what to go on from."""
        state, source = begun
        x = self.target(code)[None]
        if self.kind == "transformer":
            y, state = self.decoder.read(x, state, context=source)
        else:
            y, state = self.decoder.read(x, state)
            y, _ = self._mixed(y, *source)
        return self.output(y)[0], (state, source)

    def _mixed(self, states: Array, read: Array, mask: Array | None) -> tuple[Array, Any]:
        """The decoder's states, mixed with what they find in the encoder's; and the weights."""
        if self.look is None or self.mix is None:
            return states, None
        found, weights = self.look(states, read, mask=mask)
        return jnp.tanh(self.mix(jnp.concatenate([states, found], axis=-1))), weights


def written(net: EncoderDecoder, source: Array, mask: Array, length: int, beams: int = 1) -> tuple[Array, Array]:
    """Write the target of one source: the likeliest code each time (greedy), or the likeliest of several beams.

    Parameters
    ----------
    net : EncoderDecoder
        A trained one.
    source : int array, shape (S,)
        Codes of the source; use ``jax.vmap`` for many.
    mask : bool array, shape (S,)
        Which of them there are.
    length : int
        Codes of the target at most, `END` included.
    beams : int
        Beginnings that are followed at the same time.

    Returns
    -------
    codes : int array, shape (length,)
        Of the target, `END` from its end on.
    likelihood : array, shape ()
        Its log probability.

    Examples
    --------
    >>> net = EncoderDecoder(5, 6, 8, key=jr.key(0))
    >>> codes, likelihood = written(net, jnp.array([2, 3]), jnp.ones(2, bool), length=4, beams=3)
    >>> codes.shape, bool(likelihood < 0)
    ((4,), True)
    """
    count = net.output.bias.shape[0]
    spread = lambda tree: jax.tree.map(lambda a: jnp.broadcast_to(a, (beams, *jnp.shape(a))), tree)
    closed = jnp.where(jnp.arange(count) == END, 0.0, -jnp.inf)  # after the end comes the end

    def step(carry: Any, t: Array) -> tuple[Any, None]:
        begun, codes, scores, last = carry
        logits, begun = jax.vmap(net.follow)(last, begun)
        likelihood = jax.nn.log_softmax(logits).at[:, START].set(-jnp.inf)
        likelihood = jnp.where((last == END)[:, None], closed, likelihood)
        scores, best = jax.lax.top_k((scores[:, None] + likelihood).ravel(), beams)
        parent, last = best // count, best % count
        begun, codes = jax.tree.map(lambda a: a[parent], (begun, codes))
        return (begun, codes.at[:, t].set(last), scores, last), None

    scores = jnp.where(jnp.arange(beams) == 0, 0.0, -jnp.inf)  # all beams begin as one
    codes = jnp.full((beams, length), END, jnp.int32)
    carry = (spread(net.begin(source, mask, length)), codes, scores, jnp.full(beams, START))
    (_, codes, scores, _), _ = jax.lax.scan(step, carry, jnp.arange(length))
    return codes[0], scores[0]
