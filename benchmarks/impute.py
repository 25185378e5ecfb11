"""Imputation beside R's mice and scikit-learn's IterativeImputer: quality, coverage after Rubin's rules, time, memory.

R with the packages mice and rpart (and nnet and MASS, for mice's own defaults for labels) must be on the path; without
it the rows of mice are left out, and its bars are not judged. ``peers/mice.R`` does the work there. MIDASpy 1.4 needs
Python below 3.11 and TensorFlow 2.11: the variable MIDASPY names a Python that has them, and without it MIDAS as
published is not held against its authors' package. ``peers/midas.py`` runs there.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

import bench

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
ROWS, DRAWS = 2000, 20
TABLES = {"mixed": 2, "census": 1}  # mice needs eight minutes for a census table
LONG, LONG_DRAWS = 32_000, 10
CASES = [(table, mechanism) for table in ("mixed", "census") for mechanism in ("MCAR", "MAR")]
KEEP = {"mixed": ["age", "urban"], "census": ["age", "female"]}
REPLICATIONS = 200


def one(*arguments):
    return bench.in_fresh_process("impute_one.py", *map(str, arguments), environment=ONE_THREAD)


@functools.cache
def holed(name: str, mechanism: str, n: int, seed: int = 0) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A complete table, and the same with 30 % of the cells of each column gone."""
    from ceteris.data.missing import amputate, simulate_census, simulate_mixed

    truth = {"mixed": simulate_mixed, "census": simulate_census}[name](n, seed)
    return truth, amputate(truth, 0.3, mechanism, keep=KEEP[name] if mechanism == "MAR" else (), seed=seed)


