"""Runs sides on tables, each in a process of its own, and keeps what they said: the part that takes long.

    python benchmarks/tables_sides.py --sides HGB LightGBM --half sealed     # what is kept already is not run again

Peers run in an environment of their own, whose interpreter `CETERIS_TABLES_PYTHON` names (`.venv-tables/bin/python` in
the root unless said); tables and losses of test rows are in the folder `CETERIS_TABLES` (`.cache/tables`). What peers
say goes to `results/tables_peers.json`, one line for each side, table and kind of prediction.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
FOLDER = Path(os.environ.get("CETERIS_TABLES", ROOT / ".cache" / "tables"))
PYTHON = os.environ.get("CETERIS_TABLES_PYTHON", str(ROOT / ".venv-tables" / "bin" / "python"))
KEPT = HERE / "results" / "tables_peers.json"
CHEAP = ("HGB", "LightGBM", "forest", "linear")
TORCH = ("RealMLP", "TabM")
WITH_QUANTILES = ("HGB", "LightGBM", "RealMLP")
KINDS = ("mean", "quantiles")
MOST_MINUTES = 20

Record = dict


def about(half: str) -> list[dict]:
    """What is known of the tables of a half, the smallest first; they are written when there are none yet."""
    if not (FOLDER / half).is_dir():
        if not Path(PYTHON).exists():
            raise SystemExit(
                f"CETERIS_TABLES_PYTHON is {PYTHON}, which is not there, but must be the interpreter of an environment "
                "with benchmarks/requirements-tables.txt; make one, and name it."
            )
        subprocess.run([PYTHON, str(HERE / "tables_data.py"), str(FOLDER)], check=True, stdout=subprocess.DEVNULL)
    known = [json.loads(path.read_text()) for path in (FOLDER / half).glob("*.json")]
    return sorted(known, key=lambda one: one["rows"] * one["columns"])


def kinds(one: dict, side: str) -> tuple[str, ...]:
    quantiles = one["task"] == "regression" and (side == "ours" or side in WITH_QUANTILES)
    return KINDS if quantiles else KINDS[:1]


def key(record: Record) -> tuple[str, str, str]:
    return record["side"], record["table"], record["what"]


def kept() -> dict[tuple[str, str, str], Record]:
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    return {key(record): record for record in map(json.loads, lines)}


def keep(record: Record) -> None:
    """Enter a record, in place of an older one of the same side, table and kind."""
    all_of_them = sorted((kept() | {key(record): record}).values(), key=key)
    KEPT.write_text("".join(json.dumps(one) + "\n" for one in all_of_them))


def limit() -> None:
    seconds = 60 * MOST_MINUTES
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 5))


def run(side: str, table: str, what: str = "mean", seconds: int | None = None) -> Record:
    """One side on one table; a record without figures says why there are none."""
    python = sys.executable if side == "ours" else PYTHON
    command = [python, str(HERE / "tables_one.py"), side, table, what, str(FOLDER)]
    limited = limit if side in TORCH else None
    try:
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=limited, timeout=seconds)
    except FileNotFoundError:
        return {"side": side, "table": table, "what": what, "left_out": f"no interpreter at {python}"}
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return {"side": side, "table": table, "what": what, "left_out": f"over {MOST_MINUTES} CPU-min"}
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1:] or [f"ended with {done.returncode}"]
        return {"side": side, "table": table, "what": what, "left_out": why[0][:300]}
    found = json.loads(done.stdout.splitlines()[-1])
    return {name: float(f"{value:.6g}") if isinstance(value, float) else value for name, value in found.items()}


def losses(side: str, table: str, what: str) -> Path:
    return FOLDER / "losses" / f"{side}-{table}-{what}.npz"


def is_there(wanted: tuple[str, str, str]) -> bool:
    """Whether a peer's record is kept, and the losses of its test rows lie here."""
    found = kept().get(wanted)
    return found is not None and ("left_out" in found or losses(*wanted).exists())


def peers(
    tables: Iterable[dict], sides: Iterable[str], what: Iterable[str] = KINDS, only_kept: bool = False
) -> dict[tuple[str, str, str], Record]:
    """Records of peers; those that are not there are run now, or with `only_kept` left out."""
    wanted = [
        (side, one["name"], kind) for side in sides for one in tables for kind in kinds(one, side) if kind in what
    ]
    for one in wanted:
        if not only_kept and not is_there(one):
            record = run(*one)
            keep(record)
            print(json.dumps(record), file=sys.stderr, flush=True)
    everything = kept()
    return {one: everything[one] for one in wanted if is_there(one)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--sides", nargs="+", default=CHEAP + TORCH)
    parser.add_argument("--what", nargs="+", default=KINDS)
    parser.add_argument("--half", nargs="+", default=("sealed", "development"))
    parser.add_argument("--only", nargs="*", help="names of tables")
    parser.add_argument("--rows", type=int, default=10**9, help="at most so many rows")
    given = parser.parse_args()
    for half in given.half:
        chosen = [
            one for one in about(half) if one["rows"] <= given.rows and one["name"] in (given.only or [one["name"]])
        ]
        peers(chosen, given.sides, given.what)
