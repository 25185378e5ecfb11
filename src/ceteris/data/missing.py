"""Tables with holes whose truth is known: a mixed table, a census-like one, a panel, two designs, and the holes.

``simulate_...`` returns complete data frames; `amputate` takes cells out, completely at random (MCAR), depending on
columns that stay complete (MAR), or depending on the value that is taken out (MNAR).

References
----------
Rubin (1976), "Inference and missing data", Biometrika 63. Schouten, Lugtig and Vink (2018), "Generating missing values
for simulation purposes", Journal of Statistical Computation and Simulation 88.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import one_of, probability, whole

if TYPE_CHECKING:
    import pandas as pd

MECHANISMS = ("MCAR", "MAR", "MNAR")
STEEPNESS = 1.5  # log-odds of a hole per standard deviation of what it depends on


def simulate_mixed(n: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Ten mixed columns that depend on each other nonlinearly.

    Parameters
    ----------
    n : int
        Rows.
    seed : int

    Returns
    -------
    DataFrame, shape (n, 10)
        age and ability (continuous), schooling (integers), income and wealth (skewed, positive), curve (a noisy
        parabola in ability), urban and owner (booleans), health (ordered: poor < fair < good < excellent), sector
        (five unordered labels).

    Examples
    --------
    >>> table = simulate_mixed(1000, seed=1)
    >>> table.shape, table["health"].dtype.ordered, bool((table["income"] > 0).all())
    ((1000, 10), True, True)
    """
    import pandas as pd

    n, rng = whole("n", n, 1), np.random.default_rng(seed)
    age, ability = rng.uniform(20, 70, n), rng.standard_normal(n)
    urban = rng.random(n) < _logistic(0.3 + 0.8 * ability - 0.03 * (age - 45))
    schooling = np.clip(
        np.round(12 + 2 * ability + 1.2 * urban - 0.03 * (age - 45) + 1.5 * rng.standard_normal(n)), 4, 22
    )
    peak = 1 - ((age - 48) / 25) ** 2  # earnings rise, then fall, with age
    income = np.exp(9.2 + 0.09 * schooling + 0.5 * peak + 0.25 * urban * ability + 0.35 * rng.standard_normal(n))
    curve = ability**2 - 1 + 0.4 * rng.standard_normal(n)
    utility = np.column_stack(
        [
            np.zeros(n),
            0.5 * (schooling - 13) + 0.3 * urban,
            1.2 * urban - 0.2 * np.abs(schooling - 12),
            -0.6 * (schooling - 12),
            0.08 * (age - 45) - 0.5,
        ]
    )
    sector = (utility + rng.gumbel(size=utility.shape)).argmax(1)
    wealth = np.exp(
        0.06 * (age - 20) + 0.8 * (np.log(income) - 10.3) + 0.4 * (sector == 4) + 0.8 * rng.standard_normal(n)
    )
    owner = rng.random(n) < _logistic(-1.0 + 1.1 * np.log(wealth) - 1.5 * urban)
    latent = 1.0 - 0.05 * (age - 45) + 0.5 * (np.log(income) - 10.3) + 0.6 * curve * (age > 50) + rng.logistic(size=n)
    health = np.digitize(latent, [-1.5, 0.2, 2.0])
    return pd.DataFrame(
        {
            "age": age,
            "ability": ability,
            "schooling": schooling.astype(int),
            "income": income,
            "wealth": wealth,
            "curve": curve,
            "urban": urban,
            "owner": owner,
            "health": pd.Categorical.from_codes(health, ["poor", "fair", "good", "excellent"], ordered=True),
            "sector": pd.Categorical.from_codes(sector, ["trade", "office", "services", "farm", "crafts"]),
        }
    )