def in_peer(holes: pd.DataFrame, m: int, command) -> tuple[list[pd.DataFrame], float]:
    """Completed tables of another package, labels as codes, and its processor seconds; command(folder) starts it."""
    kinds, numbers = {}, {}
    for name, column in holes.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            kinds[name] = "ordered" if column.dtype.ordered else "label"
            numbers[name] = column.cat.codes.where(column.notna()).astype(float)
        else:
            kinds[name] = "binary" if str(column.dtype).startswith("bool") else "number"
            numbers[name] = column.astype("Float64").astype(float)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        pd.DataFrame(numbers).to_csv(home / "in.csv", index=False, na_rep="")
        pd.DataFrame({"column": kinds.keys(), "kind": kinds.values()}).to_csv(home / "kinds.csv", index=False)
        done = subprocess.run(list(map(str, command(home))), capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(done.stderr)
        tables = [pd.read_csv(home / f"{i + 1}.csv") for i in range(m)]
        return tables, float(done.stdout.split()[0])


def in_mice(holes: pd.DataFrame, method: str, m: int) -> tuple[list[pd.DataFrame], float]:
    """Completed tables of R's mice."""
    script = Path(__file__).parent / "peers" / "mice.R"
    return in_peer(holes, m, lambda at: ["Rscript", script, at / "in.csv", at / "kinds.csv", method, m, 5, 1, at])


def in_midaspy(holes: pd.DataFrame, m: int, seed: int) -> tuple[list[pd.DataFrame], float]:
    """Completed tables of MIDASpy, at its defaults and 20 epochs as in its guide."""
    script = Path(__file__).parent / "peers" / "midas.py"
    python = os.environ["MIDASPY"]
    return in_peer(holes, m, lambda at: [python, script, at / "in.csv", at / "kinds.csv", m, seed, 20, at])


def scored(truth: pd.DataFrame, holes: pd.DataFrame, tables: list[pd.DataFrame]) -> dict[str, float]:
    """Means over columns of the scores of completed tables, labels as labels or as codes."""
    from ceteris.impute.columns import Column, Holes
    from ceteris.impute.overimputation import score

    names = list(truth)
    labels = {
        n: truth[n].cat.categories if isinstance(truth[n].dtype, pd.CategoricalDtype) else [False, True] for n in names
    }
    quantity = {n: truth[n].dtype.kind in "if" for n in names}

    def numbers(table):
        parts = []
        for n in names:
            raw = pd.api.types.is_numeric_dtype(table[n]) and not pd.api.types.is_bool_dtype(table[n])
            codes = table[n] if quantity[n] or raw else pd.Categorical(table[n], labels[n]).codes
            parts.append(np.asarray(codes, float))
        return np.column_stack(parts)

    columns = tuple(
        Column(n, "continuous") if quantity[n] else Column(n, "categorical", tuple(labels[n])) for n in names
    )
    full = Holes(columns, numbers(truth))
    missing, filled = holes.isna().to_numpy(), np.array([numbers(table) for table in tables])
    frame = score(full, missing, filled)
    means = {name: float(frame[name].mean()) for name in ("nrmse", "crps", "coverage", "accuracy", "brier")}
    return {**means, "variation": variation(columns, full.values, missing, filled)}


def variation(columns, truth: np.ndarray, missing: np.ndarray, filled: np.ndarray) -> float:
    """Mean total variation between the shares of labels drawn (draws, rows, columns) and true (rows, columns)."""
    found = []
    for j, column in enumerate(columns):
        hole, levels = missing[:, j], np.arange(len(column.levels))
        if not column.continuous and hole.any():
            drawn = (filled[:, hole, j, None] == levels).mean((0, 1))
            found.append(0.5 * np.abs(drawn - (truth[hole, j, None] == levels).mean(0)).sum())
    return float(np.mean(found))


def scores_by_method(name: str, mechanism: str, seed: int) -> dict[str, dict[str, float]]:
    """Scores on one table, ours first."""
    from ceteris.impute import MIDAS, Imputer, Iterative

    truth, holes = holed(name, mechanism, ROWS, seed)
    rules = (Imputer(random_state=seed), Iterative(random_state=seed), MIDAS(random_state=seed))
    found = {type(rule).__name__: scored(truth, holes, rule.fit(holes).sample(DRAWS)) for rule in rules}
    for method in ("default", "cart") if shutil.which("Rscript") else ():
        found[f"mice {method}"] = scored(truth, holes, in_mice(holes, method, DRAWS)[0])
    return found


def quality():
    """Scores of held-out cells against the peers on the same tables: no worse than the best of them on average."""
    for name, mechanism in CASES:
        each = [scores_by_method(name, mechanism, seed) for seed in range(TABLES[name])]
        mean = lambda key, measure, each=each: float(np.mean([found[key][measure] for found in each]))
        peers = [key for key in each[0] if key not in ("Imputer", "MIDAS")]  # as published, MIDAS is no bar
        for measure in ("nrmse", "crps", "accuracy", "brier"):
            judge, pick = (bench.at_least, max) if measure == "accuracy" else (bench.at_most, min)
            best = pick(peers, key=lambda key, measure=measure: mean(key, measure))
            gaps = [found["Imputer"][measure] - found[best][measure] for found in each]
            words = ", ".join(f"{key} {mean(key, measure):.3f}" for key in each[0] if key != "Imputer")
            words += f"; less {best}, by table: {', '.join(f'{gap:+.4f}' for gap in gaps)}"
            yield judge(f"{name}, {mechanism}: {measure}", mean("Imputer", measure), "", mean(best, measure), words)
        ours = mean("Imputer", "coverage")
        words = ", ".join(f"{key} {mean(key, 'coverage'):.3f}" for key in each[0] if key != "Imputer")
        yield bench.Row(f"{name}, {mechanism}: coverage of 90 % intervals", ours, "share", 0.85,
                        0.85 <= ours <= 0.95, words)  # fmt: skip


def midas():
    """MIDAS as published against its authors' package on the same tables: scores within five per cent, or better.

    MIDASpy lets quantities be negative, and so do we here.
    """
    from ceteris.impute import MIDAS

    for name in ("mixed", "census") if "MIDASPY" in os.environ else ():
        each = []
        for seed in range(TABLES[name]):
            truth, holes = holed(name, "MAR", ROWS, seed)
            bounds = {n: (-np.inf, np.inf) for n in ("income", "wealth", "gain", "loss", "weight") if n in truth}
            ours = scored(truth, holes, MIDAS(bounds=bounds, random_state=seed).fit(holes).sample(DRAWS))
            each.append((ours, scored(truth, holes, in_midaspy(holes, DRAWS, seed)[0])))
        for measure in ("nrmse", "crps", "accuracy", "brier", "variation", "coverage"):
            own, peer = (float(np.mean([pair[k][measure] for pair in each])) for k in (0, 1))
            name_of_row, words = f"MIDAS, {name}: {measure}", f"MIDASpy {peer:.3f}"
            if measure in ("accuracy", "coverage"):
                yield bench.at_least(name_of_row, own, "", 0.95 * peer, words)
            else:
                slack = 0.03 if measure == "variation" else 0.05 * peer
                yield bench.at_most(name_of_row, own, "", peer + slack, words)


def inference():
    """Coverage of 95 % intervals after Rubin's rules; holes where y is high."""
    for design in ("linear", "nonlinear"):
        found = one("inference", design, REPLICATIONS)
        for name, share, biased in zip(found["names"], found["coverage"], found["complete_cases"], strict=True):
            good = 0.93 <= share <= 0.97
            yield bench.Row(f"{design}, {name}: coverage", share, "share", 0.93, good, f"complete cases {biased:.3f}")
        yield bench.Row(
            f"{design}: {REPLICATIONS} tables, default imputer, 10 data sets each", found["seconds"], "CPU s"
        )


def speed():
    """Fit and ten completed tables of 32,000 rows and 15 columns; mice runs on a part and is scaled up."""
    found = one("speed", LONG, LONG_DRAWS)
    bars = {}
    if shutil.which("Rscript"):
        for method, share in (("default", 1 / 1), ("cart", 1 / 3)):
            _, seconds = in_mice(holed("census", "MAR", LONG // 8)[1], method, 1)
            bars[method] = (share, 8 * LONG_DRAWS * seconds)
    for method, (share, seconds) in bars.items():
        words = f"mice {method} {seconds:.0f} s (8 x 10 times its time for 4,000 rows, one table)"
        yield bench.at_most(
            f"32,000 x 15, fit and ten tables, of mice {method}", found["seconds"], "CPU s", share * seconds, words
        )
    yield bench.Row("of which fit", found["fit"], "CPU s")
    yield bench.at_most("programs compiled by a second fit of the same shape", found["compiled"], "", 0)


def memory():
    """A Parquet file of a million rows, completed once."""
    found = one("memory", 1_000_000)
    yield bench.at_most("1,000,000 rows from Parquet: memory", found["gib"], "GiB", 2.0)
    yield bench.Row("1,000,000 rows from Parquet: time", found["seconds"], "CPU s")


if __name__ == "__main__":
    bench.main({"quality": quality, "midas": midas, "inference": inference, "speed": speed, "memory": memory}, __file__)
