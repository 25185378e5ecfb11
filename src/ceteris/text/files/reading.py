"""Weights: tensors of one file or of several, into a model and out of it, one at a time."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.files import read_json, replace_file
from ceteris.files.tensors import StoredTensor, read_tensor, tensors_in, write_tensors
from ceteris.outlets import json_text
from ceteris.text.files.names import NEEDLESS, Slot, leaves_of, other_heads, slots_of
from ceteris.text.models import Description, LanguageModel
from ceteris.text.models.model import OutputHead

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
DTYPES = {"float32": jnp.float32, "bfloat16": jnp.bfloat16, "float16": jnp.float16}
SCALES = "_scale_inv"  # beside a matrix of eight-bit numbers: a factor for each block of it
BLOCK = 128


def stored(folder: Path) -> dict[str, StoredTensor]:
    """Return the tensors in a model's folder, whether one file holds them or several."""
    if (folder / WEIGHTS).is_file():
        return tensors_in(folder / WEIGHTS)
    if (folder / INDEX).is_file():
        files = read_json(folder / INDEX, dict).get("weight_map")
        if not isinstance(files, dict) or not all(isinstance(name, str) for name in files.values()):
            raise ValueError(f"path: {folder / INDEX} lists no tensors; restore it from a copy.")
        found: dict[str, StoredTensor] = {}
        for name in sorted(set(files.values())):
            found |= tensors_in(folder / Path(name).name)
        lost = [name for name in files if name not in found]
        if lost:
            raise ValueError(f"path: {folder} lacks {_some(lost)}, which {INDEX} lists; fetch its files again.")
        return found
    other = next((path.name for path in sorted(folder.glob("*.bin")) + sorted(folder.glob("*.pt"))), None)
    if other:
        raise ValueError(
            f"path: {folder} holds {other}, a pickle, which may run code when it is read, and no {WEIGHTS}; convert it "
            "with the package that wrote it."
        )
    raise FileNotFoundError(f"path: {folder} holds no {WEIGHTS} and no {INDEX}; give the folder of a model.")


