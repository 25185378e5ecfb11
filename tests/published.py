"""Tiny models of every family with what transformers makes of them, from truth/language.npz."""

import functools
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax

from ceteris.text.models import averaged

FILE = Path(__file__).parent / "truth" / "language.npz"


@functools.cache
def _all() -> dict[str, Any]:
    with np.load(FILE) as kept:
        return dict(kept)


def every() -> list[str]:
    """Names of the models."""
    return list(dict.fromkeys(name.split("/")[0] for name in _all() if not name.startswith("minilm")))


def kept(model: str, part: str) -> np.ndarray | None:
    """Return what was kept of a model: tokens, mask, logits, loss, …; None if there is none."""
    return _all().get(f"{model}/{part}")


def truth(model: str, part: str) -> np.ndarray:
    """Return what was kept of a model, which must be there."""
    return _all()[f"{model}/{part}"]


def folder_of(model: str, root: Path) -> Path:
    """Write a model's files below a folder, as its publisher would."""
    folder = root / model
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(str(truth(model, "config")))
    (folder / "model.safetensors").write_bytes(truth(model, "weights").tobytes())
    return folder


def given_to(model: str) -> tuple[Any, ...]:
    """Return what `judged` takes beside the model itself."""
    given = {part: kept(model, part) for part in ("segments", "targets") if kept(model, part) is not None}
    return truth(model, "tokens"), truth(model, "mask") == 1, given, kept(model, "labels"), kept(model, "following")


def mean_over(losses, there):
    return jnp.sum(losses * there) / jnp.sum(there)


def loss_of(about, outputs, labels):
    """The loss that transformers has for a head."""
    if about.head == "labels":
        return jnp.mean(optax.sigmoid_binary_cross_entropy(outputs, labels))
    if about.head in ("regression", "reward"):
        return jnp.mean((outputs[:, 0] - labels) ** 2)
    if about.kind == "decoder" and about.head in ("tied", "own"):
        outputs, labels = outputs[:, :-1], labels[:, 1:]
    losses = optax.softmax_cross_entropy_with_integer_labels(outputs, jnp.maximum(labels, 0))
    return mean_over(losses, labels >= 0)


def judged(model, tokens, mask, given, labels, following):
    """The loss, and outputs, hidden vectors, logits of the next sentence."""
    found, about = model.run(tokens, mask, **given), model.description
    follows = model.follows(found.hidden) if about.next_sentence else None
    outputs = follows if about.next_sentence and about.head == "none" else found.outputs
    loss = jnp.zeros(()) if labels is None else loss_of(about, outputs, labels)
    if following is not None:
        loss += jnp.mean(optax.softmax_cross_entropy_with_integer_labels(follows, following))
    return loss, (outputs, found.hidden, follows)


@eqx.filter_jit
def forward(*given):
    return *judged(*given), None


@eqx.filter_jit
def both_ways(*given):
    (loss, found), slope = eqx.filter_value_and_grad(judged, has_aux=True)(*given)
    return loss, found, optax.tree.norm(slope)


def sentence_vectors(model: Any, texts: list[str]) -> np.ndarray:
    """Return mean vectors of length one, as sentence-transformers makes them."""
    encoded = model.tokenizer.encode(texts, length=model.sentence.length)
    hidden = eqx.filter_jit(type(model.model).hidden)(model.model, encoded.tokens, encoded.mask)
    vectors = np.array(averaged(hidden, encoded.mask))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
