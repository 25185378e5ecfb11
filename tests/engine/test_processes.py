"""Two processes of two devices each, joined by a socket, do what one process with one device does."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import fit

pytestmark = pytest.mark.slow
ROUNDING = 1e-6  # sums of 64 losses of order 1 in another order: a few units in the last place of single precision


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each process of two_processes.py found, what it said on the way, and the folder they wrote to."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    command = [sys.executable, str(Path(__file__).with_name("two_processes.py")), address]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([*command, str(i), str(folder)], **options) for i in range(2)]
    outcomes = [child.communicate(timeout=400) for child in children]
    assert [child.returncode for child in children] == [0, 0], "\n".join(err[-3000:] for _, err in outcomes)
    # Gloo prints to stdout too
    lines = [[line for line in out.splitlines() if line.startswith("{")] for out, _ in outcomes]
    return [json.loads(line) for (line,) in lines], [err for _, err in outcomes], folder


@pytest.fixture(scope="module")
def whole():
    """The run of one process with one device."""
    return fit(recipes.supervised(), jr.key(0), steps=25, every=5).history["loss"]


@pytest.mark.parametrize(("axis", "share"), [("data", 1.0), ("weights", 0.25)])
def test_joined_processes_give_the_losses_of_one_across_a_checkpoint(two, whole, axis, share):
    first, second = (found[axis] for found in two[0])
    np.testing.assert_allclose(first["losses"], whole[:20], atol=ROUNDING)
    assert first["losses"] == second["losses"]
    assert first["share"] == second["share"] == share
    assert first["tick"] == second["tick"] == 10
    assert first["spread"] > 0, "some weights must lie on both"


def test_the_first_process_writes_and_the_file_loads_in_one(two, whole):
    _, said, folder = two
    names = {"data", "run", "run.history", "weights", "board-0"}  # a history of its own from the second checkpoint on
    assert {path.name for path in folder.iterdir()} == names
    assert "20 of 20 steps" in said[0]
    assert "steps/s" in said[0]
    assert "steps" not in said[1]
    for path in (folder / "data", folder / "run"):
        resumed = fit(recipes.supervised(), jr.key(0), steps=25, every=5, resume=path)
        np.testing.assert_allclose(resumed.history["loss"], whole, atol=ROUNDING)


def test_processes_that_disagree_are_told_so(two):
    for found in two[0]:
        assert found["disagreement"].startswith(
            "fit: the processes disagree: steps, every and the first step are [[5, 100, 0], [6, 100, 0]]"
        )


def test_where_the_first_cannot_write_the_second_is_told(two):
    first, second = two[0]
    assert first["refused"].endswith(
        "cannot be written (it is a folder); give a folder you may write to, with space left."
    )
    assert second["refused"] == "the first process could not write; see what it says"
