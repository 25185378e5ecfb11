"""Weights and runs on disk: all arrays used and all there, finite, whole whoever else reads and writes."""

import json
import subprocess
import sys
import textwrap

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest

import recipes
from ceteris.engine import Checkpoint, EarlyStopping, Ensemble, Status, fit, load_weights, save_weights
from ceteris.files import arrays, read_arrays, write_arrays

NET = {"layers": [jnp.ones((2, 3)), jnp.zeros(3)], "key": jr.key(1), "size": 3, "host": np.arange(3)}


def changed(path, change, kind="weights"):
    """Write a file again with other arrays and facts, as somebody who knows how would."""
    held, facts = read_arrays(path, kind)
    change(held, facts)
    write_arrays(path, kind, held, facts)


def test_weights_that_have_no_place_are_refused(tmp_path):
    """Two hidden layers into one: the net that came out of it was another function."""
    path = tmp_path / "w"
    save_weights(path, {"layers": [np.ones(2), np.ones(2), np.ones(2)]})
    with pytest.raises(ValueError, match=r"it holds 1 arrays for which there is no place \(model\['layers'\]\[2\]\)"):
        load_weights(path, {"layers": [np.ones(2), np.ones(2)]})
    with pytest.raises(ValueError, match=r"it holds nothing for model\['layers'\]\[3\] where float64\[2\] is needed"):
        load_weights(path, {"layers": 4 * [np.ones(2)]})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers_are_refused_on_the_way_in_and_out(tmp_path, bad):
    good, path = {"w": np.ones(3)}, tmp_path / "w"
    with pytest.raises(
        ValueError, match=r"1 of 3 numbers of model\['w'\] are NaN or infinite, and such weights answer"
    ):
        save_weights(path, {"w": np.array([1, bad, 1])})
    assert not path.exists()
    save_weights(path, good)
    changed(path, lambda held, _: held["model['w']"].__setitem__(1, bad))
    with pytest.raises(ValueError, match=r"1 of 3 numbers of model\['w'\]"):
        load_weights(path, good)


def test_masks_keys_and_arrays_of_the_host_come_back(tmp_path):
    tree = {**NET, "mask": jnp.array([0.0, -jnp.inf])}
    save_weights(tmp_path / "w", tree, {"a": 1})
    again = load_weights(tmp_path / "w", {**tree, "key": jr.key(0), "host": np.zeros(3, int)})
    assert jr.key_data(again["key"]).tolist() == jr.key_data(NET["key"]).tolist()
    assert isinstance(again["host"], np.ndarray)
    assert again["host"].tolist() == [0, 1, 2]
    assert again["mask"].tolist() == [0, -np.inf]
    with pytest.raises(ValueError, match=r"it holds uint32\[2\] for model\['key'\] where uint32\[4\] is needed"):
        load_weights(tmp_path / "w", {**tree, "key": jr.key(0, impl="rbg")})


class Twins:
    """A tree whose two arrays have one name."""


def test_two_arrays_of_one_name_are_refused(tmp_path):
    import jax

    jax.tree_util.register_pytree_with_keys(
        Twins,
        lambda twins: (
            ((jax.tree_util.GetAttrKey("a"), np.ones(1)), (jax.tree_util.GetAttrKey("a"), np.zeros(1))),
            None,
        ),
        lambda _, leaves: Twins(),
    )
    with pytest.raises(ValueError, match="two of its arrays have the same name, so that one would be lost"):
        save_weights(tmp_path / "w", Twins())


# ------------------------------------------------------------------------------------------------- whole runs


@pytest.fixture(scope="module")
def halfway(tmp_path_factory):
    path = tmp_path_factory.mktemp("runs") / "run"
    fit(Ensemble(recipes.supervised(), 2), jr.key(0), steps=4, every=2, monitors=[EarlyStopping(), Checkpoint(path)])
    return path.read_bytes()


