"""Compiled programs are kept in a folder of the user's, so that a second process traces but compiles nothing.

A first answer is nearly all compiling. JAX can keep what it compiled on disk, and here this is switched on for whoever
uses the package, the first time that something is about to be compiled. JAX itself writes such files in place, tells
no processor from another and removes nothing. Here a file is replaced in one step and carries a checksum, so that any
number of processes may share the folder and what is damaged is compiled anew; each kind of processor, for which
programs are made, has a folder of its own; and the programs unused for longest go when there are too many.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import hashlib
import os
import platform
import sys
import time
from itertools import takewhile
from pathlib import Path
from typing import Any

from ceteris.files import remove_leftovers, replacing
from ceteris.outlets import terminal

VARIABLE = "CETERIS_CACHE"
OFF = ("off", "0", "no", "false")
MOST = 10**9  # bytes of programs that are kept
DAY = 86_400  # seconds; how often they are counted
SUM = 16  # bytes of checksum in front of a program
EVERY_PROGRAM = {"jax_persistent_cache_min_compile_time_secs": 0, "jax_persistent_cache_min_entry_size_bytes": -1}
WHAT_IT_CAN_DO = ("model name", "flags", "Features", "CPU", "isa")  # of /proc/cpuinfo, on several architectures
ONLY_FATAL = 3  # of Abseil's levels of logging, 0 to 3
CRASHES_BELOW = (0, 10)  # jaxlib on macOS: reading a large program back ends the process


@functools.cache
def keep_programs() -> Path | None:
    """See to it that compiled programs are kept for other processes, unless somebody has decided otherwise.

    Called before anything is compiled; after the first time it costs nothing.

    Returns
    -------
    Path or None
        The folder they are kept in; None where JAX's own settings hold, where they are not to be kept, or where the
        folder cannot be used, which is said once on stderr.

    Notes
    -----
    The folder is ``programs`` in the user's cache, readable by the user alone, for whoever can write there decides
    what code runs. The variable ``CETERIS_CACHE`` names another one, or is ``off``. Where the user has set JAX's own
    cache, by ``JAX_COMPILATION_CACHE_DIR``, ``JAX_ENABLE_COMPILATION_CACHE`` or ``jax.config``, nothing is touched.

    Three flags of JAX are set: the folder, and the two thresholds below which a program would not be kept. They say
    where programs are stored and decide no number; no other flag of JAX is ever changed. And the compiler no longer
    writes to stderr that it is slow: what fails in it is raised all the same. ``TF_CPP_MIN_LOG_LEVEL=0`` (or 2) lets
    it write.

    Examples
    --------
    >>> folder = keep_programs()
    >>> folder is None or folder.is_dir()
    True
    """
    _quieten()
    if others_decided():
        return None
    home, named = _home()
    folder = home / _processor()
    try:
        new = _make(home, folder, named)
    except OSError as error:
        _print(
            f"Compiled programs cannot be kept in {folder} ({error.strerror}), so that every process compiles its own; "
            f"set {VARIABLE} to a folder you may write to, or to off."
        )
        return None
    if new and not named:
        _print(f"Compiled programs are kept in {folder}, for a faster start next time; {VARIABLE}=off stops that.")
    prune(folder)
    _configure_jax(folder)
    return folder


def others_decided() -> str:
    """Return who decided that programs are not kept by us, in words; nothing where nobody did."""
    import jax
    import jaxlib

    config: Any = jax.config
    if os.environ.get(VARIABLE, "").strip().lower() in OFF:
        return f"{VARIABLE}={os.environ[VARIABLE]}"
    if not config.jax_enable_compilation_cache:
        return "jax_enable_compilation_cache is off"
    if config.jax_compilation_cache_dir is not None:
        return f"jax_compilation_cache_dir is {config.jax_compilation_cache_dir!r}"
    if sys.platform == "darwin" and jaxlib.version.__version_info__ < CRASHES_BELOW:
        return f"jaxlib {jaxlib.__version__} on macOS may crash on reading programs back; 0.10 does not"
    return ""


def programs(folder: Path) -> list[tuple[float, int, Path]]:
    """Return the programs in a folder: when each was last used, its bytes, and its file."""
    found = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with contextlib.suppress(OSError):  # another process has just removed it
                if entry.is_file() and not entry.name.startswith("."):
                    facts = entry.stat()
                    found.append((facts.st_mtime, facts.st_size, Path(entry.path)))
    return found


def prune(folder: Path, most: int = MOST) -> None:
    """Remove the programs unused for longest beyond ``most`` bytes; at most once a day, and whatever others do.

    No lock is needed: two processes that prune at a time remove the same files, and one that a third was about to
    read is compiled anew.
    """
    stamp = folder / ".pruned"
    with contextlib.suppress(OSError):  # a folder that can be read only
        if stamp.exists() and abs(time.time() - stamp.stat().st_mtime) < DAY:
            return
        stamp.touch()
        remove_leftovers(folder)
        total = 0
        for _, size, path in sorted(programs(folder), reverse=True):
            total += size
            if total > most:
                path.unlink(missing_ok=True)


class Shelf:
    """Programs in a folder, as JAX asks for them: ``get`` and ``put`` by a key that names the whole program."""

    def __init__(self, folder: Path):
        self._path = folder
        self._writable = True

    def get(self, key: str) -> bytes | None:
        """Return a program; None if it is not there, or not whole."""
        path = self._file(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if data[:SUM] != _sum(data[SUM:]):
            return None
        with contextlib.suppress(OSError):
            os.utime(path)  # it was used: the ones not used for longest go first
        return data[SUM:]

    def put(self, key: str, value: bytes) -> None:
        """Keep a program; where that cannot be done, say so once and go on without."""
        path = self._file(key)
        if not self._writable:
            return
        try:
            with replacing(path) as fresh:
                fresh.write_bytes(_sum(value) + value)
        except OSError as error:
            if path.exists():  # and on Windows being read, so that it cannot be replaced
                return
            self._writable = False
            _print(
                f"Compiled programs cannot be kept in {self._path} ({error.strerror}); this process goes on without."
            )

    def _file(self, key: str) -> Path:
        return self._path / key[-150:]  # the end of it is a hash of everything


def _sum(data: bytes) -> bytes:
    return hashlib.blake2b(data, digest_size=SUM).digest()


def _quieten() -> None:
    """Let the compiler write nothing but why a process ends: two minutes into compiling it calls that an error.

    What does fail is raised as an exception beside the line it would write. A level that the user set holds; 1 is what
    JAX itself sets when it is imported.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL", "1") != "1":
        return
    with contextlib.suppress(ImportError, AttributeError):  # not public: a jaxlib without it is as loud as before
        from jaxlib import utils  # pyright: ignore[reportAttributeAccessIssue]

        utils.absl_set_min_log_level(ONLY_FATAL)