def filled(
    about: Description, tensors: Mapping[str, StoredTensor], dtype: str | None, other_head: bool, key: Array
) -> tuple[LanguageModel, tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return a model with weights from files.

    Parameters
    ----------
    about : Description
        Of the model.
    tensors : mapping
        What the files hold.
    dtype : {"float32", "bfloat16", "float16"}, optional
        What numbers become when they are read; by default they stay as they are.
    other_head : bool
        Whether the head is not the one in the files: then weights that only it has are drawn.
    key : PRNG key
        To draw these with.

    Returns
    -------
    model : LanguageModel
    names : tuple of str
        Of the tensors it was made of.
    fresh : tuple of str
        Of those that were drawn.
    ignored : tuple of str
        Of those in the files that it does not need.
    """
    shape = eqx.filter_eval_shape(lambda: LanguageModel(about, key=jax.random.key(0)))
    written, read = slots_of(shape)
    needless = re.compile(f"({NEEDLESS.pattern}|.*{SCALES})$")
    beyond = _beyond(about)
    leave = lambda name: needless.match(name) or beyond(name) or (other_head and other_heads(about.family).match(name))
    names = tuple(name for name in tensors if name in read)
    ignored = tuple(name for name in tensors if name not in read and leave(name))
    unexpected = [name for name in tensors if name not in read and not leave(name)]
    there = {part for name in names for part in read[name].parts}
    lacks = lambda slot: not any((leaf, at[:n]) in there for leaf, at in slot.parts for n in range(len(at) + 1))
    missing = [name for name, slot in written.items() if lacks(slot)]
    fresh = tuple(name for name in missing if other_head and written[name].parts[0][0].startswith("head."))
    missing = [name for name in missing if name not in fresh]
    if missing or unexpected:
        raise ValueError(_strict(missing, unexpected))
    arrays = leaves_of(shape)
    head = {f"head.{where}": leaf for where, leaf in leaves_of(OutputHead(about, key)).items()}  # pyright: ignore
    made: dict[str, np.ndarray] = {leaf: np.asarray(head[leaf]) for name in fresh for leaf, _ in written[name].parts}
    done: set[Any] = set()
    for name in names:
        tensor = read_tensor(tensors[name])
        tensor = _unpacked(tensor, tensors.get(name + SCALES))
        _place(made, arrays, done, name, tensor, read[name], dtype)
    leaves, tree = jax.tree_util.tree_flatten_with_path(shape)
    values = [jnp.asarray(made.pop(jax.tree_util.keystr(path)[1:])) for path, _ in leaves]
    return jax.tree_util.tree_unflatten(tree, values), names, fresh, ignored


def _place(made, arrays, done, name, tensor, slot: Slot, dtype) -> None:
    """Put a tensor, or its parts, where the model has it; what is there already must be the same."""
    want = _shape_in_file(slot, arrays)
    if tensor.shape != want:
        raise ValueError(
            f"{name} has the shape {tensor.shape}, but must have {want}, as config.json says; use both files of one "
            "model."
        )
    tensor = np.swapaxes(tensor, -1, -2) if slot.transposed else tensor
    ends = np.cumsum([arrays[leaf].shape[-1] for leaf, _ in slot.parts])[:-1]
    for (leaf, at), part in zip(slot.parts, np.split(tensor, ends, axis=-1), strict=True):
        kind = np.dtype(DTYPES[dtype]) if dtype else part.dtype
        if leaf not in made:
            made[leaf] = np.empty(arrays[leaf].shape, kind)
        elif not dtype and made[leaf].dtype != kind:
            made[leaf] = made[leaf].astype(jnp.promote_types(made[leaf].dtype, kind))
        if (leaf, at) in done and not np.array_equal(made[leaf][at], part.astype(made[leaf].dtype)):
            raise ValueError(
                f"{name} differs from another tensor that config.json says is the same; set tie_word_embeddings to "
                "false there, or use both files of one model."
            )
        made[leaf][at] = part
        done.add((leaf, at))


def _shape_in_file(slot: Slot, arrays: Mapping[str, Any]) -> tuple[int, ...]:
    (first, at), count = slot.parts[0], sum(arrays[leaf].shape[-1] for leaf, _ in slot.parts)
    shape = (*arrays[first].shape[len(at) : -1], count)
    return (*shape[:-2], shape[-1], shape[-2]) if slot.transposed else shape


def _unpacked(tensor: np.ndarray, scales: StoredTensor | None) -> np.ndarray:
    """Return numbers of eight bits times the factor of their block, as DeepSeek-V3's files are meant."""
    if scales is None:
        return tensor
    factors = np.repeat(np.repeat(read_tensor(scales), BLOCK, 0), BLOCK, 1)
    whole = tensor.astype(np.float32) * factors[: tensor.shape[0], : tensor.shape[1]]
    return whole.astype(jnp.bfloat16)


def _beyond(about: Description) -> Any:
    """Return whether a name is of a layer beyond the last: DeepSeek's files have one that predicts a token more."""
    number = re.compile(r"model\.layers\.(\d+)\.")

    def beyond(name: str) -> bool:
        found = number.match(name)
        return about.family == "deepseek_v3" and found is not None and int(found[1]) >= about.depth

    return beyond


def _strict(missing: list[str], unexpected: list[str]) -> str:
    said = [f"{word} {_some(names)}" for word, names in (("lack", missing), ("hold beside it", unexpected)) if names]
    return f"path: the files do not fit config.json: they {' and '.join(said)}; use all files of one model."


def _some(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3:,} more ({len(names):,} in all)" if len(names) > 3 else "")


# -------------------------------------------------------------------------------------------------- writing


def tensors_of(model: LanguageModel, names: Iterable[str] = ()) -> dict[str, Slot]:
    """Return the tensors that files of a model have: those of the names it was read from, and what these lack."""
    written, read = slots_of(model)
    names = [name for name in names if name in read]
    if not names:
        return written
    there = {part for name in names for part in read[name].parts}
    lacks = lambda slot: not any((leaf, at[:n]) in there for leaf, at in slot.parts for n in range(len(at) + 1))
    return {name: read[name] for name in names} | {n: slot for n, slot in written.items() if lacks(slot)}


def tensor_at(slot: Slot, leaves: Mapping[str, Any]) -> np.ndarray:
    """Return a tensor as files have it."""
    parts = [np.asarray(leaves[leaf])[at] for leaf, at in slot.parts]
    tensor = parts[0] if len(parts) == 1 else np.concatenate(parts, axis=-1)
    return np.ascontiguousarray(np.swapaxes(tensor, -1, -2)) if slot.transposed else tensor


def write_weights(folder: Path, model: LanguageModel, names: Collection[str], shard: int) -> None:
    """Write a model's tensors into one file, or into several of at most so many bytes with an index."""
    leaves, slots = leaves_of(model), tensors_of(model, names)
    blank = {
        name: jax.ShapeDtypeStruct(_shape_in_file(slot, leaves), leaves[slot.parts[0][0]].dtype)
        for name, slot in slots.items()
    }
    size = lambda name: math.prod(blank[name].shape) * blank[name].dtype.itemsize
    shards: list[list[str]] = [[]]
    room = shard
    for name in slots:
        if shards[-1] and size(name) > room:
            shards.append([])
            room = shard
        shards[-1].append(name)
        room -= size(name)
    made = lambda name: tensor_at(slots[name], leaves)
    count = len(shards)
    files = [WEIGHTS] if count == 1 else [f"model-{n + 1:05}-of-{count:05}.safetensors" for n in range(count)]
    for file, some in zip(files, shards, strict=True):
        write_tensors(folder / file, {name: blank[name] for name in some}, made)
    if count > 1:
        places = {name: file for file, some in zip(files, shards, strict=True) for name in some}
        total = sum(map(size, slots))
        replace_file(folder / INDEX, json_text({"metadata": {"total_size": total}, "weight_map": places}))
    for path in folder.glob("model*.safetensors*"):
        if path.name not in (*files, INDEX if count > 1 else ""):
            path.unlink()  # of a model that was here before