def simulate_census(n: int = 32_000, seed: int = 0) -> pd.DataFrame:
    """Fifteen columns with the shapes of a census extract: labels of many kinds, counts, and spikes at zero and at 40.

    Parameters
    ----------
    n : int
        Rows.
    seed : int

    Returns
    -------
    DataFrame, shape (n, 15)
        age, hours, gain, loss, weight, years (numbers; gain and loss are zero for nine rows in ten and more),
        education, work, marital, occupation, relation, race, region (labels), female and rich (booleans).

    Examples
    --------
    >>> table = simulate_census(2000, seed=1)
    >>> table.shape, bool((table["gain"] == 0).mean() > 0.85), bool((table["hours"] == 40).mean() > 0.3)
    ((2000, 15), True, True)
    """
    import pandas as pd

    n, rng = whole("n", n, 1), np.random.default_rng(seed)
    female, drive = rng.random(n) < 0.33, rng.standard_normal(n)
    age = np.clip(np.round(17 + rng.gamma(2.4, 9.0, n)), 17, 90)
    race = rng.choice(5, n, p=[0.85, 0.10, 0.03, 0.01, 0.01])
    region = _choose(
        rng, np.column_stack([(race == k) * 1.5 + b for k, b in enumerate([1.5, 1.0, 0.8, 0.6, 0.2, 0.0])])
    )
    years = np.clip(np.round(10.1 + 1.7 * drive + 0.5 * (race == 2) - 0.02 * np.maximum(age - 60, 0)
                             + 1.6 * rng.standard_normal(n)), 1, 16)  # fmt: skip
    education = np.digitize(years, [5, 8, 9, 10, 12, 13, 14, 15])
    married = rng.random(n) < _logistic(-2.2 + 0.13 * (age - 17) - 0.0017 * (age - 17) ** 2 - 0.4 * female)
    apart = rng.random(n) < _logistic(-3.2 + 0.05 * age + 0.3 * female)
    marital = np.where(married, 0, np.where(apart, np.where(age > 62, 2, 1), 3))
    at_home, alone = (age < 27) & (rng.random(n) < 0.7), _choose(rng, np.tile([1.2, 0.7, -0.5], (n, 1))) + 3
    relation = np.where(married, np.where(female, 1, 0), np.where(at_home, 2, alone))
    occupation = _choose(rng, np.column_stack([
        0.9 * (years - 11), 0.7 * (years - 11) + 0.02 * (age - 35), 0.3 + 1.4 * female,
        -0.5 * (years - 9) + 0.8 * ~female, 0.5 - 0.2 * (years - 9) - 0.03 * (age - 35),
        0.2 - 0.4 * (years - 9) + 0.5 * female, -0.6 * (years - 8) - 0.8 * female,
        0.1 + 0.3 * (years - 10) - 0.8 * female,
    ]))  # fmt: skip
    work = _choose(rng, np.column_stack([
        np.full(n, 2.2), 0.03 * (age - 30) + 0.5 * (occupation == 1), 0.25 * (years - 11) + 0.5 * female,
        0.2 * (years - 11), 0.05 * (age - 40) - 0.5,
    ]))  # fmt: skip
    full = 40 + 5 * (occupation <= 1) - 6 * female * married + 3 * drive - 18 * ((age < 22) | (age > 65))
    hours = np.where(rng.random(n) < 0.42, 40, np.clip(np.round((full + 10 * rng.standard_normal(n)) / 5) * 5, 1, 99))
    pay = (
        -3.4 + 0.35 * (years - 10) + 1.9 * married + 0.05 * (age - 38) - 0.0025 * (age - 38) ** 2 + 0.03 * (hours - 40)
    )
    rich = rng.random(n) < _logistic(pay + 0.5 * (occupation <= 1) + 0.6 * drive)
    gaining = rng.random(n) < _logistic(-3.4 + 1.9 * rich)
    gain = np.where(gaining, np.round(np.exp(8 + 0.8 * rich + 0.8 * rng.standard_normal(n))), 0)
    losing = ~gaining & (rng.random(n) < _logistic(-3.6 + 0.9 * rich))
    loss = np.where(losing, np.round(1850 + 250 * rng.standard_normal(n)), 0)
    weight = np.round(np.exp(12.0 + 0.1 * (race == 1) - 0.003 * (age - 38) + 0.5 * rng.standard_normal(n)))
    labels = {
        "education": (education, ["grade", "some high", "9th", "hs", "some college", "assoc", "ba", "ma", "phd"]),
        "work": (work, ["private", "self", "local", "state", "inc"]),
        "marital": (marital, ["married", "divorced", "widowed", "never"]),
        "occupation": (occupation, ["prof", "exec", "clerical", "craft", "service", "machine", "labour", "sales"]),
        "relation": (relation, ["husband", "wife", "child", "single", "unmarried", "other"]),
        "race": (race, ["a", "b", "c", "d", "e"]),
        "region": (region, ["us", "south", "centre", "east", "isles", "far"]),
    }
    columns = {"age": age, "hours": hours, "gain": gain, "loss": loss, "weight": weight, "years": years}
    columns = {name: values.astype(int) for name, values in columns.items()}
    columns |= {name: pd.Categorical.from_codes(codes, names) for name, (codes, names) in labels.items()}
    return pd.DataFrame({**columns, "female": female, "rich": rich})


