"""One format for all that is fitted: what comes back is what was saved, and what a file may not hold is refused."""

import copy
import functools
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.linear_model import LassoCV, LogisticRegression
from sklearn.model_selection import GridSearchCV, KFold, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import SplineTransformer, StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ceteris import load
from ceteris.causal.heterogeneity import Effects
from ceteris.causal.policy.classify import FittedClassifier
from ceteris.engine.run import Status
from ceteris.files import read_arrays, write_arrays
from ceteris.files.objects import load_object, save_object
from ceteris.nets import MLP
from ceteris.results import Estimate
from ceteris.version import __version__

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 3))
Y = X[:, 0] + RNG.normal(size=120)


def through(tmp_path, value):
    """Any value, within an object of ours, there and back."""
    path = tmp_path / "estimate"
    save_object(path, Estimate(np.zeros(1), np.zeros((2, 1)), ("a",), details={"value": value}))
    return load_object(path).details["value"]


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, 1.5, float("inf"), -float("inf"), "Größe ✓", [1, [2.5, "a"]], (1, (2,)), {1, 2},
        frozenset({"a"}), {"a": 1, 2: "b", (1, 2): None}, slice(1, None, 2), np.float32(1.5), np.bool_(True),
        np.dtype("float32"), np.float64, Status.NONFINITE, pd.Timestamp("2020-02-29T12:00:00.5", tz="Europe/Vienna"),
    ],
)  # fmt: skip
def test_values_come_back_as_they_were(tmp_path, value):
    again = through(tmp_path, value)
    assert type(again) is type(value)
    assert again == value


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6).reshape(2, 3), np.array([], np.float16), np.array(1.5), np.array([np.nan, np.inf]),
        np.array([1 + 2j]), np.array([1 + 2j], np.complex64), np.array(["a", "bcd"]),
        np.array(["a", None, 1.5, True], object),
        np.array(["2020-01-01", "NaT"], "M8[ns]"), np.array([1, 2], "m8[D]"), np.array([1.0, 2.0], ">f8"),
        np.arange(10)[::3], np.asfortranarray(np.ones((3, 2))), np.zeros((0, 4)), np.array([b"ab", b"c"]),
        np.array([(1, 2.5, [1, 2])], np.dtype({"names": ["a", "b", "c"], "formats": ["u1", "f8", ("i4", (2,))],
                                              "offsets": [0, 8, 16], "itemsize": 32})),
    ],
)  # fmt: skip
def test_arrays_come_back_with_their_type_and_shape(tmp_path, array):
    again = through(tmp_path, array)
    assert again.dtype == array.dtype
    assert again.shape == array.shape
    np.testing.assert_array_equal(again, array)


def test_an_array_that_stands_in_two_places_is_kept_once(tmp_path):
    one = RNG.normal(size=1000)
    first, second = through(tmp_path, [one, one])
    assert first is second
    assert (tmp_path / "estimate").stat().st_size < 10_000


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([1, None, 3], dtype="Int64"), pd.Series([True, None], dtype="boolean"),
        pd.Series(["a", None], dtype="string"),
        pd.Series(pd.Categorical(["low", "high", None], ["low", "high"], ordered=True)), pd.Series([1.5, np.nan]),
        pd.Series(pd.to_datetime(["2020-01-01", None])), pd.Series(pd.to_datetime(["2020-01-01"]).tz_localize("UTC")),
        pd.Series(pd.period_range("2020-01", periods=3, freq="M")), pd.Series(["a", 1, None]),
        pd.Series([], dtype=float),
    ],
)  # fmt: skip
def test_columns_come_back_with_their_type(tmp_path, column):
    frame = pd.DataFrame({"x": column, 7: column})
    pd.testing.assert_frame_equal(through(tmp_path, frame), frame)
    pd.testing.assert_series_equal(through(tmp_path, column.rename("name")), column.rename("name"))


