"""The bundled tables have the shapes and scores on record, the synthetic one the truth it claims."""

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

from ceteris.data import TABLES, housing_mean, load_table, simulate_housing


@pytest.mark.parametrize(
    ("name", "shape", "classes"),
    [
        ("diabetes", (442, 10), None),
        ("breast_cancer", (569, 30), 2),
        ("wine", (178, 13), 3),
        ("digits", (1797, 64), 10),
        ("iris", (150, 4), 3),
    ],
)
def test_the_tables_have_the_shapes_on_record(name, shape, classes):
    X, y = load_table(name)
    assert X.shape == shape
    assert len(y) == shape[0]
    assert not X.isna().any().any()
    assert classes is None or y.nunique() == classes


def test_every_table_is_listed():
    assert set(TABLES) == {"diabetes", "breast_cancer", "wine", "digits", "iris"}


def test_diabetes_gives_the_published_fit():
    # R² of least squares on all rows, 0.518: Efron et al. (2004), table of the full model.
    X, y = load_table("diabetes")
    assert LinearRegression().fit(X, y).score(X, y) == pytest.approx(0.518, abs=5e-4)
    assert X["age"].between(19, 79).all()


def test_without_noise_the_values_are_the_regression_function():
    X, y = simulate_housing(500, noise=0.0)
    assert np.allclose(y, housing_mean(X, noise=0.0), rtol=1e-12)


def test_the_noise_has_the_stated_size_and_the_mean_is_the_mean():
    X, y = simulate_housing(20_000, noise=0.3, seed=1)
    residual = np.log(y) - np.log(housing_mean(X, noise=0.3))
    # log y - log E[y | X] is normal with mean -noise²/2 and sd noise: four standard errors of 20,000 draws.
    assert residual.std() == pytest.approx(0.3, abs=4 * 0.3 / np.sqrt(40_000))
    assert residual.mean() == pytest.approx(-0.045, abs=4 * 0.3 / np.sqrt(20_000))
    ratio = y / housing_mean(X, noise=0.3)
    assert ratio.mean() == pytest.approx(1, abs=4 * ratio.std() / np.sqrt(20_000))


def test_a_line_misses_much_of_what_can_be_known():
    X, y = simulate_housing(8_000)
    ceiling = 1 - np.mean((y - housing_mean(X)) ** 2) / np.var(y)
    line = LinearRegression().fit(X, y).score(X, y)
    assert ceiling - line > 0.15  # 0.79 against 0.54: a table on which to be linear costs something
    assert y.skew() > 1.5


def test_one_seed_one_table():
    first, again, other = (simulate_housing(50, seed=s)[1] for s in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        (lambda: load_table("irsi"), "name is 'irsi', but must be one of .*; did you mean 'iris'?"),
        (lambda: load_table("xyz"), "one of diabetes, breast_cancer, wine, digits, iris; choose one of them"),
        (lambda: simulate_housing(0), "n is 0, but must be a whole number of at least 1"),
        (lambda: simulate_housing(10, noise=-1), "noise is -1, but must be a number of at least 0"),
        (lambda: simulate_housing(10, noise=float("nan")), "noise is nan"),
    ],
)
def test_a_wrong_input_is_answered_in_one_sentence(call, sentence):
    with pytest.raises(ValueError, match=sentence):
        call()
