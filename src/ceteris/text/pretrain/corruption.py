"""How texts are spoilt so that a model learns to mend them: hidden tokens, strange neighbours, missing spans.

All is drawn on the device from the key of the step, anew each time a text is met, and shapes do not depend on luck.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import jax.random as jr
from jax import Array


class MaskingRule(NamedTuple):
    """What is known of a tokenizer, and how much is hidden.

    Attributes
    ----------
    mask : int
        The token that hides another.
    vocabulary : int
        Number of tokens.
    specials : tuple of int
        Tokens that are no text, which are never hidden.
    share : float
        Of the tokens of a text that are to be foretold.
    covered : float
        Of these, the share that becomes `mask`.
    replaced : float
        Of these, the share that becomes a random token; what is left stays as it is.
    """

    mask: int
    vocabulary: int
    specials: tuple[int, ...]
    share: float = 0.15
    covered: float = 0.8
    replaced: float = 0.1


class SpoiltTexts(NamedTuple):
    """Texts with hidden tokens."""

    tokens: Array  # (B, T) what the model reads
    at: Array  # (B, n) places of what it is to foretell
    targets: Array  # (B, n) what stood there
    weights: Array  # (B, n) one, or zero where a text has too few tokens


def masked(key: Array, tokens: Array, rule: MaskingRule) -> SpoiltTexts:
    """Hide tokens (Devlin et al. 2019): of 15 % of them 80 % by a mask, 10 % by another token, and 10 % are left.

    Which are hidden is drawn anew at each call ("dynamic", Liu et al. 2019), as many in each text.

    Parameters
    ----------
    key : PRNG key
        Decides which.
    tokens : int array, shape (B, T)
        Texts.
    rule : MaskingRule
        What hides, and how much.

    Examples
    --------
    >>> found = masked(jr.key(0), jnp.arange(40).reshape(1, 40), MaskingRule(3, 40, (0, 1, 2, 3)))
    >>> found.targets.shape, bool(jnp.all(found.targets == found.at)), bool(found.targets.min() > 3)
    ((1, 6), True, True)
    """
    which, how, what = jr.split(key, 3)
    special = jnp.isin(tokens, jnp.array(rule.specials, tokens.dtype))
    count = max(round(rule.share * tokens.shape[1]), 1)
    luck = jr.uniform(which, tokens.shape) - special
    luck, at = jax.lax.top_k(luck, count)
    targets = jnp.take_along_axis(tokens, at, 1)
    u = jr.uniform(how, at.shape)
    others = jr.randint(what, at.shape, 0, rule.vocabulary, tokens.dtype)
    new = jnp.where(u < rule.covered, rule.mask, jnp.where(u < rule.covered + rule.replaced, others, targets))
    chosen = luck >= 0
    new = jnp.where(chosen, new, targets).astype(tokens.dtype)
    rows = jnp.arange(tokens.shape[0])[:, None]
    return SpoiltTexts(tokens.at[rows, at].set(new), at, targets, chosen.astype(jnp.float32))


def paired(key: Array, tokens: Array, first: int, between: int) -> tuple[Array, Array, Array]:
    """Make pairs of texts, half of which belong together.

    A window is cut in its middle into A and B; in half of the rows B is another row's. Label 0 says that B follows A,
    as in published files (the source has it the other way round).

    Parameters
    ----------
    key : PRNG key
        Decides which rows.
    tokens : int array, shape (B, T)
        Windows of running text, more than one.
    first : int
        The token a pair starts with.
    between : int
        The token that ends A and B.

    Returns
    -------
    tokens : int array, shape (B, T + 3)
    segments : int array, shape (B, T + 3)
    labels : int array, shape (B,)
    """
    rows, T = tokens.shape
    half = T // 2
    strange = jr.permutation(key, rows) < rows // 2
    B = jnp.where(strange[:, None], jnp.roll(tokens, 1, axis=0), tokens)[:, half:]
    mark = lambda token: jnp.full((rows, 1), token, tokens.dtype)
    pairs = jnp.concatenate([mark(first), tokens[:, :half], mark(between), B, mark(between)], axis=1)
    segments = jnp.broadcast_to((jnp.arange(T + 3) >= half + 2).astype(jnp.int32), pairs.shape)
    return pairs, segments, strange.astype(jnp.int32)


def span_counts(length: int, share: float, mean: float) -> tuple[int, int]:
    """Return how many tokens of a text are cut out, and in how many spans.

    Examples
    --------
    >>> span_counts(512, 0.15, 3.0)
    (77, 26)
    """
    noise = min(max(round(length * share), 1), length - 1)
    return noise, min(max(round(noise / mean), 1), noise, length - noise)


def spans_cut(
    key: Array, tokens: Array, sentinels: tuple[int, ...], end: int, share: float = 0.15, mean: float = 3.0
) -> tuple[Array, Array]:
    """Cut spans out of texts, put a sentinel in the place of each, and list what was there (Raffel et al. 2020).

    Parameters
    ----------
    key : PRNG key
        Decides where spans are; how many and how long together they are is fixed.
    tokens : int array, shape (B, T)
        Texts.
    sentinels : tuple of int
        Tokens that stand for spans, the first for the first; at least as many as spans.
    end : int
        The token that ends a text.
    share : float
        Of tokens that are cut out.
    mean : float
        Mean length of a span.

    Returns
    -------
    sources : int array, shape (B, T - noise + spans + 1)
        What is left, with sentinels.
    targets : int array, shape (B, noise + spans + 1)
        Each sentinel and the span behind it.

    Examples
    --------
    >>> left, cut = spans_cut(jr.key(1), jnp.arange(10)[None], (99, 98), end=50, share=0.4, mean=2.0)
    >>> print(left[0], cut[0])
    [ 0  1  2  3  4 99  8 98 50] [99  5  6  7 98  9 50]
    """
    noise, spans = span_counts(tokens.shape[1], share, mean)
    marks = jnp.array(sentinels, tokens.dtype)

    def one(key, row):
        a, b = jr.split(key)
        kept, lost = _segments(a, row.size - noise, spans), _segments(b, noise, spans)
        lengths = jnp.stack([kept, lost], 1).reshape(-1)  # text and noise take turns
        number = jnp.searchsorted(jnp.cumsum(lengths), jnp.arange(row.size), side="right")
        lost, span = number % 2 == 1, number // 2
        first = lost & (number != jnp.roll(number, 1))
        each = jnp.stack([marks[span], row], 1).reshape(-1)  # a sentinel before each token, most of them unused
        sizes = row.size - noise + spans, noise + spans
        packed = lambda use, n: each[jnp.nonzero(jnp.stack([first, use], 1).reshape(-1), size=n)[0]]
        ended = lambda a: jnp.append(a, jnp.array(end, row.dtype))
        return ended(packed(~lost, sizes[0])), ended(packed(lost, sizes[1]))

    return jax.vmap(one)(jr.split(key, tokens.shape[0]), tokens)


def _segments(key: Array, total: int, parts: int) -> Array:
    """Return lengths of `parts` pieces, none empty, that add up to a total: any such division is as likely."""
    cuts = jr.permutation(key, total - 1) < parts - 1  # behind which items a new piece starts
    owner = jnp.concatenate([jnp.zeros(1, int), jnp.cumsum(cuts)])
    return jnp.bincount(owner, length=parts)
