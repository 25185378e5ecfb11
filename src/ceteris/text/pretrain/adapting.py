"""A model that has read much else reads on in one's own field, before it is used there (the recipe of FinBERT)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.random as jr

from ceteris.text.files import Pretrained, load
from ceteris.text.models import LanguageModel
from ceteris.text.pretrain.pretraining import Pretraining
from ceteris.text.pretrain.run import PretrainedRun


def adapt(
    model: Pretrained | str | Path,
    corpus: Any,
    folder: str | Path | None = None,
    *,
    steps: int = 500,
    length: int = 64,
    batch_size: int = 16,
    rate: float = 5e-5,
    seed: int = 0,
    progress: bool = False,
) -> tuple[Pretrained, PretrainedRun]:
    """Train a model further on texts of one's field, without labels: on hidden tokens, or on the next one (a decoder).

    Where the model has no head for hidden tokens one is drawn, learns beside it and is left behind. Whether the field's
    words were worth reading is seen on labels, held against the model as it was:
    ``compare_texts(texts, labels, model, learners={"adapted": TextClassifier(adapted)})``. With models of sentences it
    often is not, since what they were trained for last is lost in part.

    Parameters
    ----------
    model : Pretrained, path or str
        What goes on reading; see `ceteris.text.load`.
    corpus : Shards, path, or sequence of str
        Texts, with labels or without; see `Pretraining.fit`.
    folder : path, optional
        Where shards and checkpoints are kept, so that a run that was killed goes on.
    steps : int
        Batches.
    length : int
        Tokens of a window.
    batch_size : int
        Windows per batch.
    rate : float
        Highest learning rate.
    seed : int
        Decides what is hidden, and all else that is random.
    progress : bool
        Whether to show it.

    Returns
    -------
    adapted : Pretrained
        The model with its new weights, and with the head that it had.
    run : PretrainedRun
        How it was trained, and its loss on text set aside.

    References
    ----------
    Gururangan et al. (2020), "Don't stop pretraining", ACL; Huang, Wang and Yang (2023), FinBERT; 004, section 7.2.

    Examples
    --------
    >>> import numpy as np
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> words = np.random.default_rng(0).choice(" ".join(CORPUS).split(), (100, 30))
    >>> adapted, run = adapt(tiny_model(), [" ".join(row) for row in words], steps=3, length=8, batch_size=4)
    >>> adapted.name, len(run.history["loss"])
    ('tiny encoder, adapted', 3)
    """
    before = model if isinstance(model, Pretrained) else load(model)
    about = before.model.description
    if before.tokenizer is None:
        raise ValueError("model has no tokenizer, but must have one to read texts; give one that was saved with it.")
    if about.kind == "encoder-decoder":
        raise ValueError(
            "model is an encoder-decoder, but must be an encoder or a decoder; pre-train it by Pretraining(objective="
            "'spans')."
        )
    objective, head = ("masked", "masked") if about.kind == "encoder" else ("causal", "tied")
    start = before.model
    if about.head not in ("masked", "tied", "own"):
        fresh = LanguageModel(replace(about, head=head, outputs=0), key=jr.key(seed))
        start = _with_body_of(fresh, before.model)
    settings = Pretraining(
        start.description, objective, min(length, about.length), batch_size, steps, rate, weight_decay=0.01, seed=seed
    )  # fmt: skip
    run = settings.fit(corpus, folder, before.tokenizer, start=start, progress=progress)
    adapted = run.model if start is before.model else _with_body_of(before.model, run.model)
    return replace(before, model=adapted, name=f"{before.name}, adapted"), run


def _body(model: LanguageModel) -> list[Any]:
    parts = (model.tokens, model.places, model.segments, model.norm, model.encoder, model.decoder)
    return [part for part in parts if part is not None]


def _with_body_of(model: LanguageModel, other: LanguageModel) -> LanguageModel:
    """Return a model with all but its head from another."""
    return eqx.tree_at(_body, model, _body(other))
