"""The comparison against scikit-learn run by hand, what each learner gets to see, and every refusal."""

import warnings

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure as Canvas
from scipy import stats
from sklearn import metrics as sk
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedKFold,
    TimeSeriesSplit,
    cross_val_score,
    train_test_split,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ceteris.learners.candidates import NEURAL, looks_like_classes, neural
from ceteris.learners.classical import LEARNERS, classical, prepare, takes_weights
from ceteris.learners.comparing import compare
from ceteris.learners.splits import Sealed, TableRows, make_folds, splitter

EXACT = {"rel": 1e-9}  # the same algorithm on the same rows: rounding only


def line(n=150, noise=0.5, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, X @ [1.0, -2.0, 0.0] + noise * rng.normal(size=n)


def labels(n=150, K=2, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    cuts = np.quantile(X[:, 0], np.arange(1, K) / K)
    return X, np.array(["ash", "birch", "cedar"])[np.digitize(X[:, 0] + 0.3 * rng.normal(size=n), cuts)]


# ------------------------------------------------------------------------------------- against scikit-learn


def test_regression_scores_are_those_of_scikit_learn_by_hand():
    X, y = line()
    c = compare(X, y, learners=["linear"], seed=3)
    A, B, a, b = train_test_split(X, y, test_size=0.2, random_state=3)
    by_hand = cross_val_score(LinearRegression(), A, a, cv=KFold(5, shuffle=True, random_state=3), scoring="r2")
    # Sorting the parts back into the order of the table changes which rows are in which fold.
    place = c.test_predictions.index.to_numpy()
    rest = np.setdiff1d(np.arange(150), place)
    assert sorted(map(tuple, B)) == sorted(map(tuple, X[place]))
    ours = cross_val_score(
        LinearRegression(), X[rest], y[rest], cv=KFold(5, shuffle=True, random_state=3), scoring="r2"
    )
    assert c.table.loc["linear", "cv r2"] == pytest.approx(ours.mean(), **EXACT)
    # Nadeau and Bengio (2003): 24 rows are judged and 96 learnt from in each of 5 folds.
    assert c.table.loc["linear", "cv r2 se"] == pytest.approx(ours.std(ddof=1) * np.sqrt(1 / 5 + 24 / 96), **EXACT)
    assert abs(by_hand.mean() - ours.mean()) < 0.05  # other folds of the same rows
    model = LinearRegression().fit(A, a)
    assert c.table.loc["linear", "test r2"] == pytest.approx(model.score(B, b), **EXACT)
    assert c.table.loc["linear", "test mae"] == pytest.approx(sk.mean_absolute_error(b, model.predict(B)), **EXACT)


def test_classification_scores_are_those_of_scikit_learn_by_hand():
    X, y = labels()
    c = compare(X, y, learners=["logistic"], seed=1)
    assert (c.task, c.positive, c.criterion) == ("classification", "birch", "log_loss")
    test = c.test_predictions.index.to_numpy()
    rest = np.setdiff1d(np.arange(150), test)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    folds = StratifiedKFold(5, shuffle=True, random_state=1)
    ours = -cross_val_score(model, X[rest], y[rest], cv=folds, scoring="neg_log_loss")
    assert c.table.loc["logistic", "cv log_loss"] == pytest.approx(ours.mean(), **EXACT)
    model.fit(X[rest], y[rest])
    p = model.predict_proba(X[test])
    row = c.table.loc["logistic"]
    assert row["test auc"] == pytest.approx(sk.roc_auc_score(y[test], p[:, 1]), **EXACT)
    assert row["test log_loss"] == pytest.approx(sk.log_loss(y[test], p), **EXACT)
    assert row["test f1"] == pytest.approx(sk.f1_score(y[test], model.predict(X[test]), pos_label="birch"), **EXACT)
    np.testing.assert_allclose(c.test_probabilities["logistic"]["birch"], p[:, 1], rtol=1e-9)
    shares = [np.mean(y[part] == "birch") for part in (test, rest)]
    assert abs(shares[0] - shares[1]) < 1 / 30  # stratified: within one row of the 30


def test_weights_are_used_in_fitting_and_in_judging():
    X, y = line()
    w = np.random.default_rng(1).integers(0, 4, 150).astype(float)
    c = compare(X, y, learners=["linear", "k-NN"], sample_weight=w)
    test = c.test_predictions.index.to_numpy()
    rest = np.setdiff1d(np.arange(150), test)
    model = LinearRegression().fit(X[rest], y[rest], sample_weight=w[rest])
    expected = sk.r2_score(y[test], model.predict(X[test]), sample_weight=w[test])
    assert c.table.loc["linear", "test r2"] == pytest.approx(expected, **EXACT)
    assert c.table.loc["linear", "note"] == ""
    assert c.table.loc["k-NN", "note"] == "Fitted without the sample weights, which it does not take."


@pytest.mark.parametrize("task", list(LEARNERS))
def test_every_classical_learner_takes_a_table_with_labels_and_weights(task):
    rng = np.random.default_rng(0)
    n = 120
    X = pd.DataFrame(
        {"age": rng.normal(40, 9, n), "owner": rng.random(n) < 0.5, "town": rng.choice(["N", "S", "W"], n)}
    )
    signal = 0.1 * (X["age"] - 40) + X["owner"] + 2.0 * (X["town"] == "S") + 0.2 * rng.normal(size=n)
    y = signal if task == "regression" else pd.cut(signal, [-9, 0.3, 1.5, 9], labels=["low", "middle", "high"])
    c = compare(X, y, learners=list(LEARNERS[task]), sample_weight=rng.uniform(0.5, 1.5, n), cv=3)
    assert set(c.table.index) == set(c.fitted) == set(LEARNERS[task])
    assert set(c.table["status"]) == {"ok"}, c.table["note"].tolist()
    baseline = c.table.loc["baseline", f"cv {c.criterion}"]
    better = c.table[f"cv {c.criterion}"].drop("baseline") - baseline
    assert (better > 0).all() if task == "regression" else (better < 0).all()
    new = pd.DataFrame({"age": [40.0], "owner": [True], "town": ["E"]})  # a town not seen in training
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Found unknown categories")
        assert all(len(model.predict(new)) == 1 for model in c.fitted.values())


def test_the_mean_is_the_baseline():
    X, y = line()
    c = compare(X, y, learners=["linear"])
    assert set(c.test_predictions["baseline"].round(9)) == {round(np.delete(y, c.test_predictions.index).mean(), 9)}


# --------------------------------------------------------------------------------- who sees which rows, when


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps the first column, here the number of the row, of everything it is shown."""

    log: list = []  # noqa: RUF012

    def fit(self, X, y):
        self.log.append(("fit", set(X[:, 0].astype(int))))
        self.mean_ = y.mean()
        return self

    def predict(self, X):
        self.log.append(("predict", set(X[:, 0].astype(int))))
        return np.full(len(X), self.mean_)


def record(**options):
    Recorder.log = []
    n = 60
    X = np.c_[np.arange(n), np.zeros(n)]
    y = np.random.default_rng(0).normal(size=n)
    c = compare(X, y, learners={"recorder": Recorder()}, **options)
    return (
        c,
        [rows for what, rows in Recorder.log if what == "fit"],
        [r for w, r in Recorder.log if w == "predict"],
    )


@pytest.mark.parametrize("cv", ["kfold", 3, "rolling", "expanding", TimeSeriesSplit(4)])
def test_the_test_part_is_predicted_once_last_and_never_learnt_from(cv):
    c, fits, predictions = record(cv=cv)
    test = set(c.test_predictions.index)
    assert len(test) == 12
    assert all(not test & rows for rows in fits)
    assert predictions[-1] == test
    assert all(not test & rows for rows in predictions[:-1])
    assert Recorder.log[-1][0] == "predict"
    for learnt, judged in zip(fits[:-1], predictions[:-1], strict=True):
        assert not learnt & judged
    assert fits[-1] == set(range(60)) - test  # refitted on the whole training part


def test_in_time_the_past_predicts_the_future():
    for cv in ("rolling", "expanding"):
        c, fits, predictions = record(cv=cv)
        assert set(c.test_predictions.index) == set(range(48, 60))
        assert all(max(a) < min(b) for a, b in zip(fits, predictions, strict=True))
        # 48 training rows, five folds: validation windows of 48 // 6 = 8 rows, the first 8 only learnt from.
        assert [min(b) for b in predictions[:-1]] == [8, 16, 24, 32, 40]
        lengths = [len(a) for a in fits[:-1]]
        assert lengths == ([8, 8, 8, 8, 8] if cv == "rolling" else [8, 16, 24, 32, 40])


def test_plain_folds_partition_the_training_part():
    c, _, predictions = record(cv=4)
    seen = [row for rows in predictions[:-1] for row in rows]
    assert sorted(seen) == sorted(set(range(60)) - set(c.test_predictions.index))


def test_sealed_rows_open_once():
    sealed = Sealed(TableRows(np.zeros((3, 1)), np.arange(3.0), None, np.arange(3)))
    assert len(sealed.open()) == len(sealed) == 3
    with pytest.raises(RuntimeError, match="opened before"):
        sealed.open()


def test_the_choice_is_by_the_folds_even_where_the_test_part_disagrees():
    # Rows in time: y follows x in the training part and the opposite in the test part.
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 1))
    y = np.r_[x[:80, 0], -x[80:, 0]] + 0.1 * rng.normal(size=100)
    c = compare(x, y, learners=["linear"], cv="expanding")
    assert c.best == "linear"
    assert c.table.loc["linear", "test r2"] < c.table.loc["baseline", "test r2"]
    assert c.checks[0].passed is False


def test_seeds():
    X, y = line()
    run = lambda seed: compare(X, y, learners=["forest"], cv=2, seed=seed).table.drop(columns="fit seconds")
    first = run(0)
    pd.testing.assert_frame_equal(first, run(0))
    assert not np.allclose(first["test mse"], run(1)["test mse"])


# ---------------------------------------------------------------------------------------- failures and checks


class Broken(ClassifierMixin, BaseEstimator):
    def fit(self, X, y):
        raise FloatingPointError("the third matrix is singular\nsecond line")

    def predict(self, X): ...
    def predict_proba(self, X): ...


class Unsettled(RegressorMixin, BaseEstimator):
    def fit(self, X, y):
        warnings.warn("no convergence after 7 steps", ConvergenceWarning, stacklevel=1)
        self.done_ = True
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Infinite(Unsettled):
    def fit(self, X, y):
        self.done_ = True
        return self

    def predict(self, X):
        return np.full(len(X), np.inf)


def test_a_learner_that_fails_or_warns_is_reported_and_the_others_go_on():
    X, y = labels()
    c = compare(X, y, learners={"broken": Broken(), "logit": LogisticRegression()})
    assert c.best == "logit"
    assert c.table.index[-1] == "broken"
    assert c.table.loc["broken", ["status", "note"]].tolist() == [
        "failed",
        "Failed: the third matrix is singular.",
    ]
    one = check(c, "no learner failed")
    assert (one.passed, one.value) == (False, 1)
    assert "broken: Failed: the third matrix is singular." in one.sentence
    X, y = line()
    c = compare(X, y, learners={"unsettled": Unsettled(), "infinite": Infinite()})
    assert c.table.loc["unsettled", "note"] == "Warned: no convergence after 7 steps."
    assert c.table.loc["unsettled", "status"] == "warned"
    assert c.table.loc["infinite", "note"].endswith("predictions are NaN or infinite.")
    assert {"unsettled", "baseline"} == set(c.fitted)
    assert all(len(s.tables) for s in c.sections())


def test_nothing_fitted_is_an_error():
    X, y = labels()
    with pytest.raises(RuntimeError, match=r"No learner could be fitted: Failed: the third matrix is singular\."):
        compare(X, y, learners={"baseline": Broken()})


def test_the_baseline_check_needs_two_standard_errors():
    X, y = line()
    good = compare(X, y, learners=["linear"]).checks[0]
    assert good.passed is True
    assert good.value > good.bar > 0
    noise = np.random.default_rng(0).normal(size=150)
    bad = compare(X, noise, learners=["linear"]).checks[0]
    assert bad.passed is False
    assert bad.sentence.startswith("No learner beat the baseline")


def check(comparison, words):
    return next((one for one in comparison.checks if words in one.name), None)


def test_a_difference_that_cannot_be_told_is_called_none():
    # The old check called this a win: better in the mean over the folds, by less than its error.
    X, y = line(400, noise=1.0)
    junk = np.c_[X, np.random.default_rng(5).normal(size=(400, 2))]
    c = compare(junk, y, learners=["linear", "ridge", "tree"])
    first, second = c.table.index[:2]
    assert {first, second} == {"linear", "ridge"}
    assert c.table.loc[second, "verdict"] == "no difference"
    assert c.table.loc["tree", "verdict"] == c.table.loc["baseline", "verdict"] == "worse"
    one = check(c, "stands out")
    assert one.passed is None
    assert one.sentence.startswith(f"{first} ties with {second}: over the folds its R² is better by ")
    assert "which is no difference" in one.sentence
    assert c.summary().split("\n")[0].endswith(f"{first} leads over the folds, but ties with {second}.")
    assert f"That it is better than {second} cannot be said" in c.sections()[0].text


def test_a_learner_that_wins_is_said_to():
    X, y = line(1000, noise=1.0)
    c = compare(X, y, learners=["linear", "tree"])
    one = check(c, "stands out")
    assert one.passed is True
    assert one.sentence.startswith("linear is better than tree: over the folds its R² is better by ")
    assert "; on the test part it is better by " in one.sentence
    assert c.summary().split("\n")[0].endswith("linear is best over the folds.")


def test_differences_are_paired_by_fold_and_by_row():
    X, y = line(400, noise=1.0)
    c = compare(X, y, learners=["linear", "tree"])
    found = c.differences(to="tree")
    scores = c.fold_scores["r2"]
    gains = (scores["linear"] - scores["tree"]).to_numpy()
    se = gains.std(ddof=1) * np.sqrt(1 / 5 + 1 / 4)
    low, high = stats.t.interval(0.95, 4, gains.mean(), se)
    assert found.loc["linear", ["gain", "se", "low", "high"]].tolist() == pytest.approx(
        [gains.mean(), se, low, high], **EXACT
    )
    assert found.loc["linear", "test gain"] == pytest.approx(
        c.table.loc["linear", "test r2"] - c.table.loc["tree", "test r2"], **EXACT
    )
    spread = (c.test_draws["linear"] - c.test_draws["tree"]).std()
    assert found.loc["linear", "test high"] - found.loc["linear", "test gain"] == pytest.approx(
        stats.norm.ppf(0.975) * spread, **EXACT
    )
    assert found.loc["linear", "verdict"] == "better"
    assert found.loc["baseline", "test verdict"] == "worse"
    assert list(c.differences().index) == ["tree", "baseline"]
    with pytest.raises(ValueError, match=r"to is 'tre', but must be a learner of the comparison: .*; did you mean"):
        c.differences(to="tre")


def test_resamples_are_the_same_for_all_learners():
    # By hand: R² of one less R² of the other, linearised (the delta method) as a mean over the test rows.
    X, y = line(400)
    c = compare(X, y, learners=["linear", "tree"])
    test = c.test_predictions
    gain = (test["y"] - test["tree"]) ** 2 - (test["y"] - test["linear"]) ** 2
    spread = (test["y"] - test["y"].mean()) ** 2
    residual = gain - spread * gain.mean() / spread.mean()
    linearised = residual.std() / spread.mean() / np.sqrt(len(test))
    paired = (c.test_draws["linear"] - c.test_draws["tree"]).std()
    # 500 resamples know a standard error to 3%; the delta method leaves out terms of relative order 1/80.
    assert paired == pytest.approx(linearised, rel=0.12)
    difference = (c.test_draws["linear"] - c.test_draws["baseline"]).std()
    assert c.checks[0].bar == pytest.approx(2 * difference, **EXACT)
    assert c.checks[0].value == pytest.approx(
        sk.r2_score(test["y"], test["linear"]) - sk.r2_score(test["y"], test["baseline"]), **EXACT
    )


def test_the_net_is_held_to_the_best_classical_learner():
    X, y = line()
    lazy = check(compare(X, y, learners={NEURAL: DummyRegressor(), "linear": LinearRegression()}), "keeps up")
    assert lazy.passed is False
    assert lazy.sentence.startswith(
        "neural net is worse than linear, the best classical learner: over the folds its R² is"
    )
    equal = check(compare(X, y, learners={NEURAL: LinearRegression(), "linear": LinearRegression()}), "keeps up")
    assert (equal.passed, equal.value) == (True, 0.0)
    assert equal.sentence.startswith("neural net ties with linear")
    assert check(compare(X, y, learners=["linear"]), "keeps up") is None


# ---------------------------------------------------------------------------------------- sections and figures


@pytest.mark.parametrize("K", [0, 2, 3])
def test_sections_hold_the_figures_and_their_numbers(K):
    X, y = line() if K == 0 else labels(K=K)
    c = compare(X, y, learners=["linear", "tree"] if K == 0 else ["logistic", "tree"])
    figures = {f.title.split(" of ")[0].split(",")[0]: f for section in c.sections() for f in section.figures}
    expected = {
        0: {"Observed and predicted"},
        2: {"ROC curves", "Calibration", "Confusion matrix"},
        3: {"ROC curves by class", "Confusion matrix"},
    }
    always = {"Scores over the folds", "Differences to the best learner"}
    assert set(figures) == expected[K] | always | {"Importance", "Accumulated local effects"}
    for f in figures.values():
        canvas = Canvas(figsize=f.size, layout="constrained")
        f.draw(canvas, f.data)
        canvas.draw_without_rendering()
        assert canvas.axes[0].get_xlabel()
    if K:
        matrix = figures["Confusion matrix"].data.pivot(index="observed", columns="predicted", values="rows")
        truth = sk.confusion_matrix(c.test_predictions["y"], c.test_predictions[c.best])
        np.testing.assert_array_equal(matrix, truth)
    if K == 2:
        curve = figures["ROC curves"].data.query("curve == @c.best")
        area = np.trapezoid(curve["tpr"], curve["fpr"])
        assert area == pytest.approx(c.table.loc[c.best, "test auc"], **EXACT)
        bins = figures["Calibration"].data
        y_share = (c.test_predictions["y"] == c.positive).mean()
        assert np.average(bins["observed"], weights=bins["rows"]) == pytest.approx(y_share)
    assert ("macro" in c.sections()[1].text) == (K == 3)
    assert ("The positive class is birch." in c.sections()[1].text) == (K == 2)


def test_a_learner_far_below_the_baseline_does_not_squeeze_the_others():
    X, y = line()
    c = compare(
        X,
        y,
        learners={"wild": DummyRegressor(strategy="constant", constant=1e4), "linear": LinearRegression()},
    )
    figure = c.sections()[0].figures[0]
    canvas = Canvas(figsize=figure.size)
    figure.draw(canvas, figure.data)
    left, right = canvas.axes[0].get_xlim()
    assert figure.data.set_index("learner").loc["wild", "mean"] < -1e6
    assert right - left < 5


def test_undefined_measures_are_told():
    X, y = labels(K=3)
    c = compare(X, y, learners={"constant": DummyClassifier(strategy="most_frequent")})
    assert np.isnan(c.table.loc["constant", "test precision"])
    assert np.isnan(c.table.loc["constant", "test precision se"])
    assert (
        "precision is undefined because the class, or one of them, is never predicted."
        in c.table.loc["constant", "note"]
    )


# ------------------------------------------------------------------------------------------------- refusals


def refuses(message, *, X=None, y=None, **options):
    X0, y0 = line(40)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        compare(X0 if X is None else X, y0 if y is None else y, **{"learners": ["linear"], **options})
    assert "\n" not in str(caught.value)


def test_refusals_of_the_table():
    y = line(40)[1]
    X = line(40)[0]
    refuses(
        "X: there are missing or infinite values .1 NaN in 'x1'",
        X=np.where(np.arange(120).reshape(40, 3) == 4, np.nan, X),
    )
    holes = y.copy()
    holes[:3] = np.nan
    refuses(
        r"y holds 3 missing \(NaN\) and 0 infinite \(inf\) values, but must hold finite numbers",
        y=holes,
        task="regression",
    )
    refuses(r"y holds 3 missing \(NaN\) and 0 infinite \(inf\) values, but must hold finite numbers", y=holes)
    refuses("y: it has 39 entries but X has 40 rows", y=y[:39])
    refuses("sample_weight: it has 2 entries but X has 40 rows", sample_weight=[1.0, 2.0])
    refuses("sample_weight: 40 of 40 weights are negative", sample_weight=-np.ones(40))
    refuses("all rows that count are of one class", y=["a"] * 40)
    refuses("y: 1 of 40 labels are missing", y=["a", "b"] * 19 + ["b", None])


def test_names_and_numbers_that_cannot_be_learnt_from_are_refused_before_any_learner():
    X, y = line(60)
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    for table, target, message in [
        (frame.assign(who=[f"P{i}" for i in range(60)]), y, r"X: column 'who' holds 60 different labels in 60 rows"),
        (frame.assign(day=pd.date_range("2020-01-01", periods=60)), y, r"X: column 'day' is of type Datetime"),
        (frame.rename(columns={"b": " a"}), y, r"X: 'a' names more than one column"),
        (frame * [1, 1e300, 1], y, r"X: column 'b' holds .*, whose powers overflow"),
        (frame * [1, 1e-200, 1], y, r"X: column 'b' runs from .*, and the powers of such a difference vanish"),
        (frame, y * 1e300, r"y: it holds .*, whose powers overflow; divide it by a power of ten"),
        (frame, np.arange(60) % 3 * 1e300, r"y: it holds 2e\+300, whose powers overflow"),  # looks like classes
    ]:
        with pytest.raises((ValueError, TypeError), match=message):
            compare(table, target, learners=["linear"])


def test_refusals_of_the_design():
    few = ["a"] * 37 + ["b"] * 3
    classes = {"learners": ["logistic"]}
    refuses("y has 2 training rows of class b, fewer than the 5 folds: use cv=2 or less", y=few, **classes)
    refuses("y has one row of class b, but every class needs", y=["a"] * 39 + ["b"], **classes)
    refuses("cv cuts the training rows into 50 parts, but there are 32", cv=50)
    refuses("cv is 'kfolds', but must be one of .*; did you mean 'kfold'", cv="kfolds")
    refuses("cv is 1, but must be a whole number of at least 2", cv=1)
    refuses("cv is of type float", cv=2.5)
    refuses("cv='stratified' needs classes", cv="stratified")
    refuses("test_size is 20, but must be a number above 0 and below 1", test_size=20)
    refuses(
        "test_size=0.01 of 40 rows leaves 1 in one part, fewer than the 2 classes",
        y=["a", "b"] * 20,
        test_size=0.01,
        **classes,
    )
    refuses("task is 'regresion', but must be one of .* did you mean 'regression'", task="regresion")
    refuses("y is constant on the validation rows of fold 1", y=np.r_[np.zeros(20), line(20)[1]], cv="expanding")
    refuses(
        "y has no row of class b among the training rows of fold 1",
        y=["a"] * 25 + ["b"] * 15,
        cv="rolling",
        **classes,
    )


def test_refusals_of_learners():
    refuses("learners is 'lasoo', but must be one of .*; did you mean 'lasso'", learners=["linear", "lasoo"])
    refuses("learners is 'logistic', but must be one of baseline, linear", learners=["logistic"])
    refuses(
        "without predict_proba, which classification needs",
        y=["a", "b"] * 20,
        learners={"line": LinearRegression()},
    )
    refuses("'y' is the name of a column of the predictions", learners={"y": LinearRegression()})


def test_a_splitter_of_the_callers_is_used_as_it_is():
    X, y = line(60)
    ours = compare(X, y, learners=["linear"], cv=KFold(3))
    assert len(ours.fold_scores.loc["linear"]) == 3
    rows = TableRows(X, y, None, np.arange(60))
    assert [b[0] for _, b in make_folds(rows, KFold(3), False, None)] == [0, 20, 40]
    with pytest.raises(ValueError, match="groups"):  # scikit-learn's own sentence
        compare(X, y, learners=["linear"], cv=GroupKFold(3))


# ------------------------------------------------------------------------------------------------- small parts


def test_what_is_taken_for_classes():
    assert looks_like_classes(np.array([True, False]))
    assert looks_like_classes(pd.Series(["a", "b"], dtype="category"))
    assert looks_like_classes(np.arange(10))
    assert not looks_like_classes(np.arange(11))
    assert not looks_like_classes([0.5, 1.0])
    assert splitter("auto", "regression", 0).__class__ is KFold


def test_inner_folds_do_not_shuffle_time():
    for name, task in (("lasso", "regression"), ("tree", "regression"), ("SVM", "classification")):
        model = classical(name, task, prepare([], [0]), 50, ordered=True).named_steps["model"]
        assert isinstance(model.cv, TimeSeriesSplit)
    X, y = labels(240)
    c = compare(X, y, learners=["tree", "SVM", "k-NN"], cv=TimeSeriesSplit(2))
    assert set(c.table["status"]) == {"ok"}, c.table["note"].tolist()


def test_which_learners_take_weights():
    taken = {name for name in LEARNERS["regression"] if takes_weights(classical(name, "regression", None, 50))}
    assert set(LEARNERS["regression"]) - taken == {"k-NN"}


@pytest.mark.slow
def test_the_neural_net_takes_part():
    assert neural("classification", 7).random_state == 7
    X, y = line(120, noise=0.2)
    frame = pd.DataFrame(X, columns=["a", "b", "c"]).assign(town=np.where(X[:, 2] > 0, "N", "S"))
    c = compare(frame, y, learners=["linear", NEURAL], cv=2, sample_weight=np.ones(120))
    assert c.table.loc[NEURAL, "status"] == "ok", c.table.loc[NEURAL, "note"]
    # The noise caps R² at 1 - 0.04 / 5.04.
    assert 0.9 < c.table.loc[NEURAL, "test r2"] < 1
    assert check(c, "keeps up").passed is not None
