"""The loop: resuming, stopping, freezing, and what it says about it."""

import os
import resource
import signal
import subprocess
import sys
import textwrap

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import (
    Checkpoint,
    EarlyStopping,
    Ensemble,
    Progress,
    Status,
    TensorBoard,
    fit,
    load_weights,
    save_weights,
    target,
)
from ceteris.engine.checkpoint import read_facts
from ceteris.engine.monitors import pace
from ceteris.recipe import Descend, Fixed, Loss, Minibatches, optimiser


def same(a, b):
    arrays = lambda tree: jax.tree.leaves(eqx.filter(tree, eqx.is_array))
    return all(np.array_equal(x, y) for x, y in zip(arrays(a), arrays(b), strict=True))


def ensemble(members=3, how="vmap"):
    rates = jnp.array([1e-3, 1e-2, 3e-2])[:members]
    return Ensemble(recipes.supervised(), members, lambda a: a.optimiser.args[1], rates, how=how)


@pytest.mark.parametrize("how", ["vmap", "loop"])
def test_an_ensemble_with_early_stopping_resumes_bitwise(how, tmp_path):
    judges = lambda: [EarlyStopping(patience=2)]
    whole = fit(ensemble(how=how), jr.key(0), steps=60, every=3, monitors=judges())
    stopped = (whole.status == Status.STOPPED_EARLY).sum()
    assert stopped > 0, "the test needs a member that stops early"
    path = tmp_path / "run"
    for cut in (9, 30):
        fit(ensemble(how=how), jr.key(0), steps=cut, every=3, monitors=[*judges(), Checkpoint(path, seconds=0)])
        resumed = fit(ensemble(how=how), jr.key(0), steps=60, every=3, monitors=judges(), resume=path)
        assert same(resumed.model, whole.model)
        assert same(resumed.state, whole.state)
        assert np.array_equal(resumed.status, whole.status)
        assert np.array_equal(resumed.history["loss"], whole.history["loss"], equal_nan=True)


def test_early_stopping_restores_the_best_model():
    noisy = recipes.table(jr.key(0), 40)
    noisy = (noisy[0], noisy[1] + jr.normal(jr.key(1), (40,)))
    overfits = Descend(
        recipes.mlp(3, 1, 64),
        Loss(recipes.squared_error),
        Fixed(noisy),
        optimiser("adam", 1e-2),
        heldout=recipes.supervised().heldout,
    )
    run = fit(overfits, jr.key(0), steps=2000, every=10, monitors=[EarlyStopping(patience=10)])
    assert run.status == Status.STOPPED_EARLY
    best = overfits.heldout(run.model, jr.key(0))["heldout"]
    assert np.isclose(best, run.metrics["heldout"].min(), rtol=1e-5)
    assert best < run.metrics["heldout"][-1]
    assert "no longer improved" in run.sentence


def test_early_stopping_names_the_metrics_there_are():
    with pytest.raises(ValueError, match=r"metric is 'acuracy', but the algorithm reports heldout, loss; name one"):
        fit(recipes.supervised(), jr.key(0), steps=10, monitors=[EarlyStopping("acuracy")])


def test_a_target_stops_a_run():
    run = fit(recipes.supervised(), jr.key(0), steps=500, every=5, monitors=[target(below=0.1)])
    assert run.status == Status.REACHED
    assert run.tick < 500


def test_a_plain_function_may_stop_a_run():
    run = fit(recipes.supervised(), jr.key(0), steps=100, every=10, monitors=[lambda run: run.tick >= 30])
    assert run.tick == 30


def test_nan_keeps_the_last_finite_weights():
    x, y = recipes.table(jr.key(0))
    broken = Descend(
        recipes.mlp(3, 1), Loss(recipes.squared_error), Minibatches((x.at[0].set(jnp.nan), y), 64), optimiser()
    )
    run = fit(broken, jr.key(0), steps=20, every=5)
    assert run.status == Status.NONFINITE
    assert "non-finite" in run.sentence
    assert all(bool(jnp.isfinite(a).all()) for a in jax.tree.leaves(eqx.filter(run.model, eqx.is_inexact_array)))


def test_a_finite_loss_with_an_infinite_gradient_does_not_poison_the_weights():
    def root(model, batch, key):
        return jnp.sqrt(jnp.abs(model)), {}

    run = fit(
        Descend(lambda key: jnp.array(0.0), Loss(root), Fixed(jnp.zeros(1)), optimiser("sgd")), jr.key(0), steps=3
    )
    assert run.status == Status.NONFINITE
    assert float(run.model) == 0.0