def simulate_trends(units: int = 40, periods: int = 30, seed: int = 0) -> pd.DataFrame:
    """A panel of countries with smooth trends of their own.

    Parameters
    ----------
    units, periods : int
    seed : int

    Returns
    -------
    DataFrame, shape (units * periods, 5)
        country, year, growth of population (slow swings), life expectancy (an S-shaped rise) and log income (a random
        walk with a drift of its own that also lifts life expectancy).

    Examples
    --------
    >>> simulate_trends(3, 4).groupby("country").size().tolist()
    [4, 4, 4]
    """
    import pandas as pd

    units, periods, rng = whole("units", units, 1), whole("periods", periods, 2), np.random.default_rng(seed)
    time = np.linspace(0, 1, periods)
    start, drift = rng.normal(8, 1, (units, 1)), rng.normal(1.0, 0.5, (units, 1))
    income = start + drift * time + np.cumsum(0.03 * rng.standard_normal((units, periods)), axis=1)
    turn, pace = rng.uniform(-0.3, 0.9, (units, 1)), rng.uniform(3, 8, (units, 1))
    life = 50 + 2.5 * (income - 8) + 22 * _logistic(pace * (time - turn)) + 0.3 * rng.standard_normal((units, periods))
    phase, height = rng.uniform(0, 2 * np.pi, (units, 1)), rng.uniform(0.2, 0.8, (units, 1))
    growth = (
        1.5
        - 0.3 * (income - 8)
        + height * np.sin(2 * np.pi * time + phase)
        + 0.05 * rng.standard_normal((units, periods))
    )
    return pd.DataFrame(
        {
            "country": np.repeat([f"country {i:03d}" for i in range(units)], periods),
            "year": np.tile(np.arange(1990, 1990 + periods), units),
            "income": income.ravel(),
            "life": life.ravel(),
            "growth": growth.ravel(),
        }
    )


def simulate_regression(n: int = 500, design: str = "linear", seed: int = 0) -> pd.DataFrame:
    """A regression whose regressor x goes missing where y is high, so that complete cases are biased.

    "linear": y = 1 + x + z + e with x and z correlated 0.5. "nonlinear": y = 1 + x + x²/2 + z + e, the regressors of
    the analysis are x, x² and z. All coefficients of the truth are in the formula; e is standard normal.

    Parameters
    ----------
    n : int
        Rows.
    design : {"linear", "nonlinear"}
    seed : int

    Returns
    -------
    DataFrame, shape (n, 3)
        y, z and x, the last of which has holes in 35 % of the rows: P(hole) depends on y only (MAR).

    Examples
    --------
    >>> table = simulate_regression(5000, seed=2)
    >>> bool(abs(table["x"].isna().mean() - 0.35) < 0.02)
    True
    """
    import pandas as pd

    n, rng = whole("n", n, 2), np.random.default_rng(seed)
    z = rng.standard_normal(n)
    x = 0.5 * z + np.sqrt(0.75) * rng.standard_normal(n)
    bend = {"linear": 0.0, "nonlinear": 0.5}[one_of("design", design, ("linear", "nonlinear"))]
    y = 1 + x + bend * x**2 + z + rng.standard_normal(n)
    hole = rng.random(n) < _chances(_ranks(y), 0.35)
    return pd.DataFrame({"y": y, "z": z, "x": np.where(hole, np.nan, x)})


