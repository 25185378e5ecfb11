"""A learner's file holds numbers, names from a list and text; whatever else somebody writes into it is refused."""

import json

import numpy as np
import pandas as pd
import pytest

from ceteris.files import read_arrays, write_arrays
from ceteris.learners import NeuralClassifier, NeuralRegressor, load

SMALL = {"members": 2, "epochs": 2, "widths": (4,), "validation": 0, "random_state": 0}
X = pd.DataFrame({"x": np.linspace(-1, 1, 30), "word": 15 * ["a", "b"]})
WEIGHTED = {3: 2.0, 1: 1.0}


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    path = tmp_path_factory.mktemp("learners") / "classifier"
    NeuralClassifier(**SMALL, class_weight=WEIGHTED).fit(X, np.where(X["x"] > 0, 3, 1)).save(path)
    return path.read_bytes()


def test_labels_that_are_numbers_keep_their_weights(tmp_path, saved):
    path = tmp_path / "classifier"
    path.write_bytes(saved)
    again = load(path)
    assert again.class_weight == WEIGHTED
    assert again.classes_.tolist() == [1, 3]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f, a: f.update(learner="load"), "'load' is not one of NeuralClassifier, NeuralQuantileRegressor, Neu"),
        (lambda f, a: f.update(learner="__class__"), "'__class__' is not one of"),
        (lambda f, a: f.update(learner=["NeuralClassifier"]), "it does not say which learner"),
        (lambda f, a: f["params"].update(other=1), "'other' is not known"),
        (lambda f, a: f["params"].update(activation="os.system"), "activation is 'os.system', but must be one of"),
        (lambda f, a: f["params"].update(activation={"a": 1}), "activation is a dict"),
        (lambda f, a: f["params"].update(widths=[10**12]), "its arrays are too small for widths of"),
        (lambda f, a: f["params"].update(widths=10**5 * [1]), "its arrays are too small for widths of"),
        (lambda f, a: f["params"].update(widths=[4, "4"]), "a str stands for a number"),
        (lambda f, a: f["params"].update(class_weight={"weights": [1]}), "a weight belongs to a label"),
        (lambda f, a: f["params"].update(random_state="x"), "random_state is a str"),
        (lambda f, a: f["learnt"].update(predict=1), "'predict' is not known"),
        (lambda f, a: f["learnt"].update(nets_=1), "'nets_' is not known"),
        (lambda f, a: f["learnt"].pop("classes_"), "'classes_' is missing"),
        (lambda f, a: f["learnt"].update(n_members_=10**8), "its arrays are not those of 100000000 members"),
        (lambda f, a: f["learnt"].update(n_features_in_=3), "its columns and their encoding do not fit together"),
        (lambda f, a: f["learnt"]["feature_names_in_"].update(array=["x", "y"]), "its columns have two sets of names"),
        (lambda f, a: f["learnt"]["encoding_"]["encoding"]["scale"]["array"].pop(), "for each column are needed"),
        (lambda f, a: f["learnt"]["encoding_"]["encoding"].pop("names"), "encoding_ is not as it was learnt"),
        (lambda f, a: f["learnt"]["classes_"].update(dtype="U1000000000"), "labels of the type 'U1000000000'"),
        (lambda f, a: f["learnt"]["classes_"].update(array=[1]), "two classes or more are needed"),
        (lambda f, a: f["learnt"]["classes_"].update(array=[1.5, 2.5]), "two classes or more are needed, each once"),
        (lambda f, a: f["learnt"]["history_"].update(frame={"epoch": [1]}), "history_ is not as it was learnt"),
        (lambda f, a: a.pop(next(iter(a))), "another architecture"),
        (lambda f, a: a.update(more=np.zeros(2)), r"there is no place \(more\)"),
        (lambda f, a: next(iter(a.values())).fill(-np.inf), "are NaN or infinite, and such weights answer nothing"),
    ],
)
def test_an_edited_learner_is_refused_though_its_checksum_fits(tmp_path, saved, change, reason):
    path = tmp_path / "classifier"
    path.write_bytes(saved)
    held, facts = read_arrays(path, "weights")
    change(facts, held)
    write_arrays(path, "weights", held, facts)
    with pytest.raises(ValueError, match=reason) as refused:
        load(path)
    assert str(refused.value).startswith(f"path: {path}")


def test_a_file_from_before_progress_was_called_so_is_read(tmp_path, saved):
    path = tmp_path / "classifier"
    path.write_bytes(saved)
    held, facts = read_arrays(path, "weights")
    facts["params"]["verbose"] = not facts["params"].pop("progress")
    write_arrays(path, "weights", held, facts)
    assert load(path).progress


def test_a_learner_of_another_kind_is_not_saved(tmp_path):
    class Mine(NeuralRegressor):
        pass

    learner = NeuralRegressor(**SMALL).fit(X, X["x"])
    learner.__class__ = Mine
    with pytest.raises(
        TypeError, match="save: Mine is not a learner of ceteris, so load would not know it; save its nets_ with"
    ):
        learner.save(tmp_path / "a")
    learner.__class__ = NeuralRegressor
    learner.activation = np.tanh
    with pytest.raises(
        TypeError, match=r"NeuralRegressor holds something that cannot be written as text .*; give activa"
    ):
        learner.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_facts_without_a_learner_are_refused(tmp_path):
    write_arrays(tmp_path / "w", "weights", {"a": np.ones(1)}, json.loads("{}"))
    with pytest.raises(ValueError, match=r"holds weights, but no learner; read it with ceteris.engine.load_weights"):
        load(tmp_path / "w")
