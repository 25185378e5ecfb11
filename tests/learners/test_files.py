"""What a learner's file holds, and what learners.load takes."""

import numpy as np
import pandas as pd
import pytest

from ceteris.causal.heterogeneity import Effects
from ceteris.files import read_arrays, write_arrays
from ceteris.files.objects import save_object
from ceteris.learners import NeuralClassifier, NeuralRegressor, load

SMALL = {"members": 2, "epochs": 2, "widths": (4,), "validation": 0, "random_state": 0}
X = pd.DataFrame({"x": np.linspace(-1, 1, 30), "word": 15 * ["a", "b"]})


def test_labels_that_are_numbers_keep_their_weights(tmp_path):
    weighted = {3: 2.0, 1: 1.0}
    NeuralClassifier(**SMALL, class_weight=weighted).fit(X, np.where(X["x"] > 0, 3, 1)).save(tmp_path / "classifier")
    again = load(tmp_path / "classifier")
    assert again.class_weight == weighted
    assert again.classes_.tolist() == [1, 3]


def test_weights_that_answer_nothing_are_refused_though_the_checksum_fits(tmp_path):
    path = tmp_path / "net"
    NeuralRegressor(**SMALL).fit(X, X["x"]).save(path)
    arrays, facts = read_arrays(path, "object")
    next(a for name, a in arrays.items() if "nets_" in name and a.size > 4).fill(-np.inf)
    write_arrays(path, "object", arrays, facts)
    with pytest.raises(ValueError, match="are NaN or infinite, and such weights answer nothing"):
        load(path)


def test_a_learner_with_a_function_of_ones_own_is_not_saved(tmp_path):
    class Mine(NeuralRegressor):
        pass

    learner = NeuralRegressor(**SMALL).fit(X, X["x"])
    learner.__class__ = Mine
    with pytest.raises(TypeError, match=r"save: Mine is a Mine of .*, not of ceteris or scikit-learn, so that"):
        learner.save(tmp_path / "a")
    learner.__class__ = NeuralRegressor
    learner.activation = np.tanh
    with pytest.raises(TypeError, match=r"save: NeuralRegressor.activation is the function tanh of numpy, which no"):
        learner.save(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_learner_is_refused(tmp_path):
    save_object(tmp_path / "effects", Effects(np.zeros(1)))
    with pytest.raises(ValueError, match=r"holds a Effects, but must hold a NeuralClassifier, NeuralQ.*; read it with"):
        load(tmp_path / "effects")
