"""What a learner reads: texts, or pairs of texts."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import shown
from ceteris.text.classify.embedding import embed
from ceteris.text.classify.encoder import Pieces, TextReader, pieces_of
from ceteris.text.classify.reading import as_list, read_texts

Read = tuple[TextReader, int, str, Any]  # what reads, tokens at a time, what becomes of long texts, the cache


class SingleTexts:
    """One text each."""

    def read(self, X: Any) -> list[str]:
        """Return texts, checked."""
        return read_texts("X", X)

    def words(self, texts: list[str]) -> list[str]:
        """Return what words are counted in."""
        return texts

    def vectors(self, texts: list[str], how: Read) -> np.ndarray:
        """Return a vector for each."""
        reader, length, long, cache = how
        return embed(texts, reader, length=length, long=long, cache=cache)

    def pieces(self, texts: list[str], how: Read) -> tuple[Pieces, list[np.ndarray] | None]:
        """Return tokens, and which text of a pair each is of."""
        return pieces_of(how[0].tokenizer, texts, how[1], how[2]), None


class TextPairs:
    """Two texts each, read one after the other by layers that are trained, each for itself where they are not."""

    def read(self, X: Any) -> list[tuple[str, str]]:
        """Return pairs, checked."""
        if len(getattr(X, "columns", ())) == 2:
            X = list(zip(*(X[name].tolist() for name in X.columns), strict=True))
        pairs = [
            tuple(pair) if isinstance(pair, list | tuple | np.ndarray) else pair for pair in as_list("X", X, "pairs")
        ]
        for place, pair in enumerate(pairs):
            if not isinstance(pair, tuple) or len(pair) != 2:
                raise TypeError(
                    f"X: number {place} (from 0) is {shown(pair)}, but must be a pair of texts; give two columns, or a "
                    "list of pairs."
                )
        for k, which in enumerate(("first", "second")):
            read_texts(f"X, {which} texts", [pair[k] for pair in pairs])
        return pairs

    def words(self, pairs: list[tuple[str, str]]) -> list[str]:
        """Return both texts as one."""
        return [f"{first} {second}" for first, second in pairs]

    def vectors(self, pairs: list[tuple[str, str]], how: Read) -> np.ndarray:
        """Return what sets the vectors u and v of two texts apart, |u - v| and u v, side by side and of length one."""
        reader, length, long, cache = how
        u, v = (embed([p[k] for p in pairs], reader, length=length, long=long, cache=cache) for k in (0, 1))
        scale = np.sqrt(u.shape[1])
        return np.hstack([np.abs(u - v), scale * u * v, u, v]) / 2

    def pieces(self, pairs: list[tuple[str, str]], how: Read) -> tuple[Pieces, list[np.ndarray] | None]:
        """Return both texts as one row of tokens; of long ones the end of the longer is left out."""
        tokenizer, length = how[0].tokenizer, how[1]
        found = tokenizer.encode([first for first, _ in pairs], length, pairs=[second for _, second in pairs])
        tokens = [row[there] for row, there in zip(found.tokens, found.mask, strict=True)]
        segments = [row[there] for row, there in zip(found.segments, found.mask, strict=True)]
        return Pieces(tokens, found.owner, found.cut), segments
