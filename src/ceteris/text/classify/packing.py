"""Texts of unequal length packed into rows without padding, and the mean vector of each.

A row holds several texts, each with positions of its own and blind to the others (`documents` of `LanguageModel`), so
that all that is multiplied belongs to a text. Padding to the longest text of a batch multiplies half as much again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.engine import precision
from ceteris.text.models import LanguageModel

CLASSES = (32, 64, 128, 256, 512, 1024, 2048, 4096)  # texts up to these lengths share rows
TOKENS = 4096  # of one call
LOOKING = 1 / 1100  # what one more token in a row costs: attention's share of the products of a small model


class PackedRows(NamedTuple):
    """Several texts in each row."""

    tokens: np.ndarray  # (R, W)
    positions: np.ndarray  # (R, W), of each token in its text
    documents: np.ndarray  # (R, W), which text of the row; -1 for what fills up
    texts: np.ndarray  # (R, D), the number of each of them; -1 where there are fewer


def pack(texts: Sequence[Sequence[int]], most: int) -> Iterator[PackedRows]:
    """Yield rows that hold all texts, in few shapes.

    Parameters
    ----------
    texts : sequence of sequences of int
        Tokens.
    most : int
        No text is longer.

    Examples
    --------
    >>> (rows,) = pack([[1] * 20, [2] * 12, [3] * 30], most=64)
    >>> rows.tokens.shape, int((rows.documents >= 0).sum()), rows.texts[:, :2].tolist()
    ((2, 32), 62, [[2, -1], [0, 1]])
    """
    lengths = np.array([len(text) for text in texts])
    least = 0
    for top in (*(top for top in CLASSES if top < most), most):
        own = np.flatnonzero((lengths > least) & (lengths <= top))
        least = top
        if not len(own):
            continue
        width, rows = min(
            ((width, _fill(own, lengths, width)) for width in (top, top + top // 2, 2 * top)),
            key=lambda found: _few_shapes(len(found[1]), 10**9) * found[0] * (1 + found[0] * LOOKING),
        )
        size = max(TOKENS // width, 1)
        for start in range(0, len(rows), size):
            yield _laid_out(texts, rows[start : start + size], width, size)


def _fill(own: np.ndarray, lengths: np.ndarray, width: int) -> list[list[int]]:
    """Put texts into rows, the longest first, each where it leaves the least room."""
    rows: list[list[int]] = []
    with_room: list[list[int]] = [[] for _ in range(width + 1)]
    for text in own[np.argsort(-lengths[own], kind="stable")].tolist():
        length = int(lengths[text])
        room = next((room for room in range(length, width) if with_room[room]), width)
        if room == width:
            rows.append([])
            with_room[width].append(len(rows) - 1)
        row = with_room[room].pop()
        rows[row].append(text)
        with_room[room - length].append(row)
    return rows


def _laid_out(texts: Sequence[Sequence[int]], rows: list[list[int]], width: int, size: int) -> PackedRows:
    count = _few_shapes(len(rows), size)
    each = _few_shapes(max(map(len, rows)), width)
    tokens, positions = np.zeros((count, width), np.int32), np.zeros((count, width), np.int32)
    documents, numbers = np.full((count, width), -1, np.int32), np.full((count, each), -1)
    for r, row in enumerate(rows):
        at = 0
        for d, text in enumerate(row):
            there = slice(at, at + len(texts[text]))
            tokens[r, there], documents[r, there] = texts[text], d
            positions[r, there] = np.arange(len(texts[text]))
            numbers[r, d], at = text, there.stop
    return PackedRows(tokens, positions, documents, numbers)


def _few_shapes(count: int, most: int) -> int:
    """Round up to three binary digits, 1 to 8, 10, 12, 14, 16, 20 …: few programs are compiled and little is wasted."""
    unit = 1 << max(count.bit_length() - 3, 0)
    return min(-(-count // unit) * unit, max(most, count))


@eqx.filter_jit
def _pooled(model: LanguageModel, tokens: Array, positions: Array, documents: Array, each: int, pooling: str) -> Array:
    x = model.hidden(tokens, positions=positions, documents=documents)
    counts = documents[:, None, :] == jnp.arange(each)[None, :, None]
    if pooling == "first":
        counts = counts & (positions == 0)[:, None, :]
    elif pooling == "last":
        ends = jnp.concatenate([documents[:, 1:] != documents[:, :-1], jnp.ones_like(documents[:, :1], bool)], axis=1)
        counts = counts & ends[:, None, :]
    counts = counts.astype(x.dtype)
    return jnp.matmul(counts, x) / jnp.maximum(counts.sum(-1, keepdims=True), 1)


def text_vectors(model: LanguageModel, texts: Sequence[Any], most: int, pooling: str = "mean") -> np.ndarray:
    """Return a vector for each text, float32 (texts, width).

    Parameters
    ----------
    model : LanguageModel
        With blocks apart (`LanguageModel.apart`), which is faster.
    texts : sequence of sequences of int, or of arrays
        Tokens, special ones included.
    most : int
        No text is longer.
    pooling : {"mean", "first", "last"}
        Whether it is the mean of the tokens' last vectors, or that of one token.
    """
    found = np.empty((len(texts), model.description.width), np.float32)
    waiting: list[tuple[np.ndarray, Any]] = []
    put: Any = jax.device_put
    with precision("single"):
        for rows in pack(texts, most):
            waiting.append(
                (
                    rows.texts,
                    _pooled(
                        model, put(rows.tokens), put(rows.positions), put(rows.documents), rows.texts.shape[1], pooling
                    ),
                )
            )
    for numbers, vectors in waiting:
        found[numbers[numbers >= 0]] = np.asarray(vectors, np.float32)[numbers >= 0]
    return found
