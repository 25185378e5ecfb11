"""Training the layers themselves: the last ones on what the others made of the texts once, or all of them.

It starts from a head that was fitted to vectors as they were (Kumar et al. 2022), so that the first step does not throw
away what the model knows.
"""

from __future__ import annotations

import dataclasses
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.engine import Fit, precision
from ceteris.recipe import optimiser
from ceteris.text.classify.encoder import Pieces
from ceteris.text.models import LanguageModel, averaged, text_vector
from ceteris.text.tokens.encoded import bucketed
from ceteris.training import AbstractRowLoss, MemberRows, TrainingPlan, padded, train

READ = 32  # pieces that are read at once


class TunedText(eqx.Module):
    """Outputs of a text: layers, one vector of length one, beside it words, and a linear map.

    With the pooling "none" each token has outputs.
    """

    layers: LanguageModel
    weight: Array  # (width + words, outputs)
    bias: Array
    pooling: str = eqx.field(static=True)

    def __call__(self, batch: dict[str, Array], key: Array | None = None) -> Array:
        vectors, mask = batch.get("vectors"), batch["mask"]
        tokens = mask.astype(jnp.int32) if vectors is not None else batch["tokens"]
        x = self.layers.hidden(tokens, mask, segments=batch.get("segments"), entering=vectors, key=key)
        if self.pooling != "none":
            x = averaged(x, mask) if self.pooling == "mean" else text_vector(x, mask, self.pooling)
        x = x / jnp.maximum(jnp.linalg.norm(x, axis=-1, keepdims=True), 1e-6)
        if "words" in batch:
            x = jnp.concatenate([x, batch["words"]], axis=-1)
        return x @ self.weight + self.bias


class TextLoss(AbstractRowLoss):
    """The mean over tasks of the cross-entropy, or of half the squared error where the answer is a number."""

    sizes: tuple[int, ...] = eqx.field(static=True)
    numbers: bool = eqx.field(static=True)

    def losses(self, model, batch, key):
        """Return the loss of each piece."""
        z, y = model(batch, key), batch["y"]
        if self.numbers:
            return 0.5 * jnp.mean((z - y) ** 2, axis=-1), {}
        parts = jnp.split(z, np.cumsum(self.sizes)[:-1].tolist(), axis=-1)
        each = [
            cross_entropy(part, y[..., k].astype(jnp.int32)) * batch["known"][..., k] for k, part in enumerate(parts)
        ]
        total = sum(each[1:], each[0]) / len(each)
        return (total if total.ndim == 1 else total.sum(-1)), {}


def cross_entropy(z: Array, y: Array) -> Array:
    """Return log Σ exp z - z_y, shape of y."""
    return jax.nn.logsumexp(z, axis=-1) - jnp.take_along_axis(z, y[..., None], axis=-1)[..., 0]


class TuningPlan(NamedTuple):
    """How layers are trained."""

    rate: float
    epochs: int
    batch_size: int
    patience: int


def divided(model: LanguageModel, last: int | None) -> tuple[LanguageModel | None, LanguageModel]:
    """Return the layers that stay as they are, and those to train: the last ones, or all where ``last`` is None.

    Parameters
    ----------
    model : LanguageModel
        Blocks apart.
    last : int, optional
    """
    bare = dataclasses.replace(model.description, head="none", pooler=False, next_sentence=False)
    model = headless(model, bare)
    if last is None:
        return None, model.together()
    name = "decoder" if model.encoder is None else "encoder"
    stack = getattr(model, name)
    blocks = [block for group in stack.groups for block in group]
    if last >= len(blocks):
        raise ValueError(
            f"depth is {last}, but must be below {len(blocks)}, the layers of the model; give fewer, or train='all'."
        )
    if model.description.windowed is not None or model.description.positions == "buckets":
        raise ValueError(
            "train is 'last', but must be 'head' or 'all' for a model whose layers differ in what they see; choose one."
        )
    groups = lambda m: getattr(m, name).groups
    below = eqx.tree_at(groups, model, (tuple(blocks[:-last]),))
    if stack.norm is not None:
        below = eqx.tree_at(lambda m: getattr(m, name).norm, below, None)
    above = eqx.tree_at(groups, model, (tuple(blocks[-last:]),)).together()
    entry = lambda m: [part for part in (m.tokens, m.places, m.segments, m.norm) if part is not None]
    return below, eqx.tree_at(entry, above, [None] * len(entry(above)))


def headless(model: LanguageModel, about: Any) -> LanguageModel:
    """Return the same layers without a head: what is trained holds nothing that has no say."""
    empty = eqx.filter_eval_shape(LanguageModel, about, key=jax.random.key(0))
    parts = {field.name: getattr(model, field.name) for field in dataclasses.fields(model)}
    found = object.__new__(LanguageModel)
    for name, part in {**parts, "head": empty.head, "description": about}.items():
        object.__setattr__(found, name, part)
    return found


