"""Arrays by name and facts as JSON in one safetensors file with a checksum; whatever is wrong with it is a sentence.

The layout is that of https://github.com/huggingface/safetensors: eight bytes with the length of a JSON header, the
header (type, shape and place of each array, and the facts), the numbers. It is read and written here, so that every
byte is checked before anything is made of it.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np

from ceteris.files.replace import writing
from ceteris.files.text import parse_json
from ceteris.version import __version__

FORMAT = 2
KINDS = {
    "run": "resume it with fit(..., resume=path)",
    "weights": "read it with load_weights",
    "object": "read it with ceteris.load",
}
TYPES = {
    "BOOL": "|b1", "U8": "|u1", "I8": "|i1", "U16": "<u2", "I16": "<i2", "U32": "<u4", "I32": "<i4", "U64": "<u8",
    "I64": "<i8", "BF16": "bfloat16", "F16": "<f2", "F32": "<f4", "F64": "<f8", "C64": "<c8",
    "F8_E4M3": "float8_e4m3fn", "F8_E5M2": "float8_e5m2",
}  # fmt: skip
_CODES = {kind: code for code, kind in TYPES.items()}
_BEFORE_CHECKSUM = b'{"__metadata__": {"checksum": "'
_PIECE = 2**23
LONGEST_HEADER, _MOST_AXES = 100_000_000, 32


class _Place(NamedTuple):
    """Where an array lies among the numbers."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    begin: int
    end: int


def write_arrays(
    path: str | Path,
    kind: str,
    arrays: Mapping[str, Any],
    facts: Mapping[str, Any],
    made: Callable[[str], np.ndarray] | None = None,
) -> None:
    """Write arrays and facts, in one step.

    Parameters
    ----------
    path : path
    kind : {"weights", "run", "object"}
    arrays : mapping
    facts : mapping
        Anything that JSON can hold.
    made : callable, optional
        ``made(name)`` returns an array when it is its turn to be written, and is asked for all of them in order; then
        ``arrays`` may hold anything with a dtype and a shape. Only one array is in memory at a time.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.safetensors"
    >>> write_arrays(path, "weights", {"w": np.ones(2)}, {"by": "hand"})
    >>> read_arrays(path, "weights")
    ({'w': array([1., 1.])}, {'by': 'hand'})
    """
    about = _written({"format": FORMAT, "version": __version__, "kind": kind, "facts": facts})
    table = described(arrays)
    # the checksum is known last and stands first, at a place that does not depend on what the facts hold
    header = json.dumps({"__metadata__": {"checksum": 64 * "0", "ceteris": about}, **table}).encode()
    header += b" " * (-len(header) % 8)
    made = made or arrays.__getitem__
    with writing(path) as file:
        file.write(len(header).to_bytes(8, "little") + header)
        found = checksum(about, table, _written_to(file, map(made, table)))
        file.seek(8 + len(_BEFORE_CHECKSUM))
        file.write(found.encode())


def _written_to(file: BinaryIO, arrays: Iterator[np.ndarray]) -> Iterator[memoryview]:
    """Write arrays, and yield their bytes; in pieces, so that a signal is heard in between."""
    for data in map(little, arrays):
        for begin in range(0, data.nbytes, _PIECE):
            piece = data[begin : begin + _PIECE]
            file.write(piece)
            yield piece
        data = piece = None  # before the next one is made


def _written(about: dict[str, Any]) -> str:
    """Return the facts as text that can be read again."""
    try:
        text = json.dumps(about)
        parse_json(text)
        return text
    except (TypeError, ValueError, RecursionError) as error:
        raise type(error)(
            f"facts: they cannot be written as text ({error}); give numbers, strings, booleans, lists or dictionaries "
            "of these."
        ) from None


