"""What all benchmarks share: a measured row, a table, JSON lines, the machine, and results on disk.

Each script is run as ``python benchmarks/NAME.py [--json] [--only ROW] [--save]``; ``--save`` writes the full run to
``benchmarks/results/NAME.json``, the machine it ran on in its first line.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Row:
    """One measured figure, the bar it is held against (None: reported only), and the peer's figure."""

    name: str
    value: float
    unit: str
    bar: float | None = None
    ok: bool | None = None
    peer: str = ""


def at_most(name: str, value: float, unit: str, bar: float, peer: str = "") -> Row:
    return Row(name, value, unit, bar, bool(value <= bar), peer)


def at_least(name: str, value: float, unit: str, bar: float, peer: str = "") -> Row:
    return Row(name, value, unit, bar, bool(value >= bar), peer)


def machine() -> dict[str, Any]:
    packages = {name: version(name) for name in ("jax", "numpy", "scikit-learn", "equinox", "optax")}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory, 1),
        "load_before": os.getloadavg()[0],
        "python": platform.python_version(),
        **packages,
        **_accelerator(),
    }


def _accelerator() -> dict[str, Any]:
    """Name the GPU, if JAX was started and found one."""
    device = sys.modules["jax"].devices()[0] if "jax" in sys.modules else None
    return {} if device is None or device.platform == "cpu" else {"accelerator": device.device_kind}


def main(benchmarks: dict[str, Callable[[], Iterable[Row]]], file: str) -> None:
    """Run the benchmarks asked for; print a table, or with ``--json`` one object per line."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", choices=list(benchmarks))
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    about, rows = machine(), []
    for name, measure in benchmarks.items():
        if options.only not in (None, name):
            continue
        for row in measure():
            rows.append(row)
            print(_json(row) if options.json else _line(row), flush=True)
    if options.save and options.only is None:
        path = Path(__file__).parent / "results" / f"{Path(file).stem}.json"
        path.write_text("\n".join([json.dumps(about), *map(_json, rows)]) + "\n")


def _json(row: Row) -> str:
    """One object; a value that is not finite, which JSON does not know, is null."""
    said = asdict(row) | {"ok": True if row.bar is None else row.ok}
    return json.dumps(said | ({} if math.isfinite(row.value) else {"value": None}))


def _line(row: Row) -> str:
    verdict = {True: "met", False: "NOT MET", None: ""}[row.ok]
    bar = "" if row.bar is None else f"(bar {row.bar:g})"
    return f"{row.name:58} {row.value:12.4g} {row.unit:10} {bar:14} {verdict:8} {row.peer}"


def cpu_seconds(work: Callable[[], Any], repeats: int = 3) -> float:
    """Return the median CPU time of several runs, all threads counted."""
    times = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return statistics.median(times)


def in_fresh_process(script: str, *arguments: str, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a script of this folder in a new interpreter; it prints one JSON object as its last line."""
    command = [sys.executable, str(Path(__file__).parent / script), *arguments]
    done = subprocess.run(command, env={**os.environ, **(environment or {})}, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])