@pytest.mark.parametrize(
    "index",
    [
        pd.RangeIndex(2, 8, 3, name="row"), pd.Index(["a", "b"], name="who"), pd.Index([1.5, 2.5]),
        pd.MultiIndex.from_product([["a", "b"], [1]], names=["x", None]), pd.date_range("2020", periods=2, name="day"),
        pd.CategoricalIndex(["u", "v"]),
    ],
)  # fmt: skip
def test_indices_come_back(tmp_path, index):
    frame = pd.DataFrame(np.arange(2.0)[:, None], index=index, columns=["twice"]).join(
        pd.Series([1, 2], index, name="b")
    )
    frame.columns = ["twice", "twice"]
    again = through(tmp_path, frame)
    pd.testing.assert_frame_equal(again, frame)
    assert type(again.index) is type(index)


def test_nets_and_keys_come_back_in_their_precision(tmp_path):
    with jax.enable_x64(True):
        wide = MLP(2, 1, widths=(3,), key=jax.random.key(1))
    net = MLP(2, 1, widths=(3,), activation="tanh", dropout=0.5, key=jax.random.key(1))
    for given in (net, wide, jax.random.key(3), jax.random.PRNGKey(3)):
        again = through(tmp_path, given)
        assert eqx.tree_equal(again, given, typematch=True)
    assert jax.tree.leaves(through(tmp_path, wide))[0].dtype == "float64"


def test_functions_of_the_lists_come_back_with_their_arguments(tmp_path):
    for given in (jax.nn.relu, jax.nn.silu, jax.numpy.tanh):
        assert through(tmp_path, given) is given
    again = through(tmp_path, functools.partial(jax.nn.leaky_relu, negative_slope=0.25))
    assert again(-1.0) == -0.25
    again = through(tmp_path, eqx.Partial(jax.nn.elu, alpha=2.0))
    assert isinstance(again, eqx.Partial)
    assert again(-1.0) == jax.nn.elu(-1.0, 2.0)


@pytest.mark.parametrize(
    "learner",
    [
        LassoCV(), RandomForestRegressor(5, random_state=np.random.RandomState(0)),
        GradientBoostingRegressor(n_estimators=5),
        HistGradientBoostingRegressor(max_iter=5), HistGradientBoostingClassifier(max_iter=3),
        make_pipeline(StandardScaler(), SplineTransformer(), LogisticRegression()),
        GridSearchCV(KNeighborsRegressor(algorithm="kd_tree"), {"n_neighbors": [3, 9]}, cv=KFold(3)),
        KNeighborsClassifier(algorithm="ball_tree", metric="manhattan"),
        CalibratedClassifierCV(DecisionTreeClassifier(max_depth=2), cv=StratifiedKFold(3), method="isotonic"),
    ],
)  # fmt: skip
def test_learners_of_scikit_learn_predict_the_same(tmp_path, learner):
    labels = np.array(["no", "yes"], object)[(Y > 0).astype(int)]
    learner.fit(X, labels if hasattr(learner, "predict_proba") else Y)
    path = tmp_path / "policy"
    save_object(path, FittedClassifier(learner, ("a", "b", "c")))
    again = load(path).classifier
    assert type(again) is type(learner)
    assert (again.predict(X) == learner.predict(X)).all()


# ------------------------------------------------------------------------------------------------ what cannot be saved


@dataclass
class Foreign:
    """A class of somebody else."""

    x: int = 1


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (
            lambda x: x,
            r"save: Estimate.details\['value'\] is the function .*<lambda> of .*, which no file can hold; give it by",
        ),
        (np.tanh, r"is the function tanh of numpy, which no file can hold; give it by its name"),
        (os.system, r"is the function system of posix, which no file can hold"),
        (
            Foreign(),
            r"is a Foreign of .*, not of ceteris or scikit-learn, so that load would not know it; fit with one",
        ),
        (Foreign, r"is a Foreign of .*, not of ceteris"),
        (Path("a"), r"is a PosixPath of pathlib(\._local)?, not of ceteris"),
    ],
)
def test_what_no_file_can_hold_is_said_before_one_is_made(tmp_path, value, reason):
    with pytest.raises(TypeError, match=reason):
        through(tmp_path, value)
    assert list(tmp_path.iterdir()) == []


