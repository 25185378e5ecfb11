"""Measures against scikit-learn, confusion matrices by hand, and known sampling distributions."""

import numpy as np
import pytest
from sklearn import metrics as sk

from ceteris.learners.metrics import (
    WHY_UNDEFINED,
    bootstrap,
    classification_measures,
    regression_measures,
    summarise,
)

EXACT = {"rtol": 1e-10, "atol": 1e-12}  # sums of a few hundred terms in another order: rounding only


def labels(K, n=300, seed=0):
    """Labels as strings, probabilities with many ties, and weights."""
    rng = np.random.default_rng(seed)
    classes = np.array(["ash", "birch", "cedar", "elm"])[:K]
    y = rng.choice(classes, n)
    raw = rng.integers(1, 6, (n, K)) + 2.0 * (y[:, None] == classes)
    probability = raw / raw.sum(1, keepdims=True)
    return classes, y, classes[probability.argmax(1)], probability, rng.uniform(0.1, 3.0, n)


@pytest.mark.parametrize("weighted", [False, True])
def test_regression_measures_are_scikit_learns(weighted):
    rng = np.random.default_rng(1)
    y = 1e6 + rng.normal(size=200)  # far from zero: a sum of squares less a squared sum would lose R²
    prediction = y + rng.normal(size=200)
    w = rng.uniform(0, 2, 200) if weighted else None
    ours = regression_measures(y, prediction, w)
    theirs = {
        "mae": sk.mean_absolute_error(y, prediction, sample_weight=w),
        "mse": sk.mean_squared_error(y, prediction, sample_weight=w),
        "rmse": sk.root_mean_squared_error(y, prediction, sample_weight=w),
        "r2": sk.r2_score(y, prediction, sample_weight=w),
    }
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, **EXACT)


def test_mae_takes_absolute_values_where_the_printed_table_does_not():
    assert regression_measures([0.0, 0.0], [1.0, -1.0])["mae"] == 1.0


@pytest.mark.parametrize("weighted", [False, True])
def test_binary_measures_are_scikit_learns(weighted):
    classes, y, prediction, probability, w = labels(2)
    w = w if weighted else None
    ours = classification_measures(y, prediction, probability, classes, positive="birch", weight=w)
    options = {"pos_label": "birch", "sample_weight": w}
    recall = sk.recall_score(y, prediction, **options)
    specificity = sk.recall_score(y, prediction, pos_label="ash", sample_weight=w)
    theirs = {
        "accuracy": sk.accuracy_score(y, prediction, sample_weight=w),
        "precision": sk.precision_score(y, prediction, **options),
        "recall": recall,
        "f1": sk.f1_score(y, prediction, **options),
        "specificity": specificity,
        "fpr": 1 - specificity,
        "fnr": 1 - recall,
        "tpr": recall,
        "tnr": specificity,
        "auc": sk.roc_auc_score(y == "birch", probability[:, 1], sample_weight=w),
        "log_loss": sk.log_loss(y, probability, labels=classes, sample_weight=w),
        "brier": sk.brier_score_loss(y, probability[:, 1], **options),
    }
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, **EXACT, err_msg=name)


@pytest.mark.parametrize("weighted", [False, True])
def test_multiclass_measures_are_scikit_learns_macro_averages(weighted):
    classes, y, prediction, probability, w = labels(4)
    w = w if weighted else None
    ours = classification_measures(y, prediction, probability, classes, weight=w)
    macro = {"average": "macro", "sample_weight": w}
    theirs = {
        "accuracy": sk.accuracy_score(y, prediction, sample_weight=w),
        "precision": sk.precision_score(y, prediction, **macro),
        "recall": sk.recall_score(y, prediction, **macro),
        "f1": sk.f1_score(y, prediction, **macro),
        "auc": sk.roc_auc_score(y, probability, multi_class="ovr", labels=classes, **macro),
        "log_loss": sk.log_loss(y, probability, labels=classes, sample_weight=w),
        "brier": sk.brier_score_loss(y, probability, labels=classes, sample_weight=w),
    }
    for name, value in theirs.items():
        np.testing.assert_allclose(ours[name], value, **EXACT, err_msg=name)
    tables = sk.multilabel_confusion_matrix(y, prediction, labels=classes, sample_weight=w)
    specificity = np.mean(tables[:, 0, 0] / tables[:, 0].sum(-1))
    np.testing.assert_allclose([ours["specificity"], ours["tnr"], 1 - ours["fpr"]], specificity, **EXACT)
    np.testing.assert_allclose([ours["tpr"], 1 - ours["fnr"]], theirs["recall"], **EXACT)


