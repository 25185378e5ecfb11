"""Files replaced in one step: a reader sees the old one or the new one, whole, whoever else writes at the time."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import uuid
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

LOCK = ".lock"  # the file that `ceteris.files.lock` holds
_PART = re.compile(r"\..*\.([0-9a-f]{8})-(\d+)-[0-9a-f]{32}\.part", re.DOTALL)


def replace_file(path: str | Path, data: str | bytes | Iterable[bytes]) -> None:
    """Replace a file in one step.

    The data go into a temporary file whose name no other process or thread shares, reach the disk, and take the
    place of the old file. Whatever stops that leaves the old file as it was and no temporary one; what a killed
    process left is removed by `remove_leftovers`.

    Parameters
    ----------
    path : path
        Its folder is made if it does not exist.
    data : str, bytes or iterable of bytes
        Text is written in UTF-8 with line ends as they are (a lone surrogate, which has no encoding, as "?"); an
        iterable chunk by chunk.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> replace_file(folder / "a.txt", "first")
    >>> replace_file(folder / "a.txt", "second")
    >>> [file.read_text() for file in folder.iterdir()]
    ['second']
    """
    chunks = [data.encode("utf-8", "replace")] if isinstance(data, str) else [data] if isinstance(data, bytes) else data
    with writing(path) as file:
        for chunk in chunks:
            file.write(chunk)


@contextlib.contextmanager
def writing(path: str | Path) -> Iterator[BinaryIO]:
    """Lend an open file that takes the place of the one at ``path`` when the block ends well; see `replace_file`.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a"
    >>> with writing(path) as file:
    ...     file.write(b"all of it")
    9
    >>> path.read_bytes()
    b'all of it'
    """
    path = Path(path)
    fresh = temporary(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with fresh.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(fresh, path)
    except OSError as error:
        raise type(error)(
            f"path: {path} could not be written ({error.strerror}); the file of before, if any, is untouched. Free "
            "some space or name a folder you may write to."
        ) from error
    finally:
        _remove(fresh)


def temporary(path: Path) -> Path:
    """Return a name beside a path that no other process or thread shares, and that `remove_leftovers` knows."""
    return path.with_name(f".{path.name[:40]}.{_host()}-{os.getpid()}-{uuid.uuid4().hex}.part")


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Lend a temporary path, and put what was written there in the place of the file when all of it is.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(path) as fresh:
    ...     _ = fresh.write_text("all of it")
    >>> path.read_text()
    'all of it'
    """
    path = Path(path)
    fresh = temporary(path)
    try:
        yield fresh
        os.replace(fresh, path)
    finally:
        _remove(fresh)


def refuse_unwritable(path: str | Path) -> None:
    """Raise, before any work is done, if nothing can be written at ``path``; remove what dead processes left there."""
    path = Path(path)
    probe = temporary(path)
    try:
        if path.is_dir():
            raise IsADirectoryError(0, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"0")
    except OSError as error:
        raise OSError(
            f"path: {path} cannot be written ({error.strerror}); give a folder you may write to, with space left."
        ) from error
    finally:
        _remove(probe)
    remove_leftovers(path.parent)


def remove_leftovers(folder: str | Path) -> None:
    """Remove the temporary files, there and one folder deeper, of processes of this machine that are no more."""
    for pattern in (".*.part", "*/.*.part"):
        for path in Path(folder).glob(pattern):
            found = _PART.fullmatch(path.name)
            if found and found[1] == _host() and not _alive(int(found[2])):
                _remove(path)


def is_empty(folder: str | Path) -> bool:
    """Whether a folder holds nothing but a lock and temporary files of ours."""
    return all(path.name == LOCK or _PART.fullmatch(path.name) for path in Path(folder).iterdir())


def free_folder(folder: Path) -> Path:
    """Return the folder, or the same name with the first free number after it."""
    n = 2
    choice = folder
    while choice.exists():
        choice, n = folder.with_name(f"{folder.name}-{n}"), n + 1
    return choice


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):  # its folder cannot be written to, or is a file: then there is nothing
        path.unlink(missing_ok=True)


def _host() -> str:
    return hashlib.blake2b(platform.node().encode("utf-8", "replace"), digest_size=4).hexdigest()


def _alive(process: int) -> bool:
    if os.name != "posix":
        return True  # asking would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
