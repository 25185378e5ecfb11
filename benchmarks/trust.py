"""Whether answers can be trusted when things go wrong: kills, damaged files, hostile text, learners, intervals.

``kills``: every command is ended at twelve random moments, one after the other, by Ctrl-C, SIGTERM or SIGKILL, half of
them while a file is being written, and then left to end. What it leaves must equal what an undisturbed run leaves, with
nothing beside it. ``fuzz``, ``text`` and ``learners`` are the tests' own tools with larger budgets. How intervals cover
is in `intervals.py`.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd

import bench

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

MOMENTS = 12
MUTATIONS = 220  # of every kind of file: over 3,000 in all
STRINGS = 300
CODES = {
    signal.SIGINT: (130, -signal.SIGINT),
    signal.SIGTERM: (143, -signal.SIGTERM),
    signal.SIGKILL: (-signal.SIGKILL,),
}
PROGRAM = [sys.executable, "-c", "from ceteris.cli import main; main()"]


def commands(folder: Path) -> dict[str, list[str]]:
    """Every command that writes, on small data that are made here."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 3))
    table = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=x[:, 0] + 0.1 * rng.normal(size=120))
    table.round(3).to_csv(folder / "table.csv", index=False)
    table.mask(rng.uniform(size=table.shape) < 0.1).round(3).to_csv(folder / "holes.csv", index=False)
    words = rng.choice([f"word{i}" for i in range(40)], (400, 12))
    (folder / "text.txt").write_text("\n".join(" ".join(line) for line in words))
    return {
        "solve": ["solve", "growth", "--tolerance", "1e-7"],
        "fit": ["fit", str(folder / "table.csv"), "--target", "y"],
        "gallery": ["gallery", "curves", "--quick"],
        "impute": ["impute", str(folder / "holes.csv"), "-m", "2", "--no-check"],
        "embed": ["embed", str(folder / "text.txt"), "--dimensions", "8", "--epochs", "2", "--least", "1"],
        "synthesize": ["synthesize", str(folder / "table.csv"), "--steps", "60"],
        "demo": ["demo"],
    }


def kills():
    """Rows by command: moments survived, and whether the result is that of an undisturbed run."""
    with tempfile.TemporaryDirectory() as folder:
        for name, words in commands(Path(folder)).items():
            whole, killed = Path(folder) / f"{name}-whole", Path(folder) / f"{name}-killed"
            begun = time.monotonic()
            subprocess.run([*PROGRAM, *words, "--out", str(whole)], capture_output=True)
            seconds = time.monotonic() - begun
            moments, good, said, others = random.Random(name), 0, Counter(), set()
            for i in range(MOMENTS):
                how = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[i % 3]
                what = ended([*PROGRAM, *words, "--out", str(killed)], killed, how, moments, seconds, i % 2 == 1)
                good += what in ("in good order", "killed", "had ended")
                said[what] += 1
                if what == "had ended":  # before its moment came: compare, and begin anew
                    others |= set(differing(whole, killed))
                    shutil.rmtree(killed)
            subprocess.run([*PROGRAM, *words, "--out", str(killed)], capture_output=True)
            others |= set(differing(whole, killed))
            peer = ", ".join(f"{n} {what}" for what, n in said.items()) + f"; {seconds:.0f} s undisturbed"
            of = f"of {MOMENTS}"
            yield bench.at_least(f"{name}: ended at random moments, in good order", good, of, MOMENTS, peer)
            yield bench.at_most("  files unlike those undisturbed", len(others), "files", 0, ", ".join(sorted(others)))
            yield bench.at_most("  files left over", len(leftovers(killed)), "files", 0)


def ended(command: list[str], out: Path, how: int, moments: random.Random, seconds: float, writing: bool) -> str:
    """Start a command, end it at a random moment, or when it next writes after that; say how it took it."""
    begun = time.time()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    moment = time.monotonic() + moments.uniform(0.05, 0.95) * seconds
    while process.poll() is None and time.monotonic() < moment + 60:
        if time.monotonic() > moment and (not writing or any(out.rglob(".*.part"))):
            break
        time.sleep(0.001 if time.monotonic() > moment else 0.02)
    if process.poll() is not None:
        process.communicate()
        return "had ended" if process.returncode in (0, 1) else f"ended with code {process.returncode}"
    process.send_signal(how)
    _, error = process.communicate(timeout=300)
    if process.returncode not in CODES[how]:
        return "had ended" if process.returncode in (0, 1) else f"ended with code {process.returncode}"
    if how == signal.SIGKILL:
        return "killed"
    run = out / "run.json"
    own = run.exists() and run.stat().st_mtime >= begun  # else it ended before it began a run of its own
    facts = json.loads(run.read_text()) if own else {"status": "interrupted"}
    if "Traceback" in error or (process.returncode > 0 and "Stopped by" not in error):
        return "without a sentence"
    # a signal before Python has come to the command's first line finds no run of its own
    return "in good order" if facts["status"] != "running" or process.returncode < 0 else "still called running"


