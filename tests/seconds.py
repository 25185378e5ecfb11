"""A pytest plug-in that says what the tests cost: CPU seconds by package and file, and which test is too dear.

Seconds are user and system time of the process that runs a test and of the processes it waited for, so that they are
the same on a busy machine and on a quiet one, with workers and without. `--record FILE` writes the figures down.
"""

import datetime
import json
import os
import platform
import subprocess
import time
from collections import Counter, defaultdict
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest

BUDGET = 120.0  # of a package, without what is marked slow
BUDGETS = {"causal": 240.0}  # two domains: averages, and effects that differ
DEAR = 10.0  # a test that takes longer is to be marked slow
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")


def pytest_addoption(parser):
    parser.addoption("--record", metavar="FILE", help="write date, commit, machine, counts and CPU seconds to a file")


def pytest_configure(config):
    config.pluginmanager.register(Seconds(config), "ceteris-seconds")


def cpu() -> float:
    """Return the CPU seconds of this process so far, and of its children that have ended."""
    return sum(os.times()[:4])


def package(file: str) -> str:
    """Return the part of the library that a test file, or a file with doctests, belongs to."""
    parts = PurePosixPath(file).parts
    parts = parts[2:] if parts[:2] == ("src", "ceteris") else parts[1:]
    return parts[0] if len(parts) > 1 else "top level"


class Seconds:
    """Measures each test where it runs; adds up, prints and records where the run is reported."""

    def __init__(self, config):
        self.config = config
        self.begun = time.perf_counter()
        self.fast, self.slow = Counter(), Counter()  # CPU seconds by file
        self.dear = {}
        self.workers = 0.0  # CPU seconds of the workers' processes, importing and collecting included

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        self.start = cpu()
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item, call):
        report = yield
        if call.when == "teardown":
            report.user_properties.append(("cpu", cpu() - self.start))
        return report

    def pytest_runtest_logreport(self, report):
        if report.when != "teardown":
            return
        seconds, file = dict(report.user_properties)["cpu"], report.nodeid.split("::")[0]
        if "slow" in report.keywords:
            self.slow[file] += seconds
            return
        self.fast[file] += seconds
        if seconds > DEAR:
            self.dear[report.nodeid] = seconds

    def pytest_sessionfinish(self):
        if hasattr(self.config, "workeroutput"):
            self.config.workeroutput["cpu"] = cpu()

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node):
        self.workers += getattr(node, "workeroutput", {}).get("cpu", 0.0)

    def all_processes(self) -> float:
        """Return the CPU seconds of the whole run; workers, where there are any, are this process's children."""
        return sum(os.times()[:2]) + self.workers if self.workers else cpu()

    def pytest_terminal_summary(self, terminalreporter):
        packages, whole = by_package(self.fast, self.slow), self.all_processes()
        if not packages:
            return
        others = whole - self.fast.total() - self.slow.total()
        terminalreporter.section("CPU seconds")
        terminalreporter.write_line(f"{'':36}{'budget':>10}{'not slow':>10}{'slow':>10}")
        for name, (fast, slow) in sorted(packages.items(), key=lambda entry: -entry[1][0]):
            budget = BUDGETS.get(name, BUDGET)
            over = "  over its budget" if fast > budget else ""
            terminalreporter.write_line(f"{name:36}{budget:10.0f}{fast:10.1f}{slow:10.1f}{over}")
        terminalreporter.write_line(f"{'importing and collecting':46}{others:10.1f}")
        terminalreporter.write_line(f"{'all':46}{self.fast.total() + others:10.1f}{self.slow.total():10.1f}")
        for title, files in ("dearest files", self.fast), ("dearest files, slow tests", self.slow):
            if files:
                listed = "\n".join(f"  {seconds:8.1f}  {file}" for file, seconds in files.most_common(10))
                terminalreporter.write_line(f"{title}:\n{listed}")
        for test, seconds in self.dear.items():
            terminalreporter.write_line(f"over {DEAR:.0f} CPU-seconds and not marked slow: {test} ({seconds:.1f})")
        if path := self.config.getoption("--record"):
            counts = {kind: len(terminalreporter.stats.get(kind, ())) for kind in OUTCOMES}
            seconds = {"wall": time.perf_counter() - self.begun, "cpu": whole}
            Path(path).write_text(json.dumps(self.record(counts, seconds, packages), indent=1) + "\n")

    def record(self, counts: dict, seconds: dict, packages: dict) -> dict:
        return {
            "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": commit(self.config.rootpath),
            "machine": {"machine": platform.machine(), "cores": os.cpu_count(), "python": platform.python_version()}
            | {name: version(name) for name in ("jax", "numpy", "scikit-learn")},
            "workers": self.config.getoption("numprocesses", None) or 1,
            "tests": {kind: count for kind, count in counts.items() if count},
            "seconds": {kind: round(value, 1) for kind, value in seconds.items()},
            "cpu_seconds": {
                name: {"not slow": round(fast, 1), "slow": round(slow, 1)}
                for name, (fast, slow) in sorted(packages.items())
            },
        }


def by_package(fast: Counter, slow: Counter) -> dict[str, list[float]]:
    """Add up the seconds of files by package: without slow tests, and of slow tests."""
    sums = defaultdict(lambda: [0.0, 0.0])
    for place, files in enumerate((fast, slow)):
        for file, seconds in files.items():
            sums[package(file)][place] += seconds
    return dict(sums)


def commit(root: Path) -> str:
    """Return the commit that was tested, and whether files differed from it."""
    git = lambda *words: subprocess.run(["git", *words], cwd=root, capture_output=True, text=True).stdout.strip()
    changed = " with changes" if git("status", "--porcelain", "--untracked-files=no") else ""
    return (git("rev-parse", "--short", "HEAD") or "unknown") + changed
