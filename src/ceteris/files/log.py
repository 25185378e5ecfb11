"""Files that grow at their end: what is there is not written again, and a checksum of it runs along."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.files.arrays import blank, described, filling, little, read_arrays, write_arrays
from ceteris.files.replace import refuse_unwritable
from ceteris.files.text import parse_json

_FIRST_LINE = b"ceteris log 1\n"


class Log:
    """Blocks of arrays, one after the other; how much of the file counts, and its checksum, are kept elsewhere.

    It begins anew when it is made. Whoever is killed between an `append` and the writing down of the new `mark`
    leaves a tail that does not count.

    Parameters
    ----------
    path : path
        The file, which begins anew.

    Examples
    --------
    >>> import tempfile
    >>> log = Log(Path(tempfile.mkdtemp()) / "a.log")
    >>> log.append({"loss": np.array([2.0, 1.0])})
    >>> mark = log.mark
    >>> log.append({"loss": np.array([0.5])})
    >>> read_log(log.path, mark)
    [{'loss': array([2., 1.])}]
    """

    def __init__(self, path: str | Path):
        refuse_foreign(path)
        self.path = Path(path)
        self._size, self._digest = 0, hashlib.sha256()
        self._write("wb", [_FIRST_LINE])

    @property
    def mark(self) -> dict[str, Any]:
        """How many bytes count, and their checksum."""
        return {"bytes": self._size, "checksum": self._digest.hexdigest()}

    def append(self, arrays: Mapping[str, np.ndarray]) -> None:
        """Write one more block; it is on the disk when this returns."""
        table = described(arrays)
        header = json.dumps(table).encode()
        numbers = [little(a) for a in arrays.values()]
        lengths = (len(header), sum(data.nbytes for data in numbers))
        self._write("r+b", [*(n.to_bytes(8, "little") for n in lengths), header, *numbers])

    def _write(self, mode: str, pieces: Iterable[Any]) -> None:
        digest, size = self._digest.copy(), self._size
        try:
            with self.path.open(mode) as file:
                if file.seek(0, os.SEEK_END) < size:
                    raise OSError(0, "somebody else has cut it off")
                file.seek(size)
                file.truncate()  # what an attempt that failed has left
                for piece in pieces:
                    file.write(piece)
                    digest.update(piece)
                    size += len(piece)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise type(error)(
                f"path: {self.path} could not be written ({error.strerror}); free some space, or name a path that no "
                "other run writes to."
            ) from error
        self._digest, self._size = digest, size


class GrowingFile:
    """A file of arrays, replaced whole, with a log beside it of what is only ever added to.

    What was added since the last `write` is in the file itself; the next one puts it at the end of the log first. So
    the file finds what belongs to it, whatever the moment of a kill. The log is ``<path>.history``, and is there from
    the second `write` on.

    Parameters
    ----------
    path : path
        Refused if nothing can be written there.

    Examples
    --------
    >>> import tempfile
    >>> losses, file = [3.0, 2.0, 1.0], GrowingFile(Path(tempfile.mkdtemp()) / "a")
    >>> for n in (1, 3):
    ...     file.write("run", {"w": np.ones(1)}, {}, lambda a, b: {"loss": np.array(losses[a:b])}, n)
    >>> arrays, facts, before = read_growing(file.path, "run")
    >>> before, arrays["loss"]
    ([{'loss': array([3.])}], array([2., 1.]))
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        refuse_unwritable(self.path)
        refuse_foreign(history_of(self.path))
        self._log: Log | None = None
        self._logged = self._written = 0  # up to where the log goes, and up to where log and file together

    def write(
        self,
        kind: str,
        arrays: Mapping[str, Any],
        facts: Mapping[str, Any],
        added: Callable[[int, int], Mapping[str, np.ndarray]],
        n: int,
        made: Callable[[str], np.ndarray] | None = None,
    ) -> None:
        """Replace the file; see `write_arrays`. ``added(a, b)`` returns what came from ``a`` to ``b``, ``n`` so far."""
        if self._written:
            self._log = self._log or Log(history_of(self.path))
            self._log.append(added(self._logged, self._written))
            self._logged = self._written
        news, made = added(self._logged, n), made or arrays.__getitem__
        mark = {"log": self._log.mark} if self._log else {}
        made_or_new = lambda name: news[name] if name in news else made(name)
        write_arrays(self.path, kind, {**arrays, **news}, {**facts, **mark}, made_or_new)
        if not self._log:
            history_of(self.path).unlink(missing_ok=True)  # of a file that this one replaces
        self._written = n


def history_of(path: str | Path) -> Path:
    """Return where the log of a growing file is."""
    return Path(path).with_name(f"{Path(path).name}.history")


def forget(path: str | Path) -> None:
    """Remove a growing file and its log, if they are there."""
    Path(path).unlink(missing_ok=True)
    history_of(path).unlink(missing_ok=True)


def read_growing(
    path: str | Path, kind: str
) -> tuple[dict[str, np.ndarray], dict[str, Any], list[dict[str, np.ndarray]]]:
    """Return the arrays and facts of a growing file, what was added last among them, and what was added before."""
    arrays, facts = read_arrays(path, kind)
    mark = facts.pop("log", None)
    return arrays, facts, [] if mark is None else read_log(history_of(path), mark)


def read_log(path: str | Path, mark: Any) -> list[dict[str, np.ndarray]]:
    """Return the blocks of a log up to a mark, those of `Log.append`; nothing in it is taken on trust.

    Raises
    ------
    FileNotFoundError
    ValueError
        If what is marked is not there, or is not what was written.
    """
    try:
        return _blocks(Path(path), mark)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"path: {path} is missing, without which the file beside it is not whole; copy it there too."
        ) from None
    except (ValueError, MemoryError) as error:
        raise ValueError(
            f"path: {path} does not belong to the file beside it, or was damaged or edited ({error}); use earlier "
            "copies of both, or train again."
        ) from None
    except OSError as error:
        raise type(error)(f"path: {path} cannot be read ({error.strerror}); give a file you may read.") from None


def refuse_foreign(path: str | Path) -> None:
    """Raise if there is something else than a log where one is to be begun."""
    if not _is_ours(Path(path)):
        raise ValueError(f"path: {path} exists, and is not a log of ceteris; move it, or give another name.")


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return _FIRST_LINE.startswith(file.read(len(_FIRST_LINE)))  # fewer bytes, if it was killed as it began
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _blocks(path: Path, mark: Any) -> list[dict[str, np.ndarray]]:
    if not isinstance(mark, dict) or set(mark) != {"bytes", "checksum"} or type(mark["bytes"]) is not int:
        raise ValueError("the mark that says how much of it counts was edited")
    left, blocks, digest = mark["bytes"], [], hashlib.sha256()

    def taken(n: int) -> bytes:
        nonlocal left
        if n > left:
            raise ValueError("its blocks are longer than they should be")
        left -= n
        data = file.read(n)
        digest.update(data)
        return data

    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size < left:
            raise ValueError(f"it has fewer than {left:,} bytes")
        if taken(len(_FIRST_LINE)) != _FIRST_LINE:
            raise ValueError("it begins otherwise")
        while left:
            header, numbers = (int.from_bytes(taken(8), "little") for _ in range(2))
            table = parse_json(taken(header))
            if not isinstance(table, dict) or numbers > left:
                raise ValueError("its blocks are longer than they should be")
            block = blank(table, numbers)
            for data in filling(file, block):
                digest.update(data)
            left -= numbers
            blocks.append({name: block[name] for name in table})
    if digest.hexdigest() != mark["checksum"]:
        raise ValueError("its checksum differs")
    return blocks
