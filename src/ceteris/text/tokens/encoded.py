"""A batch of texts as one array of tokens, padded, with a mask that says where they are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import whole

BUCKET = 8  # lengths are rounded up to multiples of it, so that few programs are compiled


@dataclass(frozen=True, eq=False)
class Encoded:
    """Texts as rows of tokens; T is the longest of them, rounded up to a multiple of 8.

    Attributes
    ----------
    tokens : int32 array, shape (B, T)
        Numbers of tokens, padded.
    mask : bool array, shape (B, T)
        True where there is a token.
    segments : int32 array, shape (B, T)
        0 in the first text of a pair, 1 in the second.
    cut : bool array, shape (B,)
        Whether the text went on beyond what a row has room for, and its rest is not here.
    owner : int array, shape (B,)
        The text that each row is of: only with `Tokenizer.chunks` are there several rows of one.
    offsets : int32 array, shape (B, T, 2), or None
        Where each token begins and ends in its text, in characters; both 0 for special tokens and padding.
        None unless asked for.
    words : int32 array, shape (B, T), or None
        The word of the text that each token is part of, -1 for special tokens and padding. None unless asked for.
    """

    tokens: np.ndarray
    mask: np.ndarray
    segments: np.ndarray
    cut: np.ndarray
    owner: np.ndarray
    offsets: np.ndarray | None = None
    words: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens in each row, shape (B,)."""
        return self.mask.sum(axis=1)

    def take(self, rows: np.ndarray) -> Encoded:
        """Return some of the rows, as long as the longest of them needs.

        Examples
        --------
        >>> two = padded([[1, 2, 3], list(range(12))], pad=0)
        >>> two.tokens.shape, two.take(np.array([0])).tokens.shape
        ((2, 16), (1, 8))
        """
        mask = self.mask[rows]
        width = bucketed(int(mask.sum(axis=1).max(initial=1)), self.mask.shape[1])
        left = bool(len(mask)) and not mask[:, 0].all()  # padding stands before the text
        where = slice(self.mask.shape[1] - width, None) if left else slice(0, width)
        cropped = lambda array: None if array is None else array[rows][:, where]
        tokens, segments = self.tokens[rows][:, where], self.segments[rows][:, where]
        return Encoded(
            tokens, mask[:, where], segments, self.cut[rows], self.owner[rows], cropped(self.offsets),
            cropped(self.words),
        )  # fmt: skip

    def batches(self, batch_size: int) -> Iterator[tuple[np.ndarray, Encoded]]:
        """Yield rows and what they hold, those of like length together, the longest first.

        Every batch has the same number of rows: the last one repeats its last row, whose answer is the same.

        Parameters
        ----------
        batch_size : int

        Examples
        --------
        >>> three = padded([[1], list(range(12)), [2, 3]], pad=0)
        >>> [(rows.tolist(), batch.tokens.shape) for rows, batch in three.batches(2)]
        [([1, 2], (2, 16)), ([0, 0], (2, 8))]
        """
        whole("batch_size", batch_size)
        order = np.argsort(-self.lengths, kind="stable")
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            rows = np.pad(rows, (0, min(batch_size, len(order)) - len(rows)), mode="edge")
            yield rows, self.take(rows)


def bucketed(length: int, most: int | None = None) -> int:
    """Return a length rounded up to a multiple of 8, but at most so many.

    Examples
    --------
    >>> bucketed(1), bucketed(8), bucketed(9), bucketed(99, 100)
    (8, 8, 16, 100)
    """
    rounded = -(-max(length, 1) // BUCKET) * BUCKET
    return rounded if most is None else min(rounded, most)


def padded(
    rows: Sequence[Sequence[int]], pad: int, length: int | None = None, left: bool = False, **others: Any
) -> Encoded:
    """Return rows of tokens as arrays, the shorter ones filled up.

    Parameters
    ----------
    rows : sequence of sequences of int
    pad : int
        The token to fill with.
    length : int, optional
        No row is longer; the arrays are not either.
    left : bool
        Fill before the text, as decoders want it that go on writing, not after it.
    **others
        ``segments``, ``offsets`` and ``words``, rows alike; ``cut`` and ``owner``, one value for each row.

    Examples
    --------
    >>> padded([[5, 6], [7]], pad=0, length=3, left=True).tokens
    array([[0, 5, 6],
           [0, 0, 7]], dtype=int32)
    """
    counts = np.array([len(row) for row in rows], int)
    width = bucketed(int(counts.max(initial=1)), length)
    places = np.arange(width)
    mask = places >= width - counts[:, None] if left else places < counts[:, None]

    def filled(given: Sequence[Any] | None, fill: int, shape: tuple[int, ...] = ()) -> Any:
        if given is None:
            return None
        array = np.full((*mask.shape, *shape), fill, np.int32)
        flat = [value for row in given for value in row]
        array[mask] = np.array(flat, np.int32).reshape(-1, *shape)
        return array

    segments = filled(others.get("segments"), 0)
    return Encoded(
        filled(rows, pad), mask, np.zeros(mask.shape, np.int32) if segments is None else segments,
        np.asarray(others.get("cut", np.zeros(len(counts), bool)), bool),
        np.asarray(others.get("owner", np.arange(len(counts))), int),
        filled(others.get("offsets"), 0, (2,)), filled(others.get("words"), -1),
    )  # fmt: skip
