"""Losses against scikit-learn and SciPy, at extreme logits, and what they estimate."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special
from sklearn import metrics

from ceteris.nets import (
    Huber,
    Pinball,
    absolute,
    binary_cross_entropy,
    categorical_cross_entropy,
    squared,
    weighted_mean,
)

RNG = np.random.default_rng(0)
PREDICTION, TARGET = RNG.normal(size=(50, 1)), RNG.normal(size=50)
WEIGHTS = RNG.uniform(size=50)


def f32(x):
    return jnp.asarray(x, jnp.float32)


def mean(loss, prediction=PREDICTION, target=TARGET):
    return float(weighted_mean(loss(f32(prediction), f32(target)), f32(WEIGHTS)))


def test_regression_losses_against_scikit_learn_and_scipy():
    y, p = TARGET, PREDICTION[:, 0]
    assert mean(squared) == pytest.approx(metrics.mean_squared_error(y, p, sample_weight=WEIGHTS), rel=1e-5)
    assert mean(absolute) == pytest.approx(metrics.mean_absolute_error(y, p, sample_weight=WEIGHTS), rel=1e-5)
    huber = np.average(special.huber(0.7, y - p), weights=WEIGHTS)
    assert mean(Huber(0.7)) == pytest.approx(huber, rel=1e-5)
    pinball = metrics.mean_pinball_loss(y, p, sample_weight=WEIGHTS, alpha=0.2)
    assert mean(Pinball(0.2)) == pytest.approx(pinball, rel=1e-5)


def test_many_levels_are_averaged():
    q = RNG.normal(size=(50, 3))
    truth = np.mean(
        [
            metrics.mean_pinball_loss(TARGET, q[:, k], sample_weight=WEIGHTS, alpha=a)
            for k, a in enumerate((0.1, 0.5, 0.9))
        ]
    )
    assert mean(Pinball((0.1, 0.5, 0.9)), q) == pytest.approx(truth, rel=1e-5)
    assert mean(Pinball([0.1, 0.5, 0.9]), q, TARGET[:, None]) == pytest.approx(truth, rel=1e-5)


def test_several_outputs_are_averaged_per_row():
    p, y = RNG.normal(size=(4, 6, 3)), RNG.normal(size=(4, 6, 3))
    np.testing.assert_allclose(squared(f32(p), f32(y)), ((p - y) ** 2).mean(-1), rtol=1e-5)
    np.testing.assert_allclose(absolute(f32(p), f32(y)), np.abs(p - y).mean(-1), rtol=1e-5)


def test_pinball_is_least_at_the_quantile():
    y = RNG.exponential(size=999)
    candidates = f32(np.sort(y))
    loss = jax.vmap(lambda q: Pinball(0.25)(jnp.broadcast_to(q, (999, 1)), f32(y)).mean())(candidates)
    # The minimiser over the sample points is the order statistic of rank ceil(0.25 · 999) = 250.
    assert int(loss.argmin()) == 249


def test_cross_entropies_against_scikit_learn():
    logits, labels = RNG.normal(size=(50, 4)) * 3, RNG.integers(0, 4, 50)
    truth = metrics.log_loss(labels, special.softmax(logits, -1), sample_weight=WEIGHTS)
    ours = weighted_mean(categorical_cross_entropy(f32(logits), labels), f32(WEIGHTS))
    assert float(ours) == pytest.approx(truth, rel=1e-5)
    z, y = logits[:, :1], labels > 1
    truth = metrics.log_loss(y, special.expit(z[:, 0]), sample_weight=WEIGHTS)
    assert mean(binary_cross_entropy, z, y) == pytest.approx(truth, rel=1e-5)
    soft = binary_cross_entropy(f32([[0.3]]), f32([0.25]))  # targets between 0 and 1 are shares
    assert float(soft[0]) == pytest.approx(-0.25 * special.log_expit(0.3) - 0.75 * special.log_expit(-0.3), rel=1e-6)


def test_extreme_logits():
    z, y = f32([[1e4], [1e4], [-1e4], [-1e4], [20.0]]), f32([1, 0, 1, 0, 1])
    # log(1 + e^-20) = 2.06e-9 must survive: subtracting logits would round it away.
    np.testing.assert_allclose(binary_cross_entropy(z, y), [0, 1e4, 1e4, 0, np.log1p(np.exp(-20))], rtol=1e-6)
    logits = f32([[1e4, -1e4, 0], [1e4, -1e4, 0]])
    np.testing.assert_allclose(categorical_cross_entropy(logits, jnp.array([0, 1])), [0, 2e4])
    for slope in (
        jax.grad(lambda z: binary_cross_entropy(z, y).sum())(z),
        jax.grad(lambda z: categorical_cross_entropy(z, jnp.array([0, 1])).sum())(logits),
    ):
        assert np.isfinite(slope).all()
        assert np.abs(slope).max() == 1


def test_a_label_outside_the_classes_is_not_scored_silently():
    assert np.isnan(categorical_cross_entropy(jnp.zeros((1, 3)), jnp.array([3]))).all()


def test_weighted_mean():
    assert float(weighted_mean(jnp.array([1.0, 3.0]))) == 2
    assert float(weighted_mean(jnp.array([1.0, 3.0]), jnp.array([0.0, 5.0]))) == 3
    assert float(weighted_mean(jnp.array([1.0, 3.0]), jnp.zeros(2))) == 0
    value, slope = jax.value_and_grad(lambda x: weighted_mean(x, jnp.zeros(2)))(jnp.ones(2))
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_losses_with_a_parameter_hash_by_value_and_share_a_compilation():
    assert hash(Huber(2.0)) == hash(Huber(2.0))
    assert Pinball([0.1, 0.2]) == Pinball((0.1, 0.2))
    traces = []

    @eqx.filter_jit
    def value(loss, p, y):
        traces.append(1)
        return loss(p, y).mean()

    for loss in (Pinball(0.3), Pinball(0.3), Pinball(0.4)):
        value(loss, f32(PREDICTION), f32(TARGET))
    assert len(traces) == 2


@pytest.mark.parametrize("loss", [squared, absolute, Huber(), Pinball(), binary_cross_entropy])
def test_double_precision(loss):
    with jax.enable_x64(True):
        assert loss(jnp.asarray(PREDICTION), jnp.asarray(abs(TARGET) < 1, float)).dtype == jnp.float64


def test_refusals():
    with pytest.raises(ValueError, match=r"target has shape \(3,\) but the prediction has \(3, 2\)"):
        squared(jnp.ones((3, 2)), jnp.ones(3))
    with pytest.raises(ValueError, match=r"target has shape \(3, 1\) but the prediction has \(3,\)"):
        squared(jnp.ones(3), jnp.ones((3, 1)))
    with pytest.raises(ValueError, match="delta is 0, but must be a number above 0"):
        Huber(0)
    for levels in ((0.5, 0.1), (0.1, 0.1), (0.0, 0.5), (0.5, 1.0), ()):
        with pytest.raises(ValueError, match=r"levels is .*, but must ascend strictly between 0 and 1"):
            Pinball(levels)
    with pytest.raises(ValueError, match=r"prediction has 2 columns but there are 1 levels"):
        Pinball(0.5)(jnp.ones((3, 2)), jnp.ones(3))
    with pytest.raises(ValueError, match=r"target has dtype float32 .* must be integer labels of shape \(3,\)"):
        categorical_cross_entropy(jnp.ones((3, 2)), jnp.ones(3))
