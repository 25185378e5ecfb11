"""Two processes with one device each, joined by a socket, do what one process with one device does."""

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

ROUNDING = 1e-6  # sums of 64 losses of order 1 in another order, in single precision


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What each process of joined_processes.py printed, and the folder they wrote to."""
    folder = tmp_path_factory.mktemp("two")
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    command = [sys.executable, str(Path(__file__).with_name("joined_processes.py"))]
    start = lambda i: subprocess.Popen(
        [*command, str(i), port, str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    said = [child.communicate() for child in [start(0), start(1)]]
    lines = [[line for line in out.splitlines() if line.startswith("{")] for out, _ in said]  # Gloo prints there too
    assert all(lines), "\n".join(err[-3000:] for _, err in said)
    return [json.loads(line) for (line,) in lines], [err for _, err in said], folder


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "share"), [("data", 1.0), ("weights", 0.5)])
def test_joined_processes_give_the_losses_of_one_across_a_checkpoint(two, axis, share):
    one = fit(recipes.supervised(), jr.key(0), steps=20, every=5).history["loss"]
    for found in two[0]:
        np.testing.assert_allclose(found[axis]["losses"], one, atol=ROUNDING)
        assert found[axis]["share"] == share


@pytest.mark.slow
def test_the_first_process_writes_and_the_file_loads_in_one(two):
    _, said, folder = two
    assert "steps/s" in said[0]
    assert "steps/s" not in said[1]
    whole = fit(recipes.supervised(), jr.key(0), steps=25, every=5)
    resumed = fit(recipes.supervised(), jr.key(0), steps=25, every=5, resume=folder / "weights")
    np.testing.assert_allclose(resumed.history["loss"], whole.history["loss"], atol=ROUNDING)


@pytest.mark.slow
def test_processes_that_disagree_are_told_so(two):
    for found in two[0]:
        assert found["disagreement"].startswith(
            "fit: the processes disagree: steps, every and the first step are [[5, 100, 0], [6, 100, 0]]"
        )
