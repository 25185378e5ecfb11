"""What a comparison of learners of texts says, and a learning curve."""

import numpy as np
import pytest

from ceteris.text.classify import TextClassifier, compare_texts, learning_curve
from ceteris.text.classify.comparing import WordCounts, judged
from ceteris.text.classify.examples import CORPUS, tiny_model

MODEL = tiny_model()
TEXTS = list(CORPUS) * 8
Y = np.array(["economy", "economy", "sport", "sport", "economy", "sport"] * 8)


def test_words_and_vectors_are_compared_on_the_same_texts():
    found = compare_texts(TEXTS, Y, MODEL, folds=3)
    assert set(found.table.index) == {"TF-IDF", "frozen model", "baseline"}
    assert (found.table["status"] == "ok").all()
    assert found.table.loc["baseline", "verdict"] == "worse"
    own = found.fitted["frozen model"][-1]
    assert isinstance(own, TextClassifier)
    assert own.cache is None
    assert own.predict(["prices rise"]).tolist() == ["economy"]


def test_numbers_are_compared_too():
    found = compare_texts(TEXTS, np.where(Y == "sport", 1.5, 0.5) + np.arange(48) / 100, MODEL, folds=3)
    assert found.task == "regression"
    assert found.table.loc["frozen model", "cv r2"] > 0


def test_a_curve_has_every_learner_at_every_size():
    curve = learning_curve(TEXTS, Y, MODEL, sizes=(6, 24, 500), draws=2, learners={"other": WordCounts(1)})
    assert curve.table()["labels"].tolist() == [6] * 3 + [24] * 3  # 500 are more than there are
    assert len(curve.runs) == 12
    assert curve.tested == 14
    assert "is best with 24 labels" in curve.checks[0].sentence
    assert len(curve.figures) == 1
    assert len(str(curve).split("\n")) <= 25


def test_a_class_that_was_not_learnt_costs_its_text_and_not_the_run():
    learner = WordCounts().fit(TEXTS, Y)
    share, loss = judged(learner, [CORPUS[0], "a vote"], np.array(["economy", "politics"]))
    assert share == 0.5
    assert 5 < loss < 10


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"sizes": (900,)}, "sizes: none is at most 34, the labels there are to learn from"),
        ({"sizes": (1,)}, "sizes is 1, but must be a whole number of at least 2"),
        ({"draws": 0}, "draws is 0, but must be a whole number of at least 1"),
        ({"test_size": 1.0}, "test_size is 1.0, but must be a number above 0 and below 1"),
    ],
)
def test_impossible_curves_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        learning_curve(TEXTS, Y, MODEL, **settings)
