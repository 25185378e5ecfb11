"""The history beside a checkpoint: written once, whole at every moment, refused where it does not belong."""

import itertools

import jax
import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import AbstractRecorder, Checkpoint, EarlyStopping, Ensemble, fit
from ceteris.files import history_of, read_arrays


def run(steps, path=None, seed=0, every=2, monitors=(), **options):
    kept = [] if path is None else [Checkpoint(path, seconds=0)]
    algorithm = Ensemble(recipes.supervised(), 2)
    return fit(algorithm, jr.key(seed), steps=steps, every=every, monitors=[*kept, *monitors], **options)


class Onlooker(AbstractRecorder):
    """Keeps both files as they are after each chunk."""

    def __init__(self, path):
        self.path, self.seen = path, []

    def open(self, run, steps):
        pass

    def record(self, run):
        self.seen.append(pair(self.path))

    def close(self):
        pass


def same(a, b):
    leaves = lambda run: [a for a in jax.tree.leaves(run.model) if isinstance(a, jax.Array)]
    equal = all(np.array_equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))
    columns = (a.history, b.history), (a.metrics, b.metrics)
    return equal and all(
        x.keys() == y.keys() and all(np.array_equal(x[name], y[name]) for name in x) for x, y in columns
    )


def pair(path):
    """Return checkpoint and history as they are on the disk."""
    return path.read_bytes(), history_of(path).read_bytes() if history_of(path).exists() else None


def put(path, checkpoint, history):
    path.write_bytes(checkpoint)
    history_of(path).unlink(missing_ok=True)
    if history is not None:
        history_of(path).write_bytes(history)


@pytest.fixture(scope="module")
def stages(tmp_path_factory):
    """The files after each of six chunks, and the run without any."""
    path = tmp_path_factory.mktemp("runs") / "run"
    onlooker = Onlooker(path)
    run(12, path, monitors=[onlooker])
    return onlooker.seen, run(12)


def test_a_row_is_written_twice_at_most(stages):
    """Once into a checkpoint and once into the history: checkpoints do not grow, and the history by the same each."""
    found, _ = stages
    sizes = [len(checkpoint) for checkpoint, _ in found]
    assert max(sizes[1:]) - min(sizes[1:]) < 32, "of the header, which holds a longer number now and then"
    assert found[0][1] is None, "a run that was saved once is one file"
    grown = [len(history) for _, history in found[1:]]
    assert len(set(np.diff(grown))) == 1
    assert all(later.startswith(earlier) for (_, earlier), (_, later) in itertools.pairwise(found[1:]))


@pytest.mark.parametrize("stage", range(6))
def test_every_stage_goes_on_to_the_same_bits(stages, stage, tmp_path):
    found, whole = stages
    put(tmp_path / "run", *found[stage])
    assert same(run(12, resume=tmp_path / "run"), whole)


@pytest.mark.parametrize("stage", range(5))
def test_a_kill_between_history_and_checkpoint_leaves_a_pair_that_fits(stages, stage, tmp_path):
    """The history is a chunk ahead then, or half a chunk."""
    found, whole = stages
    ahead = found[stage + 1][1]
    for history in (ahead, ahead[:-7]):
        put(tmp_path / "run", found[stage][0], history)
        assert same(run(12, resume=tmp_path / "run"), whole)


def test_one_pair_can_be_resumed_twice_and_goes_on_in_its_place(stages, tmp_path):
    found, whole = stages
    path = tmp_path / "run"
    for _ in range(2):
        put(path, *found[2])
        assert same(run(12, path, resume=path), whole)
        assert same(run(12, resume=path), whole)
        put(path, *pair(path))
    put(path, *found[2])
    for steps in (7, 9, 12):  # sessions one after the other, that end within chunks
        run(steps, path, resume=path)
    again = run(12, resume=path)
    assert np.array_equal(again.history["loss"], whole.history["loss"])
    assert again.metrics["step"].tolist() == [2, 4, 6, 7, 9, 11, 12]


def test_another_run_at_the_same_path_begins_anew_and_is_good_at_every_moment(stages, tmp_path):
    path, found = tmp_path / "run", stages[0]
    put(path, *found[-1])
    onlooker = Onlooker(path)
    other, moments = run(8, path, seed=1, monitors=[onlooker]), onlooker.seen
    ahead = [history for _, history in moments[1:]] + [moments[-1][1]]
    for (checkpoint, history), next_history in zip(moments, ahead, strict=True):
        for left in {history, next_history, found[-1][1] if history is None else history}:
            put(path, checkpoint, left)
            assert same(run(8, seed=1, resume=path), other)
    put(path, *found[-1])
    run(2, path, seed=1)
    assert [file.name for file in tmp_path.iterdir()] == ["run"], "the history of the run before is gone"


