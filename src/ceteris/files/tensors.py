"""Tensors by name in safetensors files of others: found by their header, read and written one at a time."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ceteris.files.arrays import LONGEST_HEADER, described, little, placed
from ceteris.files.replace import writing
from ceteris.files.text import parse_json


class StoredTensor(NamedTuple):
    """Where a tensor lies."""

    path: Path
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int  # in the file


def tensors_in(path: str | Path) -> dict[str, StoredTensor]:
    """Return what a file holds, by name; no number is read yet.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> write_tensors(path, {"w": np.ones((2, 3), np.float16)})
    >>> found = tensors_in(path)
    >>> found["w"].shape, read_tensor(found["w"])
    ((2, 3), array([[1., 1., 1.],
           [1., 1., 1.]], dtype=float16))
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            length = int.from_bytes(file.read(8), "little")
            if size < 8 or length > min(size - 8, LONGEST_HEADER):
                raise ValueError(f"it has {size:,} bytes, fewer than its header")
            header = parse_json(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is not a table")
        header.pop("__metadata__", None)
        places = placed(header, size - 8 - length)
    except FileNotFoundError:
        raise FileNotFoundError(f"path: {path} does not exist; give a folder with all files of its model.") from None
    except ValueError as error:
        raise ValueError(
            f"path: {path} is truncated or not a safetensors file ({error}); use an earlier copy or fetch it again."
        ) from None
    except OSError as error:
        raise type(error)(f"path: {path} cannot be read ({error.strerror}); give a file you may read.") from None
    return {name: StoredTensor(path, at.dtype, at.shape, 8 + length + at.begin) for name, at in places.items()}


def read_tensor(tensor: StoredTensor) -> np.ndarray:
    """Return the numbers of one tensor."""
    found = np.empty(tensor.shape, tensor.dtype)
    data = found.reshape(-1).view(np.uint8).data
    with tensor.path.open("rb") as file:
        file.seek(tensor.begin)
        if file.readinto(data) < data.nbytes:
            raise ValueError(f"path: {tensor.path} became shorter while it was read; fetch it again.")
    return found


def write_tensors(
    path: str | Path, tensors: Mapping[str, Any], made: Callable[[str], np.ndarray] | None = None
) -> None:
    """Write tensors, in one step.

    Parameters
    ----------
    path : path
    tensors : mapping
        Arrays, or with ``made`` anything with a dtype and a shape.
    made : callable, optional
        ``made(name)`` returns a tensor when it is its turn to be written, so that one at a time is in memory.
    """
    table = described(tensors)
    header = json.dumps({"__metadata__": {"format": "pt"}, **table}).encode()  # others look for this entry
    header += b" " * (-len(header) % 8)
    made = made or tensors.__getitem__
    with writing(path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        for name in table:
            file.write(little(made(name)))