def test_a_keyboard_interrupt_keeps_what_there_is():
    def interrupt(run):
        if run.tick == 20 and not asked:
            asked.append(True)
            raise KeyboardInterrupt

    asked = []
    options = {"steps": 100, "every": 10, "monitors": [interrupt]}
    run = fit(recipes.supervised(), jr.key(0), **options)
    assert run.status == Status.INTERRUPTED
    assert "keyboard" in run.sentence
    assert run.tick == 20
    whole = fit(recipes.supervised(), jr.key(0), steps=100, every=10)
    assert same(fit(recipes.supervised(), jr.key(0), **options, resume=run).model, whole.model)


def test_resuming_with_other_monitors_is_refused():
    run = fit(recipes.supervised(), jr.key(0), steps=2, monitors=[target(0.0)])
    with pytest.raises(ValueError, match="had 1 judging monitors, but 0 are given"):
        fit(recipes.supervised(), jr.key(0), steps=4, resume=run)


def test_double_precision_is_a_choice():
    run = fit(recipes.least_squares(), jr.key(0), steps=5, precision="double")
    assert run.model.layers[0].weight.dtype == np.float64
    assert jnp.zeros(1).dtype == np.float32, "the global flag changed"
    with pytest.raises(
        ValueError, match="'quarter' was given, but it must be one of 'single', 'double', 'mixed', 'half', or Digits"
    ):
        fit(recipes.supervised(), jr.key(0), steps=1, precision="quarter")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": -1}, "steps is -1, but must be a whole number of at least 0"),
        ({"steps": (1, 2)}, r"steps is \(1, 2\), but must be a whole number"),
        ({"steps": 1, "every": 0}, "every is 0, but must be a whole number of at least 1"),
        ({"steps": 1, "every": 2.0}, "every is 2.0, but"),
    ],
)
def test_bad_arguments_of_fit(options, message):
    with pytest.raises(ValueError, match=message):
        fit(recipes.supervised(), jr.key(0), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 2, "how": "fast"}, "how is 'fast'"),
        ({"n": 2, "over": lambda a: a.optimiser.args[1]}, "go together"),
        ({"n": 2, "over": lambda a: a.optimiser.args[1], "values": jnp.ones(3)}, "leading lengths \\['3'\\]"),
    ],
)
def test_bad_arguments_of_ensemble(options, message):
    with pytest.raises(ValueError, match=message):
        Ensemble(recipes.supervised(), **options)


# --------------------------------------------------------------------------------------------- checkpoints


def test_resuming_with_another_key_is_refused(tmp_path):
    run = fit(recipes.supervised(), jr.key(0), steps=2)
    with pytest.raises(ValueError, match="key differs"):
        fit(recipes.supervised(), jr.key(1), steps=4, resume=run)


def test_a_checkpoint_of_another_architecture_is_refused(tmp_path):
    path = tmp_path / "run"
    fit(recipes.supervised(), jr.key(0), steps=2, monitors=[Checkpoint(path)])
    with pytest.raises(ValueError, match=r"saved by another architecture: it holds .* where"):
        fit(recipes.least_squares(), jr.key(0), steps=4, resume=path)


def test_a_truncated_checkpoint_is_refused(tmp_path):
    path = tmp_path / "run"
    fit(recipes.supervised(), jr.key(0), steps=2, monitors=[Checkpoint(path)])
    for size in (0, 5, 200, path.stat().st_size - 1):
        broken = tmp_path / f"broken{size}"
        broken.write_bytes(path.read_bytes()[:size])
        with pytest.raises(ValueError, match="truncated or was not saved by ceteris"):
            fit(recipes.supervised(), jr.key(0), steps=4, resume=broken)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        fit(recipes.supervised(), jr.key(0), steps=4, resume=tmp_path / "nowhere")


def test_an_unwritable_path_is_refused_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written"):
        fit(recipes.supervised(), jr.key(0), steps=2, monitors=[Checkpoint(tmp_path / "file" / "run")])