def _home() -> tuple[Path, bool]:
    """Return the folder for programs, and whether the user named it."""
    named = os.environ.get(VARIABLE, "").strip()
    if named:
        return Path(os.path.abspath(os.path.expanduser(named))), True
    return _user_cache() / "ceteris" / "programs", False


def _user_cache() -> Path:
    """Return where the user's caches are, by the customs of the system."""
    given = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if os.path.isabs(given):
        return Path(given)
    below = {"darwin": "Library/Caches", "win32": "AppData/Local"}.get(sys.platform, ".cache")
    return Path(os.path.expanduser("~")) / below


def _processor() -> str:
    """Return a mark of the processor: a program may use all that its own can do, and homes are shared by machines."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            facts = "".join(line for line in takewhile(str.strip, lines) if line.startswith(WHAT_IT_CAN_DO))
    except OSError:
        facts = platform.processor()
    return f"{platform.machine()}-{hashlib.blake2b(facts.encode(), digest_size=4).hexdigest()}"


def _make(home: Path, folder: Path, named: bool) -> bool:
    """Make the folder, private unless the user named it; return whether it is new."""
    if not home.is_absolute():
        raise FileNotFoundError(errno.ENOENT, "there is no home folder")
    home.mkdir(parents=True, exist_ok=True, mode=0o777 if named else 0o700)
    if not named and os.name == "posix":
        if home.stat().st_uid != os.geteuid():
            raise PermissionError(errno.EPERM, "it belongs to another user")
        home.chmod(0o700)
    new = not folder.exists()
    folder.mkdir(exist_ok=True)
    return new


def _configure_jax(folder: Path) -> None:
    import jax

    jax.config.update("jax_compilation_cache_dir", str(folder))
    for flag, value in EVERY_PROGRAM.items():
        if flag.upper() not in os.environ:
            jax.config.update(flag, value)
    # Not public: a JAX that has it no more keeps the programs in the same folder in its own way.
    with contextlib.suppress(ImportError, AttributeError):
        from jax._src import compilation_cache

        with compilation_cache._cache_initialized_mutex:
            if compilation_cache._cache is None and not compilation_cache._cache_initialized:
                shelf: Any = Shelf(folder)
                compilation_cache._cache, compilation_cache._cache_initialized = shelf, True


def _print(sentence: str) -> None:
    print(terminal(sentence), file=sys.stderr, flush=True)
