"""The first row of a table: names, and every complaint about them."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence

ROW_NAMES = "row names"  # a first column without a name that holds names of rows


def names_of(header: Sequence[str], where: str) -> tuple[tuple[str, ...], list[str]]:
    """Return the names of the columns and what is to be said of them; empty at the end, where nothing may follow.

    Parameters
    ----------
    header : sequence of str
        As in the file.
    where : str
        Begins a complaint.

    Examples
    --------
    >>> names_of(["", " age", "sex"], "data: t.csv")
    (('row names', 'age', 'sex'), ["The names have spaces around them (' age'), which are left out."])
    """
    names = [name.strip() for name in header]
    refuse_numbers(names, where)
    refuse_twins(names, where)
    filled = len(names) - next((i for i, name in enumerate(reversed(names)) if name), len(names))
    lacking = [i + 1 for i, name in enumerate(names[:filled]) if not name and i]
    if lacking or not filled:
        which = ", ".join(map(str, lacking)) or "1"
        raise ValueError(f"{where} has no name for column {which}; give every column a name in the first row.")
    notes = _notes(header, names)
    if not names[0]:
        names[0] = ROW_NAMES if ROW_NAMES not in names else f"({ROW_NAMES})"
    return tuple(names), notes


def _notes(header: Sequence[str], names: Sequence[str]) -> list[str]:
    notes = []
    spaced = [raw for raw, name in zip(header, names, strict=True) if raw != name and name]
    if spaced:
        notes.append(f"The names have spaces around them ({spaced[0]!r}), which are left out.")
    numbers = [name for name in names if _number(name) is not None]
    if numbers and len(numbers) < len(names):
        notes.append(
            f"Some names are numbers ({numbers[0]!r}); if the file has no row of names, its first row was taken for it."
        )
    return notes


def refuse_twins(names: Sequence[str], where: str) -> None:
    """Raise if two columns have the same name.

    Examples
    --------
    >>> refuse_twins(["a", "b", "a"], "data: t.csv")
    Traceback (most recent call last):
    ValueError: data: t.csv has more than one column 'a'; give every column its own name.
    """
    twins = [name for name, count in Counter(names).items() if count > 1 and name]
    if twins:
        listed = ", ".join(map(repr, twins[:8])) + (f" and {len(twins) - 8} more" if len(twins) > 8 else "")
        raise ValueError(f"{where} has more than one column {listed}; give every column its own name.")


def refuse_numbers(names: Sequence[str], where: str) -> None:
    """Raise if all names are numbers that do not just count: then there is probably no row of names."""
    numbers = [_number(name) for name in names]
    found = [number for number in numbers if number is not None]
    if not found or len(found) < len(names):
        return
    counts = all(b - a == 1 for a, b in itertools.pairwise(found))
    if counts and (found[0] == 0 or len(found) > 2):
        return
    listed = ", ".join(map(repr, names[:3]))
    raise ValueError(
        f"{where} begins with a row of numbers ({listed}), so that the names seem to lack; add a row of names."
    )


def _number(name: str) -> float | None:
    try:
        return float(name.replace(",", "."))
    except ValueError:
        return None
