"""What a caller says about columns: which are numbers, labels, dates or identifiers, and which to leave out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from ceteris.arguments import one_of

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
    ignore : sequence of columns
        Left out, as unwanted.
    id : sequence of columns
        Left out, as identifiers.
    needed : sequence of columns
        Never left out: the target, the unit and the period of a panel.
    separator : str, optional
        What separates columns, where it cannot be told.
    decimal : str, optional
        The decimal mark, where it cannot be told.
    """

    types: Mapping[str, str] = field(default_factory=dict)
    ignore: Sequence[str] = ()
    id: Sequence[str] = ()
    needed: Sequence[str] = ()
    separator: str | None = None
    decimal: str | None = None

    def __post_init__(self) -> None:
        for name, kind in self.types.items():
            one_of(f"types: the kind of {name!r}", kind, KINDS)
        for name in self.needed:
            if self.reason(name):
                raise ValueError(
                    f"{self.argument(name)}: column {name!r} is to be left out, but it is needed; say one."
                )

    def refuse_unknown(self, columns: Sequence[str]) -> None:
        """Raise if a column is named that the table does not have."""
        for argument, names in (("types", self.types), ("ignore", self.ignore), ("id", self.id)):
            for name in names:
                one_of(argument, name, columns, kind="a column of the data:")

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
        """Return the argument by which a column is left out."""
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


def columns_of(argument: str, words: Iterable[str], columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns that words name, each a column or several with commas between them.

    Examples
    --------
    >>> columns_of("x", ["age,town", "a,b"], ["age", "town", "a,b"])
    ('age', 'town', 'a,b')
    """
    found: dict[str, None] = {}
    for word in words:
        for name in [word] if word in columns else [part.strip() for part in word.split(",")]:
            found[one_of(argument, name, columns, kind="a column of the data:")] = None
    return tuple(found)


def parts_of(words: Iterable[str]) -> tuple[str, ...]:
    """Return all that words may name before the columns of a table are known: each whole, and in parts.

    Examples
    --------
    >>> parts_of(["age,town"])
    ('age,town', 'age', 'town')
    """
    return tuple(dict.fromkeys(name for word in words for name in (word, *(part.strip() for part in word.split(",")))))