def test_what_holds_itself_is_refused(tmp_path):
    ring = []
    ring.append(ring)
    with pytest.raises(TypeError, match="is nested more than 100 deep, perhaps in itself"):
        through(tmp_path, ring)


def test_what_something_else_wrote_is_not_overwritten(tmp_path):
    effects = Effects(np.zeros(1))
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(
        ValueError, match=r"notes.txt exists and was not saved by ceteris; give another name, or remove"
    ):
        save_object(tmp_path / "notes.txt", effects)
    with pytest.raises(ValueError, match=r"is a folder, but must be a file; name one in it, such as"):
        save_object(tmp_path, effects)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    save_object(tmp_path / "a", effects)
    save_object(tmp_path / "a", Effects(np.ones(1)))
    assert load_object(tmp_path / "a").point == 1


# ------------------------------------------------------------------------------------------- what a file may not make


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    path = tmp_path_factory.mktemp("objects") / "policy"
    save_object(path, FittedClassifier(RandomForestRegressor(1, max_depth=2).fit(X, Y), ("a", "b", "c")))
    return read_arrays(path, "object")


def edited(tmp_path, held, change):
    """A file whose checksum fits, with something changed in it."""
    arrays, facts = copy.deepcopy(held)
    change(facts, arrays)
    path = tmp_path / "edited"
    write_arrays(path, "object", arrays, facts)
    return path


def nodes_of(arrays):
    return next(a for name, a in arrays.items() if "nodes" in name).view(np.uint8)


EFFECTS = "ceteris.causal.heterogeneity.effects:Effects"


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        ({"object": ["os:system", {}]}, "os:system is not a class that a file may name"),
        ({"object": ["ceteris.report.run:Run", {}]}, "ceteris.report.run:Run is not a class that a file may name"),
        ({"object": ["ceteris.cli:Path", {}]}, "is not a class that a file may name"),
        ({"object": ["ceteris.saved:Path", {}]}, "is not a class that a file may name"),
        ({"object": ["ceteris.causal.rows:read_rows", {}]}, "is not a class that a file may name"),
        ({"object": ["ceteris.none:A", {}]}, "there is no ceteris.none"),
        ({"object": ["__import__('os')", {}]}, "is no name of a class or function"),
        ({"function": "os:system"}, "os:system is not a function that a file may name"),
        ({"function": "jax.numpy:load"}, "jax.numpy:load is not a function that a file may name"),
        ({"function": "ceteris.nets.mlp:eqx"}, "is not a function that a file may name"),
        ({"function": "ceteris.stats.bands:np.load"}, "is not a function that a file may name"),
        ({"partial": ["os:popen", None, [], {"dict": []}]}, "os:popen is not a function with arguments"),
        ({"external": ["subprocess:Popen", ["call", [["true"]], None]]}, "of a package that a file may not name"),
        ({"external": ["sklearn.base:clone", ["call", [], None]]}, "of which no form"),
        ({"labels": ["O1", [1], ["a"]]}, "labels are of the type"),
        ({"record": ["Z", "O", [1]]}, "cannot be read"),
        ({"pandas": ["read_pickle", "a"]}, "'read_pickle' is not a kind of table or column"),
        ({"value": 1}, "a value is of the kind 'value', which is not known"),
        ({"_on_device": 1}, "which is not known"),
        ({"tuple": [], "set": []}, "a value is of two kinds"),
        ({"object": [EFFECTS, {"frame": 1}]}, "Effects has no field 'frame'"),
        ({"object": [EFFECTS, {"__class__": 1}]}, "has no field '__class__'"),
        ({"object": [EFFECTS, {"other": 1}]}, "has no field 'other' in ceteris"),
        ({"object": [EFFECTS, {}]}, "Effects lacks 'point'"),
    ],
)
def test_what_a_file_may_not_name_is_refused_though_its_checksum_fits(tmp_path, node, reason):
    path = tmp_path / "edited"
    write_arrays(path, "object", {}, {"object": node, "version": __version__})
    with pytest.raises(ValueError, match=reason) as refused:
        load(path)
    assert str(refused.value).startswith(f"path: {path}")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f, a: f.pop("object"), "does not say what it holds"),
        (
            lambda f, a: f.update(version="999.1.0"),
            f"saved by ceteris 999.1.0, which is newer than {__version__} here;",
        ),
        (lambda f, a: nodes_of(a)[:8].fill(100), "a tree leads to nodes that are not there"),
        (lambda f, a: nodes_of(a)[:8].fill(0), "a tree leads to nodes that are not there"),
        (lambda f, a: nodes_of(a)[16:24].fill(9), "a tree leads to nodes that are not there"),
    ],
)
def test_an_edited_file_is_refused_though_its_checksum_fits(tmp_path, held, change, reason):
    path = edited(tmp_path, held, change)
    with pytest.raises(ValueError, match=reason) as refused:
        load(path)
    assert str(refused.value).startswith(f"path: {path}")