def test_a_confusion_matrix_worked_by_hand():
    # tp = 6, fn = 2, fp = 3, tn = 9: positives first.
    y = np.repeat([1, 1, 0, 0], [6, 2, 3, 9])
    prediction = np.repeat([1, 0, 1, 0], [6, 2, 3, 9])
    p = np.where(prediction == 1, 0.8, 0.3)
    m = classification_measures(y, prediction, np.c_[1 - p, p], [0, 1], positive=1)
    by_hand = {"accuracy": 15 / 20, "precision": 6 / 9, "recall": 6 / 8, "f1": 12 / 17, "specificity": 9 / 12}
    by_hand |= {"fpr": 3 / 12, "fnr": 2 / 8, "tpr": 6 / 8, "tnr": 9 / 12}
    by_hand |= {"auc": (6 * 9 + (6 * 3 + 2 * 9) / 2) / (8 * 12)}
    by_hand |= {"brier": (6 * 0.2**2 + 2 * 0.7**2 + 3 * 0.8**2 + 9 * 0.3**2) / 20}
    for name, value in by_hand.items():
        assert m[name] == pytest.approx(value, abs=1e-14), name
    flipped = classification_measures(y, prediction, np.c_[1 - p, p], [0, 1], positive=0)
    assert flipped["recall"] == pytest.approx(9 / 12)
    assert flipped["precision"] == pytest.approx(9 / 11)


def test_undefined_is_nan_with_a_reason_and_never_zero():
    p = np.array([0.1, 0.2, 0.3])
    never = classification_measures([0, 1, 1], [0, 0, 0], np.c_[1 - p, p], [0, 1], positive=1)
    assert {k for k, v in never.items() if np.isnan(v)} == {"precision", "f1"}
    assert never["recall"] == 0.0  # defined: none of the two positives is found
    single = classification_measures([0, 0, 0], [0, 1, 0], np.c_[1 - p, p], [0, 1], positive=1)
    assert {k for k, v in single.items() if np.isnan(v)} == {"recall", "tpr", "fnr", "f1", "auc"}
    full = classification_measures([1, 1, 1], [0, 1, 0], np.c_[1 - p, p], [0, 1], positive=1)
    assert {k for k, v in full.items() if np.isnan(v)} == {"specificity", "tnr", "fpr", "auc"}
    constant = regression_measures([0.1, 0.1, 0.1], [0.0, 0.2, 0.1])
    assert {k for k, v in constant.items() if np.isnan(v)} == {"r2"}
    for case in (never, single, full, constant):
        assert all(name in WHY_UNDEFINED for name, v in case.items() if np.isnan(v))
    macro = classification_measures(["a", "b"], ["a", "b"], np.eye(3)[:2], ["a", "b", "c"])
    assert np.isnan(macro["recall"])  # class c has no row
    assert macro["accuracy"] == 1.0


def test_an_undefined_f1_is_not_the_zero_of_no_true_positive():
    p = np.array([0.9, 0.1])
    m = classification_measures([0, 1], [1, 0], np.c_[1 - p, p], [0, 1], positive=1)
    assert m["precision"] == m["recall"] == m["f1"] == 0.0


def test_many_weights_at_once_are_the_same_as_one_by_one():
    for K, positive in ((2, "ash"), (3, None)):
        classes, y, prediction, probability, _ = labels(K, 60)
        W = np.random.default_rng(2).integers(0, 3, (7, 60)).astype(float)
        together = classification_measures(y, prediction, probability, classes, positive, W)
        for b in range(7):
            alone = classification_measures(y, prediction, probability, classes, positive, W[b])
            repeated = np.repeat(np.arange(60), W[b].astype(int))  # a weight is a number of copies
            copies = classification_measures(
                y[repeated], prediction[repeated], probability[repeated], classes, positive
            )
            for name in together:
                np.testing.assert_allclose(together[name][b], alone[name], **EXACT, err_msg=name)
                np.testing.assert_allclose(together[name][b], copies[name], **EXACT, err_msg=name)