def read_arrays(path: str | Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return the arrays and the facts in a file of one kind; nothing in it is taken on trust.

    Raises
    ------
    FileNotFoundError
    ValueError
        If the file was cut off, damaged, edited, or written in another format.
    """
    path = Path(path)
    try:
        arrays, about = _read(path)
    except FileNotFoundError:
        raise FileNotFoundError(f"path: {path} does not exist; give the path of a file that ceteris saved.") from None
    except _Unfit as error:
        raise ValueError(f"path: {path} {error}") from None
    except (ValueError, MemoryError) as error:
        raise ValueError(
            f"path: {path} is truncated or was not saved by ceteris ({error}); use an earlier copy or train again."
        ) from None
    except OSError as error:
        raise type(error)(f"path: {path} cannot be read ({error.strerror}); give a file you may read.") from None
    if about["kind"] != kind:
        raise ValueError(f"path: {path} holds {about['kind']}, not {kind}; {KINDS[about['kind']]}.")
    return arrays, about["facts"]


def checksum(about: str, table: Mapping[str, Any], numbers: Iterable[Any]) -> str:
    """Return the checksum of facts, names, types, shapes and numbers."""
    digest = hashlib.sha256(about.encode("utf-8", "surrogatepass"))
    digest.update(json.dumps(table, sort_keys=True).encode())
    for chunk in numbers:
        digest.update(chunk)
        del chunk  # before the next one is made
    return digest.hexdigest()


def refuse_non_finite(path: str | Path, arrays: Mapping[str, np.ndarray], masks: bool = False) -> None:
    """Raise if a number is NaN or infinite, naming the array; with ``masks`` one of zeros and -inf may pass."""
    for name, a in arrays.items():
        if a.dtype.kind not in "fcV" or np.isfinite(a).all():
            continue
        if masks and a.dtype.kind != "c" and np.all((a == 0) | np.isneginf(a)) and not a.all():
            continue
        bad = int((~np.isfinite(a)).sum())
        raise ValueError(
            f"path: {path}: {bad} of {a.size} numbers of {name} are NaN or infinite, and such weights answer nothing; "
            "train again, with a lower rate."
        )


class _Unfit(ValueError):
    """The file is whole, but not one that this version takes; the message is the rest of the sentence."""


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    if path.is_dir():
        raise ValueError("it is a folder")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or length > min(size - 8, LONGEST_HEADER):
            raise ValueError(f"it has {size:,} bytes, fewer than its header")
        header = parse_json(file.read(length))
        if not isinstance(header, dict):
            raise ValueError("its header is not a table")
        notes = header.pop("__metadata__", None)
        about = _about(notes)
        arrays = blank(header, size - 8 - length)
        if checksum(notes["ceteris"], header, filling(file, arrays)) != notes["checksum"]:
            raise _Unfit(
                "was damaged or edited after it was saved (its checksum differs); use an earlier copy or train again."
            )
    return {name: arrays[name] for name in header}, about


def _about(notes: Any) -> dict[str, Any]:
    """Return format, kind and facts, checked."""
    if not isinstance(notes, dict) or not isinstance(notes.get("ceteris"), str):
        raise ValueError("its header says nothing of ceteris")
    about = parse_json(notes["ceteris"])
    number, version = (about.get("format"), about.get("version")) if isinstance(about, dict) else (None, None)
    if type(number) is not int or not isinstance(version, str):
        raise ValueError("its header says nothing of a format")
    if number < FORMAT:
        raise _Unfit(
            f"was saved in format {number} by ceteris {version[:20]}, which had no checksum, and format {FORMAT} is "
            "read here; read it with that version, or train again."
        )
    if number > FORMAT:
        raise _Unfit(
            f"was saved in format {number} by ceteris {version[:20]}, and only format {FORMAT} is known here; install "
            "that version of ceteris."
        )
    if set(about) != {"format", "version", "kind", "facts"} or about["kind"] not in list(KINDS):
        raise ValueError("its header is not one of ours")
    if not isinstance(about["facts"], dict) or set(notes) != {"ceteris", "checksum"}:
        raise ValueError("its header is not one of ours")
    return about


# ------------------------------------------------------------------------- arrays and the table that describes them


def described(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return the type, the shape and the place of each array, one after the other."""
    table, end = {}, 0
    for name, a in arrays.items():
        size = math.prod(a.shape) * a.dtype.itemsize
        table[name] = {"dtype": _code(name, a.dtype), "shape": list(a.shape), "data_offsets": [end, end + size]}
        end += size
    return table


def blank(table: dict[str, Any], size: int) -> dict[str, np.ndarray]:
    """Return arrays to be filled, in the order of their places."""
    return {name: np.empty(place.shape, place.dtype) for name, place in placed(table, size).items()}


def placed(table: dict[str, Any], size: int) -> dict[str, _Place]:
    """Return where arrays lie, in this order; together they fill the file without gap or overlap."""
    places = sorted(((_place(name, entry), name) for name, entry in table.items()), key=lambda each: each[0][2:])
    end = 0
    for place, _ in places:
        if place.begin != end:
            raise ValueError("its arrays overlap or leave gaps")
        end = place.end
    if end != size:
        raise ValueError(f"its arrays need {end:,} bytes and it has {size:,}")
    return {name: place for place, name in places}


def filling(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> Iterator[memoryview]:
    """Read the numbers of one array after the other, and yield their bytes."""
    for a in arrays.values():
        data = a.reshape(-1).view(np.uint8).data
        if file.readinto(data) < data.nbytes:  # pyright: ignore[reportAttributeAccessIssue]
            raise ValueError("it became shorter while it was read")
        yield data


def _place(name: str, entry: Any) -> _Place:
    wrong = ValueError(f"its header describes no array as {name[:60]!r}")
    if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
        raise wrong
    code, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    whole = lambda values: isinstance(values, list) and all(type(v) is int and 0 <= v < 2**48 for v in values)
    if not isinstance(code, str) or code not in TYPES or not whole(shape) or not whole(offsets):
        raise wrong
    dtype = _dtype(code)
    if len(shape) > _MOST_AXES or len(offsets) != 2 or offsets[1] - offsets[0] != math.prod(shape) * dtype.itemsize:
        raise wrong
    return _Place(dtype, tuple(shape), *offsets)


def _dtype(code: str) -> np.dtype[Any]:
    kind = TYPES[code]
    if kind[0] not in "<|":
        import ml_dtypes  # comes with JAX

        return np.dtype(getattr(ml_dtypes, kind))
    return np.dtype(kind)


def _code(name: str, dtype: np.dtype[Any]) -> str:
    code = _CODES.get(dtype.name if dtype.name in _CODES else dtype.newbyteorder("<").str)
    if code is None:
        raise TypeError(f"{name}: an array of {dtype} cannot be saved; convert it to one of {', '.join(TYPES)}.")
    return code


def little(a: np.ndarray) -> memoryview:
    """Return the bytes of an array, not copied where they lie as they are written."""
    a = np.ascontiguousarray(a).reshape(-1)
    return (a if a.dtype.name in _CODES else a.astype(a.dtype.newbyteorder("<"), copy=False)).view(np.uint8).data
