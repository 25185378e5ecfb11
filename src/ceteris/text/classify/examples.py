"""A tiny model with random weights, so that examples and tests run in a second where no real one is installed."""

from __future__ import annotations

from typing import Any

import jax.random as jr

from ceteris.text.models import Description, LanguageModel
from ceteris.text.tokens import train

CORPUS = (
    "the bank raised its rate and prices fell", "rates rise when prices rise", "the team won the game",
    "the game was lost in the last minute", "inflation and unemployment rose", "players and fans of the club",
)  # fmt: skip


def tiny_model(kind: str = "encoder", **changes: Any) -> Any:
    """Return a transformer of two layers with random weights, and word pieces learnt from six sentences.

    Parameters
    ----------
    kind : {"encoder", "decoder"}
        Whether tokens look both ways.
    **changes
        Of the `Description`.

    Examples
    --------
    >>> tiny_model().model.description.width
    16
    """
    from ceteris.text.files import Pretrained

    tokenizer = train(CORPUS, 400, "wordpiece" if kind == "encoder" else "bpe", least=1)
    encoder = {"norm_first": False, "norm_embeddings": True, "final_norm": False, "segments": 2, "head": "masked"}
    about = {
        "vocabulary": tokenizer.vocabulary, "width": 16, "depth": 2, "heads": 2, "perceptron": 32, "length": 64,
        "kind": kind, "pad": tokenizer.pad, **(encoder if kind == "encoder" else {}), **changes,
    }  # fmt: skip
    model = LanguageModel(Description(**about), key=jr.key(0))
    return Pretrained(model, tokenizer, f"tiny {kind}")
