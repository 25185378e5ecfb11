"""One side on one table in a process of its own: `tables_one.py SIDE TABLE WHAT FOLDER`; prints one JSON object.

WHAT is `mean` (R2 and root mean squared error, or log loss and accuracy) or `quantiles` (.05, .5 and .95 of a
regression). The losses of the test rows go to FOLDER/losses, so that sides are compared row by row. A table below 2,000
rows is judged by five folds, each row once; a larger one by the first of them. One thread; children count too.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
import warnings
from pathlib import Path

os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LOKY_MAX_CPU_COUNT"), "1")
os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
warnings.simplefilter("ignore")

import numpy as np  # noqa: E402 - the threads are set first
import pandas as pd  # noqa: E402
from sklearn.model_selection import KFold, StratifiedKFold  # noqa: E402

import tables_data  # noqa: E402

LEVELS = (0.05, 0.5, 0.95)
SMALL = 2_000
LEAST_PROBABILITY = 1e-6  # a forest says 0 of what then happens: its log loss is finite by this floor, for all sides
NORMAL_95 = 1.6448536
TWICE = ((4_000, 7_500), (45_000, 50_000))  # tables of these sizes are fitted again, everything compiled


def cpu() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def folds_of(y: np.ndarray, task: str) -> list[tuple[np.ndarray, np.ndarray]]:
    kind = KFold if task == "regression" else StratifiedKFold
    folds = list(kind(5, shuffle=True, random_state=0).split(np.zeros(len(y)), y))
    return folds if len(y) < SMALL else folds[:1]


# -------------------------------------------------------------------------------------------------- columns for a side


def is_category(column: pd.Series) -> bool:
    return isinstance(column.dtype, pd.CategoricalDtype)


def coded(X: pd.DataFrame):
    """What turns the columns into standardised numbers: medians and a mark for holes, a column for each category."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    labels = [name for name in X if is_category(X[name])]
    numbers = [name for name in X if name not in labels]
    of_numbers = make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())
    return make_column_transformer(
        (of_numbers, numbers), (OneHotEncoder(handle_unknown="ignore", sparse_output=False), labels)
    )


def filled(X: pd.DataFrame, like: pd.DataFrame) -> pd.DataFrame:
    """Holes filled by medians of the training rows, with a mark, or by a category of their own, for pytabkit."""
    found = {}
    for name in X:
        if is_category(X[name]):
            found[name] = X[name].astype(object).where(X[name].notna(), "missing").astype(str).astype("category")
        else:
            found[name] = X[name].fillna(like[name].median())
            if like[name].isna().any():
                found[f"{name} missing"] = X[name].isna().astype(float)
    return pd.DataFrame(found)


# -------------------------------------------------------------------------- sides: a learner of the mean or of classes


def boosting(task, X):
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    return (HistGradientBoostingRegressor if task == "regression" else HistGradientBoostingClassifier)(random_state=0)


def lightgbm(task, X):
    from lightgbm import LGBMClassifier, LGBMRegressor

    return (LGBMRegressor if task == "regression" else LGBMClassifier)(random_state=0, n_jobs=1, verbose=-1)


def forest(task, X):
    from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
    from sklearn.pipeline import make_pipeline

    kind = RandomForestRegressor if task == "regression" else RandomForestClassifier
    return make_pipeline(coded(X), kind(300, random_state=0))


def linear(task, X):
    from sklearn.linear_model import LogisticRegressionCV, RidgeCV
    from sklearn.pipeline import make_pipeline

    if task == "regression":
        return make_pipeline(coded(X), RidgeCV(np.logspace(-3, 5, 25)))
    settings = {"l1_ratios": (0.0,), "use_legacy_attributes": False, "scoring": "neg_log_loss", "max_iter": 500}
    return make_pipeline(coded(X), LogisticRegressionCV(Cs=np.logspace(-4, 3, 8), cv=5, **settings))


def pytabkit(name: str, more: dict):
    """RealMLP or TabM with their defaults; for log loss with what pytabkit's documentation advises for it."""

    def make(task, X):
        import torch
        from pytabkit.models.sklearn import sklearn_interfaces

        torch.set_num_threads(1)
        kind = "Regressor" if task == "regression" else "Classifier"
        settings = {} if task == "regression" else {"val_metric_name": "cross_entropy", **more}
        return getattr(sklearn_interfaces, f"{name}_{kind}")(random_state=0, n_threads=1, device="cpu", **settings)

    return make


def ours(task, X):
    from ceteris.learners import NeuralClassifier, NeuralRegressor

    return (NeuralRegressor if task == "regression" else NeuralClassifier)(random_state=0, unseen="ignore")


SIDES = {
    "ours": ours,
    "HGB": boosting,
    "LightGBM": lightgbm,
    "forest": forest,
    "linear": linear,
    "RealMLP": pytabkit("RealMLP_TD", {"use_ls": False}),
    "TabM": pytabkit("TabM_D", {}),
}
TORCH = ("RealMLP", "TabM")


# ---------------------------------------------------------------------------------------------------- sides: quantiles


class EachLevel:
    """One model for each level, their predictions sorted."""

    def __init__(self, make):
        self.models = [make(level) for level in LEVELS]

    def fit(self, X, y):
        for model in self.models:
            model.fit(X, y)
        return self

    def predict(self, X):
        return np.sort(np.column_stack([model.predict(X) for model in self.models]), axis=1)


