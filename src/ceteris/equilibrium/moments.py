"""Business-cycle statistics of a simulation, with standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.equilibrium.simulate import Paths

if TYPE_CHECKING:
    import pandas as pd

MOST_ENTRIES = 12  # of a vector; a longer one is summarised by its mean


def series(paths: Paths) -> dict[str, np.ndarray]:
    """Every scalar series of a simulation, shape (periods, paths): states, actions, definitions."""
    found: dict[str, np.ndarray] = {}
    for group in (paths.states, paths.actions, paths.definitions):
        for name, value in group.items():
            x = np.asarray(value, float)
            if x.ndim == 2:
                found.setdefault(name, x)
            elif np.prod(x.shape[2:]) <= MOST_ENTRIES:
                for i in np.ndindex(*x.shape[2:]):
                    found.setdefault(f"{name}[{', '.join(map(str, i))}]", x[(..., *i)])
            else:
                found.setdefault(f"mean {name}", x.reshape(*x.shape[:2], -1).mean(2))
    return found


def moments(paths: Paths, with_: str | None = None, hp: float | None = None) -> pd.DataFrame:
    """Mean, standard deviation, autocorrelation and correlation with one series; standard errors between paths.

    Parameters
    ----------
    paths : Paths
        At least two paths, which are independent: that is what the standard errors rest on.
    with_ : str, optional
        The series to correlate with; by default ``y`` if there is one, else the first.
    hp : float, optional
        Smoothing parameter of the Hodrick-Prescott filter (1600 for quarters); logarithms of positive series are
        filtered, and standard deviations are then in per cent.
    """
    import pandas as pd

    found = series(paths)
    name = with_ or ("y" if "y" in found else next(iter(found)))
    if name not in found:
        raise ValueError(f"with_: {name!r} is not a series; choose from {', '.join(found)}.")
    n = next(iter(found.values())).shape[1]
    if n < 2:
        raise ValueError("paths: 1 was given, but standard errors need at least 2 independent paths.")
    levels = {k: x.mean(0) for k, x in found.items()}
    if hp is not None:
        found = {k: 100 * cycle(np.log(x), hp) if (x > 0).all() else cycle(x, hp) for k, x in found.items()}
    rows = {}
    for k, x in found.items():
        statistics = {"mean": levels[k], "sd": x.std(0), "autocorrelation": _correlation(x[1:], x[:-1])}
        statistics[f"correlation with {name}"] = _correlation(x, found[name])
        rows[k] = {}
        for label, value in statistics.items():
            known = value[np.isfinite(value)]
            rows[k][label] = known.mean() if known.size else np.nan
            rows[k][f"se {label}"] = known.std(ddof=1) / np.sqrt(known.size) if known.size > 1 else np.nan
    return pd.DataFrame(rows).T


def cycle(x: np.ndarray, smoothing: float) -> np.ndarray:
    """What the Hodrick-Prescott filter leaves: x - trend along the first axis, (I + λ D'D) trend = x.

    Examples
    --------
    >>> bool(np.allclose(cycle(np.arange(20.0), 1600), 0))  # a line is all trend
    True
    """
    from scipy.sparse import diags, identity
    from scipy.sparse.linalg import spsolve

    T = len(x)
    if T < 3:
        raise ValueError(f"hp: the series have {T} periods, but second differences need at least 3.")
    offsets: Any = [0, 1, 2]
    D = diags([1.0, -2.0, 1.0], offsets, shape=(T - 2, T))
    trend = spsolve((identity(T) + smoothing * D.T @ D).tocsc(), x.reshape(T, -1))
    return x - np.asarray(trend).reshape(x.shape)


def _correlation(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = a - a.mean(0), b - b.mean(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.sqrt((a**2).mean(0) * (b**2).mean(0))
        return np.where(scale > 1e-14, (a * b).mean(0) / scale, np.nan)