def amputate(
    table: pd.DataFrame,
    share: float = 0.3,
    mechanism: str = "MCAR",
    keep: Sequence[str] = (),
    seed: int = 0,
) -> pd.DataFrame:
    """Take cells out of a complete table.

    Parameters
    ----------
    table : DataFrame
    share : float
        Of the cells of every column but those kept, in (0, 1).
    mechanism : {"MCAR", "MAR", "MNAR"}
        What a hole depends on: nothing; a random combination of the ranks of the columns kept; the rank of the value
        that is taken out. The log-odds rise by 1.5 per standard deviation of it.
    keep : sequence of str
        Columns without holes; for MAR at least one.
    seed : int

    Returns
    -------
    DataFrame
        As given, holes as missing values of the columns' types (integers become floats, booleans nullable booleans).

    Examples
    --------
    >>> table = simulate_mixed(5000)
    >>> holes = amputate(table, 0.3, "MAR", keep=["age", "ability"]).isna()
    >>> holes.mean().round(1).to_dict()["income"], bool(holes["age"].any())
    (0.3, False)
    """
    one_of("mechanism", mechanism, MECHANISMS)
    probability("share", share)
    strange = [name for name in keep if name not in table.columns]
    if strange:
        raise ValueError(f"keep names {strange}, but the columns are {list(table.columns)}; name some of these.")
    if mechanism == "MAR" and not keep:
        raise ValueError("keep is empty, but holes at random depend on columns without holes; name at least one.")
    rng = np.random.default_rng([seed, 1])  # not the stream that made a table of the same seed
    out: Any = table.copy()
    drivers = [_ranks(_codes(table[name])) for name in keep]
    for name in table.columns:
        if name in keep:
            continue
        score = np.zeros(len(table))
        if mechanism == "MAR":
            score = rng.standard_normal(len(drivers)) @ np.array(drivers)
        elif mechanism == "MNAR":
            score = _ranks(_codes(table[name]))
        out[name] = _nullable(table[name]).mask(rng.random(len(table)) < _chances(score, share))
    return out


def _codes(column: Any) -> np.ndarray:
    import pandas as pd

    numeric = pd.api.types.is_numeric_dtype(column)
    return column.to_numpy(float) if numeric else column.astype("category").cat.codes.to_numpy(float)


def _nullable(column: Any) -> Any:
    if column.dtype == bool:
        return column.astype("boolean")
    return column.astype(float) if column.dtype.kind in "iu" else column


def _ranks(values: np.ndarray) -> np.ndarray:
    """Ranks, of equal values the mean of theirs; centred, of standard deviation one."""
    from scipy import stats

    ranks = stats.rankdata(np.nan_to_num(values, nan=np.inf))
    return (ranks - ranks.mean()) / (ranks.std() or 1.0)


def _chances(score: np.ndarray, share: float) -> np.ndarray:
    """Probabilities that rise with the standardised score and have the mean ``share``."""
    score = (score - score.mean()) / (score.std() or 1.0)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _logistic(middle + STEEPNESS * score).mean() < share else (low, middle)
    return _logistic(middle + STEEPNESS * score)


def _choose(rng: np.random.Generator, utility: np.ndarray) -> np.ndarray:
    """The best alternative of each row after Gumbel noise: a multinomial logit."""
    return (utility + rng.gumbel(size=utility.shape)).argmax(1)


def _logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))
