"""Tables: time to a first result, accuracy, quantiles and intervals on two halves of 26 tables, CPU, causal nuisances.

    python benchmarks/tables.py --half development           # a table to read; --half sealed once, with the final net
    python benchmarks/tables.py --only accuracy --tables housing hdma --kept     # with the peers that have been run
    python benchmarks/tables.py --only nuisances --before REV # against the commit REV, in a work tree of its own

`tables_data.py` says which tables, `tables_one.py` how a side is run and judged, `tables_sides.py` where what peers
said is kept. `--save` writes `results/tables_HALF.json`. Coverage with causal nuisances takes long and is run with
`--only coverage` alone.
"""

from __future__ import annotations

import argparse
import functools
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import bench
import tables_sides
from tables_sides import CHEAP, ROOT, TORCH

ONE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}
RANKED = ("ours", "HGB", "LightGBM", "forest", *TORCH)
NO_TABPACK = "left out: tabpackage 0.0.1.dev0 on the index holds no code"
TAIL, INSIDE = 0.05, 0.90
MIDDLE, LARGE = (4_000, 7_500), (45_000, 50_000)


def options() -> argparse.Namespace:
    """Take our own options; the rest is for `bench.main`."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--half", choices=("development", "sealed"), default="development")
    parser.add_argument("--tables", nargs="*")
    parser.add_argument("--kept", action="store_true", help="peers that have not been run yet are left out")
    parser.add_argument("--before", default="HEAD")
    parser.add_argument("--replications", default="300")
    known, sys.argv[1:] = parser.parse_known_args()
    return known


# ------------------------------------------------------------------------------------------------------ a first result


def first() -> Iterator[bench.Row]:
    """New processes on 500 x 10: an empty cache, then the warm one; other sizes of the same bucket compile nothing."""
    for kind in ("regressor", "classifier", "quantiles"):
        with tempfile.TemporaryDirectory() as folder:
            run = functools.partial(
                bench.in_fresh_process, "tables_first.py", kind, environment=ONE_THREAD | {"CETERIS_CACHE": folder}
            )
            cold = run()["first"]
            warm = statistics.median(run()["first"] for _ in range(3))
        whole = bench.in_fresh_process("tables_first.py", kind, "whole", environment=ONE_THREAD)
        yield bench.at_most(f"{kind}: new process, empty cache", cold, "CPU s", 6)
        yield bench.at_most(f"{kind}: new process, warm cache", warm, "CPU s", 2.5)
        yield bench.at_most(f"{kind}: second fit, another n", whole["second"], "CPU s", 0.6)
        for name, compiled in (("second fit", "compiled"), ("19 more folds of 450 to 520 rows", "folds_compiled")):
            seen = ", ".join(sorted(set(whole[compiled])))[:80]
            yield bench.at_most(f"{kind}: programs compiled in {name}", len(whole[compiled]), "programs", 0, seen)


# ---------------------------------------------------------------------------------------------- accuracy on the tables


def chosen() -> list[dict]:
    return [one for one in tables_sides.about(GIVEN.half) if one["name"] in (GIVEN.tables or [one["name"]])]


@functools.cache
def ours(table: str, what: str) -> dict:
    """Our record, run now; what ends with an error is said and ends the benchmark."""
    record = tables_sides.run("ours", table, what)
    if "left_out" in record:
        raise RuntimeError(f"ours on {table}: {record['left_out']}")
    return record


def losses(side: str, table: str, what: str) -> np.ndarray:
    with np.load(tables_sides.losses(side, table, what)) as rows:
        return rows["loss"]


def standard_errors_worse(side: str, table: str, what: str) -> float:
    """By how many standard errors of the paired difference our loss is above that of a side."""
    gap = losses("ours", table, what) - losses(side, table, what)
    error = gap.std(ddof=1) / math.sqrt(len(gap))
    return float(gap.mean() / error) if error > 0 else math.copysign(math.inf, gap.mean()) if gap.mean() else 0.0


def records_of(one: dict, what: str) -> dict[str, dict]:
    """What every side says of a table: those with figures."""
    sides = [side for side in (*CHEAP, *TORCH) if what in tables_sides.kinds(one, side)]
    kept = tables_sides.peers([one], sides, (what,), only_kept=GIVEN.kept)
    found = {side: record for (side, _, _), record in kept.items() if "left_out" not in record}
    return {"ours": ours(one["name"], what)} | found


def score_of(one: dict, what: str) -> str:
    return "pinball" if what == "quantiles" else "rmse" if one["task"] == "regression" else "log_loss"


def ranks(scores: dict[str, float]) -> dict[str, float]:
    """1 for the lowest; sides with equal scores share the mean of their ranks."""
    values = np.array([scores[side] for side in scores])
    return {
        side: float(1 + np.sum(values < score) + (np.sum(values == score) - 1) / 2) for side, score in scores.items()
    }


def accuracy() -> Iterator[bench.Row]:
    """One fifth of each table: errors and log losses, ranks, against ridge and logistic, best or tied."""
    each, tied = {side: [] for side in RANKED}, {"log_loss": [], "pinball": []}
    for one in chosen():
        for what in tables_sides.kinds(one, "ours"):
            found, score = records_of(one, what), score_of(one, what)
            scores = {side: record[score] for side, record in found.items()}
            peer = ", ".join(f"{side} {value:.4g}" for side, value in scores.items() if side != "ours")
            yield bench.Row(f"{one['name']}: {score}", scores["ours"], "", peer=peer)
            if what == "mean":
                for side, rank in ranks({side: scores[side] for side in RANKED if side in scores}).items():
                    each[side].append(rank)
                worse = standard_errors_worse("linear", one["name"], what)
                yield bench.at_most(f"{one['name']}: ours above linear", worse, "se", 1.0)
            if score in tied:
                rivals = [side for side in scores if side != "ours"]
                tied[score].append(max(standard_errors_worse(side, one["name"], what) for side in rivals) <= 1)
    yield from summary(each, tied)


def summary(each: dict[str, list[float]], tied: dict[str, list[bool]]) -> Iterator[bench.Row]:
    means = {side: float(np.mean(found)) for side, found in each.items() if found}
    peer = ", ".join(f"{side} {mean:.2f} ({len(each[side])} tables)" for side, mean in means.items() if side != "ours")
    best = min(mean for side, mean in means.items() if side != "ours")
    yield bench.at_most("mean rank", means["ours"], "rank", best, peer)
    for score, found in tied.items():
        if found:
            yield bench.at_least(f"share of tables, {score} best or tied", float(np.mean(found)), "share", 2 / 3)
    yield bench.Row("TabPack", math.nan, "", peer=NO_TABPACK)


# --------------------------------------------------------------------------------------------- quantiles and intervals


def allowance(share: float, rows: int) -> float:
    """Two standard errors of a share in percentage points: what chance alone does on one table."""
    return 200 * math.sqrt(share * (1 - share) / rows)


def intervals() -> Iterator[bench.Row]:
    """Tails of quantiles and 90 % intervals of the test rows; the bar of one table allows for two standard errors."""
    gaps = {"below": [], "above": [], "inside": []}
    for one in chosen():
        if one["task"] != "regression":
            continue
        tails, mean = records_of(one, "quantiles"), ours(one["name"], "mean")
        rows = len(losses("ours", one["name"], "quantiles"))
        for side in ("below", "above", "inside"):
            nominal, points = (INSIDE, 2.0) if side == "inside" else (TAIL, 1.5)
            share = (mean if side == "inside" else tails["ours"])[side]
            gaps[side].append(100 * (share - nominal))
            peers = "" if side == "inside" else ", ".join(f"{s} {r[side]:.3f}" for s, r in tails.items() if s != "ours")
            bar = points + allowance(nominal, rows)
            yield bench.at_most(
                f"{one['name']}: |{side} - {nominal}|, {share:.3f}", abs(gaps[side][-1]), "points", bar, peers
            )
    for side, found in gaps.items():
        yield bench.at_most(
            f"mean over tables: |{side}|", abs(float(np.mean(found))), "points", 2 if side == "inside" else 1.5
        )


# ------------------------------------------------------------------------------------------------------------- seconds


def cpu() -> Iterator[bench.Row]:
    """CPU seconds of a fit, compiled before, against boosting on the same rows, run now."""
    for one in chosen():
        for (low, high), bar in ((MIDDLE, 10), (LARGE, 4)):
            if low <= one["rows"] <= high:
                mine, peer = ours(one["name"], "mean")["cpu_warm"], tables_sides.run("HGB", one["name"])["cpu_warm"]
                seconds = f"{mine:.2f} against {peer:.2f} CPU s"
                yield bench.at_most(
                    f"{one['name']} ({one['rows']} rows): ours / HGB", mine / peer, "ratio", bar, seconds
                )


# ---------------------------------------------------------------------------------------------------- causal nuisances


def before(*arguments: str) -> dict:
    """What `causal_one.py` says in the commit before, in a work tree that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "before"
        git = ["git", "-C", str(ROOT), "worktree"]
        subprocess.run([*git, "add", "--detach", str(place), GIVEN.before], check=True, capture_output=True)
        try:
            return causal_one(place, *arguments)
        finally:
            subprocess.run([*git, "remove", "--force", str(place)], check=True, capture_output=True)


