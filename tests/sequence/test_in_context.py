"""Predictors by hand and by slow routes, what attention is and is not, and a small net that learns in context."""

import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pytest
from scipy.integrate import quad

from ceteris.nets import attend
from ceteris.sequence import (
    InContextLearner,
    bayes_forecasts,
    descent_forecasts,
    kernel_forecasts,
    least_squares_forecasts,
    simulate_autoregressions,
)
from ceteris.sequence.context.in_context import InContextNet

SMALL = {"width": 16, "heads": 2, "batch_size": 64, "rate": 5e-3}


def test_the_bayes_predictor_is_a_ratio_of_integrals():
    x = np.array([1.3, 0.4, -0.7, 0.2])

    def likelihood(rho):
        steps = np.exp(-0.5 * (x[1:3] - rho * x[:2]) ** 2).prod()
        return np.sqrt(1 - rho**2) * np.exp(-0.5 * x[0] ** 2 * (1 - rho**2)) * steps

    above, below = (quad(lambda rho, k=k: rho**k * likelihood(rho), -0.9, 0.9)[0] for k in (1, 0))
    assert bayes_forecasts(x[None], 0.9)[0, 2] == pytest.approx(above / below * x[2], rel=1e-10)
    assert bayes_forecasts(3 * x[None], 0.9, sigma=3.0)[0, 2] == pytest.approx(3 * above / below * x[2], rel=1e-10)


def test_no_predictor_is_better_than_bayes_and_least_squares_catches_up():
    x, rho = simulate_autoregressions(20_000, 61, 0.9, seed=0)
    error = lambda f: ((f - rho[:, None] * x[:, :-1]) ** 2).mean(0)
    bayes, ols, step = (error(f) for f in (bayes_forecasts(x, 0.9), least_squares_forecasts(x), descent_forecasts(x)))
    assert (bayes[1:] < ols[1:]).all()
    assert (bayes < step + 1e-9).all()
    assert ols[-1] < 1.15 * bayes[-1]


def test_linear_attention_is_a_step_of_gradient_descent():
    x = simulate_autoregressions(5, 12, seed=1)[0]
    rate = 0.03
    by_attention = np.empty((5, 11))
    for s, series in enumerate(x):
        for t in range(11):
            keys, values, query = series[:t], series[1 : t + 1], series[t]
            by_attention[s, t] = rate * sum((key * query) * value for key, value in zip(keys, values, strict=True))
    assert np.allclose(descent_forecasts(x, rate), by_attention)
    slope = lambda rho: -np.sum((x[0, 1:11] - rho * x[0, :10]) * x[0, :10])  # of half the sum of squares
    assert descent_forecasts(x, rate)[0, 10] == pytest.approx(-rate * slope(0.0) * x[0, 10])


@pytest.mark.parametrize(("rho", "sigma", "slope"), [(0.3, 0.5, 0.082), (0.6, 1.0, 0.917)])
def test_softmax_attention_leans_to_large_lags_and_the_variance_does_matter(rho, sigma, slope):
    # The slope of the forecast in x_t tends to ρ var(x), not to ρ; 0.082 and 0.917 were measured independently.
    rng, n = np.random.default_rng(0), 2_000
    x = sigma * rng.normal(size=(n, 402))
    x[:, 0] /= np.sqrt(1 - rho**2)
    for t in range(1, 402):
        x[:, t] += rho * x[:, t - 1]
    query, sd = x[:, -2], sigma / np.sqrt(1 - rho**2)
    near = abs(query) < 0.5 * sd
    found = [
        float(f[near] @ query[near] / (query[near] @ query[near]))
        for f in (kernel_forecasts(x, kernel) for kernel in ("exponential", "gaussian"))
    ]
    assert found[0] == pytest.approx(slope, abs=0.02)
    assert found[0] == pytest.approx(rho * sd**2, rel=0.06)
    assert found[1] == pytest.approx(rho, rel=0.15)  # a local kernel of this width is biased by a tenth


def test_kernel_forecasts_are_those_of_the_attention_of_the_nets():
    x = simulate_autoregressions(1, 12, seed=2)[0]
    queries, keys, values = (jnp.asarray(a[0, :, None]) for a in (x[:, -2:-1], x[:, :-2], x[:, 1:-1]))
    assert float(attend(queries, keys, values)[0][0, 0]) == pytest.approx(kernel_forecasts(x)[0], rel=1e-4)


def test_a_forecast_does_not_look_ahead():
    net = InContextNet(16, 2, 2, key=jr.key(0))
    x = np.random.default_rng(0).normal(size=(3, 10)).astype(np.float32)
    changed = x.copy()
    changed[:, 6:] += 1
    assert np.array_equal(np.asarray(net(x))[:, :6], np.asarray(net(changed))[:, :6])


def test_a_small_net_learns_to_estimate():
    fit = InContextLearner(context=6, steps=300, **SMALL).fit(4_000)
    within = fit.within.set_index("context")
    # The full one is held to 1.01 in the benchmark; a tenth of the updates gives a few per cent.
    assert (within["ratio"] < 1.06).all()
    assert (within.loc[2:, "net"] < within.loc[2:, "least squares"]).all()
    x, _ = simulate_autoregressions(3, 6, seed=9)
    assert np.allclose(fit.predict(x), np.asarray(fit.net(x.astype(np.float32))), atol=1e-5)


TINY = InContextLearner(context=3, steps=2, **SMALL)


@pytest.mark.parametrize(("make", "words"), [
    (lambda: InContextLearner(context=1), "InContextLearner: context is 1, but must be a whole number of at least 2"),
    (lambda: InContextLearner(limit=1.0), "InContextLearner: limit is 1.0, but must be a number above 0 and below 1"),
    (lambda: InContextLearner(width=30), "InContextLearner: heads is 4, but must divide width, which is 30"),
    (lambda: InContextLearner(seed=-1), "InContextLearner: seed is -1, but must be a whole number of at least 0"),
    (lambda: TINY.fit(5), "judged is 5, but must be a whole number of at least 100"),
    (lambda: TINY.fit(100).predict([[np.nan, 1.0]]), "x holds 1 missing"),
    (lambda: simulate_autoregressions(3, 5, 1.2), "limit is 1.2, but must be a number above 0 and below 1"),
    (lambda: bayes_forecasts([1.0, 2.0]), "x has shape"),
    (lambda: kernel_forecasts([[1.0, 2.0, 3.0]], "box"), "kernel is 'box', but must be one of exponential, gaussian"),
])  # fmt: skip
def test_bad_input_is_answered(make, words):
    with pytest.raises(ValueError, match=words):
        make()
