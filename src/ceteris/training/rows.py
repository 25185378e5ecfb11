"""Which rows of a table each member of an ensemble learns from, and which it is judged on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

FEWEST = 20  # with fewer rows nothing is set aside
ROUND = 32  # rows of a table are padded to a multiple of this
WIDER = 1.21  # ratio of the sizes of two neighbouring classes of tables; 512 rows are the most of one


class MemberRows(NamedTuple):
    """Which rows each member learns from and which it is judged on, integer arrays (members, rows).

    Where ``count`` is given, as many of the rows to learn from are meant and the others fill up the array.
    """

    train: np.ndarray
    heldout: np.ndarray | None = None
    count: int | None = None

    def take(self, which: Any) -> MemberRows:
        """Return those of some members, which may be named more than once."""
        return MemberRows(self.train[which], None if self.heldout is None else self.heldout[which], self.count)


def split(
    strata: np.ndarray,
    members: int,
    share: float,
    rng: np.random.Generator,
    groups: Sequence[np.ndarray] | None = None,
) -> MemberRows:
    """Set rows aside, others for each member, each set spread evenly over the strata.

    Parameters
    ----------
    strata : array, shape (n,)
        Class labels, or the target itself: rows are dealt out in this order. Zeros where there is nothing to go by.
    members : int
        Members of each group, those of one group next to each other. Their held-out rows rotate through its rows.
    share : float
        Share of rows to set aside; with fewer than `FEWEST` rows nothing is.
    rng : Generator
        Breaks ties and shuffles.
    groups : sequence of int arrays, optional
        The rows that the members of a group may learn from, such as all but those of a fold; by default there is one
        group, of all rows.

    Returns
    -------
    MemberRows
        All members learn from equally many rows. Where rows are set aside the number is rounded down (`rounded`), so
        that folds which differ by a row have the same shapes, and what that leaves is held out as well. Held-out rows
        are padded with the index n, the first of the rows of weight zero that `padded` appends.

    Examples
    --------
    >>> rows = split(np.repeat([0, 1], 50), 2, 0.2, np.random.default_rng(0))
    >>> rows.train.shape, [int((held[held < 100] < 50).sum()) for held in rows.heldout]
    ((2, 80), [10, 10])
    """
    n = len(strata)
    groups = [np.arange(n)] if groups is None else groups
    least, most = min(map(len, groups)), max(map(len, groups))
    if least < FEWEST or share == 0:
        each = [rows if len(rows) == least else np.sort(rng.permutation(rows)[:least]) for rows in groups]
        return MemberRows(np.repeat(np.stack(each), members, axis=0))
    count = rounded(least - max(round(share * least), 1))
    train = np.empty((len(groups), members, count), int)
    held = np.full((len(groups), members, -(-(most - count) // 8) * 8 + 8), n)
    for g, rows in enumerate(groups):
        size = len(rows)
        parts = max(round(size / (size - count)), 2)
        for i in range(members):
            if i % parts == 0:
                shuffled = rng.permutation(size)
                ordered = shuffled[np.argsort(strata[rows[shuffled]], kind="stable")]
                dealt = ordered[np.argsort(np.arange(size) // parts + rng.random(size))]  # neighbours change places
            own = evenly(dealt[i % parts :: parts], dealt[(i + 1) % parts :: parts], size - count)
            held[g, i, : size - count] = np.sort(rows[own])
            train[g, i] = np.sort(np.delete(rows, own))
    return MemberRows(train.reshape(-1, count), held.reshape(len(groups) * members, -1))


def evenly(part: np.ndarray, other: np.ndarray, count: int) -> np.ndarray:
    """Return ``count`` entries of a part or, where that is shorter, all of it and some of another, evenly spaced.

    A part is in the order of its strata: its first entries would be those of the lowest ones.

    Examples
    --------
    >>> evenly(np.arange(6), np.arange(6, 12), 4).tolist(), evenly(np.arange(6), np.arange(6, 12), 8).tolist()
    ([0, 1, 3, 4], [0, 1, 2, 3, 4, 5, 6, 9])
    """
    if count > len(part):
        return np.concatenate([part, evenly(other, part, count - len(part))])
    return part[np.arange(count) * len(part) // max(count, 1)]


def bootstrap(n: int, members: int, rng: np.random.Generator) -> MemberRows:
    """Draw n rows with replacement for each member; n // 4 + 1 of those that it has not drawn judge it."""
    drawn = rng.integers(0, n, (members, n))
    left = np.empty((members, n // 4 + 1), int)
    for i in range(members):
        rest = np.setdiff1d(np.arange(n), drawn[i])
        left[i] = rng.choice(rest, left.shape[1], replace=len(rest) < left.shape[1]) if len(rest) else drawn[i, :1]
    return MemberRows(drawn, left)


def rounded(n: int) -> int:
    """Round a number of rows down to steps of at most an eighth: a multiple of 8, 32 or 128 from 64, 512, 4,096 on.

    Examples
    --------
    >>> [rounded(n) for n in (50, 100, 354, 1437)]
    [50, 96, 352, 1408]
    """
    unit = 128 if n >= 4096 else 32 if n >= 512 else 8 if n >= 64 else 1
    return n // unit * unit


def size_class(n: int) -> tuple[int, int]:
    """Return the least and the highest number of rows of the class that n belongs to: tables that share a program.

    Examples
    --------
    >>> size_class(440), size_class(512), size_class(10)
    ((424, 512), (424, 512), (10, 11))
    """
    edge = lambda k: round(512 * WIDER**k)
    k = int(np.ceil(np.log(n / 512) / np.log(WIDER)))
    k += int(edge(k) < n) - int(edge(k - 1) >= n)
    return edge(k - 1) + 1, edge(k)


def filled_rows(rows: MemberRows, n: int, own: int) -> MemberRows:
    """Fill up the rows of members that learn from a table of n rows, so that all tables of a size class share a shape.

    Parameters
    ----------
    rows : MemberRows
    n : int
        Rows of the table; a row of this number is one of weight zero (see `padded`).
    own : int
        Rows that the members of a group share, such as all but those of a fold.

    Examples
    --------
    >>> few, many = (split(np.zeros(n), 2, 0.2, np.random.default_rng(0)) for n in (440, 512))
    >>> few, many = filled_rows(few, 440, 440), filled_rows(many, 512, 512)
    >>> few.train.shape == many.train.shape, few.heldout.shape == many.heldout.shape, few.count, many.count
    (True, True, 352, 408)
    """
    top, count = size_class(own)[1], rows.train.shape[1]
    heldout = rows.heldout
    if heldout is not None:
        most = -(-round(top * (own - count) / own * 1.1) // 128) * 128 + 128
        heldout = _widened(heldout, most, n)
    return MemberRows(_widened(rows.train, top, n), heldout, count)


def _widened(rows: np.ndarray, count: int, n: int) -> np.ndarray:
    return np.pad(rows, ((0, 0), (0, max(count - rows.shape[1], 0))), constant_values=n)[:, : max(count, 1)]


def padded(columns: dict[str, np.ndarray], to: int | None = None) -> dict[str, np.ndarray]:
    """Add weights "w" of one where there are none, and rows of zeros (so of weight zero), up to a multiple of `ROUND`.

    Where ``to`` is given there are so many rows in all, and one more.

    Examples
    --------
    >>> {name: column.shape for name, column in padded({"x": np.ones((40, 3))}).items()}
    {'w': (64,), 'x': (64, 3)}
    """
    n = len(next(iter(columns.values())))
    rows = n + ROUND - n % ROUND if to is None else to + 1
    return {name: filled(a, rows) for name, a in {"w": np.ones(n, np.float32), **columns}.items()}


def filled(a: np.ndarray, n: int) -> np.ndarray:
    """Append rows of zeros, up to n rows."""
    return np.concatenate([a, np.zeros((n - len(a), *a.shape[1:]), a.dtype)])
