"""One owner per folder: the operating system holds the lock, so that a process that dies lets it go."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import warnings
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from ceteris.files.replace import LOCK, remove_leftovers

_NO_LOCKS = {errno.ENOLCK, errno.ENOSYS, getattr(errno, "ENOTSUP", errno.ENOSYS), getattr(errno, "EOPNOTSUPP", 0)}


@contextlib.contextmanager
def folder_lock(folder: str | Path) -> Iterator[None]:
    """Be the only one who writes into a folder, or say who is.

    The lock is held on the file ``.lock`` in the folder and ends with the process, however that ends. The file is
    removed on leaving; one that a killed process left holds nothing, and is taken over. Another thread of the same
    process is another owner too, and so is a second lock within the first.

    Parameters
    ----------
    folder : path
        Made if it does not exist.

    Raises
    ------
    BlockingIOError
        If another process or thread holds it; says which.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> with folder_lock(folder):
    ...     sorted(path.name for path in folder.iterdir())
    ['.lock']
    >>> list(folder.iterdir())
    []
    """
    folder = Path(folder)
    file = _locked(folder)
    try:
        remove_leftovers(folder)
        yield
    finally:
        _release(folder / LOCK, file)


def _locked(folder: Path) -> Any:
    """Open and lock the file; again if its last owner removed it in between."""
    path = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            file = path.open("a+b")
            try:
                _acquire(file, folder)
                if _same(file, path):
                    _sign(file)
                    return file
            except BaseException:
                file.close()
                raise
            file.close()
    except BlockingIOError:
        raise
    except OSError as error:
        raise type(error)(
            f"folder: {folder} cannot be written to ({error.strerror}); name a folder that can."
        ) from error


def _acquire(file: Any, folder: Path) -> None:
    try:
        _lock(file)
    except OSError as error:
        if error.errno in _NO_LOCKS:
            warnings.warn(
                f"folder: the file system of {folder} knows no locks; see to it that no other process uses the folder.",
                RuntimeWarning,
                stacklevel=5,
            )
        elif error.errno in (errno.EACCES, errno.EAGAIN, errno.EDEADLK):
            raise BlockingIOError(
                f"folder: {folder} is in use by {_owner(file)}; wait until that has ended, stop it, or name another "
                "folder."
            ) from None
        else:
            raise


if os.name == "posix":
    import fcntl

    def _lock(file: Any) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _same(file: Any, path: Path) -> bool:
        """Whether the locked file is still the one in the folder, and not one that its last owner removed."""
        try:
            return os.path.samestat(os.fstat(file.fileno()), path.stat())
        except FileNotFoundError:
            return False

    def _release(path: Path, file: Any) -> None:
        try:
            if _same(file, path):
                path.unlink(missing_ok=True)  # while it is still held, so that nobody else's goes
        except OSError:
            pass
        finally:
            file.close()

else:
    import msvcrt

    FAR = 2**30  # a byte beyond the text, so that others can still read who holds the lock

    def _lock(file: Any) -> None:
        file.seek(FAR)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # pyright: ignore[reportAttributeAccessIssue]

    def _same(file: Any, path: Path) -> bool:
        return True  # a file that somebody has open cannot be removed there

    def _release(path: Path, file: Any) -> None:
        file.close()
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)


def _sign(file: Any) -> None:
    since = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    file.seek(0)
    file.truncate()
    file.write(json.dumps({"pid": os.getpid(), "machine": platform.node(), "since": since}).encode())
    file.flush()


def _owner(file: Any) -> str:
    try:
        file.seek(0)
        facts = json.loads(file.read(10_000))
        pid, machine, since = int(facts["pid"]), str(facts["machine"]), str(facts["since"])
    except (OSError, ValueError, KeyError, TypeError):  # its owner is just signing
        return "another process"
    if machine != platform.node():
        return f"process {pid} on {machine}, since {since}"
    return f"this process ({pid}), since {since}" if pid == os.getpid() else f"process {pid}, since {since}"
