"""What language models learn from: the next token, hidden tokens, whether texts belong together, missing spans."""

from __future__ import annotations

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array

from ceteris.recipe import AbstractObjective
from ceteris.text.models import LanguageModel, Outputs
from ceteris.text.pretrain.corruption import MaskingRule, masked, paired, spans_cut
from ceteris.text.pretrain.losses import looked_up, token_loss


class NextToken(AbstractObjective):
    """-log P(next token | those before it): what a decoder learns.

    Parameters
    ----------
    apart : bool
        Whether tokens see their own document only, where several are packed into a window.
    frugal : bool
        Whether layers are computed again in the backward pass.
    """

    apart: bool = eqx.field(static=True, default=True)
    frugal: bool = eqx.field(static=True, default=False)

    def __call__(self, model, batch, key):
        tokens = batch["tokens"]
        documents = batch["documents"][:, :-1] if self.apart else None
        model, found = _through(model, tokens[:, :-1], key, documents=documents, frugal=self.frugal)
        targets = tokens[:, 1:].reshape(-1)
        loss, right = token_loss(model, _flat(found.hidden), targets, jnp.ones(targets.shape))
        return _with_balance(model, found, loss), {"accuracy": right}


class MaskedTokens(AbstractObjective):
    """The mean of -log P(token | the others) over tokens that are hidden: what an encoder learns.

    Parameters
    ----------
    rule : MaskingRule
        What is hidden, and how.
    apart : bool
        Whether tokens see their own document only.
    frugal : bool
        Whether layers are computed again in the backward pass.
    """

    rule: MaskingRule = eqx.field(static=True)
    apart: bool = eqx.field(static=True, default=True)
    frugal: bool = eqx.field(static=True, default=False)

    def __call__(self, model, batch, key):
        hide, drop = jr.split(key)
        documents = batch["documents"] if self.apart else None
        spoilt = masked(hide, batch["tokens"], self.rule)
        model, found = _through(model, spoilt.tokens, drop, documents=documents, frugal=self.frugal)
        loss, right = _hidden_loss(model, found.hidden, spoilt)
        return _with_balance(model, found, loss), {"accuracy": right}


class PairedTexts(AbstractObjective):
    """BERT's two tasks on pairs of texts: hidden tokens, and whether the second follows the first.

    Parameters
    ----------
    rule : MaskingRule
        What is hidden, and how.
    first : int
        The token at the beginning of a pair.
    between : int
        The token behind each of the two texts.
    tokens : bool
        Whether hidden tokens are among the tasks (the joint objective), or next sentences alone are.
    frugal : bool
        Whether layers are computed again in the backward pass.
    """

    rule: MaskingRule = eqx.field(static=True)
    first: int = eqx.field(static=True)
    between: int = eqx.field(static=True)
    tokens: bool = eqx.field(static=True, default=True)
    frugal: bool = eqx.field(static=True, default=False)

    def __call__(self, model, batch, key):
        pair, hide, drop = jr.split(key, 3)
        tokens, segments, labels = paired(pair, batch["tokens"], self.first, self.between)
        spoilt = masked(hide, tokens, self.rule)
        read = spoilt.tokens if self.tokens else tokens
        model, found = _through(model, read, drop, segments=segments, frugal=self.frugal)
        logits = model.follows(found.hidden).astype(jnp.float32)
        following = jnp.mean(jax.nn.logsumexp(logits, -1) - jnp.take_along_axis(logits, labels[:, None], 1)[:, 0])
        said = {"following": following, "following_right": jnp.mean(jnp.argmax(logits, -1) == labels)}
        if not self.tokens:
            return following, {"accuracy": said["following_right"]}
        loss, right = _hidden_loss(model, found.hidden, spoilt)
        return _with_balance(model, found, loss + following), {"accuracy": right, "tokens": loss, **said}


class SpanCorruption(AbstractObjective):
    """Text to text (T5): write down the spans that were cut out.

    Parameters
    ----------
    sentinels : tuple of int
        Tokens that stand for spans.
    start : int
        The token the decoder begins with.
    end : int
        The token that ends a text.
    share : float
        Of tokens that are cut out.
    mean : float
        Mean length of a span.
    frugal : bool
        Whether layers are computed again in the backward pass.
    """

    sentinels: tuple[int, ...] = eqx.field(static=True)
    start: int = eqx.field(static=True)
    end: int = eqx.field(static=True)
    share: float = eqx.field(static=True, default=0.15)
    mean: float = eqx.field(static=True, default=3.0)
    frugal: bool = eqx.field(static=True, default=False)

    def __call__(self, model, batch, key):
        cut, drop = jr.split(key)
        sources, targets = spans_cut(cut, batch["tokens"], self.sentinels, self.end, self.share, self.mean)
        given = jnp.concatenate([jnp.full_like(targets[:, :1], self.start), targets[:, :-1]], 1)
        model, found = _through(model, sources, drop, targets=given, frugal=self.frugal)
        loss, right = token_loss(model, _flat(found.hidden), targets.reshape(-1), jnp.ones(targets.size))
        return _with_balance(model, found, loss), {"accuracy": right}


class HeldOutWindows(eqx.Module):
    """Evaluate an objective on windows set aside, a batch at a time, spoilt in the same way each time.

    Parameters
    ----------
    objective : AbstractObjective
        Whose loss is averaged.
    batches : pytree of arrays, shape (batches, B, T)
        The windows.
    """

    objective: AbstractObjective
    batches: Any

    def __call__(self, model: Any, key: Array) -> dict[str, Any]:
        keys = jr.split(jr.key(0), jax.tree.leaves(self.batches)[0].shape[0])
        losses, also = jax.lax.map(lambda one: self.objective(model, *one), (self.batches, keys))
        return {"heldout": losses.mean(), **{f"heldout_{name}": a.mean() for name, a in also.items()}}


def _through(model: LanguageModel, tokens: Array, key: Array, **others: Any) -> tuple[LanguageModel, Outputs]:
    """Return the model, for its head, and hidden vectors; the outputs are not asked for, and so are not computed."""
    vectors, W = looked_up(model.tokens, tokens)
    model = eqx.tree_at(lambda m: m.tokens, model, W)
    return model, model.run(tokens, vectors=vectors, key=key if model.description.dropout else None, **others)


def _hidden_loss(model, x, spoilt):
    x = jnp.take_along_axis(x, spoilt.at[..., None], 1)
    return token_loss(model, _flat(x), spoilt.targets.reshape(-1), spoilt.weights.reshape(-1))


def _with_balance(model, found, loss):
    experts = model.description.experts
    return loss if experts is None or not experts.balance else loss + experts.balance * found.balance


def _flat(x: Array) -> Array:
    return x.reshape(-1, x.shape[-1])