def boosting_quantiles(X):
    from sklearn.ensemble import HistGradientBoostingRegressor

    return EachLevel(lambda level: HistGradientBoostingRegressor(loss="quantile", quantile=level, random_state=0))


def lightgbm_quantiles(X):
    from lightgbm import LGBMRegressor

    settings = {"random_state": 0, "n_jobs": 1, "verbose": -1}
    return EachLevel(lambda level: LGBMRegressor(objective="quantile", alpha=level, **settings))


def pytabkit_quantiles(name):
    def make(X):
        import torch
        from pytabkit.models.sklearn import sklearn_interfaces

        torch.set_num_threads(1)
        loss = f"multi_pinball({','.join(map(str, LEVELS))})"
        settings = {"train_metric_name": loss, "val_metric_name": loss, "random_state": 0, "n_threads": 1}
        return getattr(sklearn_interfaces, f"{name}_Regressor")(device="cpu", **settings)

    return make


class OursAtLevels:
    """Our quantile regressor, whose `predict` says all levels."""

    def __init__(self):
        from ceteris.learners import NeuralQuantileRegressor

        self.model = NeuralQuantileRegressor(levels=LEVELS, random_state=0, unseen="ignore")

    def fit(self, X, y):
        self.model.fit(X, y)
        return self

    def predict(self, X):
        return self.model.predict_quantiles(X)


QUANTILES = {
    "ours": lambda X: OursAtLevels(),
    "HGB": boosting_quantiles,
    "LightGBM": lightgbm_quantiles,
    "RealMLP": pytabkit_quantiles("RealMLP_TD"),
}


# ----------------------------------------------------------------------------------------------------------- judgement


def predicted(model, X, task, what) -> dict[str, np.ndarray]:
    """Predictions of the test rows: `said`, and where the side has it the `spread` of a new observation."""
    if task != "regression":
        return {"said": model.predict_proba(X), "known": np.asarray(model.classes_)}
    if what == "mean" and type(model).__name__ == "NeuralRegressor":
        said, spread = model.predict(X, return_std=True)
        return {"said": np.asarray(said), "spread": np.asarray(spread)}
    return {"said": np.asarray(model.predict(X))}


def judged(found: dict, y: np.ndarray, classes: int, task: str, what: str) -> dict[str, np.ndarray]:
    """Losses of each test row, and what happened to each: right or wrong, below, above, inside."""
    said = found["said"]
    if task != "regression":
        full = np.full((len(y), classes), 0.0)
        full[:, found["known"].astype(int)] = said
        own = np.clip(full[np.arange(len(y)), y.astype(int)], LEAST_PROBABILITY, 1.0)
        return {"loss": -np.log(own), "right": (full.argmax(axis=1) == y).astype(float)}
    if what == "quantiles":
        gap = y[:, None] - said
        pinball = np.maximum(np.array(LEVELS) * gap, (np.array(LEVELS) - 1) * gap).mean(axis=1)
        return {"loss": pinball, "below": (gap[:, 0] < 0).astype(float), "above": (gap[:, 2] > 0).astype(float)}
    rows = {"loss": (y - said.reshape(-1)) ** 2, "null": (y - y.mean()) ** 2}
    if "spread" in found:
        rows["inside"] = (np.abs(y - said) <= NORMAL_95 * found["spread"]).astype(float)
    return rows


def figures(rows: dict[str, np.ndarray], task: str, what: str) -> dict[str, float]:
    means = {name: float(values.mean()) for name, values in rows.items()}
    if task != "regression":
        return {"log_loss": means["loss"], "accuracy": means["right"]}
    if what == "quantiles":
        return {"pinball": means["loss"], "below": means["below"], "above": means["above"]}
    inside = {"inside": means["inside"]} if "inside" in means else {}
    return {"rmse": means["loss"] ** 0.5, "r2": 1 - means["loss"] / means["null"], **inside}


def measure(side: str, name: str, what: str, folder: Path) -> dict:
    X, y, task = tables_data.read(folder, name)
    classes = 0 if task == "regression" else int(y.max()) + 1
    parts, fits, predictions, again = [], [], [], None
    for train, test in folds_of(y, task):
        model = (lambda: SIDES[side](task, X)) if what == "mean" else (lambda: QUANTILES[side](X))
        A, B = X.iloc[train].reset_index(drop=True), X.iloc[test].reset_index(drop=True)
        if side in TORCH:
            A, B = filled(A, A), filled(B, A)
        start = cpu()
        fitted = model().fit(A, y[train])
        fits.append(cpu() - start)
        start = cpu()
        found = predicted(fitted, B, task, what)
        predictions.append(cpu() - start)
        parts.append(judged(found, y[test], classes, task, what))
        if side in ("ours", "HGB") and any(low <= len(y) <= high for low, high in TWICE):
            start = cpu()
            model().fit(A, y[train])
            again = cpu() - start
    rows = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
    place = folder / "losses"
    place.mkdir(exist_ok=True)
    np.savez_compressed(place / f"{side}-{name}-{what}.npz", **rows)
    seconds = {"cpu_fit": float(np.mean(fits)), "cpu_first": fits[0], "cpu_predict": float(np.mean(predictions))}
    return seconds | {"cpu_warm": again if again is not None else min(fits)} | figures(rows, task, what)


if __name__ == "__main__":
    side, name, what, folder = sys.argv[1:]
    began = time.time()
    found = measure(side, name, what, Path(folder))
    print(json.dumps({"side": side, "table": name, "what": what, **found, "wall": time.time() - began}))
