"""A run folder: what was asked, what came out, and enough to resume it or run it again.

::

    run.json        command, configuration, seed, status, times, versions, hardware
    sections.json   text, checks, and the names of the files behind each table and figure
    tables/*.csv    one file per table
    figures/*       one light and one dark SVG per figure, and a CSV with the numbers it shows
    history.csv     what was recorded while training
    report.html     written by `ceteris.report.report`

A domain may add files of its own (weights, checkpoints). Everything is text or safetensors; nothing is
pickled. JSON files are replaced in one step, so that a process killed at any moment leaves whole ones.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ceteris.files import folder_lock, is_empty, replace_file, temporary
from ceteris.outlets import json_text, report_csv
from ceteris.report import machine
from ceteris.report.stored import read_facts, read_sections, sentence
from ceteris.stopping import heard

if TYPE_CHECKING:
    import pandas as pd

    from ceteris.evidence import Section

ROOM = 50_000_000  # bytes: some hundred figures and the weights of a mid-size net
OURS = ("sections.json", "history.csv", "report.html", "tables", "figures")


@dataclass
class Run:
    """One run and its folder.

    Use `Run.create` for a new run and `Run.open` for one on disk. As a context manager it ends itself: with
    status "finished", or "failed: ..." when an exception passes.

    Parameters
    ----------
    folder : Path
        Where the run lives.
    facts : dict
        What ``run.json`` holds: ``command``, ``config``, ``seed``, ``status``, ``started``, ``seconds``,
        ``versions``, ``hardware``.
    earlier : float
        Seconds of sessions before this one.
    hold : ExitStack
        Keeps others out of the folder until the run ends.

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.evidence import Section
    >>> folder = Path(tempfile.mkdtemp()) / "first"
    >>> with Run.create(folder, "ceteris demo", {"rows": 100}, seed=0) as run:
    ...     run.write([Section("Data", "A hundred rows.")])
    >>> Run.open(folder).facts["status"], Run.open(folder).facts["config"]
    ('finished', {'rows': 100})
    """

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    earlier: float = 0.0
    hold: ExitStack = field(
        default_factory=ExitStack, repr=False, compare=False
    )  # of the folder, from create to finish

    @classmethod
    def create(
        cls, folder: str | Path, command: str, config: Mapping[str, Any], seed: int, earlier: float = 0.0
    ) -> Run:
        """Start a run: check the folder, then write ``run.json``.

        A folder that holds an earlier run is used again and what that run reported is removed; a folder
        that holds anything else is refused.

        Parameters
        ----------
        folder : path
            Made if it does not exist.
        command : str
            What a reader would type to run it again.
        config : mapping
            Every setting; plain numbers, strings, lists and mappings.
        seed : int
            The seed of all random numbers.
        earlier : float
            Seconds that sessions before this one took, for a run that goes on.
        """
        folder = Path(folder)
        config = _plain(config)
        refuse_foreign(folder)
        facts = {
            "command": command,
            "config": config,
            "seed": int(seed),
            "status": "running",
            "started": datetime.now().astimezone().isoformat(timespec="seconds"),
            "seconds": None,
            "versions": machine.versions(),
            "hardware": machine.hardware(),
        }
        with ExitStack() as hold:
            hold.enter_context(folder_lock(folder))
            check_folder(folder)
            for name in OURS:
                _remove(folder / name)
            run = cls(folder, facts, earlier)
            try:
                run._save()
            except (KeyboardInterrupt, SystemExit):  # before anybody is there to end the run
                run.finish("interrupted")
                raise
            run.hold = hold.pop_all()
        return run

    @classmethod
    def open(cls, folder: str | Path) -> Run:
        """Read a run from its folder."""
        folder = Path(folder)
        if not (folder / "run.json").is_file():
            raise FileNotFoundError(
                f"folder: {folder} is not a run folder (it has no run.json); "
                "give the folder that a ceteris command named with --out, or list them with `ceteris runs`."
            )
        return cls(folder, read_facts(folder / "run.json"))

    @property
    def sections(self) -> list[dict[str, Any]]:
        """What `write` stored, as plain dictionaries; empty if nothing has been written."""
        path = self.folder / "sections.json"
        return read_sections(path) if path.is_file() else []

    def write(self, sections: Iterable[Section], history: pd.DataFrame | None = None) -> None:
        """Store sections, drawing their figures, and the training history.

        A figure whose ``draw`` raises is stored as failed, with the error's sentence, and shown as such.

        Parameters
        ----------
        sections : iterable of Section
            Replaces whatever was written before.
        history : DataFrame, optional
            One row per recorded step.
        """
        from ceteris.report import figures  # whoever only reads runs needs neither arrays nor pictures
        from ceteris.report.store import Counter, store_section

        sections = list(sections)
        if history is not None:
            replace_file(self.folder / "history.csv", report_csv(history))
            sections.append(figures.history_section(history))
        number = Counter()
        stored = [store_section(self.folder, section, number) for section in sections]
        replace_file(self.folder / "sections.json", json_text(stored))

    def finish(self, status: str = "finished") -> None:
        """Write down how the run ended and how long it took, and let others have the folder.

        Parameters
        ----------
        status : str
            "finished", "interrupted", or "failed: " and the reason.
        """
        started = datetime.fromisoformat(self.facts["started"])
        seconds = (datetime.now().astimezone() - started).total_seconds()
        self.facts |= {"status": status, "seconds": self.earlier + seconds}
        self.facts["hardware"] |= machine.devices()
        self._save()
        self.hold.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        stopped = kind is not None and (issubclass(kind, KeyboardInterrupt | SystemExit) or heard() is not None)
        ended = "finished" if kind is None else f"failed: {sentence(error)}"
        try:
            self.finish("interrupted" if stopped else ended)
        except (KeyboardInterrupt, SystemExit):  # while that was written down
            self.finish("interrupted")
            raise

    def _save(self) -> None:
        replace_file(self.folder / "run.json", json_text(self.facts))


def refuse_foreign(folder: Path) -> None:
    """Make a run folder, or say in one sentence why it cannot be one: it must be new, empty or an earlier run."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise NotADirectoryError(
            f"folder: {folder} cannot be made because a file is in its place; name another folder."
        ) from None
    except OSError as error:
        raise PermissionError(f"folder: {folder} cannot be made ({error.strerror}); name another folder.") from None
    if not (folder / "run.json").exists() and not is_empty(folder):
        raise ValueError(
            f"folder: {folder} holds files but is not a run folder; name a new or an empty one, "
            "so that nothing of yours is overwritten."
        )


