"""Measures against scikit-learn and slow routes, their intervals against what is known, and what they refuse."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, brier_score_loss, f1_score, log_loss

from ceteris.stats.agreement import krippendorff_alpha
from ceteris.text.evaluate import Evaluation, evaluate_labels, evaluate_raters, evaluate_texts
from ceteris.text.evaluate.labels import calibration_error

LABELS = np.array(["cut", "hold", "raise"])


def labels(n=120, seed=0):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet([1.0, 1.0, 1.0], size=n)
    y = np.array([rng.choice(3, p=row) for row in p])
    return LABELS[y], LABELS[p.argmax(1)], p


def test_measures_of_labels_are_those_of_scikit_learn():
    y, found, p = labels()
    mine = evaluate_labels(y, found, p, draws=20).table["value"]
    assert mine["accuracy"] == pytest.approx(accuracy_score(y, found), abs=1e-12)
    assert mine["F1 macro"] == pytest.approx(f1_score(y, found, average="macro"), abs=1e-12)
    assert mine["F1 micro"] == pytest.approx(f1_score(y, found, average="micro"), abs=1e-12)
    assert mine["log loss"] == pytest.approx(log_loss(y, p, labels=LABELS), abs=1e-12)
    assert mine["Brier"] == pytest.approx(((p - (y[:, None] == LABELS)) ** 2).sum(1).mean(), abs=1e-12)
    two = evaluate_labels(y == "cut", found == "cut", np.c_[1 - p[:, 0], p[:, 0]], draws=20)
    assert two["Brier"] == pytest.approx(brier_score_loss(y == "cut", p[:, 0]), abs=1e-12)


def test_several_labels_per_text_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    y, found = rng.integers(0, 2, size=(50, 4)), rng.integers(0, 2, size=(50, 4))
    mine = evaluate_labels(y, found, classes=["a", "b", "c", "d"], draws=20)
    for average in ("macro", "micro"):
        assert mine[f"F1 {average}"] == pytest.approx(f1_score(y, found, average=average), abs=1e-12)
    assert mine["accuracy"] == pytest.approx(accuracy_score(y, found), abs=1e-12)


def test_the_calibration_error_is_that_of_bin_after_bin():
    y, found, p = labels()
    right, given = y == found, p.max(1)
    slow = 0.0
    for b in range(10):
        inside = (given >= b / 10) & ((given < (b + 1) / 10) | (b == 9))
        slow += inside.mean() * abs(right[inside].mean() - given[inside].mean()) if inside.any() else 0.0
    assert float(calibration_error(right, given, np.ones(len(y)))) == pytest.approx(slow, abs=1e-12)


def test_right_probabilities_are_told_from_boasting_ones():
    y, found, p = labels(600)
    calibrated = lambda e: next(check for check in e.checks if check.name == "calibrated")
    assert calibrated(evaluate_labels(y, found, p, draws=20)).passed
    sharp = p**3 / (p**3).sum(1, keepdims=True)
    boasting = evaluate_labels(y, found, sharp, draws=20)
    assert not calibrated(boasting).passed
    assert "calibrate them on labels set aside" in boasting.summary()


def test_a_class_that_is_never_predicted_counts_as_zero_and_one_that_is_not_there_not_at_all():
    y = ["a"] * 40 + ["b"] * 2
    found = evaluate_labels(y, ["a"] * 42, draws=200)
    assert found["F1 macro"] == pytest.approx(f1_score(y, ["a"] * 42, average="macro"), abs=1e-12)
    # e^-2 of the resamples lack b, and there the mean is that of one class: it is never undefined
    assert found.draws["F1 macro"].notna().all()
    assert found.draws["F1 macro"].max() == 1


def test_the_interval_of_accuracy_has_its_known_width():
    y, found, _ = labels(400)
    mine = evaluate_labels(y, found, draws=2000)
    a = mine["accuracy"]
    low, high = mine.table.loc["accuracy", ["low", "high"]]
    # 2000 draws know a quantile to about 3 % of its distance from the mean, three times that is allowed
    assert (high - low) / (2 * 1.96 * np.sqrt(a * (1 - a) / 400)) == pytest.approx(1, abs=0.1)
    assert mine.conf_int(0.5).loc["accuracy", "low"] > low


def test_texts_of_a_cluster_are_drawn_together():
    """Each text is there eight times: the interval is that of an eighth of the texts, √8 as wide."""
    y, found, _ = labels(50)
    alone = evaluate_labels(y, found, draws=1000)
    copies, cluster = np.tile(np.arange(50), 8), np.tile(np.arange(50), 8)
    together = evaluate_labels(y[copies], found[copies], draws=1000, cluster=cluster)
    width = lambda e: float(e.table.loc["accuracy", "high"] - e.table.loc["accuracy", "low"])
    assert width(together) / width(alone) == pytest.approx(1, abs=0.15)
    assert width(evaluate_labels(y[copies], found[copies], draws=1000)) < 0.5 * width(together)


def test_two_systems_are_compared_on_the_same_resamples():
    y, found, _ = labels(300)
    other = found.copy()
    other[:10] = "cut"
    a, b = (evaluate_labels(y, each, draws=500) for each in (found, other))
    width = lambda e: float(e.table.loc["accuracy", "high"] - e.table.loc["accuracy", "low"])
    gap = a.against(b)
    assert gap["accuracy"] == pytest.approx(a["accuracy"] - b["accuracy"], abs=1e-15)
    assert width(gap) < 0.5 * width(a)  # they differ in ten texts only
    with pytest.raises(ValueError, match="but must share measures, rows, seed and draws with this one"):
        a.against(evaluate_labels(y, found, draws=400))


def test_texts_are_judged_by_all_measures_and_intervals_come_from_resampled_texts():
    rng = np.random.default_rng(0)
    words = ["rates", "prices", "fell", "rose", "by", "the", "bank", "in", "may", "after", "june"]
    references = [" ".join(rng.choice(words, 8)) for _ in range(40)]
    written = [" ".join(w for w in text.split() if rng.random() < 0.8) or "the" for text in references]
    found = evaluate_texts(written, references, ["bleu", "chrf", "chrf++", "rouge1", "rougeL"], draws=50, seed=3)
    rows = np.random.default_rng(3).integers(40, size=(50, 40))  # of the first draw, as the bootstrap makes them
    slow = evaluate_texts([written[i] for i in rows[0]], [references[i] for i in rows[0]], draws=2)
    for name in ("bleu", "chrf", "rouge1", "rougeL"):
        assert found.draws[name][0] == pytest.approx(slow[name], abs=1e-9)
    assert list(found.parts["Texts"].columns) == ["written", "reference", "bleu", "chrf", "chrf++", "rouge1", "rougeL"]
    assert found.parts["Texts"]["rouge1"].mean() == pytest.approx(found["rouge1"], abs=1e-12)


def test_letters_that_rouge_does_not_read_are_said():
    found = evaluate_texts(["die Größe der Zölle"] * 30, ["die Höhe der Zölle"] * 30, draws=20)
    assert "none of a to z, at which ROUGE cuts words" in found.summary()
    assert "cuts words" not in evaluate_texts(["die Größe"] * 30, ["die Höhe"] * 30, ["chrf"], draws=20).summary()


def test_raters_are_judged_by_alpha_and_kappa():
    rng = np.random.default_rng(0)
    real = rng.integers(1, 4, size=(80, 1))
    ratings = np.where(rng.random((80, 3)) < 0.7, real, rng.integers(1, 4, size=(80, 3))).astype(float)
    ratings[:5, 0] = np.nan
    ratings[79, 1:] = np.nan
    found = evaluate_raters(pd.DataFrame(ratings), "ordinal", draws=100)
    assert found["alpha"] == pytest.approx(krippendorff_alpha(ratings, "ordinal"), abs=1e-12)
    assert found.rows == 79
    assert "Units with fewer than two ratings are left out: 1." in found.summary()
    assert "Fleiss' kappa" not in found.table.index  # some units lack a rating
    low, high = found.table.loc["alpha", ["low", "high"]]
    assert low < found["alpha"] < high
    assert "sharpen the instructions" in found.summary()


def test_an_evaluation_of_few_rows_says_so():
    found = evaluate_labels(["a", "b"], ["a", "b"], draws=20)
    assert isinstance(found, Evaluation)
    assert "2 independent rows were judged" in found.summary()
    with pytest.raises(ValueError, match="measure is 'bleu', but must be one of accuracy, F1 macro, F1 micro"):
        found["bleu"]


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: evaluate_labels(["a"], ["a", "b"]), r"prediction has shape \(2,\), but must have that of y, \(1,\)"),
        (lambda: evaluate_labels([], []), r"prediction has shape \(0,\), but must have that of y"),
        (lambda: evaluate_labels(["a"], ["b"], classes=["a"]), "prediction holds b, but must hold some of the classes"),
        (lambda: evaluate_labels([[0, 2]], [[0, 1]]), "y holds other values than 0 and 1"),
        (lambda: evaluate_labels(["a", "b"], ["a", "a"], np.ones((2, 3))), "probability has 3 columns, but 2 labels"),
        (lambda: evaluate_labels(["a", "b"], ["a", "a"], np.ones((2, 2))), "rows must hold numbers of at least 0"),
        (lambda: evaluate_labels(["a", "b"], ["a", "a"], np.ones((1, 2))), r"probability has shape \(1, 2\), but must"),
        (lambda: evaluate_labels(["a"], ["a"], draws=1), "draws is 1, but must be a whole number of at least 2"),
        (lambda: evaluate_labels(["a"], ["a"], level=2), "level is 2, but must be a number above 0 and below 1"),
        (lambda: evaluate_labels(["a"], ["a"], cluster=[1, 2]), "cluster holds 2, but must hold 1, one for each row"),
        (lambda: evaluate_texts(["a"], ["a"], ["blue"]), "measures is 'blue', but must be one of .* 'bleu'"),
        (lambda: evaluate_raters([[1, 2]], "nomial"), "scale is 'nomial', but must be one of"),
        (lambda: evaluate_raters([[1, 2]], cluster=[1, 2]), "cluster holds 2, but must hold 1, one for each unit"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
