"""Documents from files, one after the other: a corpus need not fit into memory.

Text (.txt, .md, .rst), lines of JSON, tables in CSV and Parquet, and all of these compressed by gzip. What cannot be
read as a document is not passed over in silence: it is counted, and where the first of its kind stands is remembered.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from ceteris.arguments import listed, nearest, one_of

UNITS = ("file", "paragraph", "line")
LARGEST = 2**26  # bytes of one document: what is larger is not one, but a corpus in one file
_PIECE = 2**20
_HALF = re.compile("[\ud800-\udfff]")  # which JSON can spell
_BAD = re.compile("[\udc80-\udcff]")  # what Python makes of a byte that is not UTF-8
NOT_UTF8, NOT_JSON, NO_TEXT = "bytes that are not UTF-8", "lines that are not JSON", "no text"
NO_COLUMN = "tables without the column"


class Document(NamedTuple):
    """One text and where it is from.

    Attributes
    ----------
    text : str
    source : str
        Which part of the corpus: the first folder below the path that was given, or the name of that path.
    """

    text: str
    source: str


@dataclass
class Reading:
    """What reading a corpus came upon.

    Attributes
    ----------
    files, size : int
        How many were read, and how many bytes they have as they are on disk.
    skipped : Counter of str
        Files that were left out, by the ending of their name.
    unread : Counter of str
        What could not be read as a document, by reason.
    first : dict of str to str
        Where the first of each kind stands.
    bad_bytes : int
        Bytes that are not UTF-8.
    alone : bool
        Whether there is one file only.
    """

    files: int = 0
    size: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unread: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)
    bad_bytes: int = 0
    alone: bool = False

    def note(self, reason: str, where: str) -> None:
        """Count what cannot be read."""
        self.unread[reason] += 1
        self.first.setdefault(reason, where)


def sources_of(given: Any) -> dict[str, list[Path]]:
    """Return the files of a corpus by source.

    Parameters
    ----------
    given : path, sequence of paths, or mapping of source to path
    """
    if isinstance(given, Mapping):
        found = {str(name): [one for _, one in _files(Path(path))] for name, path in given.items()}
    else:
        paths = [Path(given)] if isinstance(given, str | Path) else [Path(path) for path in given]
        found = {}
        for path in paths:
            for name, one in _files(path):
                found.setdefault(name, []).append(one)
    if not found:
        raise ValueError("corpus holds no path, but must hold at least one; give a file or a folder.")
    readable = [path for paths in found.values() for path in paths if kind_of(path)]
    if not readable:
        raise ValueError(
            f"corpus: no file in it ends in one of {', '.join(READERS)} (or these and .gz); give one that does."
        )
    return found


def _files(path: Path) -> list[tuple[str, Path]]:
    if path.is_file():
        return [(path.name.split(".")[0] or path.name, path)]
    if not path.is_dir():
        raise FileNotFoundError(f"corpus: there is nothing at {path}; give a file or a folder of texts.")
    inside = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
    name = lambda parts: parts[0] if len(parts) > 1 else path.resolve().name
    return [(name(one.relative_to(path).parts), one) for one in inside]


def kind_of(path: Path) -> str:
    """Return the ending that says how a file is read, nothing for one that is not."""
    name = path.name.lower().removesuffix(".gz")
    return next((ending for ending in READERS if name.endswith(ending)), "")


def documents(
    sources: Mapping[str, Sequence[Path]], reading: Reading, column: str = "text", unit: str = "file"
) -> Iterator[Document]:
    """Yield the documents of all sources in order.

    Parameters
    ----------
    sources : mapping of source to paths
    reading : Reading
        Is told what is met.
    column : str
        The column, or the key of JSON, that holds the text.
    unit : {"file", "paragraph", "line"}
        What a document is in plain text.
    """
    one_of("unit", unit, UNITS)
    reading.alone = sum(bool(kind_of(path)) for paths in sources.values() for path in paths) == 1
    for source, paths in sources.items():
        for path in paths:
            kind = kind_of(path)
            if not kind:
                reading.skipped["".join(path.suffixes[-1:]) or path.name] += 1
                continue
            reading.files += 1
            reading.size += path.stat().st_size
            try:
                yield from (Document(text, source) for text in READERS[kind](path, reading, column, unit))
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise ValueError(
                    f"corpus: {path} cannot be unpacked ({error}): it was cut off or is no gzip; restore it."
                ) from None


def _open(path: Path) -> BinaryIO:
    return gzip.open(path, "rb") if path.name.lower().endswith(".gz") else path.open("rb")  # pyright: ignore[reportReturnType]


def _decoded(raw: bytes, path: Path, reading: Reading, begin: int) -> str | None:
    """Return bytes as text; None, and a note, where they are not UTF-8."""
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        reading.bad_bytes += len(_BAD.findall(raw.decode("utf-8", "surrogateescape")))
        reading.note(NOT_UTF8, f"{path}, byte {begin + error.start}")
        return None


# ------------------------------------------------------------------------------------------------ one for each kind


def _plain(path: Path, reading: Reading, column: str, unit: str) -> Iterator[str]:
    with _open(path) as file:
        if unit == "file":
            raw = file.read(LARGEST + 1)
            if len(raw) > LARGEST:
                raise ValueError(
                    f"corpus: {path} has more than {LARGEST // 2**20} MB, but is to be read as one document; say "
                    'unit="line" or unit="paragraph".'
                )
            pieces: Iterable[tuple[int, bytes]] = [(0, raw.removeprefix(b"\xef\xbb\xbf"))]
        else:
            pieces = _lines(file, path) if unit == "line" else _paragraphs(_lines(file, path))
        for begin, raw in pieces:
            text = _decoded(raw, path, reading, begin)
            if text is not None and not text.isspace() and text:
                yield text


def _lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    begin = 0
    while line := file.readline(LARGEST + 1):
        if len(line) > LARGEST:
            raise ValueError(
                f"corpus: {path} has a line of more than {LARGEST // 2**20} MB at byte {begin}; break it into lines."
            )
        yield begin, line
        begin += len(line)


def _paragraphs(lines: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    start, held = 0, []
    for begin, line in lines:
        if line.isspace():
            if held:
                yield start, b"".join(held)
            held = []
            continue
        start = start if held else begin
        held.append(line)
    if held:
        yield start, b"".join(held)


def _json_lines(path: Path, reading: Reading, column: str, unit: str) -> Iterator[str]:
    with _open(path) as file:
        for number, (begin, line) in enumerate(_lines(file, path), 1):
            raw = _decoded(line, path, reading, begin)
            if raw is None or raw.isspace():
                continue
            try:
                held = json.loads(raw)
            except (ValueError, RecursionError):
                reading.note(NOT_JSON, f"{path}, line {number}")
                continue
            if number == 1 and _lacks(column, held if isinstance(held, dict) else {}, path, reading):
                return
            text = held.get(column) if isinstance(held, dict) else None
            if isinstance(text, str) and not text.isascii() and _HALF.search(text):
                reading.note(NOT_UTF8, f"{path}, line {number}")
            elif isinstance(text, str) and text and not text.isspace():
                yield text
            else:
                reading.note(NO_TEXT, f"{path}, line {number}")


def _csv(path: Path, reading: Reading, column: str, unit: str) -> Iterator[str]:
    with _open(path) as raw, io.TextIOWrapper(raw, "utf-8-sig", "surrogateescape", newline="") as file:
        head = file.readline(_PIECE)
        separator = max("\t;,|", key=head.count) if "tsv" not in path.name.lower() else "\t"
        names = next(csv.reader([head], delimiter=separator), [])
        if _lacks(column, names, path, reading):
            return
        place = names.index(column)
        csv.field_size_limit(LARGEST)
        rows = csv.reader(file, delimiter=separator)
        for row in _rows(rows, path):
            text = row[place] if place < len(row) else ""
            if not text.isascii() and (bad := _BAD.findall(text)):
                reading.bad_bytes += len(bad)
                reading.note(NOT_UTF8, f"{path}, line {rows.line_num + 1}")
            elif text and not text.isspace():
                yield text
            else:
                reading.note(NO_TEXT, f"{path}, line {rows.line_num + 1}")


def _rows(rows: Any, path: Path) -> Iterator[list[str]]:
    try:
        yield from rows
    except csv.Error as error:
        raise ValueError(
            f"corpus: {path} cannot be read as a table near line {rows.line_num + 1} ({error}); put texts into "
            "quotation marks, or save it as lines of JSON."
        ) from None


def _parquet(path: Path, reading: Reading, column: str, unit: str) -> Iterator[str]:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError(f"corpus: reading {path} needs pyarrow; `pip install ceteris[parquet]`.") from None
    try:
        file = pq.ParquetFile(path)
    except (OSError, ValueError) as error:
        raise ValueError(f"corpus: {path} cannot be read as Parquet ({str(error)[:100]}); restore it.") from None
    if _lacks(column, file.schema_arrow.names, path, reading):
        return
    number = 0
    for batch in file.iter_batches(batch_size=1_000, columns=[column]):
        for text in batch.column(0).to_pylist():
            number += 1
            if isinstance(text, str) and text and not text.isspace():
                yield text
            else:
                reading.note(NO_TEXT, f"{path}, row {number}")


def _lacks(column: str, names: Iterable[str], path: Path, reading: Reading) -> bool:
    """Whether a table has no such column: an error where it is all there is, else left out and noted."""
    names = list(names)
    if column not in names and not reading.alone:
        reading.note(NO_COLUMN, str(path))
        return True
    if column not in names:
        near = nearest(column, names)
        do = f"did you mean {near!r}?" if near else "say which of them holds the text, by column=."
        raise ValueError(f"column is {column!r}, but must be one of {path}: {listed(names) or 'it has none'}; {do}")
    return False


READERS: dict[str, Callable[[Path, Reading, str, str], Iterator[str]]] = {
    **dict.fromkeys((".txt", ".text", ".md", ".rst"), _plain),
    **dict.fromkeys((".jsonl", ".ndjson"), _json_lines),
    **dict.fromkeys((".csv", ".tsv"), _csv),
    ".parquet": _parquet,
}