def check_folder(folder: Path, room: int = ROOM) -> None:
    """Say in one sentence why a run cannot be written into a folder, if it cannot.

    Parameters
    ----------
    folder : Path
        Must be new, empty or an earlier run.
    room : int
        Bytes that must be free on its disk.
    """
    refuse_foreign(folder)
    free = shutil.disk_usage(folder).free
    if free < room:
        raise OSError(
            f"folder: the disk of {folder} has {free / 1e6:.0f} MB free and a run may need "
            f"{room / 1e6:.0f} MB; free some space or name a folder on another disk."
        )
    _try_writing(folder)


def _try_writing(folder: Path) -> None:
    """Write and remove a megabyte: quotas and read-only disks show only now."""
    probe = temporary(folder / "probe")
    try:
        probe.write_bytes(bytes(1_000_000))
    except OSError as error:
        raise PermissionError(
            f"folder: {folder} cannot be written to ({error.strerror}); name a folder that can."
        ) from None
    finally:
        probe.unlink(missing_ok=True)


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """Turn a configuration into what JSON holds, or name the entry that does not fit."""
    plain = {}
    for key, value in config.items():
        value = value.item() if hasattr(value, "item") and getattr(value, "ndim", 0) == 0 else value
        value = str(value) if isinstance(value, Path) else value
        try:
            plain[str(key)] = json.loads(json.dumps(value))
        except (TypeError, ValueError):
            raise TypeError(
                f"config: {key!r} holds a {type(value).__name__}, which cannot be written as JSON; "
                "give numbers, strings, booleans, lists or dictionaries of these."
            ) from None
    return plain


def _remove(path: Path) -> None:
    shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


def command_line(words: Iterable[Any], options: Mapping[str, Any]) -> str:
    """Return what to type to run it again; of options, True is a mere flag, and None and False are left out.

    Examples
    --------
    >>> command_line(["ceteris", "embed", "a b.txt"], {"seed": 0, "phrases": True, "rows": None})
    "ceteris embed 'a b.txt' --seed 0 --phrases"
    """
    given = {f"--{name}": value for name, value in options.items() if value is not None and value is not False}
    rest = (part for name, value in given.items() for part in ([name] if value is True else [name, value]))
    return shlex.join([str(word) for word in (*words, *rest)])