def test_a_history_that_is_missing_is_named(stages, tmp_path):
    put(tmp_path / "copy", stages[0][-1][0], None)
    with pytest.raises(
        FileNotFoundError, match=r"copy.history is missing, without which the file beside it is not who"
    ):
        run(14, resume=tmp_path / "copy")


def test_a_history_that_was_damaged_or_edited_or_is_of_another_run_is_refused(stages, tmp_path):
    path, (checkpoint, history) = tmp_path / "run", stages[0][-1]
    run(12, path, seed=1)
    _, foreign = pair(path)
    edited = history.replace(b'"history.loss"', b'"history.lost"', 1)
    assert edited != history
    for wrong in (foreign, edited, history[:-1], history[:40], b"", b"my own notes", history[::-1]):
        put(path, checkpoint, wrong)
        with pytest.raises(
            ValueError, match=r"run.history does not belong to the file beside it, or was damaged or ed"
        ):
            run(14, resume=path)


def test_an_edited_mark_is_refused(stages, tmp_path):
    from ceteris.files import write_arrays

    path = tmp_path / "run"
    put(path, *stages[0][-1])
    arrays, facts = read_arrays(path, "run")
    for change in ({"bytes": facts["log"]["bytes"] - 1}, {"bytes": 14}, {"checksum": None}, {"more": 1}):
        write_arrays(path, "run", arrays, {**facts, "log": {**facts["log"], **change}})
        with pytest.raises(
            ValueError, match=r"run.history does not belong to the file beside it, or was damaged or ed"
        ):
            run(14, resume=path)
    del facts["log"]
    write_arrays(path, "run", arrays, facts)
    with pytest.raises(ValueError, match="holds a history that does not fit its 12 steps; use an earlier copy"):
        run(14, resume=path)


def test_a_file_of_somebody_else_where_the_history_would_be_is_refused(tmp_path):
    history_of(tmp_path / "run").write_text("notes of mine")
    with pytest.raises(ValueError, match=r"run.history exists, and is not a log of ceteris; move it, or give another"):
        run(4, tmp_path / "run")
    assert history_of(tmp_path / "run").read_text() == "notes of mine"


def test_a_checkpoint_of_before_which_holds_its_whole_history_is_resumed(stages, tmp_path):
    """Files were so until histories had a file of their own."""
    from ceteris.files import write_arrays

    path, whole = tmp_path / "run", stages[1]
    put(path, *stages[0][3])
    so_far = run(8)
    columns = {f"history.{name}": a for name, a in so_far.history.items()}
    columns |= {f"metrics.{name}": a for name, a in so_far.metrics.items()}
    arrays, _ = read_arrays(path, "run")
    write_arrays(path, "run", {**arrays, **columns}, {"tick": 8})
    history_of(path).unlink()
    assert same(run(12, resume=path), whole)


@pytest.mark.parametrize(
    ("was", "asked", "said"),
    [
        ("single", "half", "weights in float32, and this run keeps them in bfloat16; resume with precision 'single'"),
        ("half", "mixed", "weights in bfloat16, and this run keeps them in float32; resume with precision 'half'"),
        ("single", "double", "weights in float32, and this run keeps them in float64; resume with precision 'single'"),
        ("double", None, "weights in float64, and this run keeps them in float32; resume with precision 'double'"),
    ],
)
def test_a_checkpoint_of_another_precision_is_refused(was, asked, said, tmp_path):
    path = tmp_path / "run"
    fit(recipes.supervised(), jr.key(0), steps=1, monitors=[Checkpoint(path)], precision=was)
    with pytest.raises(ValueError, match=rf"path: .*run was saved with {said}, or train again\."):
        fit(recipes.supervised(), jr.key(0), steps=2, resume=path, precision=asked)


def test_a_judge_that_keeps_the_best_model_is_served_by_a_history_too(tmp_path):
    judged = lambda steps, **options: run(steps, monitors=[EarlyStopping()], **options)
    judged(8, path=tmp_path / "run")
    again = judged(12, resume=tmp_path / "run")
    assert same(again, judged(12))


def test_a_run_says_in_one_screen_where_it_stands():
    lines = repr(run(8)).split("\n")
    assert lines[0] == "Fit: 8 steps. 2 of 2 members: took all the steps it was given."
    assert any(line.startswith("loss: ") for line in lines)
    assert len(lines) < 25