def test_bootstrap_errors_of_means_are_the_textbook_ones():
    rng = np.random.default_rng(3)
    y, n = rng.normal(size=400), 400
    prediction = np.zeros(n)
    draws = bootstrap(lambda w: regression_measures(y, prediction, w), n, np.random.default_rng(0), draws=4000)
    # The bootstrap variance of a mean is the sample variance over n exactly; 4,000 draws know its root to 1.1%.
    assert draws["mae"].std() == pytest.approx(np.abs(y).std() / np.sqrt(n), rel=0.05)
    assert draws["mse"].std() == pytest.approx((y**2).std() / np.sqrt(n), rel=0.05)
    hit = (y > 0).astype(int)
    p = np.full(n, 0.6)
    measures = lambda w: classification_measures(hit, np.ones(n), np.c_[1 - p, p], [0, 1], 1, w)
    accuracy = bootstrap(measures, n, np.random.default_rng(0), draws=4000)["accuracy"].std()
    share = hit.mean()
    assert accuracy == pytest.approx(np.sqrt(share * (1 - share) / n), rel=0.05)


def test_bootstrap_error_of_the_auc_agrees_with_delong():
    # DeLong, DeLong and Clarke-Pearson (1988): the variance from the placements of positives and negatives.
    rng = np.random.default_rng(4)
    positive, negative = rng.normal(1, 1, 150), rng.normal(0, 1, 250)
    above = (positive[:, None] > negative).astype(float)
    delong = np.sqrt(above.mean(1).var(ddof=1) / 150 + above.mean(0).var(ddof=1) / 250)
    y, score = np.repeat([1, 0], [150, 250]), np.r_[positive, negative]
    probability = np.c_[1 - score, score]  # any score will do for the ranks
    measures = lambda w: classification_measures(y, y, probability, [0, 1], 1, w)
    draws = bootstrap(measures, 400, np.random.default_rng(0), draws=3000)
    # The bootstrap also lets the number of positives vary, which adds nothing to first order.
    assert draws["auc"].std() == pytest.approx(delong, rel=0.08)


def test_bootstrap_is_seeded_and_its_batches_do_not_show(monkeypatch):
    y = np.random.default_rng(5).normal(size=50)
    run = lambda seed: bootstrap(lambda w: regression_measures(y, 0 * y, w), 50, np.random.default_rng(seed), 100)
    whole = run(0)
    assert not np.allclose(whole["mae"], run(1)["mae"])
    monkeypatch.setattr("ceteris.learners.metrics._CELLS", 50 * 7)
    np.testing.assert_allclose(whole, run(0), **EXACT)  # the same rows; products of another shape round otherwise


def test_weights_enter_the_bootstrap():
    y = np.r_[np.zeros(50), np.ones(50)]
    weight = np.r_[np.ones(50), np.zeros(50)]  # the second half does not count
    measures = lambda w: regression_measures(y, np.zeros(100), w)
    assert bootstrap(measures, 100, np.random.default_rng(0), 50, weight)["mae"].max() == 0.0
    assert bootstrap(measures, 100, np.random.default_rng(0), 50)["mae"].min() > 0.2


def test_resamples_of_one_class_are_left_out_and_flagged():
    y, p = np.array([1, 0, 0, 0, 0, 0]), np.array([0.4, 0.6, 0.1, 0.2, 0.1, 0.3])
    measures = lambda w=None: classification_measures(y, (p > 0.5).astype(int), np.c_[1 - p, p], [0, 1], 1, w)
    draws = bootstrap(measures, 6, np.random.default_rng(0), draws=2000)
    table = summarise(measures(), draws)
    expected = (5 / 6) ** 6 + (1 / 6) ** 6  # all six draws from the negatives, or all from the one positive
    assert table.loc["auc", "undefined"] == pytest.approx(expected, abs=0.04)  # 4 standard errors of a share
    assert "undefined in" in table.loc["auc", "note"]
    assert np.isfinite(table.loc["auc", "se"])
    assert table.loc["accuracy", "note"] == ""


def test_no_standard_error_for_what_is_undefined():
    p = np.array([0.1, 0.2, 0.3])
    measures = lambda w=None: classification_measures([0, 1, 1], [0, 0, 0], np.c_[1 - p, p], [0, 1], 1, w)
    table = summarise(measures(), bootstrap(measures, 3, np.random.default_rng(0), 50))
    assert np.isnan(table.loc["precision", ["value", "se"]].astype(float)).all()
    assert table.loc["precision", "note"] == "undefined because the class, or one of them, is never predicted"


def test_an_unknown_class_is_named():
    with pytest.raises(ValueError, match="y holds c, which is not one of the classes a, b: pass them all"):
        classification_measures(["a", "c"], ["a", "b"], np.eye(2), ["a", "b"])
    with pytest.raises(ValueError, match="positive holds c"):
        classification_measures(["a", "b"], ["a", "b"], np.eye(2), ["a", "b"], positive="c")
