"""Tiny models whose weights are drawn by NumPy, so that nothing is compiled to make them, and are large enough."""

from __future__ import annotations

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.text.files import Pretrained
from ceteris.text.models import Description, LanguageModel
from ceteris.text.tokens import Tokenizer, train

SHAPE = {"vocabulary": 23, "width": 16, "depth": 2, "heads": 2, "perceptron": 24, "length": 48}
SORTS: dict[str, dict[str, Any]] = {
    "gpt2": {},
    "llama": {"positions": "rotary", "norm": "rms", "activation": "silu", "gated": True, "heads": 4,
              "key_value_heads": 2, "head": "own", "bias_query": False, "bias_output": False, "bias_perceptron": False},
    "t5": {"kind": "encoder-decoder", "positions": "buckets", "norm": "rms", "activation": "relu", "scale": 1.0,
           "start": 0, "pad": 0},
}  # fmt: skip
WORDS = ["the", "bank", "raised", "its", "rate", "and", "prices", "fell", "in", "May"]


def tiny(sort: str = "gpt2", seed: int = 0, spread: float = 0.5, **others: Any) -> LanguageModel:
    """A model of a family with layers apart, all weights normal with this standard deviation."""
    about = Description(**{**SHAPE, **SORTS[sort], **others})
    empty = eqx.filter_eval_shape(lambda: LanguageModel(about, key=jr.key(0)).apart())
    rng = np.random.default_rng(seed)
    draw = lambda a: jnp.asarray(spread * rng.normal(size=a.shape), a.dtype) if a.ndim != 1 else jnp.ones(a.shape)
    return jax.tree.map(draw, empty)


@functools.cache
def tokenizer() -> Tokenizer:
    rng = np.random.default_rng(0)
    return train([" ".join(rng.choice(WORDS, 9)) for _ in range(60)], 300)


def with_tokenizer(sort: str = "gpt2", **others: Any) -> Pretrained:
    """A tiny model whose vocabulary is that of a tokenizer learnt from ten words."""
    return Pretrained(tiny(sort, vocabulary=tokenizer().vocabulary, **others), tokenizer(), "tiny")


@eqx.filter_jit
def read_whole(model, tokens, mask, source):
    logits = model(tokens, mask) if source is None else model(*source, targets=tokens)
    return jax.nn.log_softmax(logits), logits


def slow_logits(model: LanguageModel):
    """A function (prompt, written) -> logits of the next token: the whole text is read anew, one text, no cache."""
    length = model.description.length

    def row(tokens):
        filled, mask = np.zeros((1, length), np.int32), np.zeros((1, length), bool)
        filled[0, : len(tokens)], mask[0, : len(tokens)] = tokens, True
        return filled, mask

    def logits(prompt, written):
        if model.encoder is None:
            text, source = [*prompt, *written], None
        else:
            text, source = [model.description.start, *written], row(list(prompt))
        found = read_whole(model, *row(text), source)
        return tuple(np.asarray(a)[0, len(text) - 1] for a in found)

    return logits
