"""What is read before something is written: the model and its tokenizer, and prompts as tokens."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ceteris.text.models import Description, LanguageModel
from ceteris.text.tokens import Encoded, Tokenizer
from ceteris.text.tokens.encoded import padded


class Writer(NamedTuple):
    """A model that writes, its tokenizer, and what it is called."""

    model: LanguageModel
    tokenizer: Tokenizer | None
    name: str


def writer_of(model: Any) -> Writer:
    """Return what writes, and its tokenizer; what does not write is refused."""
    inside = getattr(model, "model", model)
    if not isinstance(inside, LanguageModel):
        raise TypeError(
            f"model is a {type(model).__name__}, but must be a LanguageModel or what ceteris.text.load returns; "
            "give one."
        )
    about = inside.description
    if about.kind == "encoder" or about.head not in ("tied", "own"):
        what = "an encoder, which reads only" if about.kind == "encoder" else f"a model whose head is {about.head!r}"
        raise ValueError(
            f"model is {what}, but must be one that gives probabilities of the next token; give a decoder."
        )
    tokenizer = getattr(model, "tokenizer", None)
    return Writer(inside, tokenizer, str(getattr(model, "name", "")))


def read_prompts(writer: Writer, texts: Sequence[Any], left: bool) -> Encoded:
    """Return prompts as tokens, the shorter ones filled up on the left (on the right for an encoder)."""
    if not texts:
        raise ValueError("prompts holds none, but must hold one at least; give what the model is to read.")
    if writer.tokenizer is not None and all(isinstance(text, str) for text in texts):
        return writer.tokenizer.encode(texts, side="left" if left else "right")
    return padded(token_rows("prompts", texts, writer), pad=writer.model.description.pad or 0, left=left)


def token_rows(argument: str, texts: Sequence[Any], writer: Writer) -> list[list[int]]:
    """Return rows of tokens that were given as such; texts, and what the model does not know, are refused."""
    vocabulary, rows = writer.model.description.vocabulary, []
    for i, text in enumerate(texts):
        if isinstance(text, str):
            raise TypeError(
                f"{argument}: number {i} (from 0) is a text, but this model has no tokenizer or others are tokens; "
                "give lists of tokens, or a model with its tokenizer."
            )
        row = np.asarray(text)
        if row.ndim != 1 or not row.size or row.dtype.kind not in "iu" or row.min() < 0 or row.max() >= vocabulary:
            raise ValueError(
                f"{argument}: number {i} (from 0) must hold one or more tokens from 0 to {vocabulary - 1:,}, but does "
                "not; give such a list."
            )
        rows.append(row.tolist())
    return rows


def refuse_long(about: Description, encoded: Encoded, length: int) -> None:
    """Raise if a prompt and what is written behind it are more than the model has places for."""
    if about.positions in ("buckets", "none"):
        return  # there are no places that could run out
    longest = int(encoded.lengths.max())
    needed = max(longest, length + 1) if about.kind == "encoder-decoder" else longest + length
    if needed > about.length:
        row = int(encoded.lengths.argmax())
        raise ValueError(
            f"prompts: number {row} (from 0) has {longest:,} tokens and {length:,} are to be written, but the model "
            f"has places for {about.length:,}; give a shorter prompt or a smaller length."
        )


def own_numbers(encoded: Encoded) -> np.ndarray:
    """Two numbers for each prompt: what it says, and how often it was there before; (n, 2)."""
    before: Counter[bytes] = Counter()
    own = np.zeros((len(encoded), 2), np.uint32)
    for i, (row, there) in enumerate(zip(encoded.tokens, encoded.mask, strict=True)):
        name = row[there].astype("<i4").tobytes()
        own[i] = int.from_bytes(hashlib.sha256(name).digest()[:4], "little"), before[name]
        before[name] += 1
    return own
