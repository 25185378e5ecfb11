"""Tables of time series as arrays: a long table with names of columns of your own, a series, a wide table, an array.

Everything that can be wrong with time stamps is said here, before any work starts, in one sentence that names the
series: stamps that occur twice or out of order, rows that are missing, no regular frequency, mixed time zones.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import one_of, whole
from ceteris.tables.frames import refuse_twins

NAMES = ("unique_id", "ds", "y")
# Frequencies that are tried, coarsest first: the first whose calendar holds every time stamp is taken.
CALENDARS = ("YS", "YE", "QS", "QE", "MS", "ME", "W", "B", "D", "h", "30min", "15min", "10min", "5min", "min", "s")
SEASONS = {"QS": 4, "QE": 4, "MS": 12, "ME": 12, "W": 52, "B": 5, "D": 7, "h": 24, "30min": 48, "15min": 96}
FEWEST = 4  # observations of a series


@dataclass(frozen=True, eq=False)
class Panel:
    """Series on one calendar.

    Attributes
    ----------
    names : tuple
        What each series is called.
    times : DatetimeIndex or Index of whole numbers
        All time stamps, of equal distance.
    y : array, shape (series, times)
        Values; NaN where there is none.
    first, last : int arrays, shape (series,)
        Places of the first and the last value of each series.
    season : int
        Steps after which the season comes again; 1 for none.
    freq : str
        As pandas writes it; "" for whole numbers.
    roles : tuple of str
        What the columns of the id, the time and the target are called.
    static : array, shape (series, columns)
    known, past : arrays, shape (series, times, columns)
        Covariates whose future is known, and those whose future is not.
    columns : dict of str to tuple of str
        Names of the columns of "static", "known" and "past".
    scaled : float
        Steps in a unit of the time stamps, if these are whole numbers.
    """

    names: tuple[Any, ...]
    times: Any
    y: np.ndarray
    first: np.ndarray
    last: np.ndarray
    season: int
    freq: str
    roles: tuple[str, str, str]
    static: np.ndarray
    known: np.ndarray
    past: np.ndarray
    columns: dict[str, tuple[str, ...]]
    scaled: float = 1.0

    @property
    def shape(self) -> tuple[int, int]:
        """Number of series and of times."""
        return self.y.shape  # pyright: ignore[reportReturnType]

    def after(self, place: int, count: int) -> Any:
        """The ``count`` time stamps after a place of the calendar."""
        if self.freq:
            return pd.date_range(self.times[place], periods=count + 1, freq=self.freq)[1:]
        step = self.scaled
        start = float(self.times[place])
        found = start + step * np.arange(1, count + 1)
        return pd.Index(found.astype(int) if float(step).is_integer() and start.is_integer() else found)

    def upto(self, place: int) -> Panel:
        """The same panel as it was at a place of the calendar: nothing of what came later is in it."""
        stop = place + 1
        y = self.y[:, :stop]
        seen = ~np.isnan(y)
        keep = seen.sum(1) >= FEWEST
        last = stop - 1 - np.argmax(seen[:, ::-1], axis=1)
        return replace(
            self, names=tuple(name for name, k in zip(self.names, keep, strict=True) if k), times=self.times[:stop],
            y=y[keep], first=self.first[keep], last=last[keep], static=self.static[keep], known=self.known[keep, :stop],
            past=self.past[keep, :stop],
        )  # fmt: skip


def read_panel(
    data: Any,
    id: str | None = None,
    time: str | None = None,
    target: str | None = None,
    *,
    season: int | None = None,
    freq: str | None = None,
    static: Sequence[str] = (),
    known: Sequence[str] = (),
    past: Sequence[str] = (),
) -> Panel:
    """Return the series of a table on one calendar.

    Parameters
    ----------
    data : data frame, Series or array
        A long table with a row for each series and time; or, without names of columns, a Series, a wide table with a
        column for each series and the time as its index, or an array of shape (times,) or (times, series).
    id, time, target : str, optional
        Columns of a long table; by default "unique_id", "ds" and "y". Without a column of the first name there is one
        series.
    season : int, optional
        Steps after which the season comes again; by default what the frequency suggests (12 for months).
    freq : str, optional
        As pandas writes it, such as "MS"; by default it is found from the time stamps.
    static, known, past : sequences of str
        Columns of covariates: constant within a series, known for the future too, known for the past only.

    Examples
    --------
    >>> panel = read_panel([1.0, 3.0, 2.0, 4.0, 3.0])
    >>> panel.shape, panel.season, panel.after(4, 2).tolist()
    ((1, 5), 1, [5, 6])
    """
    if season is not None:
        whole("season", season)
    frame, roles = _long(data, id, time, target)
    named = {"static": tuple(static), "known": tuple(known), "past": tuple(past)}
    for role, columns in named.items():
        for column in columns:
            one_of(role, column, [c for c in frame.columns if c not in roles], kind="a further column of the data:")
    names, parts = _parts(frame, roles)
    stamps = {name: _stamps(name, part[roles[1]], roles[1]) for name, part in zip(names, parts, strict=True)}
    calendar, found = _calendar(stamps, roles[1], freq)
    places = {name: _places(name, own, calendar, found, roles[1]) for name, own in stamps.items()}
    n, times = len(names), len(calendar)
    y = np.full((n, times), np.nan)
    arrays = {role: np.full((n, times, len(columns)), np.nan) for role, columns in named.items()}
    for i, (name, part) in enumerate(zip(names, parts, strict=True)):
        y[i, places[name]] = _numbers(name, part[roles[2]], roles[2])
        for role, columns in named.items():
            for k, column in enumerate(columns):
                arrays[role][i, places[name], k] = _numbers(name, part[column], column, holes=False)
    seen = ~np.isnan(y)
    for i, name in enumerate(names):
        if seen[i].sum() < FEWEST:
            raise ValueError(
                f"{roles[2]}: {_series(name)} holds {seen[i].sum()} values, but must hold at least {FEWEST}; leave "
                "that series out."
            )
    last = times - 1 - np.argmax(seen[:, ::-1], axis=1)
    fixed = _constant(names, arrays["static"], named["static"])
    return Panel(
        names, calendar, y, np.argmax(seen, axis=1), last, season or SEASONS.get(found.split("-")[0], 1), found, roles,
        fixed, arrays["known"], arrays["past"], named, _step(calendar, found),
    )  # fmt: skip


def _series(name: Any) -> str:
    return "the series" if name == ONLY else f"series {name!r}"


ONLY = "series"  # the name of a single one that has none


def _long(data: Any, id: str | None, time: str | None, target: str | None) -> tuple[pd.DataFrame, tuple[str, str, str]]:
    """A long pandas table with its roles, from whatever was given."""
    frame = _pandas(data)
    if isinstance(frame, np.ndarray | pd.Series):
        frame = _wide(frame)
    roles = (id or NAMES[0], time or NAMES[1], target or NAMES[2])
    if time is None and target is None and not {NAMES[1], NAMES[2]} <= set(frame.columns):
        if id is not None:
            raise ValueError("time and target are None, but a long table needs their columns; name both.")
        return _melted(frame, roles), roles
    refuse_twins("data", frame)
    if id is None and NAMES[0] not in frame.columns:
        frame = frame.assign(**{NAMES[0]: ONLY})
    for role, name in zip(("id", "time", "target"), roles, strict=True):
        one_of(role, name, frame.columns, kind="a column of the data:")
    if not len(frame):
        raise ValueError("data has no rows, but must have some; give a table with values.")
    return frame, roles


def _pandas(data: Any) -> Any:
    if isinstance(data, pd.DataFrame | pd.Series | np.ndarray):
        return data
    if isinstance(data, list | tuple):
        return np.asarray(data)
    import narwhals.stable.v1 as nw

    frame = nw.from_native(data, eager_only=True, allow_series=True, pass_through=True)
    if isinstance(frame, nw.DataFrame | nw.Series):
        # by way of NumPy: Polars gives pandas its tables only through pyarrow, which not everybody has
        if isinstance(frame, nw.Series):
            return frame.to_numpy()
        return pd.DataFrame({name: frame[name].to_numpy() for name in frame.columns})
    raise TypeError(f"data is a {type(data).__name__}, but must be a data frame, a Series or an array; give one.")


def _wide(values: Any) -> pd.DataFrame:
    if isinstance(values, pd.Series):
        return values.to_frame(ONLY if values.name is None else values.name)
    if values.ndim not in (1, 2):
        raise ValueError(f"data has {values.ndim} axes, but must have 1, or 2: times and series; reshape it.")
    if values.ndim == 1:
        return pd.DataFrame({ONLY: values})
    return pd.DataFrame(values, columns=[f"series {i + 1}" for i in range(values.shape[1])])


def _melted(frame: pd.DataFrame, roles: tuple[str, str, str]) -> pd.DataFrame:
    """A wide table as a long one; the holes before, within and after a series stay."""
    index = frame.index.to_timestamp() if isinstance(frame.index, pd.PeriodIndex) else frame.index
    if not isinstance(index, pd.DatetimeIndex) and not pd.api.types.is_numeric_dtype(index):
        raise ValueError(
            f"data has an index of {index.dtype}, but a wide table must have its times there; name the columns id, "
            "time and target if it is a long one."
        )
    parts = [
        pd.DataFrame({roles[0]: name, roles[1]: index, roles[2]: frame[name].to_numpy()}) for name in frame.columns
    ]
    if not parts:
        raise ValueError("data has no columns, but must have one for each series; give some.")
    return pd.concat(parts, ignore_index=True)


def _parts(frame: pd.DataFrame, roles: tuple[str, str, str]) -> tuple[tuple[Any, ...], list[pd.DataFrame]]:
    missing = int(frame[roles[0]].isna().to_numpy().sum())
    if missing:
        raise ValueError(f"{roles[0]}: {missing} rows have no name of a series; fill it in, or drop these rows.")
    groups = list(frame.groupby(roles[0], sort=False, observed=True))
    return tuple(name for name, _ in groups), [part for _, part in groups]


def _stamps(name: Any, column: Any, label: str) -> pd.Index:
    """The time stamps of a series, in order and none of them twice."""
    if isinstance(column.dtype, pd.PeriodDtype):
        column = column.dt.to_timestamp()
    if pd.api.types.is_numeric_dtype(column):
        stamps = pd.Index(column.to_numpy())
    else:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of how pandas reads what is no time
                stamps = pd.DatetimeIndex(pd.to_datetime(column))
        except (ValueError, TypeError) as error:
            zones = "zone" in str(error).lower() or "utc" in str(error).lower()
            why = "mixes time zones" if zones else f"holds {str(column.iloc[0])!r}, which is no time"
            do = "convert all of them to one" if zones else "give dates such as 2020-01-31, or whole numbers"
            raise ValueError(f"{label}: {_series(name)} {why}, but must hold times of one kind; {do}.") from None
    if stamps.hasnans:
        raise ValueError(f"{label}: {_series(name)} has rows without a time; fill it in, or drop these rows.")
    if stamps.has_duplicates:
        twice = stamps[stamps.duplicated()][0]
        raise ValueError(
            f"{label}: {_series(name)} has {_written(twice)} twice, but must have each time once; drop a row, or add "
            "them up."
        )
    if not stamps.is_monotonic_increasing:
        raise ValueError(f"{label}: {_series(name)} is not in the order of time, but must be; sort the table by it.")
    return stamps


def _written(stamp: Any) -> str:
    return str(stamp.date() if isinstance(stamp, pd.Timestamp) and stamp == stamp.normalize() else stamp)


def _calendar(stamps: dict[Any, pd.Index], label: str, freq: str | None) -> tuple[Any, str]:
    """All time stamps between the first and the last, and their frequency."""
    kinds = {(isinstance(own, pd.DatetimeIndex), str(getattr(own, "tz", None))) for own in stamps.values()}
    if len(kinds) > 1:
        first = next(iter(stamps.values()))
        other = next(k for k, own in stamps.items() if getattr(own, "tz", None) != getattr(first, "tz", None))
        raise ValueError(
            f"{label}: {_series(other)} is in the time zone {getattr(stamps[other], 'tz', None)}, others in "
            f"{getattr(first, 'tz', None)}; convert all of them to one."
        )
    every = pd.Index(np.unique(np.concatenate([own.to_numpy() for own in stamps.values()])))
    if not kinds.pop()[0]:
        return _whole_numbers(every, stamps, label), ""
    zone = next(iter(stamps.values())).tz  # pyright: ignore[reportAttributeAccessIssue]
    every = pd.DatetimeIndex(every) if zone is None else pd.DatetimeIndex(every).tz_localize("UTC").tz_convert(zone)
    if freq is not None:
        return _given(every, freq), freq
    begin: Any = every[0]
    for candidate in CALENDARS:
        anchor = f"W-{begin.strftime('%a').upper()}" if candidate == "W" else candidate
        if candidate in ("QS", "QE", "YS", "YE"):
            anchor = _anchored(candidate, begin)
        calendar = pd.date_range(every[0], every[-1], freq=anchor)
        if len(calendar) <= len(every) * 3 + 3 and len(calendar) > 1 and every.isin(calendar).all():
            return calendar, anchor
    name, place, gaps = _irregular(stamps)
    raise ValueError(
        f"{label}: {_series(name)} has steps of {gaps[0]} and of {gaps[1]} (at {_written(place)}), but must have a "
        "regular frequency; resample it, or name one with freq."
    )


def _anchored(candidate: str, first: pd.Timestamp) -> str:
    """Quarters and years that begin, or end, in the month of the first stamp."""
    month = first.strftime("%b").upper()
    return f"{candidate}-{month}"


def _given(every: pd.DatetimeIndex, freq: str) -> pd.DatetimeIndex:
    try:
        return pd.date_range(every[0], every[-1], freq=freq)
    except ValueError:
        raise ValueError(
            f"freq is {freq!r}, but must be a frequency of pandas; give one, such as 'MS', 'QS', 'W', 'D' or 'h'."
        ) from None


def _whole_numbers(every: pd.Index, stamps: dict[Any, pd.Index], label: str) -> pd.Index:
    values = every.to_numpy(float)
    steps = np.diff(values)
    if not len(steps):
        return every
    step = float(np.min(steps))
    ratio = steps / step
    if np.abs(ratio - np.round(ratio)).max() > 1e-6 or (values[-1] - values[0]) / step > 3 * len(values) + 3:
        name, place, gaps = _irregular(stamps)
        raise ValueError(
            f"{label}: {_series(name)} has steps of {gaps[0]} and of {gaps[1]} (at {place}), but must have a regular "
            "frequency; number the times evenly."
        )
    whole_steps = np.arange(round((values[-1] - values[0]) / step) + 1)
    calendar = values[0] + step * whole_steps
    return pd.Index(calendar.astype(every.dtype) if every.dtype.kind in "iu" else calendar)


def _irregular(stamps: dict[Any, pd.Index]) -> tuple[Any, Any, tuple[Any, Any]]:
    """The series with the most uneven steps, where, and two of its steps."""
    for name, own in stamps.items():
        steps = pd.Series(own[1:] - own[:-1])
        if steps.nunique() > 1:
            common = steps.mode().iloc[0]
            odd = int(np.flatnonzero((steps != common).to_numpy())[0])
            return name, own[odd + 1], (common, steps.iloc[odd])
    name, own = next(iter(stamps.items()))
    return name, own[-1], ("one kind", "another in other series")


def _places(name: Any, own: pd.Index, calendar: Any, freq: str, label: str) -> np.ndarray:
    """Where the stamps of a series are on the calendar; a gap in it is refused."""
    if freq:
        places = calendar.get_indexer(own)
    else:
        step = _step(calendar, freq)
        places = np.round((own.to_numpy(float) - float(calendar[0])) / step).astype(int)
    if (places < 0).any():
        odd = own[int(np.flatnonzero(places < 0)[0])]
        raise ValueError(
            f"{label}: {_series(name)} has the time {_written(odd)}, which is not one of the frequency {freq!r}; "
            "correct it, or name another with freq."
        )
    gaps = np.flatnonzero(np.diff(places) > 1)
    if len(gaps):
        absent = calendar[places[gaps[0]] + 1]
        count = int((np.diff(places) - 1).sum())
        raise ValueError(
            f"{label}: {_series(name)} has no row for {_written(absent)}"
            + (f" and {count - 1} other{'s' if count > 2 else ''}" if count > 1 else "")
            + ", but must have one for each; add rows with a missing value (NaN)."
        )
    return places


def _step(calendar: Any, freq: str) -> float:
    return 1.0 if freq or len(calendar) < 2 else float(calendar[1] - calendar[0])


def _numbers(name: Any, column: Any, label: str, holes: bool = True) -> np.ndarray:
    try:
        values = np.asarray(column, dtype=float)
    except (ValueError, TypeError):
        raise ValueError(
            f"{label}: {_series(name)} holds {str(column.iloc[0])!r}, but must hold numbers; convert it, or "
            "leave it out."
        ) from None
    if np.isinf(values).any():
        raise ValueError(f"{label}: {_series(name)} holds an infinite value, but must be finite; correct it.")
    if not holes and np.isnan(values).any():
        raise ValueError(f"{label}: {_series(name)} has missing values, but a covariate must have none; fill them in.")
    return values


def _constant(names: Sequence[Any], values: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """The one value of each static covariate, (series, columns)."""
    if not columns:
        return np.zeros((len(names), 0))
    low, high = np.nanmin(values, axis=1), np.nanmax(values, axis=1)
    odd = np.argwhere(low != high)
    if len(odd):
        i, k = odd[0]
        raise ValueError(
            f"static: {columns[k]!r} changes within {_series(names[i])}, but must be constant there; name it in known "
            "or past."
        )
    return low