def resumed(path):
    return fit(Ensemble(recipes.supervised(), 2), jr.key(0), steps=6, every=2, monitors=[EarlyStopping()], resume=path)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda a, f: f.update(tick="4"), "holds tick '4', but a whole number"),
        (lambda a, f: f.pop("tick"), "holds tick 'None', but a whole number"),
        (lambda a, f: a.update(status=np.array([0, 99])), "does not say how each of 2 members stood"),
        (lambda a, f: a.update(status=np.zeros(3, int)), "does not say how each of 2 members stood"),
        (lambda a, f: a.pop("status"), "does not say how each of 2 members stood"),
        (
            lambda a, f: a.update(key=np.zeros(3, np.uint32)),
            r"it holds uint32\[3\] for key where uint32\[2, 2\] is needed",
        ),
        (lambda a, f: a.update(more=np.zeros(3)), r"it holds 1 arrays for which there is no place \(more\)"),
        (lambda a, f: a.update({"history.loss": np.zeros(())}), "holds a history that does not fit its 4 steps"),
        (lambda a, f: a.pop("history.loss"), "holds a history that does not fit its 4 steps; use an"),
        (lambda a, f: a.update({"history.loss": np.zeros((4, 3))}), "holds a history that does not fit its 4 steps"),
        (lambda a, f: a.pop("metrics.step"), "holds a history that does not fit its 4 steps"),
        (lambda a, f: a.update({"metrics.step": np.zeros(())}), "holds a history that does not fit its 4 steps"),
        (lambda a, f: a.update({"history.b": np.zeros((1, 2))}), "holds a history that does not fit its 4 steps"),
    ],
)
def test_a_run_that_was_edited_is_refused(tmp_path, halfway, change, sentence):
    path = tmp_path / "run"
    path.write_bytes(halfway)
    changed(path, change, "run")
    with pytest.raises(ValueError, match=sentence):
        resumed(path)


def test_nan_is_refused_where_a_member_goes_on_and_stays_where_it_is_lost(tmp_path, halfway):
    path = tmp_path / "run"
    path.write_bytes(halfway)
    name = next(name for name in read_arrays(path, "run")[0] if name.startswith("state.model") and "weight" in name)
    changed(path, lambda held, _: held[name].reshape(-1).__setitem__(-1, np.nan), "run")
    with pytest.raises(ValueError, match=r"1 of \d+ numbers of state.model.* are NaN or infinite, and such weights"):
        resumed(path)
    changed(path, lambda held, _: held["status"].__setitem__(1, Status.NONFINITE), "run")
    assert resumed(path).status.tolist() == [Status.FINISHED, Status.NONFINITE]
    path.write_bytes(halfway)
    best = next(name for name in read_arrays(path, "run")[0] if name.startswith("memories[0][2]") and "weight" in name)
    changed(path, lambda held, _: held[best].reshape(-1).__setitem__(0, np.inf), "run")
    with pytest.raises(ValueError, match=r"1 of \d+ numbers of memories\[0\]\[2\].* are NaN or infinite"):
        resumed(path)


# ----------------------------------------------------------------------------------- several processes, one path


SHARER = textwrap.dedent(
    """
    import sys
    import numpy as np
    from ceteris.engine import load_weights, save_weights
    me, path = int(sys.argv[1]), sys.argv[2]
    for turn in range(50):
        save_weights(path, {"a": np.full(5000, me), "b": np.full(5000, me)}, {"by": me})
        tree = load_weights(path, {"a": np.zeros(5000, int), "b": np.zeros(5000, int)})
        assert (tree["a"] == tree["a"][0]).all() and (tree["b"] == tree["a"][0]).all()
    """
)


@pytest.mark.parametrize("n", [2, pytest.param(4, marks=pytest.mark.slow)])
def test_processes_that_share_a_path_neither_fail_nor_tear_it(tmp_path, n):
    path = tmp_path / "w"
    arguments = [[sys.executable, "-c", SHARER, str(i), str(path)] for i in range(n)]
    children = [subprocess.Popen(each, stderr=subprocess.PIPE, text=True) for each in arguments]
    assert [child.communicate(timeout=120)[1] for child in children] == [""] * n
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_of_before_says_its_format(tmp_path):
    """Format 1 had no checksum: written here as it was."""
    path = tmp_path / "w"
    header = json.dumps(
        {"__metadata__": {"ceteris": json.dumps({"format": 1, "version": "0.1.0", "kind": "weights", "facts": {}})}}
    ).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    with pytest.raises(ValueError, match=r"was saved in format 1 by ceteris 0.1.0, which had no checksum, and format"):
        load_weights(path, {})
    assert arrays.FORMAT == 2
