"""What the other rows of a unit say about a cell of a panel: interpolation in time, and how far off it is.

A cell never sees itself: its features come from the unit's other observed rows. For training, rows within a random
number of periods of the cell are left out too, as runs of holes would, so that the net learns how little a distant row
tells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from ceteris.arguments import one_of

FAR = 3.0  # the largest distance in time, log(1 + periods): beyond twenty periods nothing is told apart


class Clock(NamedTuple):
    """Mean and standard deviation of time, and the usual time between two rows of a unit."""

    mean: float
    spread: float
    step: float


def clock_of(unit: np.ndarray, time: np.ndarray) -> Clock:
    """The clock of a table: what is learnt on one holds for new rows too.

    Examples
    --------
    >>> clock_of(np.array([0, 0, 1, 1]), np.array([2000.0, 2002.0, 2000.0, 2002.0]))
    Clock(mean=2001.0, spread=1.0, step=2.0)
    """
    return Clock(float(time.mean()), float(time.std()) or 1.0, _step(unit, time))


def panel_features(
    values: np.ndarray,
    seen: np.ndarray,
    unit: np.ndarray,
    time: np.ndarray,
    rng: np.random.Generator | None = None,
    clock: Clock | None = None,
) -> np.ndarray:
    """Features of every row.

    Parameters
    ----------
    values : array, shape (rows, k)
        Standardised quantities, anything in holes.
    seen : bool array, shape (rows, k)
    unit : int array, shape (rows,)
    time : array, shape (rows,)
    rng : Generator, optional
        Leave out neighbours at random, for training.
    clock : Clock, optional
        Of the table learnt from; by default that of these rows.

    Returns
    -------
    array, shape (rows, 4 k + 2)
        Per quantity: the interpolated value, the mean of the unit's other rows, log distances to the rows before and
        after that it comes from; then time and its square.

    Examples
    --------
    >>> values = np.array([[0.0], [9.0], [4.0]])
    >>> features = panel_features(values, np.array([[True], [False], [True]]), np.zeros(3, int), np.arange(3.0))
    >>> features[1, :2].tolist()
    [2.0, 2.0]
    """
    clock = clock_of(unit, time) if clock is None else clock
    step, parts = clock.step, []
    runs = _runs(seen, unit, time) if rng is not None else None
    for k in range(values.shape[1]):
        block = np.zeros((len(values), 4))
        block[:, 2:] = FAR
        for rows in _units(unit):
            known = rows[seen[rows, k]]
            known = known[np.argsort(time[known], kind="stable")]
            guard = rng.choice(runs, len(rows)) * step if rng is not None and runs is not None else np.zeros(len(rows))
            for row, gap in zip(rows, guard, strict=True):
                block[row] = _features(values[:, k], time, known[known != row], time[row], gap, step)
        parts.append(block)
    scaled = (time - clock.mean) / clock.spread
    return np.concatenate([*parts, scaled[:, None], scaled[:, None] ** 2], 1).astype(np.float32)


def read_panel(table: Any, group: Any, time: Any) -> tuple[np.ndarray, np.ndarray]:
    """Units as numbers and periods, of a table."""
    for role, name in (("group", group), ("time", time)):
        one_of(role, name, table.columns, kind="a column of the table:")
        if table[name].isna().any():
            raise ValueError(
                f"{role}: column {name!r} has missing values; every row of a panel needs its unit and period."
            )
    if not pd.api.types.is_numeric_dtype(table[time]):
        raise ValueError(f"time: column {time!r} holds {table[time].dtype}, but periods are numbers; convert it.")
    units = pd.factorize(table[group], sort=True)[0]
    return units, table[time].to_numpy(float)


def _features(values: np.ndarray, time: np.ndarray, known: np.ndarray, now: Any, guard: float, step: float) -> tuple:
    before, after = known[time[known] < now - guard], known[time[known] > now + guard]
    if not len(before) and not len(after):
        return 0.0, 0.0, FAR, FAR
    mean = values[np.concatenate([before, after])].mean()
    if not len(after):
        last = before[-1]
        return values[last], mean, _distance(now - time[last], step), FAR
    first = after[0]
    if not len(before):
        return values[first], mean, FAR, _distance(time[first] - now, step)
    last = before[-1]
    weight = (now - time[last]) / (time[first] - time[last])
    between = (1 - weight) * values[last] + weight * values[first]
    return between, mean, _distance(now - time[last], step), _distance(time[first] - now, step)


def _distance(gap: Any, step: float) -> float:
    return min(float(np.log1p(gap / step)), FAR)


def _step(unit: np.ndarray, time: np.ndarray) -> float:
    """The usual time between two rows of a unit."""
    gaps = np.concatenate([np.diff(np.sort(time[rows])) for rows in _units(unit)])
    gaps = gaps[gaps > 0]
    return float(np.median(gaps)) if len(gaps) else 1.0


def _runs(seen: np.ndarray, unit: np.ndarray, time: np.ndarray) -> np.ndarray:
    """For every hole, how many periods of its own run lie between it and the nearer end: what training leaves out."""
    out = [0]
    for k in range(seen.shape[1]):
        for rows in _units(unit):
            gone = ~seen[rows[np.argsort(time[rows], kind="stable")], k]
            ends = np.flatnonzero(np.diff(np.concatenate([[0], gone.astype(int), [0]])))
            for start, stop in zip(ends[::2], ends[1::2], strict=True):
                places = np.arange(stop - start)
                out.extend(np.minimum(places, places[::-1]).tolist())
    return np.array(out)


def _units(unit: np.ndarray) -> list[np.ndarray]:
    order = np.argsort(unit, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(unit[order])) + 1)
