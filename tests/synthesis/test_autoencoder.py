"""Autoencoders against principal components and the likelihood of probabilistic PCA."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy.linalg import subspace_angles
from sklearn.decomposition import PCA
from sklearn.utils.estimator_checks import parametrize_with_checks

from ceteris.data import load_table
from ceteris.synthesis import Autoencoder, VariationalAutoencoder
from ceteris.testing import count_compilations

LINEAR = {"widths": (), "epochs": 600, "rate": 1e-2, "validation": 0.0, "random_state": 0}


@pytest.fixture(scope="module")
def factors():
    """500 rows of six columns that two factors move, and noise."""
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(2, 6)) * np.array([[3.0], [1.5]])
    return rng.normal(size=(500, 2)) @ loadings + 0.5 * rng.normal(size=(500, 6)) + 10


@pytest.fixture(scope="module")
def variational(factors):
    return VariationalAutoencoder(latent=2, **LINEAR).fit(factors)


def standardised(x):
    return (x - x.mean(0)) / x.std(0)


def test_a_linear_autoencoder_spans_the_principal_components(factors):
    coder = Autoencoder(latent=2, **LINEAR).fit(factors)
    weights = np.asarray(coder.coder_.decoder.output.weight)
    weights = weights if weights.shape[0] == 6 else weights.T
    pca = PCA(2).fit(standardised(factors))
    # descent on minibatches ends near the optimum, not at it: 0.01 radians are measured
    assert subspace_angles(weights, pca.components_.T).max() < 0.05
    best = np.mean((standardised(factors) - pca.inverse_transform(pca.transform(standardised(factors)))) ** 2)
    assert best <= coder.reconstruction_error_ < 1.01 * best


def test_the_bound_of_a_linear_variational_one_is_the_likelihood_of_pca(factors, variational):
    pca = PCA(2).fit(standardised(factors))
    truth = pca.score(standardised(factors))  # log-likelihood per row of probabilistic PCA, at its maximum
    # tight at the maximum (Lucas and others, 2019); descent ends a little below, and 64 draws blur the bound by 0.02
    assert truth - 0.15 < variational.score(factors) < truth + 0.05
    # Tipping and Bishop: σ² is the mean of the eigenvalues left out (sklearn divides by n - 1, which is 0.2 %)
    assert variational.noise_**2 == pytest.approx(pca.noise_variance_, rel=0.05)


def test_rows_drawn_have_the_moments_of_the_table(factors, variational):
    rows = variational.sample(4_000, random_state=1)
    np.testing.assert_allclose(rows.mean(), factors.mean(0), atol=0.25)  # sampling error of both: 3.5 / sqrt(500)
    # correlations: 1 / sqrt(500) is their sampling error; 0.03 is measured
    np.testing.assert_allclose(rows.corr(), np.corrcoef(factors.T), atol=0.1)


def test_a_curve_needs_one_number_where_a_line_needs_two():
    angle = np.random.default_rng(1).uniform(0, np.pi, 600)
    x = np.stack([np.cos(angle), np.sin(angle), np.sin(2 * angle)], axis=1)
    curved = Autoencoder(latent=1, epochs=200, random_state=0).fit(x)
    flat = PCA(1).fit(standardised(x)).explained_variance_ratio_[0]
    assert curved.reconstruction_error_ < 0.1 * (1 - flat)


def test_denoising_restores_what_was_blanked_out(factors):
    plain, denoising = (Autoencoder(latent=5, corruption=c, epochs=100, random_state=0).fit(factors) for c in (0, 0.3))
    broken = factors.copy()
    broken[np.arange(500), np.random.default_rng(3).integers(6, size=500)] = np.nan
    broken = np.where(np.isnan(broken), factors.mean(0), broken)
    errors = [
        np.mean((coder.inverse_transform(coder.transform(broken)) - factors).to_numpy() ** 2)
        for coder in (plain, denoising)
    ]
    # five numbers can nearly copy six columns, holes included
    assert errors[1] < 0.8 * errors[0]


def test_labels_come_back():
    rng = np.random.default_rng(2)
    kind = rng.choice(["a", "b", "c"], 400)
    size = (kind == "b") * 3.0 + (kind == "c") * 6.0 + 0.3 * rng.normal(size=400)
    frame = pd.DataFrame({"kind": kind, "size": size, "large": size > 4})
    coder = Autoencoder(latent=2, epochs=100, random_state=0).fit(frame)
    back = coder.inverse_transform(coder.transform(frame))
    assert list(back) == list(frame)
    assert (back["kind"] == kind).mean() > 0.99
    odd = frame.iloc[:5].assign(kind="a", size=6.0)
    assert coder.reconstruction_error(odd).min() > 5 * np.median(coder.reconstruction_error(frame))


def test_a_report_shows_the_latent_numbers(factors):
    X, y = load_table("iris")
    (section,) = Autoencoder(epochs=60, random_state=0).fit(X).sections(X, label=y)
    assert section.checks[0].passed
    for figure in section.figures:
        canvas = Figure()
        figure.draw(canvas, figure.data)
        assert canvas.axes[0].has_data()
    assert set(section.figures[0].data["label"]) == {"0", "1", "2"}


def test_a_second_fit_compiles_nothing(factors):
    Autoencoder(epochs=5, corruption=0.1, random_state=0).fit(factors)
    with count_compilations() as compiled:
        Autoencoder(epochs=5, corruption=0.3, rate=1e-2, random_state=1).fit(factors + 1)
    assert compiled == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"latent": 0}, "Autoencoder: latent is 0, but must be a whole number of at least 1"),
        ({"latent": 9}, "latent: 9 numbers per row were asked for, but the table has 6 feature"),
        ({"epochs": 0.5}, "Autoencoder: epochs is 0.5, but must be None or a whole number"),
        ({"corruption": 1.0}, "Autoencoder: corruption is 1.0, but must be a number of at least 0 and below 1"),
        ({"validation": -0.1}, "Autoencoder: validation is -0.1, but must be a number"),
        ({"rate": 0.0}, "Autoencoder: rate is 0.0, but must be a number above 0"),
    ],
)
def test_settings_that_make_no_sense_are_refused(options, message, factors):
    with pytest.raises(ValueError, match=message):
        Autoencoder(**options).fit(factors)


def test_rows_that_cannot_be_used_are_refused(factors):
    with pytest.raises(ValueError, match="VariationalAutoencoder: beta is 0, but must be a number above 0"):
        VariationalAutoencoder(beta=0).fit(factors)
    with pytest.raises(ValueError, match="X: there are missing or infinite values"):
        Autoencoder().fit(np.where(factors > 15, np.nan, factors))
    coder = Autoencoder(epochs=2).fit(factors)
    with pytest.raises(ValueError, match=r"Z: shape \(3, 4\) was given, but \(rows, 2\) is needed"):
        coder.inverse_transform(np.ones((3, 4)))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@parametrize_with_checks([Autoencoder(1, epochs=3), VariationalAutoencoder(1, epochs=3)])
def test_scikit_learn_contract(estimator, check):
    check(estimator)