def content(path: Path):
    """What must be equal: numbers and texts, not times and machines."""
    if path.suffix == ".safetensors":
        from safetensors.numpy import load_file

        return {name: array.tobytes() for name, array in load_file(path).items()}
    if path.suffix in (".csv", ".txt"):
        return path.read_bytes() if "seconds" not in path.read_text() else None
    return None


def differing(whole: Path, killed: Path) -> list[str]:
    """Files of an undisturbed run that are missing, or hold something else."""
    names = [path.relative_to(whole) for path in sorted(whole.rglob("*")) if path.is_file()]
    same = lambda name: (killed / name).is_file() and content(whole / name) == content(killed / name)
    return [str(name) for name in names if not same(name)]


def leftovers(folder: Path) -> list[Path]:
    """Temporary files and locks."""
    return [path for path in folder.rglob("*") if path.suffix == ".part" or path.name == ".lock"]


def fuzz():
    """Counts by kind of file; anything but a sentence or the same numbers is bad."""
    from fuzz import GOOD, KINDS, fuzz

    for kind in KINDS:
        found = fuzz(kind, MUTATIONS, seed=1)
        bad = sum(n for what, n in found.items() if what not in GOOD)
        yield bench.at_most(f"{kind}: neither a sentence nor the same", bad, f"of {MUTATIONS}", 0,
                            ", ".join(f"{n} {what}" for what, n in found.items()))  # fmt: skip


def text():
    """Hostile strings by outlet."""
    from hostile import hostile_strings, outlets

    strings = hostile_strings(STRINGS, seed=1)
    for name, check in outlets().items():
        bad, first = 0, ""
        asked = strings[:60] if name == "figure" else strings  # a figure takes a tenth of a second
        for each in asked:
            try:
                check(each)
            except Exception as error:
                bad, first = bad + 1, first or f"{each[:20]!r}: {error!r:.80}"
        yield bench.at_most(f"{name}: hostile strings that come out wrong", bad, f"of {len(asked)}", 0, first)


def learners():
    """Every causal estimator with a scikit-learn ensemble, or a pipeline, in every role."""
    from learner_table import rows

    table = list(rows())
    bad = [row for row in table if row["result"] != "ok"]
    roles = len({(row["estimator"], row["role"]) for row in table})
    said = "; ".join(" ".join(row.values()) for row in bad)[:200]
    yield bench.at_most(f"learners refused by an estimator, {roles} roles", len(bad), f"of {len(table)}", 0, said)


def questions():
    """A work folder of one question asked with another: how many of the changes are refused."""
    import ceteris.equilibrium as eq
    from ceteris.equilibrium.models.growth import Growth

    short = [eq.Polish(states=20, steps=1)]
    with tempfile.TemporaryDirectory() as folder:
        eq.solve(Growth(), phases=short, tolerance=1e-12, out=folder)
        others = {
            "beta": {"model": Growth(beta=0.9)}, "activation": {"activation": "relu"}, "widths": {"widths": (8,)},
            "tolerance": {"tolerance": 1e-3}, "seed": {"seed": 1}, "precision": {"precision": "single"},
            "expectation": {"expectation": eq.GaussHermite(3)}, "phases": {"phases": 2 * short},
        }  # fmt: skip
        taken = []
        for name, changes in others.items():
            asked = {"model": Growth(), "phases": short, "tolerance": 1e-12, **changes}
            try:
                eq.solve(asked.pop("model"), out=folder, **asked)
                taken.append(name)
            except ValueError:
                pass
    yield bench.at_most(
        "other questions that a work folder takes", len(taken), f"of {len(others)}", 0, ", ".join(taken)
    )


PARTS = {"questions": questions, "text": text, "fuzz": fuzz, "learners": learners, "kills": kills}

if __name__ == "__main__":
    os.environ.setdefault("MPLBACKEND", "agg")
    bench.main(PARTS, __file__)
