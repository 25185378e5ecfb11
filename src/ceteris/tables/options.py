"""What a caller says about columns: which are numbers, labels, dates or identifiers, and which to leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

KINDS = {
    "number": "numbers, whatever they look like",
    "category": "labels, even if they are numbers",
    "date": "left out",
    "text": "left out",
    "id": "left out",
}


@dataclass(frozen=True)
class Options:
    """What is said of columns.

    Parameters
    ----------
    types : mapping of column to kind
        One of `KINDS`.
    ignore, id : sequence of columns
        Left out, as unwanted and as identifiers.
    needed : sequence of columns
        Never left out: the target, the unit and the period of a panel.
    separator, decimal : str, optional
        Where these cannot be told.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    id: Sequence[str] = ()
    needed: Sequence[str] = ()
    separator: str | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            if kind not in KINDS:
                raise ValueError(f"types: {kind!r} was given for {name!r}; choose from: {', '.join(KINDS)}.")
        for name in self.needed:
            if self.reason(name):
                raise ValueError(
                    f"{self.argument(name)}: column {name!r} is to be left out, but it is needed; say one."
                )

    def refuse_unknown(self, columns: Sequence[str]) -> None:
        """Raise if a column is named that the table does not have."""
        for argument, names in (("types", self.types), ("ignore", self.ignore), ("id", self.id)):
            for name in names:
                one_of(argument, name, columns, kind="a column of the data")

    def reason(self, name: str) -> str:
        """Why a column is left out, as it was asked for; nothing if it was not."""
        if name in self.ignore:
            return "as asked for by ignore"
        if name in self.id:
            return "an identifier, as asked for by id"
        kind = self.types.get(name)
        return f"{kind}, as asked for by types" if kind in ("date", "text", "id") else ""

    @property
    def words(self) -> list[str]:
        """What to type for the same on the command line.

        Examples
        --------
        >>> Options({"zip": "category"}, id=["nr"], decimal=",").words
        ['--types', 'zip=category', '--id', 'nr', '--decimal', ',']
        """
        words = [word for name, kind in self.types.items() for word in ("--types", f"{name}={kind}")]
        words += [word for name in self.ignore for word in ("--ignore", name)]
        words += [word for name in self.id for word in ("--id", name)]
        words += ["--separator", self.separator] if self.separator is not None else []
        return words + (["--decimal", self.decimal] if self.decimal is not None else [])

    def argument(self, name: str) -> str:
        """By which argument a column is left out."""
        return "ignore" if name in self.ignore else "id" if name in self.id else "types"


def parse_types(words: Iterable[str]) -> dict[str, str]:
    """Return what ``--types`` says.

    Examples
    --------
    >>> parse_types(["zip=category", "a=b=number"])
    {'zip': 'category', 'a=b': 'number'}
    """
    types: dict[str, str] = {}
    for word in words:
        name, sign, kind = word.rpartition("=")
        if not sign:
            raise ValueError(f"types: {word!r} was given; write COLUMN=KIND, with a kind of: {', '.join(KINDS)}.")
        if types.setdefault(name, kind) != kind:
            raise ValueError(f"types: column {name!r} is given as {types[name]} and as {kind}; give one of the two.")
    return types


def one_of(argument: str, given: Any, allowed: Sequence[Any], kind: str = "known") -> None:
    """Raise unless the value is allowed; name the nearest and list them all.

    Examples
    --------
    >>> one_of("target", "yeild", ("x", "yield"), kind="a column of the data")
    Traceback (most recent call last):
    ValueError: target: 'yeild' is not a column of the data; did you mean 'yield'? choose from: x, yield.
    """
    if given in allowed:
        return
    names = [str(name) for name in allowed]
    near = get_close_matches(str(given), names, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    listed = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    raise ValueError(f"{argument}: {given!r} is not {kind}; {hint}choose from: {listed}.")