def causal_one(root: Path, *arguments: str) -> dict:
    command = [sys.executable, str(root / "benchmarks" / "causal_one.py"), *arguments]
    environment = {**os.environ, **ONE_THREAD, "PYTHONPATH": str(root / "src"), "CETERIS_CACHE": "off"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=root)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def nuisances() -> Iterator[bench.Row]:
    """A warm fit on 10,000 rows with the nets of this checkout against those of the commit before."""
    for model in ("partially", "interactive"):
        new, old = causal_one(ROOT, "fits", "net", model), before("fits", "net", model)
        fit = ", ".join(
            f"{name} {value:.3f} ({old['fit'].get(name, math.nan):.3f})" for name, value in new["fit"].items()
        )
        seconds = f"{new['seconds']:.2f} against {old['seconds']:.2f} CPU s"
        yield bench.at_most(f"{model}: warm fit / before", new["seconds"] / old["seconds"], "ratio", 0.5, seconds)
        yield bench.Row(f"{model}: first fit", new["first"], "CPU s", peer=f"before {old['first']:.2f}")
        yield bench.Row(f"{model}: R2 of nuisances", statistics.mean(new["fit"].values()), "R2", peer=f"{fit} (before)")


def coverage() -> Iterator[bench.Row]:
    """Coverage of 95 % intervals with the default learners, now and before, up to two Monte Carlo errors."""
    for design in ("partially linear", "interactive, ATE"):
        new, old = (
            run("coverage", design, GIVEN.replications) for run in (functools.partial(causal_one, ROOT), before)
        )
        least = old["coverage"] - 2 * math.hypot(new["error"], old["error"])
        peer = f"before {old['coverage']:.3f}; {new['seconds']:.0f} against {old['seconds']:.0f} CPU s"
        yield bench.at_least(f"{design}: coverage", new["coverage"], "share", least, peer)


if __name__ == "__main__":
    GIVEN = options()
    sections = {f.__name__: f for f in (first, accuracy, intervals, cpu, nuisances, coverage)}
    if not any(word.startswith("--only") for word in sys.argv):
        del sections["coverage"]
    bench.main(sections, f"tables_{GIVEN.half}.py")
