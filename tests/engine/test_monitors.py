"""Who looks on between chunks, whatever ends the run: signals, errors within a chunk; and a model on many devices."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import AbstractAlgorithm, Checkpoint, State, fit, load_weights
from ceteris.files import read_arrays

TESTS = str(Path(recipes.__file__).parent)


class Walk(AbstractAlgorithm):
    """Adds one to every weight; ``broken`` is the step at which the computation itself fails."""

    size: int
    broken: int = 10**9

    def init(self, key, model=None):
        return State({"w": jnp.zeros(self.size)}, jnp.zeros(3), jnp.zeros(3))

    def step(self, state, key, feed):
        jax.debug.callback(self._fail_at, state.optimiser[0])
        model = {"w": state.model["w"] + 1}
        return State(model, state.optimiser + 1, state.sampler + 1), {"loss": model["w"][0]}

    def evaluate(self, state, key):
        return {}

    def _fail_at(self, step):
        if step >= self.broken:
            raise RuntimeError("the machine broke")


def started(script, *arguments):
    # a child of a job in the background would not hear Ctrl-C
    hears = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code = f"{hears}; sys.path[:0] = [{TESTS!r}, {TESTS + '/engine'!r}]\n" + textwrap.dedent(script)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], **options)


# ----------------------------------------------------------------------------------------------------- signals


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_signal_ends_a_run_with_a_checkpoint_and_it_goes_on_to_the_same_bits(sign, tmp_path):
    script = """
        import jax.random as jr, recipes
        from ceteris.engine import Checkpoint, fit
        say = lambda run: print(run.tick, flush=True)
        run = fit(recipes.supervised(), jr.key(0), steps=10**7, every=5, monitors=[Checkpoint(sys.argv[1], 3600), say])
        print(run.tick, run.sentence, flush=True)
        """
    path = tmp_path / "run"
    child = started(script, path)
    for _ in range(3):
        child.stdout.readline()
    assert not path.exists(), "it is the signal that brings about the checkpoint"
    child.send_signal(sign)
    said, wrong = child.communicate(timeout=60)
    assert (child.returncode, wrong) == (0, "")
    by = "Ctrl-C" if sign == signal.SIGINT else "a signal to end"
    tick, sentence = said.splitlines()[-1].split(" ", 1)
    assert sentence.endswith(f"its weights so far are kept. Stopped by {by}.")
    steps = int(tick) + 7
    look_on = lambda run: None
    monitors = [Checkpoint(path), look_on]
    again = fit(recipes.supervised(), jr.key(0), steps=steps, every=5, monitors=monitors, resume="if there")
    whole = fit(recipes.supervised(), jr.key(0), steps=steps)
    pairs = zip(jax.tree.leaves(again.model), jax.tree.leaves(whole.model), strict=True)
    assert all(np.array_equal(a, b) for a, b in pairs if isinstance(a, jax.Array))
    assert np.array_equal(again.history["loss"], whole.history["loss"])


@pytest.mark.slow
def test_a_second_signal_while_a_checkpoint_is_written_leaves_the_last_good_one(tmp_path):
    script = """
        import jax.random as jr
        from ceteris.engine import Checkpoint, fit
        from test_monitors import Walk
        fit(Walk(4 * 10**7), jr.key(0), steps=10**6, every=1, monitors=[Checkpoint(sys.argv[1], seconds=0)])
        """
    path, killed = tmp_path / "run", 0

    def parts():
        try:
            return [part for part in tmp_path.glob(".*.part") if part.stat().st_size > 10**7]
        except FileNotFoundError:
            return []

    for _ in range(5):  # until the second signal meets a file half written
        child = started(script, path)
        deadline = time.monotonic() + 120
        while not (path.exists() and parts()) and time.monotonic() < deadline:
            time.sleep(0.002)
        child.send_signal(signal.SIGTERM)
        time.sleep(0.05)  # two that come at once are one
        child.send_signal(signal.SIGTERM)
        child.communicate(timeout=60)
        if parts():
            killed += 1
            break
    assert killed, "the signals never came while a file was written"
    assert child.returncode == -signal.SIGTERM
    arrays, facts = read_arrays(path, "run")
    assert set(np.unique(arrays["state.model['w']"])) == {facts["tick"]}
    again = fit(Walk(4 * 10**7), jr.key(0), steps=facts["tick"] + 1, monitors=[Checkpoint(path)], resume=path)
    assert again.history["loss"].tolist() == list(range(1, facts["tick"] + 2))
    assert not parts(), "what the killed process left is removed"


# --------------------------------------------------------------------------------------- errors within a chunk


def test_an_error_within_a_chunk_leaves_the_last_file_and_is_the_only_one(tmp_path):
    """What the rule and the sampler remember was given to the chunk, and is gone with it."""
    path = tmp_path / "run"
    run = lambda seconds: fit(
        Walk(3, broken=7), jr.key(0), steps=20, every=2, monitors=[Checkpoint(path, seconds=seconds)]
    )
    with pytest.raises(Exception, match="the machine broke"):
        run(3600)
    assert not path.exists(), "there was no time for one"
    with pytest.raises(Exception, match="the machine broke"):
        run(0)
    assert fit(Walk(3), jr.key(0), steps=20, every=2, resume=path).history["loss"].tolist() == list(range(1, 21))


def test_an_error_between_chunks_leaves_a_checkpoint_of_where_the_run_was(tmp_path):
    def feed(step, n):
        if step >= 6:
            raise RuntimeError("no more data")
        return np.zeros((n, 1))

    path = tmp_path / "run"
    with pytest.raises(RuntimeError, match="no more data"):
        fit(Walk(3), jr.key(0), steps=20, every=2, monitors=[Checkpoint(path, seconds=3600)], feed=feed)
    assert read_arrays(path, "run")[1]["tick"] in (4, 6)


# ------------------------------------------------------------------------------------------------ many devices


def test_a_model_divided_among_devices_is_saved_in_the_memory_of_one_array(tmp_path):
    """Eight arrays of a megabyte, divided among four devices."""
    script = """
        import os; os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"
        import tracemalloc, jax, numpy as np
        from jax.sharding import NamedSharding, PartitionSpec
        from ceteris.engine import save_weights
        where = NamedSharding(jax.make_mesh((4,), ("weights",)), PartitionSpec("weights"))
        tree = [jax.device_put(np.full((512, 512), i, np.float32), where) for i in range(8)]
        jax.block_until_ready(tree)
        tracemalloc.start()
        save_weights(sys.argv[1], tree)
        print(tracemalloc.get_traced_memory()[1] / 2**20)
        """
    said, wrong = started(script, tmp_path / "w").communicate(timeout=120)
    assert float(said) < 1.6, wrong  # and a quarter, of which numbers are finite
    blank = [jax.ShapeDtypeStruct((512, 512), jnp.float32)] * 8
    assert [float(a[511, 511]) for a in load_weights(tmp_path / "w", blank)] == list(range(8))
