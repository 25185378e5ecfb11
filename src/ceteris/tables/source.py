"""The bytes of a text file, whatever its encoding: handed out in blocks that end where a record ends."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

BLOCK = 1 << 18
LONGEST = 1 << 26  # bytes of one record; beyond, a quotation mark was left open
MARKS = {codecs.BOM_UTF32_LE: "utf-32-le", codecs.BOM_UTF32_BE: "utf-32-be", codecs.BOM_UTF8: "utf-8-sig",
         codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}  # fmt: skip
QUOTE, NEWLINE = b'"', b"\n"


@dataclass(frozen=True)
class Source:
    """A text file.

    Attributes
    ----------
    path : Path
    encoding : str
        Of ``held``, or of the file if nothing is held; one in which ASCII is ASCII.
    written : str
        The encoding of the file itself.
    start : int
        Bytes before the first record.
    held : bytes or None
        The text in UTF-8, where the file cannot be read as it is.
    """

    path: Path
    encoding: str = "utf-8"
    written: str = "utf-8"
    start: int = 0
    held: bytes | None = None

    def open(self) -> IO[bytes]:
        """Open it at its first record."""
        file = io.BytesIO(self.held) if self.held is not None else self.path.open("rb")
        file.seek(self.start)
        return file

    def text(self) -> IO[str]:
        """Open it at its first record, decoded, with its line ends as they are; to count fields, not to read them."""
        raw: Any = self.open()
        return io.TextIOWrapper(raw, encoding=self.encoding, errors="replace", newline="")

    def blocks(self, size: int = BLOCK) -> Iterator[bytes]:
        """Yield whole records, at least ``size`` bytes at a time; the last block gets a line end if it has none."""
        with self.open() as file:
            rest = b""
            while fresh := file.read(size):
                rest += fresh
                end = last_end(rest)
                if end:
                    yield rest[:end]
                    rest = rest[end:]
                elif len(rest) > LONGEST:
                    raise ValueError(
                        f"data: {self.path} has a record of over {LONGEST >> 20} MB; a quotation mark is not closed."
                    )
            if rest:
                yield rest if rest.endswith(NEWLINE) else rest + NEWLINE

    def after(self, bytes_: int) -> Source:
        """Return the same file from so many bytes later on."""
        return replace(self, start=self.start + bytes_)


def last_end(block: bytes) -> int:
    r"""Return where the last whole record ends: after a line end that is not within quotation marks; 0 if none does.

    Examples
    --------
    >>> last_end(b'1,2\n3,"a\nb'), last_end(b'"a\nb')
    (4, 0)
    """
    end = block.rfind(NEWLINE) + 1
    if QUOTE not in block:
        return end
    open_after = block.count(QUOTE, 0, end) % 2
    while end and open_after:  # go back line by line to the one that opens the mark
        before = block.rfind(NEWLINE, 0, end - 1) + 1
        open_after = (open_after - block.count(QUOTE, before, end)) % 2
        end = before
    return end


def open_source(path: Path) -> Source:
    """Find the byte order mark and line ends of a text file; what cannot be read as it is, is decoded at once."""
    with path.open("rb") as file:
        head = file.read(BLOCK)
    mark = next((mark for mark in MARKS if head.startswith(mark)), b"")
    encoding = MARKS.get(mark, "utf-8")
    old_ends = b"\r" in head and NEWLINE not in head
    if encoding in ("utf-8", "utf-8-sig") and not old_ends:
        return Source(path, "utf-8", encoding, len(mark))
    raw = path.read_bytes()[len(mark) :]
    if encoding in ("utf-8", "utf-8-sig"):
        encoding, own = (encoding if valid_utf8(raw) else single_byte(raw)), None
        own = "utf-8" if encoding == "utf-8-sig" else encoding
    else:
        own = encoding
    try:
        text = raw.decode(own)
    except UnicodeDecodeError as error:
        raise ValueError(f"data: {path} begins as {own.upper()} does, but byte {error.start} is none of it.") from None
    text = text.replace("\r", "\n") if "\n" not in text else text
    return Source(path, "utf-8", encoding, 0, text.encode("utf-8"))


def valid_utf8(raw: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        return raw.isascii() or raw.decode("utf-8") is not None
    except UnicodeDecodeError:
        return False


def single_byte(raw: bytes) -> str:
    """Name the encoding of western Europe that bytes can be: the one of Windows, unless it lacks one of them."""
    return "latin-1" if any(byte in raw for byte in b"\x81\x8d\x8f\x90\x9d") else "cp1252"
