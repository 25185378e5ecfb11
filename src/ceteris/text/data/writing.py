"""Shards on disk: rows of tokens as plain numbers, where documents end, and a manifest that is written last.

::

    manifest.json                  what there is, of what it was made, and the digest of every file
    tokenizer/                     what wrote the tokens
    SOURCE-train-00000.bin         tokens, uint16 where the vocabulary has at most 65,536, else uint32; little-endian
    SOURCE-train-00000.ends.bin    where each document ends, int64, counted within the file

Each file appears whole or not at all, and a folder without a manifest holds nothing: whatever stops the work leaves no
shards that could be taken for whole ones.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.files import is_empty, read_json, replace_file
from ceteris.outlets import file_name

MANIFEST, BEGUN = "manifest.json", "unfinished.json"
SHARDS = "shards"  # where a run folder of ``ceteris prepare`` has them
FORMAT = 1
SPLITS = ("train", "test")
_TYPES = {"uint16": "<u2", "uint32": "<u4"}


def type_for(vocabulary: int) -> str:
    """Return the smallest type that holds all tokens.

    Examples
    --------
    >>> type_for(65_536), type_for(65_537)
    ('uint16', 'uint32')
    """
    return "uint16" if vocabulary <= 2**16 else "uint32"


class ShardWriter:
    """Collects documents of one source and split, and writes a file whenever there are enough.

    Parameters
    ----------
    folder : Path
        Where the files go.
    source : str
        Of which part of the corpus they are.
    split : {"train", "test"}
        Whether they are learnt from or set aside.
    dtype : {"uint16", "uint32"}
    most : int
        Tokens of a file; the last document of one may go beyond.
    """

    def __init__(self, folder: Path, source: str, split: str, dtype: str, most: int) -> None:
        self.folder, self.name, self.dtype, self.most = folder, f"{file_name(source)}-{split}", _TYPES[dtype], most
        self.written: list[dict[str, Any]] = []
        self._tokens: list[np.ndarray] = []
        self._ends: list[int] = []
        self._held = 0

    def add(self, tokens: Sequence[int]) -> None:
        """Add a document."""
        self._tokens.append(np.asarray(tokens, self.dtype))
        self._held += len(tokens)
        self._ends.append(self._held)
        if self._held >= self.most:
            self.flush()

    def flush(self) -> None:
        """Write what is held."""
        if not self._held:
            return
        name = f"{self.name}-{len(self.written):05d}"
        sums = []
        for file, arrays in (
            (f"{name}.bin", self._tokens),
            (f"{name}.ends.bin", [np.asarray(self._ends, "<i8")]),
        ):
            digest = hashlib.sha256()
            replace_file(self.folder / file, _hashed(arrays, digest))
            sums.append(digest.hexdigest())
        self.written.append(
            {"file": name, "tokens": self._held, "documents": len(self._ends), "sha256": sums[0], "ends": sums[1]}
        )
        self._tokens, self._ends, self._held = [], [], 0


def _hashed(arrays: list[np.ndarray], digest: Any) -> Iterator[bytes]:
    for array in arrays:
        piece = array.tobytes()
        digest.update(piece)
        yield piece


def claim(folder: Path) -> None:
    """Make a folder ready to be written into, or say why it is not; leave word that it is not finished.

    What an earlier attempt left there, which was stopped, is removed; finished shards and foreign files are not.
    """
    if (folder / MANIFEST).exists():
        raise ValueError(f"out: {folder} holds shards already; give another folder, or remove it first.")
    if folder.is_dir() and not is_empty(folder):
        if not (folder / BEGUN).is_file():
            raise ValueError(f"out: {folder} holds files that are no shards; give a new or an empty folder.")
        for left in folder.glob("*.bin"):
            left.unlink()
    replace_file(folder / BEGUN, '{"what": "shards that are being written; without manifest.json they are not whole"}')


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return what shards there are; nothing in the file is taken on trust."""
    if not (folder / MANIFEST).is_file():
        begun = "an attempt to write them was stopped" if (folder / BEGUN).exists() else "it has no manifest.json"
        raise FileNotFoundError(
            f"folder: {folder} holds no finished shards ({begun}); give the folder that prepare wrote, or call "
            "it again."
        )
    manifest = read_json(folder / MANIFEST, dict)
    try:
        _check(manifest)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"folder: {folder / MANIFEST} is no manifest of shards ({error}): it was edited or is of another version; "
            "prepare them again."
        ) from None
    for source, splits in manifest["sources"].items():
        for shard in (shard for split in splits.values() for shard in split["shards"]):
            _refuse_other_size(folder, f"{shard['file']}.bin", shard["tokens"] * _width(manifest), source)
            _refuse_other_size(folder, f"{shard['file']}.ends.bin", shard["documents"] * 8, source)
    return manifest


def _check(manifest: dict[str, Any]) -> None:
    if manifest["format"] != FORMAT:
        raise ValueError(f"its format is {manifest['format']!r:.20}, not {FORMAT}")
    whole = lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 0
    if manifest["dtype"] not in _TYPES or not whole(manifest["vocabulary"]) or not isinstance(manifest["facts"], dict):
        raise ValueError("its fields are not what they were")
    for splits in manifest["sources"].values():
        for name in SPLITS:
            shards = splits[name]["shards"]
            for shard in shards:
                named = isinstance(shard["file"], str) and shard["file"] == Path(shard["file"]).name
                if not (named and whole(shard["tokens"]) and whole(shard["documents"])):
                    raise ValueError("a shard is not what it was")
            for count in ("tokens", "documents"):
                if splits[name][count] != sum(shard[count] for shard in shards):
                    raise ValueError(f"its {count} do not add up")


def _width(manifest: dict[str, Any]) -> int:
    return np.dtype(_TYPES[manifest["dtype"]]).itemsize


def _refuse_other_size(folder: Path, name: str, size: int, source: str) -> None:
    path = folder / name
    found = path.stat().st_size if path.is_file() else None
    if found != size:
        there = "is missing" if found is None else f"has {found:,} bytes where {size:,} were written"
        raise ValueError(f"folder: {path}, a shard of {source!r}, {there}; restore it or prepare the shards again.")


def mapped(folder: Path, manifest: dict[str, Any], source: str, split: str) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the tokens of a source, mapped into memory, and where documents end, counted over all its files."""
    parts, ends, before = [], [np.zeros(0, np.int64)], 0
    for shard in manifest["sources"][source][split]["shards"]:
        parts.append(np.memmap(folder / f"{shard['file']}.bin", _TYPES[manifest["dtype"]], "r"))
        own = np.fromfile(folder / f"{shard['file']}.ends.bin", "<i8")
        if len(own) == 0 or own[-1] != shard["tokens"] or (np.diff(own, prepend=0) <= 0).any():
            raise ValueError(
                f"folder: {folder / shard['file']}.ends.bin does not say where documents end; prepare the shards again."
            )
        ends.append(own + before)
        before += shard["tokens"]
    return parts, np.concatenate(ends)


def verify(folder: Path, manifest: dict[str, Any]) -> None:
    """Raise unless every file has the digest that the manifest says; reads all of them."""
    for splits in manifest["sources"].values():
        for shard in (shard for split in splits.values() for shard in split["shards"]):
            for name, digest in ((f"{shard['file']}.bin", "sha256"), (f"{shard['file']}.ends.bin", "ends")):
                with (folder / name).open("rb") as file:
                    if hashlib.file_digest(file, "sha256").hexdigest() != shard[digest]:
                        raise ValueError(
                            f"folder: {folder / name} is not what was written; restore it or prepare the shards again."
                        )