def test_a_full_disk_stops_cleanly_and_keeps_the_last_good_file(tmp_path):
    path = tmp_path / "run"
    monitors = [Checkpoint(path, seconds=0)]
    run = fit(recipes.supervised(), jr.key(0), steps=10, every=10, monitors=monitors)
    good = path.read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:  # a limit on the size of files fails like a full disk: the probe fits, the checkpoint does not
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
        with pytest.warns(RuntimeWarning, match="could not write"):
            stopped = fit(recipes.supervised(), jr.key(0), steps=50, every=10, monitors=monitors, resume=run)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert stopped.status == Status.INTERRUPTED
    assert "could not be written" in stopped.sentence
    assert path.read_bytes() == good
    assert sorted(p.name for p in tmp_path.iterdir()) == ["run"]


def test_a_kill_at_any_moment_leaves_a_good_checkpoint(tmp_path):
    script = textwrap.dedent(
        """
        import sys; sys.path.insert(0, sys.argv[2])
        import jax.random as jr, recipes
        from ceteris.engine import Checkpoint, fit
        say = lambda run: print(run.tick, flush=True)
        fit(recipes.supervised(), jr.key(0), steps=100_000, every=1, monitors=[Checkpoint(sys.argv[1], seconds=0), say])
        """
    )
    path = tmp_path / "run"
    folder = os.path.dirname(recipes.__file__)
    child = subprocess.Popen([sys.executable, "-c", script, str(path), folder], stdout=subprocess.PIPE, text=True)
    for _ in range(20):
        child.stdout.readline()
    child.kill()
    child.communicate()
    resumed = fit(recipes.supervised(), jr.key(0), steps=60, every=1, resume=path)
    assert len(resumed.history["loss"]) == 60
    assert same(resumed.model, fit(recipes.supervised(), jr.key(0), steps=60).model)


def test_weights_travel_with_facts_and_without_pickle(tmp_path):
    run = fit(recipes.supervised(), jr.key(0), steps=2)
    path = tmp_path / "weights.safetensors"
    save_weights(path, run.model, {"columns": ["a", "b"]})
    fresh = recipes.mlp(3, 1, 32)(key=jr.key(5))
    assert same(load_weights(path, fresh), run.model)
    assert read_facts(path) == {"columns": ["a", "b"]}
    with pytest.raises(ValueError, match="another architecture"):
        load_weights(path, recipes.mlp(3, 1, 31)(key=jr.key(5)))
    with pytest.raises(ValueError, match="holds weights, not run"):
        fit(recipes.supervised(), jr.key(0), steps=2, resume=path)


# ---------------------------------------------------------------------------------------------- recorders


def test_progress_off_a_terminal_prints_a_line(capsys):
    fit(recipes.supervised(), jr.key(0), steps=20, every=10, monitors=[Progress("learning", seconds=0)])
    said = capsys.readouterr().err
    assert "learning: 20 of 20 steps, loss" in said
    assert "steps/s" in said


@pytest.mark.parametrize(
    ("steps", "seconds", "first", "until", "words", "each"),
    [
        (100, 11.0, 100, 11.0, ", 11 s with compiling", 0.0),  # of one chunk alone speed cannot be told
        (200, 13.0, 100, 11.0, ", 50 steps/s, compiled in 9.0 s", 0.02),
        (20, 30.0, 5, 12.0, ", 1.2 s a step, compiled in 6.0 s", 1.2),  # and not "1 steps/s"
        (15, 14.0, 5, 9.0, ", 2.0 steps/s, compiled in 6.5 s", 0.5),
        (20, 2.0, 10, 1.0, ", 10 steps/s", 0.1),
    ],
)
def test_speed_is_that_of_compiled_steps_and_compiling_is_told_apart(steps, seconds, first, until, words, each):
    said, found = pace(steps, seconds, first, until)
    assert said == words
    assert found == pytest.approx(each)


def test_progress_tells_the_loss_as_it_is_asked_to(capsys):
    read = lambda loss: f"error {loss**0.5:.1e} (wanted 1e-06)"
    fit(recipes.supervised(), jr.key(0), steps=5, every=5, monitors=[Progress("learning", seconds=0, read=read)])
    assert "learning: 5 of 5 steps, error " in (said := capsys.readouterr().err)
    assert "(wanted 1e-06)" in said


def test_tensorboard_log_holds_the_loss(tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = fit(recipes.supervised(), jr.key(0), steps=20, every=10, monitors=[TensorBoard(tmp_path)])
    log = EventAccumulator(str(tmp_path)).Reload()
    tensors = log.Tensors("loss")
    assert [event.step for event in tensors] == [10, 20]
    assert np.isclose(tensors[-1].tensor_proto.float_val[0], run.history["loss"][-1])
