"""Neural learners against closed forms, and in scikit-learn's tools."""

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from ceteris.learners import NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor, load
from ceteris.testing.compilation import count_compilations

# tests of other things than the fit share this net and, where they can, 600 rows of two columns: one compiled program
SMALL = {"members": 2, "widths": (16,), "weight_decay": 0.3, "epochs": 60, "random_state": 0}
SETTINGS = pytest.mark.parametrize(
    "settings", [SMALL, pytest.param({"random_state": 0}, marks=pytest.mark.slow)], ids=["small", "default"]
)


@pytest.fixture(scope="module")
def waves():
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, (600, 2))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] + 0.3 * rng.normal(size=600)


@pytest.fixture(scope="module")
def fitted(waves):
    return NeuralRegressor(random_state=0).fit(*waves)


def quietly(learner, *data, **more):
    """Fit without caring whether so few epochs were enough."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return learner.fit(*data, **more)


def test_mean_is_found(fitted):
    fresh = np.random.default_rng(1).uniform(-2, 2, (1_000, 2))
    truth = np.sin(2 * fresh[:, 0]) + fresh[:, 1]
    # a linear regression is off by 0.6; noise 0.3 on 600 rows allows about 0.3 * sqrt(20 directions / 600) = 0.06
    assert np.sqrt(np.mean((fitted.predict(fresh) - truth) ** 2)) < 0.12


def test_predictive_standard_deviation_covers(fitted):
    rng = np.random.default_rng(2)
    fresh = rng.uniform(-2, 2, (4_000, 2))
    y = np.sin(2 * fresh[:, 0]) + fresh[:, 1] + 0.3 * rng.normal(size=4_000)
    mean, std = fitted.predict(fresh, return_std=True)
    covered = np.mean(np.abs(y - mean) < 1.96 * std)
    # 0.95 if std were known; it is estimated from 480 held-out residuals, hence to 1/sqrt(2 * 480) = 3 %,
    # and conservative by the spread of one member
    assert 0.92 < covered < 0.985
    assert fitted.noise_[0] == pytest.approx(0.3, rel=0.15)
    outside = fitted.predict(np.array([[20.0, -20.0]]), return_std=True)[1]
    assert outside[0] > 1.05 * std.max()  # a little: what is far counts by its logarithm


@SETTINGS
def test_linear_truth_is_found_like_least_squares(settings):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(300, 5))
    y = X @ np.arange(5.0) + rng.normal(size=300)
    fresh = rng.normal(size=(500, 5))
    ols = LinearRegression().fit(X, y).predict(fresh)
    ours = quietly(NeuralRegressor(**settings), X, y).predict(fresh)
    # least squares itself is off by sqrt(6 / 300) = 0.14 from the truth; the nets may lose as much again
    assert np.sqrt(np.mean((ours - ols) ** 2)) < 0.3


@pytest.mark.parametrize(("loss", "centre"), [("squared", np.e**0.5), ("absolute", 1.0)])
def test_loss_decides_what_is_estimated(loss, centre):
    """Mean and median of a log-normal."""
    rng = np.random.default_rng(4)
    X = rng.uniform(size=(4_000, 1))
    y = np.exp(rng.normal(size=4_000))
    estimate = quietly(NeuralRegressor(loss, **SMALL), X, y).predict([[0.5]])[0]
    # standard errors 2.2 / sqrt(4000) = 0.03 and 1.25 / sqrt(4000) = 0.02, times ten for a flexible fit at one point
    assert estimate == pytest.approx(centre, abs=0.2)


def test_huber_resists_outliers(waves):
    X, y = waves
    spoilt = y.copy()
    spoilt[::20] += 100
    errors = {
        loss: np.abs(quietly(NeuralRegressor(loss, **SMALL), X, spoilt).predict(X) - y).mean()
        for loss in ("squared", "huber")
    }
    assert errors["huber"] < errors["squared"] / 2


def test_several_outputs(waves):
    X, y = waves
    both = np.column_stack([y, -10 * y + 3])
    learner = quietly(NeuralRegressor(**SMALL), X, both)
    prediction = learner.predict(X)
    assert prediction.shape == both.shape
    assert np.corrcoef(prediction[:, 0], prediction[:, 1])[0, 1] < -0.98
    mean, std = learner.predict(X[:5], return_std=True)
    assert mean.shape == std.shape == (5, 2)


@SETTINGS
def test_probabilities_equal_logistic_truth(settings):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(1_000, 2))
    p = 1 / (1 + np.exp(-(X[:, 0] - 2 * X[:, 1])))
    y = np.where(rng.random(1_000) < p, "yes", "no")
    learner = quietly(NeuralClassifier(**settings), X, y)
    logistic = LogisticRegression(C=np.inf).fit(X, y)
    assert learner.classes_.tolist() == ["no", "yes"]
    ours, theirs = learner.predict_proba(X)[:, 1], logistic.predict_proba(X)[:, 1]
    assert np.sqrt(np.mean((ours - p) ** 2)) < np.sqrt(np.mean((theirs - p) ** 2)) + 0.03
    np.testing.assert_allclose(learner.predict_proba(X).sum(1), 1, rtol=1e-12)


def test_labels_of_any_type():
    rng = np.random.default_rng(6)
    X = rng.normal(size=(150, 2)) + 4 * np.repeat(np.arange(3), 50)[:, None]
    for labels in (["a", "b", "c"], [-7, 0, 7], [1.0, 2.0, 3.0]):
        y = np.repeat(np.array(labels), 50)
        learner = quietly(NeuralClassifier(**SMALL), X, y)
        assert learner.predict(X).dtype == y.dtype
        assert learner.score(X, y) > 0.95
    X = rng.normal(size=(1_000, 2))  # as many as in other tests of two classes: one program
    assert quietly(NeuralClassifier(**SMALL), X, X[:, 0] > 0).score(X, X[:, 0] > 0) > 0.95


def test_balanced_classes_lift_the_rare_one():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(1_000, 2)), np.r_[np.zeros(950, int), np.ones(50, int)]
    X[y == 1, 0] += 1
    shares = [
        quietly(NeuralClassifier(weight, **SMALL), X, y).predict_proba(X)[:, 1].mean() for weight in (None, "balanced")
    ]
    assert shares[0] == pytest.approx(0.05, abs=0.02)  # the share of the rare class
    assert shares[1] > 0.25


def test_quantiles_of_a_normal():
    rng = np.random.default_rng(8)
    X = rng.uniform(0, 1, (3_000, 1))
    y = 2 * X[:, 0] + (0.5 + X[:, 0]) * rng.normal(size=3_000)
    levels = (0.05, 0.25, 0.5, 0.75, 0.95)
    learner = NeuralQuantileRegressor(levels, members=4, widths=(16,), weight_decay=1.0, random_state=0).fit(X, y)
    at = np.array([[0.2], [0.5], [0.8]])
    truth = 2 * at + (0.5 + at) * stats.norm.ppf(levels)
    # the quantile of a cell of 300 rows has standard error 2 * 1.3 / sqrt(300) = 0.15 at 5 %
    np.testing.assert_allclose(learner.predict_quantiles(at), truth, atol=0.25)
    assert (np.diff(learner.predict_quantiles(100 * rng.normal(size=(500, 1))), axis=1) >= 0).all()
    np.testing.assert_array_equal(learner.predict(at), learner.predict_quantiles(at)[:, 2])
    np.testing.assert_array_equal(learner.value_at_risk(at, 0.05), -learner.predict_quantiles(at)[:, 0])
    assert learner.moves_.shape == (5,)
    with pytest.raises(ValueError, match=r"level is 0.01, but this learner knows 0.05, 0.25"):
        learner.value_at_risk(at, 0.01)


def test_tails_hold_what_they_say_although_nets_learnt_them_from_few_rows():
    below, above, unmoved = [], [], []
    for seed in (1, 2):
        rng = np.random.default_rng(seed)
        X, new = rng.normal(size=(400, 6)), rng.normal(size=(10_000, 6))
        y, fresh = (
            2 * np.sin(2 * Z[:, 0]) + Z[:, 1] * (Z[:, 2] > 0) + rng.standard_t(3, size=len(Z)) for Z in (X, new)
        )
        learner = quietly(NeuralQuantileRegressor(random_state=seed), X, y)
        q = learner.predict_quantiles(new)
        below.append((fresh < q[:, 0]).mean())
        above.append((fresh > q[:, 2]).mean())
        learner.moves_ = np.zeros(3)
        unmoved.append((fresh < learner.predict_quantiles(new)[:, 0]).mean())
    # 236 rows judge: a share of 5 % has a standard error of 1.4 points in each of the two samples
    assert np.mean(below) == pytest.approx(0.05, abs=0.02)
    assert np.mean(above) == pytest.approx(0.05, abs=0.02)
    assert np.mean(unmoved) > 0.08


def test_where_most_columns_say_nothing_quantiles_are_lines():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(100, 150))
    y = 3 * X[:, 0] + rng.normal(size=100)
    learner = quietly(NeuralQuantileRegressor((0.1, 0.9), members=2, random_state=0), X, y)
    assert "linear answers" in learner.status_.lower()
    new = rng.normal(size=(500, 150))
    truth = 3 * new[:, :1] + stats.norm.ppf([0.1, 0.9])
    assert np.abs(learner.predict_quantiles(new) - truth).mean() < 0.5  # nets alone: over 1


def test_rows_of_weight_zero_count_for_nothing(waves):
    X, y = waves
    w = np.r_[np.ones(354), np.zeros(246)]
    spoilt = np.where(w > 0, y, 1e6)
    with_zeros = quietly(NeuralRegressor(**SMALL), X, spoilt, sample_weight=w).predict(X)
    without = quietly(NeuralRegressor(**SMALL), X[:354], y[:354]).predict(X)
    np.testing.assert_array_equal(with_zeros, without)


def test_weights_move_the_mean():
    X = np.tile([[0.0, 0.0], [1.0, 1.0]], (300, 1))
    y = np.repeat([0.0, 1.0], 300)
    w = np.where(y == 1, 3.0, 1.0)
    prediction = quietly(NeuralRegressor(**SMALL), X, y, sample_weight=w).predict(X[:2])
    np.testing.assert_allclose(prediction, 0.75, atol=0.05)  # the weighted mean; held-out rows cost a little


def test_validation_rows_may_be_given(waves):
    X, y = waves
    learner = quietly(NeuralRegressor(**SMALL), X[:400], y[:400], validation_data=(X[400:], y[400:]))
    held = learner.history_.dropna(subset="heldout")
    best = held.loc[held["heldout"].idxmin()]
    members = learner._outputs(X[400:])
    own = np.mean((learner._scaled(y[400:, None]) - members[int(best["member"])]) ** 2)
    assert own == pytest.approx(best["heldout"], rel=1e-4)  # the best weights were kept; single precision
    with pytest.raises(ValueError, match=r"validation_data: it must be \(X, y\)"):
        learner.fit(X, y, validation_data=X)


def test_same_seed_same_bits_other_seed_other_nets(waves):
    X, y = waves
    a, b, c = (quietly(NeuralRegressor(**{**SMALL, "random_state": seed}), X, y).predict(X) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert np.abs(a - c).max() > 1e-4


def test_second_fit_and_any_number_of_rows_compile_nothing(waves):
    X, y = waves
    quietly(NeuralRegressor(**SMALL), X, y).predict(X)
    with count_compilations() as compiled:
        again = quietly(NeuralRegressor(**{**SMALL, "random_state": 5}), X + 1, 2 * y)
        again.predict(X[:7])
        again.predict(X[:300])
    assert compiled == []


def test_folds_that_differ_by_a_row_share_one_program(waves):
    X, y = waves
    quietly(NeuralRegressor(**SMALL), X[:354], y[:354])
    with count_compilations() as compiled:
        quietly(NeuralRegressor(**SMALL), X[:353], y[:353])
    assert compiled == []


def test_data_frames_with_categories_in_scikit_learns_tools():
    rng = np.random.default_rng(9)
    X = pd.DataFrame({"x": rng.normal(size=230), "region": rng.choice(["north", "south"], 230)})
    y = np.sin(2 * X["x"]) + 3 * (X["region"] == "north")
    cv = ShuffleSplit(2, test_size=28, random_state=0)  # 202 rows and 230 are of one class, and so of one program
    scores = cross_val_score(NeuralRegressor(**SMALL), X, y, cv=cv)
    assert scores.min() > 0.8
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        search = GridSearchCV(NeuralRegressor(**SMALL), {"epochs": [1, 60]}, cv=cv).fit(X, y)
    assert search.best_params_ == {"epochs": 60}
    assert search.best_estimator_.feature_names_in_.tolist() == ["x", "region"]


def test_a_learner_ends_a_pipeline():
    X = np.random.default_rng(9).normal(size=(1_000, 2))
    pipeline = make_pipeline(StandardScaler(), NeuralClassifier(**SMALL))
    assert pipeline.fit(X, X[:, 0] > 0).score(X, X[:, 0] > 0) > 0.9


def test_constant_column_is_reported(waves):
    X = pd.DataFrame({"a": waves[0][:, 0], "same": 1.0})
    learner = quietly(NeuralRegressor(**SMALL), X, waves[1])
    assert learner.constant_columns_ == ["same"]
    np.testing.assert_array_equal(learner.predict(X), learner.predict(X.assign(same=99.0)))
    assert "same" in learner.sections()[0].text


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"epochs": 0}, "epochs is 0, but must be None or a whole number"),
        ({"members": 0}, "members is 0, but must be None or a whole number of at least 1"),
        ({"validation": 1.0}, "validation is 1.0, but must be None or a number of at least 0 and below 1"),
        ({"rate": -1}, "rate is -1, but must be None or a number above 0"),
        ({"widths": (0,)}, r"widths is \(0,\), but must be"),
        ({"activation": "swisch"}, "swish"),
        ({"optimiser": "adamv"}, "adam"),
        ({"loss": "square"}, "did you mean 'squared'"),
        ({"unseen": "ignor"}, "did you mean 'ignore'"),
        ({"optimiser": "adam", "weight_decay": 0.1}, "adam has no decoupled decay"),
    ],
)
def test_wrong_parameters_are_refused(parameters, message):
    with pytest.raises(ValueError, match=message):
        NeuralRegressor(**parameters).fit([[0.0], [1.0]], [0.0, 1.0])


def test_levels_are_checked():
    with pytest.raises(ValueError, match="levels"):
        NeuralQuantileRegressor(levels=(0.9, 0.1)).fit([[0.0], [1.0]], [0.0, 1.0])


def test_one_row_and_one_class():
    with pytest.raises(ValueError, match="at least 2 are needed"):
        NeuralRegressor().fit([[1.0]], [1.0])
    with pytest.raises(ValueError, match="at least 2 classes"):
        NeuralClassifier().fit([[1.0], [2.0]], ["a", "a"])


def test_non_finite_training_says_so(waves):
    learner = NeuralRegressor(**{**SMALL, "optimiser": "gradient_descent", "weight_decay": None, "rate": 1e30})
    with pytest.raises(FloatingPointError, match=r"non-finite.*Lower rate"):
        learner.fit(*waves)


def test_too_few_epochs_are_reported(waves):
    with pytest.warns(ConvergenceWarning, match="10 epochs were too few, since .*second half; raise epochs, or rate"):
        NeuralRegressor(**{**SMALL, "epochs": 10, "rate": 1e-4}).fit(*waves)


@pytest.mark.parametrize("kind", [NeuralRegressor, NeuralClassifier, NeuralQuantileRegressor])
def test_saved_learner_predicts_the_same_bits(kind, tmp_path):
    rng = np.random.default_rng(10)
    X = pd.DataFrame({"x": rng.normal(size=100), "word": rng.choice(["a", "b"], 100), "same": 1.0})
    goal = np.where(X["x"] > 0, "yes", "no") if kind is NeuralClassifier else X["x"]
    learner = quietly(kind(**{**SMALL, "epochs": 5}), X, goal)
    learner.save(tmp_path / "learner.safetensors")
    again = load(tmp_path / "learner.safetensors")
    assert again.get_params() == learner.get_params()
    np.testing.assert_array_equal(again.predict(X), learner.predict(X))
    pd.testing.assert_frame_equal(again.history_, learner.history_)


def test_broken_files_are_refused(tmp_path, fitted):
    path = tmp_path / "learner.safetensors"
    fitted.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-100])
    with pytest.raises(ValueError, match="truncated"):
        load(path)
    edited = whole.replace(b'\\"patience\\": ', b'\\"patiencf\\": ')
    assert edited != whole
    path.write_bytes(edited)
    with pytest.raises(ValueError, match=r"was damaged or edited after it was saved \(its checksum differs\); use an"):
        load(path)
    with pytest.raises(FileNotFoundError, match="does not exist"):
        load(tmp_path / "nothing")


def test_sections_draw(fitted):
    from matplotlib.figure import Figure

    section = fitted.sections()[0]
    assert section.checks[0].passed
    for picture in section.figures:
        figure = Figure(picture.size)
        picture.draw(figure, picture.data)
        assert figure.axes


def test_decays_are_chosen_on_held_out_rows():
    """No decay learns a wave; so strong a decay that every weight stays near zero cannot."""
    rng = np.random.default_rng(11)
    X = rng.uniform(-3, 3, (300, 1))
    y = np.sin(2 * X[:, 0])
    learner = quietly(NeuralRegressor(**{**SMALL, "weight_decay": (0.0, 100.0)}), X, y)
    assert learner.weight_decays_.tolist() == [0.0]
    assert learner.n_members_ == SMALL["members"]


def test_folds_learn_side_by_side_what_they_learn_alone(waves):
    X, y = waves
    folds = [np.flatnonzero(np.arange(600) % 3 != k) for k in range(3)]
    learner = NeuralRegressor(**SMALL)
    together = learner.fit_folds(X, y, folds)
    assert not hasattr(learner, "nets_")
    for rows, one in zip(folds, together, strict=True):
        out = np.setdiff1d(np.arange(600), rows)
        alone = quietly(NeuralRegressor(**SMALL), X[rows], y[rows])
        errors = [np.sqrt(np.mean((fitted.predict(X[out]) - y[out]) ** 2)) for fitted in (one, alone)]
        assert errors[0] == pytest.approx(errors[1], rel=0.1)  # other starts and other rows set aside
        assert one.n_members_ == SMALL["members"]
        assert one.noise_[0] == pytest.approx(alone.noise_[0], rel=0.2)


def test_one_fold_of_all_rows_is_the_fit_itself(waves):
    X, y = waves
    w = np.r_[np.ones(500), np.zeros(100)]
    (one,) = NeuralRegressor(**SMALL).fit_folds(X, y, [np.arange(600)], w)
    again = quietly(NeuralRegressor(**SMALL), X[:500], y[:500])
    np.testing.assert_array_equal(one.predict(X), again.predict(X))
    pd.testing.assert_frame_equal(one.history_, again.history_)


def test_each_fold_chooses_its_own_weight_decays():
    """Half of the rows are a wave, which no decay learns; the other half is noise, which is best left alone."""
    rng = np.random.default_rng(12)
    X = rng.uniform(-3, 3, (600, 1))
    y = np.where(np.arange(600) < 300, np.sin(2 * X[:, 0]), rng.normal(size=600))
    learner = NeuralRegressor(**{**SMALL, "weight_decay": (0.0, 100.0), "epochs": 150, "members": 4})
    wave, noise = learner.fit_folds(X, y, [np.arange(300), np.arange(300, 600)])
    assert wave.weight_decays_.tolist() == [0.0]
    assert 100.0 in noise.weight_decays_.tolist()
    assert wave.history_["member"].nunique() == 4


def test_folds_of_a_classifier_know_all_classes():
    rng = np.random.default_rng(13)
    X = rng.normal(size=(300, 2)) + 4 * np.repeat(np.arange(3), 100)[:, None]
    y = np.repeat(["a", "b", "c"], 100)
    folds = [np.arange(0, 300, 2), np.arange(150)]  # the second never meets class c
    every, without = NeuralClassifier(**SMALL).fit_folds(X, y, folds)
    assert every.score(X, y) > 0.95
    assert without.classes_.tolist() == ["a", "b", "c"]
    assert without.predict_proba(X[200:])[:, 2].max() < 0.5
