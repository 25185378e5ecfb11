"""Rates by group against scikit-learn and binomial errors, gaps that are there and gaps that are not, refusals."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn import metrics as sk

from ceteris.learners import Fairness, compare, fairness


def scored(n=1200, shift=0.0, seed=0):
    """Two groups; probabilities are right in a, and too high by `shift` in b."""
    rng = np.random.default_rng(seed)
    group = np.where(rng.random(n) < 0.6, "a", "b")
    p = rng.uniform(0.1, 0.8, n)
    y = rng.random(n) < p
    return y.astype(int), p + shift * (group == "b"), group


def test_measures_are_those_of_scikit_learn():
    y, p, group = scored()
    table = fairness(y, p, group).table
    for name in ("a", "b"):
        own = group == name
        tn, fp, fn, tp = sk.confusion_matrix(y[own], p[own] >= 0.5).ravel()
        expected = {
            "n": own.sum(),
            "base rate": y[own].mean(),
            "selection rate": (tp + fp) / own.sum(),
            "true positive rate": tp / (tp + fn),
            "false positive rate": fp / (fp + tn),
            "predictive value": tp / (tp + fp),
            "mean probability": p[own].mean(),
            "calibration gap": y[own].mean() - p[own].mean(),
            "log loss": sk.log_loss(y[own], p[own]),
            "Brier score": sk.brier_score_loss(y[own], p[own]),
        }
        for measure, value in expected.items():
            assert table.loc[name, measure] == pytest.approx(value, rel=1e-9), measure


def test_standard_errors_are_binomial_and_of_means():
    y, p, group = scored()
    table = fairness(y, p, group, draws=4000).table
    own = group == "a"
    errors = {"base rate": y[own], "true positive rate": (p >= 0.5)[own & (y == 1)], "calibration gap": (y - p)[own]}
    for measure, values in errors.items():
        # 4000 draws know a spread to 1.1%; Jeffreys' prior is worth one row of hundreds.
        assert table.loc["a", f"{measure} se"] == pytest.approx(values.std() / np.sqrt(len(values)), rel=0.05), measure


def test_intervals_of_differences_and_ratios():
    y, p, group = scored()
    gaps = fairness(y, p, group, draws=4000).gaps.set_index("measure")
    a, b = ((p >= 0.5)[group == name] for name in ("a", "b"))
    se = np.sqrt(a.var() / len(a) + b.var() / len(b))
    row = gaps.loc["selection rate"]
    assert row["difference"] == pytest.approx(b.mean() - a.mean(), rel=1e-9)
    assert (row["high"] - row["low"]) / 2 == pytest.approx(stats.norm.ppf(0.975) * se, rel=0.06)
    assert row["ratio"] == pytest.approx(b.mean() / a.mean(), rel=1e-9)
    # The delta method: the standard error of a log ratio.
    log = np.sqrt((1 - a.mean()) / a.sum() + (1 - b.mean()) / b.sum())
    assert np.log(row["ratio high"] / row["ratio low"]) / 2 == pytest.approx(stats.norm.ppf(0.975) * log, rel=0.06)
    narrow = fairness(y, p, group, draws=4000, level=0.8).gaps.set_index("measure").loc["selection rate"]
    assert (narrow["high"] - narrow["low"]) < 0.75 * (row["high"] - row["low"])


def test_no_gap_is_found_where_there_is_none_nineteen_times_in_twenty():
    """A selection that does not know the group: the interval holds zero as often as it says, in small groups too."""
    rng, missed, runs = np.random.default_rng(0), 0, 300
    for seed in range(runs):
        group, chosen = np.repeat(["a", "b"], [60, 25]), rng.random(85) < 0.1
        y = rng.random(85) < 0.5
        gaps = fairness(y, chosen, group, draws=200, seed=seed).gaps.set_index("measure")
        missed += gaps.loc["selection rate", "verdict"] != "no difference"
    # Known to ±.013; resamples, in which two groups in ten select nobody or know no error, miss far more.
    assert missed / runs < 0.085


def test_a_gap_that_is_there_fails_its_check_and_one_that_is_not_passes():
    y, p, group = scored(6000, shift=0.15)
    found = fairness(y, p, group)
    checks = {check.name: check for check in found.checks}
    assert checks["predictions are calibrated alike"].passed is False
    sentence = checks["predictions are calibrated alike"].sentence
    assert sentence.startswith("The calibration gap of b differs from that of a: of b it is lower by 0.1")
    assert checks["each group has 30 rows"].passed
    even = {check.name: check for check in fairness(*scored(6000)).checks}
    assert {name: check.passed for name, check in even.items()} == dict.fromkeys(even, True)
    few = {check.name: check for check in fairness(*scored(150)).checks}
    assert few["selection rates are alike"].passed is None
    assert "Differences of 0.1 are not ruled out; more rows would tell" in few["selection rates are alike"].sentence


def test_a_rate_of_none_has_an_error():
    y = np.tile([0, 1], 100)
    chosen = np.r_[np.tile([0, 1], 95), np.zeros(10, int)]
    group = np.repeat(["large", "small"], [190, 10])
    found = fairness(y, chosen, group)
    assert found.table.loc["small", "selection rate"] == 0
    assert 0.02 < found.table.loc["small", "selection rate se"] < 0.2
    assert found.table.loc["small", "note"].startswith("Fewer than 30 rows.")
    assert "small: what is said of so few rows is not to be relied on" in found.checks[-1].sentence


def test_undefined_rates_and_empty_groups_are_said():
    y = np.r_[np.tile([0, 1], 50), np.zeros(40, int)]
    group = pd.Categorical(np.repeat(["a", "b"], [100, 40]), ["a", "b", "c"])
    found = fairness(y, np.tile([0, 1], 70), group)
    assert "Undefined: true positive rate." in found.table.loc["b", "note"]
    assert found.table.loc["c", ["n", "note"]].tolist() == [0, "No rows."]
    gaps = found.gaps.set_index(["measure", "group"])
    assert gaps.loc[("true positive rate", "b"), "verdict"] == "not known"
    assert len(found.figures["Measures by group"].data)


def test_numbers_are_judged_by_their_errors():
    rng = np.random.default_rng(0)
    group, y = np.repeat(["a", "b"], 500), rng.normal(size=1000)
    predicted = y + rng.normal(size=1000) + 0.5 * (group == "b")
    found = fairness(y, predicted, group, draws=2000)
    error = (predicted - y)[group == "b"]
    assert found.table.loc["b", "mean error"] == pytest.approx(error.mean(), rel=1e-9)
    assert found.table.loc["b", "mean error se"] == pytest.approx(error.std() / np.sqrt(500), rel=0.06)
    assert found.table.loc["b", "RMSE"] == pytest.approx(np.sqrt((error**2).mean()), rel=1e-9)
    assert (found.positive, found.checks[0].passed) == (None, False)
    assert np.isnan(found.gaps.set_index("measure").loc["mean error", "ratio"])
    assert "ratio" not in found.summary()


def test_weights_are_copies_in_the_values():
    y, p, group = scored(300)
    w = np.random.default_rng(0).integers(1, 4, 300)
    times = np.repeat(np.arange(300), w)
    found, copied = fairness(y, p, group, sample_weight=w).table, fairness(y[times], p[times], group[times]).table
    for measure in ("selection rate", "predictive value", "calibration gap", "log loss"):
        np.testing.assert_allclose(found.loc[["a", "b"], measure], copied.loc[["a", "b"], measure], rtol=1e-9)


def test_classes_may_be_predicted_and_any_be_positive():
    y, p, group = scored(400)
    words = np.array(["no", "yes"])
    by_label = fairness(words[y], words[(p >= 0.5).astype(int)], group).table
    by_probability = fairness(words[y], p, group).table
    assert by_label["selection rate"].equals(by_probability["selection rate"])
    assert "log loss" not in by_label
    turned = fairness(words[y], words[(p >= 0.5).astype(int)], group, positive="no").table
    np.testing.assert_allclose(turned["true positive rate"], 1 - by_label["false positive rate"], rtol=1e-9)
    strict = fairness(y, p, group, threshold=0.7).table
    assert strict.loc["a", "selection rate"] == pytest.approx((p >= 0.7)[group == "a"].mean())


def test_a_comparison_is_fair_or_not_on_its_test_part():
    rng = np.random.default_rng(0)
    sex = rng.choice(["f", "m"], 600)
    X = pd.DataFrame({"x": rng.normal(size=600), "sex": sex})
    y = np.where(X["x"] + (X["sex"] == "m") + rng.normal(size=600) > 0.5, "hired", "refused")
    c = compare(X, y, learners=["logistic"], test_size=0.4)
    found = c.fairness("sex", positive="hired")
    assert isinstance(found, Fairness)
    test = c.test_predictions.index
    own = (c.test_predictions["logistic"] == "hired")[sex[test] == "f"]
    assert found.table.loc["f", "selection rate"] == pytest.approx(own.mean())
    beside = compare(X[["x"]], y, learners=["logistic"], test_size=0.4)
    assert beside.fairness(sex, positive="hired").table["n"].equals(found.table["n"])
    assert c.fairness("sex", "baseline").table.loc["f", "true positive rate"] in (0.0, 1.0)
    three = np.digitize(X["x"] + rng.normal(size=600), [-1, 1])
    classes = compare(X, three, learners=["logistic"])
    assert set(classes.fairness("sex", positive=2).table.index) == {"f", "m"}
    numbers = compare(X, X["x"] + rng.normal(size=600), learners=["linear"])
    assert "RMSE" in numbers.fairness("sex").table
    for message, do in [
        ("column is 'sexx', but must be a column of X: x, sex; did you mean 'sex'", lambda: c.fairness("sexx")),
        ("column holds 3, but must hold 600, one for each row of the table", lambda: c.fairness(["f", "m", "m"])),
        ("name is 'forest', but must be a tested learner: logistic, baseline", lambda: c.fairness("sex", "forest")),
        ("positive is not given, but y holds 3 classes; name one of 0, 1, 2", lambda: classes.fairness("sex")),
        ("fairness: an argument is 'drawz', but must be one of .*; did you mean", lambda: c.fairness("sex", drawz=3)),
        ("group holds 240 different values, but must hold 50 groups at most", lambda: c.fairness("x")),
    ]:
        with pytest.raises(ValueError, match=message):
            do()


def refuses(message, y=None, predicted=None, group=None, **options):
    y0, p0, group0 = scored(60)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        fairness(
            y0 if y is None else y,
            p0 if predicted is None else predicted,
            group0 if group is None else group,
            **options,
        )
    assert "\n" not in str(caught.value)


def test_refusals():
    one = np.array(["a"] * 59 + ["b"])
    refuses("group: b has one row, but must have two at least; merge it with another group", group=one)
    refuses("group: all rows are in a, but there must be two groups at least; give more", group=["a"] * 60)
    refuses("group holds 59, but must hold 60, one for each row of y; give as many", group=one[1:])
    refuses("group: 1 of 60 rows have no label; give them one, such as 'unknown'", group=[None, *one[1:]])
    refuses("group holds 60 different values, but must hold 50 groups at most; cut numbers", group=np.arange(60))
    refuses("predicted holds 1.5, but must hold classes of y, 0, 1, or probabilities of 1", predicted=np.full(60, 1.5))
    refuses("predicted holds 'maybe', but must hold classes of y", predicted=["maybe"] * 60)
    refuses("predicted holds 59, but must hold 60", predicted=np.ones(59))
    refuses("positive is 7, but must be one of the classes 0, 1; choose", positive=7)
    refuses("reference is 'z', but must be one of the groups a, b; choose", reference="z")
    refuses("threshold is 1.2, but must be a number above 0 and below 1", threshold=1.2)
    refuses("level is 95, but must be a number above 0 and below 1", level=95)
    refuses("draws is 1, but must be a whole number of at least 2", draws=1)
    refuses("task is 'class', but must be one of auto, regression, classification", task="class")
