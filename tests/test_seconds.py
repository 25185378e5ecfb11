"""The plug-in that counts CPU seconds: what it prints and writes for a run whose costs are known."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = """
import subprocess, sys, time
import pytest

BURN = "import time\\nwhile time.process_time() < 0.5: pass"

def test_here():
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass

@pytest.mark.slow
def test_in_a_child():
    subprocess.run([sys.executable, "-c", BURN], check=True)

def test_idle():
    time.sleep(0.5)
"""


@pytest.mark.parametrize("workers", ["0", "2"])
def test_seconds_are_those_burnt(tmp_path, workers):
    folder = tmp_path / "tests" / "burning"
    folder.mkdir(parents=True)
    (tmp_path / "tests" / "conftest.py").write_text(
        "import seconds\n"
        "seconds.DEAR = 0.4\n"
        "seconds.BUDGET = 0.4\n"
        'pytest_plugins = ["seconds"]\n'
        'pytest_configure = lambda config: config.addinivalue_line("markers", "slow: ")\n'
    )
    (folder / "test_burning.py").write_text(TESTS)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", workers, "--record", "record.json", "tests"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "over its budget" in done.stdout
    assert "over 0 CPU-seconds and not marked slow: tests/burning/test_burning.py::test_here" in done.stdout
    record = json.loads((tmp_path / "record.json").read_text())
    assert record["tests"] == {"passed": 3}
    assert record["workers"] == int(workers) or 1
    fast, slow = record["cpu_seconds"]["burning"].values()
    # what was burnt, and at most half a second to start Python and to measure; sleeping costs nothing
    assert 0.5 <= fast < 1.0
    assert 0.5 <= slow < 1.0
    # up to three processes start Python and pytest, which takes one of them less than a second
    assert fast + slow < record["seconds"]["cpu"] < fast + slow + 3