def test_neighbours_by_a_distance_with_settings_of_its_own_are_not_saved(tmp_path):
    near = KNeighborsRegressor(algorithm="kd_tree", metric="minkowski", p=3).fit(X, Y)
    with pytest.raises(TypeError, match="measures a distance that cannot be saved, minkowski; fit with another metric"):
        save_object(tmp_path / "a", near)


def test_a_learner_of_another_version_of_scikit_learn_is_refused(tmp_path, held):
    arrays, facts = held
    older = json.loads(re.sub(r'"_sklearn_version", "[\d.]+"', '"_sklearn_version", "0.1"', json.dumps(facts)))
    write_arrays(tmp_path / "edited", "object", arrays, older)
    with pytest.raises(ValueError, match=r"its DecisionTreeRegressor was fitted with scikit-learn 0.1, and .* is here"):
        load(tmp_path / "edited")


def test_a_field_that_an_older_version_did_not_have_is_at_its_default(tmp_path):
    node = {"object": ["ceteris.causal.heterogeneity.effects:Effects", {"point": {"array": "p"}}]}
    write_arrays(tmp_path / "old", "object", {"p": np.ones(2)}, {"object": node, "version": "0.0.1"})
    again = load(tmp_path / "old")
    assert again.se is None
    assert again.names == ("effect",)


def test_another_kind_than_asked_for_is_refused(tmp_path):
    save_object(tmp_path / "a", Effects(np.zeros(1)))
    with pytest.raises(
        ValueError, match=r"a holds a Effects, but must hold a FittedClassifier; read it with ceteris.load"
    ):
        load(tmp_path / "a", FittedClassifier)
    write_arrays(tmp_path / "w", "weights", {"a": np.ones(1)}, {})
    with pytest.raises(ValueError, match=r"holds weights, not object; read it with load_weights"):
        load(tmp_path / "w")
    with pytest.raises(
        ValueError, match="is a folder without a solution or a language model in it; give the file that save wrote"
    ):
        load(tmp_path)
    with pytest.raises(FileNotFoundError, match="does not exist; give the path of a file that ceteris saved"):
        load(tmp_path / "none")


def test_what_a_file_may_call_touches_nothing_outside():
    """A file may name functions of nets and stats: nothing that they stand beside reaches the disk or the shell."""
    house = Path(__file__).parents[2] / "src" / "ceteris"
    modules = r"os|io|subprocess|shutil|pathlib|importlib|pickle|ctypes|ceteris\.files"
    reaching = re.compile(rf"^\s*(import|from) ({modules})\b|\bopen\(|np\.(load|save|fromfile)", re.MULTILINE)
    files = [path for part in ("nets", "stats") for path in (house / part).rglob("*.py")]
    assert len(files) > 20
    assert not [path.name for path in files if reaching.search(path.read_text(encoding="utf-8"))]
