"""Likelihoods against SciPy, scikit-learn and statsmodels, and at extreme predictions."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import statsmodels.api as sm
from scipy import optimize, special, stats
from sklearn import metrics
from sklearn._loss import loss as sklearn_losses

from ceteris.engine import precision
from ceteris.nets import (
    SmoothedCrossEntropy,
    Tweedie,
    categorical_cross_entropy,
    gamma,
    gaussian,
    hinge,
    negative_binomial,
    poisson,
)

RNG = np.random.default_rng(0)
Z, S = RNG.normal(size=(40, 1)), RNG.normal(size=(40, 1))
COUNTS, AMOUNTS = RNG.poisson(3, 40), RNG.gamma(2, 1, 40)


def f32(x):
    return jnp.asarray(x, jnp.float32)


@pytest.mark.parametrize(
    ("loss", "truth", "y"),
    [
        (poisson, sklearn_losses.HalfPoissonLoss(), COUNTS),
        (gamma, sklearn_losses.HalfGammaLoss(), AMOUNTS),
        (Tweedie(1.3), sklearn_losses.HalfTweedieLoss(power=1.3), np.where(AMOUNTS < 1, 0, AMOUNTS)),
    ],
)
def test_log_links_against_scikit_learn(loss, truth, y):
    """Values up to what depends on y alone, and gradients."""
    y, z = np.asarray(y, float), Z[:, 0]
    ours, theirs = np.asarray(loss(f32(Z), f32(y))), truth.loss(y, z) - truth.loss(y, np.zeros(40))
    np.testing.assert_allclose(ours - np.asarray(loss(f32(0 * Z), f32(y))), theirs, rtol=1e-4, atol=1e-5)
    slopes = jax.grad(lambda p: loss(p, f32(y)).sum())(f32(Z))[:, 0]
    np.testing.assert_allclose(slopes, truth.gradient(y, z), rtol=1e-4, atol=1e-5)


def test_densities_against_scipy():
    z, s, both = Z[:, 0], S[:, 0], np.hstack([Z, S])
    truth = -stats.norm.logpdf(AMOUNTS, z, np.exp(s)) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(gaussian(f32(both), f32(AMOUNTS)), truth, rtol=1e-4)
    k, mu = np.exp(-s), np.exp(z)
    density = lambda m: -stats.nbinom.logpmf(COUNTS, k, k / (k + m))
    base = stats.nbinom.logpmf(COUNTS, k, k / (k + mu)) + np.asarray(negative_binomial(f32(both), f32(COUNTS)))
    np.testing.assert_allclose(base, -special.gammaln(COUNTS + 1), atol=1e-4)  # what depends on y alone
    exposure = RNG.uniform(1, 3, 40)
    ours = negative_binomial(f32(both), f32(np.column_stack([COUNTS, exposure])))
    np.testing.assert_allclose(ours, density(mu * exposure) - special.gammaln(COUNTS + 1), rtol=1e-3, atol=1e-4)


def test_a_vanishing_dispersion_is_poisson():
    both = np.hstack([Z, np.full((40, 1), -15.0)])
    np.testing.assert_allclose(negative_binomial(f32(both), f32(COUNTS)), poisson(f32(Z), f32(COUNTS)), atol=2e-4)


@pytest.mark.parametrize("loss", [poisson, gamma, Tweedie(), gaussian, negative_binomial])
@pytest.mark.parametrize("at", [-1e4, -100.0, -40.0, 40.0, 100.0, 1e4])
def test_finite_however_large(loss, at):
    columns = 2 if loss in (gaussian, negative_binomial) else 1
    for y in (0.0, 1.0, 1e6):
        value, slope = jax.value_and_grad(lambda p, y=y: loss(p, f32([y])).sum())(jnp.full((1, columns), at))
        assert np.isfinite(value)
        assert np.isfinite(slope).all()


@pytest.mark.parametrize("name", ["poisson", "gamma", "tweedie", "negative binomial"])
def test_a_linear_net_is_a_generalised_linear_model(name):
    rng = np.random.default_rng(1)
    X = sm.add_constant(rng.normal(size=(400, 2)))
    mu = np.exp(X @ [0.5, 0.4, -0.3])
    y, loss, family = {
        "poisson": lambda: (rng.poisson(mu), poisson, sm.families.Poisson()),
        "gamma": lambda: (rng.gamma(2, mu / 2), gamma, sm.families.Gamma(sm.families.links.Log())),
        "tweedie": lambda: (rng.poisson(mu) * rng.gamma(2, size=400), Tweedie(1.5), sm.families.Tweedie(var_power=1.5)),
        "negative binomial": lambda: (rng.negative_binomial(2, 2 / (2 + mu)), negative_binomial, None),
    }[name]()
    if family is None:
        truth = sm.NegativeBinomial(y, X).fit(disp=0).params
        truth = np.r_[truth[:3], np.log(truth[3])]
    else:
        truth = sm.GLM(y, X, family).fit().params
    with precision("double"):
        inputs, target = jnp.asarray(X), jnp.asarray(y, jnp.float64)

        def total(b):
            z = (inputs @ b[:3])[:, None]
            return loss(z if family else jnp.hstack([z, jnp.full_like(z, b[3])]), target).mean()

        both = jax.jit(jax.value_and_grad(total))
        found = optimize.minimize(lambda b: [np.asarray(v, float) for v in both(jnp.asarray(b))], np.zeros(len(truth)),
                                  jac=True, tol=1e-10)  # fmt: skip
    np.testing.assert_allclose(found.x, truth, atol=1e-4)


def test_classes_against_scikit_learn():
    scores, labels = RNG.normal(size=(50, 3)), RNG.integers(0, 3, 50)
    marks, halves = jnp.asarray(labels), jnp.asarray(np.minimum(labels, 1))
    assert float(hinge(f32(scores), marks).mean()) == pytest.approx(metrics.hinge_loss(labels, scores), rel=1e-5)
    two = np.minimum(labels, 1)
    truth = metrics.hinge_loss(two, scores[:, 1] - scores[:, 0])
    assert float(hinge(f32(scores[:, :2]), halves).mean()) == pytest.approx(truth, rel=1e-5)
    shares = 0.9 * np.eye(3)[labels] + 0.1 / 3
    truth = -(shares * np.log(np.exp(scores) / np.exp(scores).sum(1, keepdims=True))).sum(1)
    np.testing.assert_allclose(SmoothedCrossEntropy(0.1)(f32(scores), marks), truth, rtol=1e-5)
    none = SmoothedCrossEntropy(0.0)(f32(scores), marks)
    np.testing.assert_allclose(none, categorical_cross_entropy(f32(scores), marks), rtol=1e-6)


def test_equal_losses_hash_alike():
    assert hash(Tweedie(1.3)) == hash(Tweedie(1.3))
    assert Tweedie(1.3) != Tweedie(1.4)
    assert SmoothedCrossEntropy(0.2) == SmoothedCrossEntropy(0.2)


@pytest.mark.parametrize("loss", [gaussian, negative_binomial])
def test_two_columns_are_needed(loss):
    with pytest.raises(ValueError, match=r"prediction has shape \(3, 1\), but its last axis must be 2"):
        loss(jnp.zeros((3, 1)), jnp.zeros(3))


def test_settings_complain():
    with pytest.raises(ValueError, match="power is 2, but must be a number above 1 and below 2"):
        Tweedie(2)
    with pytest.raises(ValueError, match="smoothing is 1, but must be a number of at least 0 and below 1"):
        SmoothedCrossEntropy(1)
    with pytest.raises(ValueError, match="target has dtype float32"):
        hinge(jnp.zeros((3, 2)), jnp.zeros(3))