def columns_of(pieces: Pieces, below: LanguageModel | None, segments: list[np.ndarray] | None, pad: int) -> dict:
    """Return pieces as columns of a table: tokens, or what the lower layers make of them; all equally long."""
    longest = bucketed(max(map(len, pieces.tokens)))
    mask = np.arange(longest) < np.array([len(piece) for piece in pieces.tokens])[:, None]
    filled = lambda rows, fill: _filled(rows, mask, fill)
    tokens = filled(pieces.tokens, pad)
    kinds = None if segments is None else filled(segments, 0)
    if below is not None:
        return {"vectors": _read(below, tokens, mask, kinds), "mask": mask}
    return {"tokens": tokens, "mask": mask, **({} if kinds is None else {"segments": kinds})}


def _filled(rows: list[np.ndarray], mask: np.ndarray, fill: int) -> np.ndarray:
    found = np.full(mask.shape, fill, np.int32)
    found[mask] = np.concatenate(rows)
    return found


@eqx.filter_jit
def _hidden(model: LanguageModel, tokens: Array, mask: Array, segments: Array | None) -> Array:
    return model.hidden(tokens, mask, segments=segments)


def _read(model: LanguageModel, tokens: np.ndarray, mask: np.ndarray, segments: np.ndarray | None) -> np.ndarray:
    found = np.zeros((*tokens.shape, model.description.width), np.float32)
    for rows, T in batches(mask):
        given = [None if a is None else jax.device_put(a[rows, :T]) for a in (tokens, mask, segments)]
        with precision("single"):
            found[rows, :T] = np.asarray(_hidden(model, *given))  # pyright: ignore[reportArgumentType]
    return found


def batches(mask: np.ndarray):
    """Yield rows of like length, `READ` at a time, and their length; the last row is repeated to fill up."""
    lengths = mask.sum(1)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(order), READ):
        rows = order[start : start + READ]
        rows = np.pad(rows, (0, (READ if len(order) > READ else len(order)) - len(rows)), mode="edge")
        yield rows, bucketed(int(lengths[rows].max()), mask.shape[1])


@eqx.filter_jit
def _outputs(nets: TunedText, batch: dict[str, Array]) -> Array:
    return eqx.filter_vmap(lambda net: net(batch))(nets)


def outputs(nets: TunedText, columns: dict[str, np.ndarray]) -> np.ndarray:
    """Return what each net says of each piece, shape (members, pieces, outputs) or (members, pieces, T, outputs)."""
    found = None
    for rows, T in batches(columns["mask"]):
        cut = {name: a[rows] if name == "words" else a[rows, :T] for name, a in columns.items()}
        with precision("single"):
            z = np.asarray(_outputs(nets, jax.tree.map(jax.device_put, cut)), float)
        if found is None:
            shape = columns["mask"].shape if z.ndim == 4 else columns["mask"].shape[:1]
            found = np.zeros((len(z), *shape, z.shape[-1]))
        if z.ndim == 4:
            found[:, rows, :T] = z
        else:
            found[:, rows] = z
    assert found is not None
    return found


def _given(net: TunedText, key: Array) -> TunedText:
    return net


def tune(
    who: str,
    net: TunedText,
    starts: tuple[np.ndarray, np.ndarray],
    loss: TextLoss,
    columns: dict[str, np.ndarray],
    owner: np.ndarray,
    texts: MemberRows,
    how: TuningPlan,
    seed: int,
    progress: bool = False,
) -> Fit:
    """Train the layers of a net on pieces of texts.

    Parameters
    ----------
    who : str
        For messages.
    net : TunedText
        What every member starts from, but for the head.
    starts : tuple of arrays
        Weight and bias of each member's head, leading axis of members.
    loss : TextLoss
    columns : dict of arrays (pieces, ...)
        What the net reads, y, known and w.
    owner : int array, shape (pieces,)
        The text that each is of.
    texts : MemberRows
        Texts that each member learns from, and those that judge it.
    how : TuningPlan
    seed : int
    progress : bool
    """
    held = None if texts.heldout is None else _pieces_of(texts.heldout, owner)
    rows = MemberRows(_pieces_of(texts.train, owner), held)
    rule = partial(optimiser, "adamw", how.rate, schedule="warmup_cosine", weight_decay=0.01, clip=1.0)
    plan = TrainingPlan(how.epochs, min(how.batch_size, rows.train.shape[1]), rule, how.patience)

    def start(key: Array) -> TunedText:
        members = len(starts[0])
        layers = jax.tree.map(lambda a: jnp.broadcast_to(a, (members, *a.shape)), eqx.filter(net, eqx.is_array))
        stacked = eqx.combine(layers, net)
        heads = tuple(jax.device_put(a.astype(np.float32)) for a in starts)
        return eqx.tree_at(lambda n: (n.weight, n.bias), stacked, heads)

    builder = eqx.Partial(_given, net)
    return train(who, builder, loss, padded(columns), rows, plan, seed, progress=progress, how="loop", start=start)


def _pieces_of(texts: np.ndarray, owner: np.ndarray) -> np.ndarray:
    """Return the pieces of some texts for each member, filled up with a piece of weight zero."""
    found = [np.flatnonzero(np.isin(owner, own)) for own in texts]
    most = max(map(len, found))
    return np.stack([np.pad(own, (0, most - len(own)), constant_values=len(owner)) for own in found])
