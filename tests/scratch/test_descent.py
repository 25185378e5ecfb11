"""Each one-line update against Optax, step by step, to rounding."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ceteris.scratch import descent

RATE = 0.05
OPTAX = {
    "gradient descent": lambda: optax.sgd(RATE),
    "momentum": lambda: optax.sgd(RATE, momentum=0.9),
    "nesterov": lambda: optax.sgd(RATE, momentum=0.9, nesterov=True),
    "adagrad": lambda: optax.adagrad(RATE, initial_accumulator_value=0.0),  # the sources start the sum at zero
    "rmsprop": lambda: optax.rmsprop(RATE, decay=0.9, eps=1e-8, eps_in_sqrt=True),
    "adam": lambda: optax.adam(RATE),
    "adamw": lambda: optax.adamw(RATE, weight_decay=1e-4),
}
HESSIAN = np.array([[3.0, 1.0, 0.0], [1.0, 2.0, 0.5], [0.0, 0.5, 1.0]])
START = np.array([1.0, -2.0, 1e-4])


def slope(theta):
    return HESSIAN @ theta + np.sin(theta)


def test_every_rule_is_compared():
    assert set(OPTAX) == set(descent.RULES)


@pytest.mark.parametrize("rule", OPTAX)
def test_path_equals_optax(rule):
    ours = descent.descend(rule, slope, START, RATE, steps=50)
    with jax.enable_x64(True):
        optimiser, theta = OPTAX[rule](), jnp.array(START)
        state, path = optimiser.init(theta), [theta]
        for _ in range(50):
            updates, state = optimiser.update(jnp.array(slope(np.array(theta))), state, theta)
            theta = optax.apply_updates(theta, updates)
            path.append(theta)
    # the same arithmetic in another order, fifty times on a path of size one
    np.testing.assert_allclose(ours, np.array(path), rtol=0, atol=1e-13)


def test_adam_takes_the_coupled_decay_of_the_loss_and_adamw_does_not():
    """With the penalty in the loss instead, the two differ; without any they agree."""
    plain = descent.descend("adam", slope, START, RATE, 20)
    np.testing.assert_array_equal(plain, descent.descend("adamw", slope, START, RATE, 20, decay=0.0))
    coupled = descent.descend("adam", lambda x: slope(x) + 0.5 * x, START, RATE, 20)
    decoupled = descent.descend("adamw", slope, START, RATE, 20, decay=0.5)
    assert np.abs(coupled - decoupled).max() > 1e-2


def test_epsilon_inside_the_root_is_another_rule():
    # a gradient of 1e-9: sqrt(v) + 1e-8 is 1.1e-8, but sqrt(v + 1e-8) is 1e-4
    inside, _ = descent.rmsprop(0.0, 0.0, 1e-9, 1, 1.0, rho=0.0)
    outside, _ = descent.adam(0.0, (0.0, 0.0), 1e-9, 1, 1.0)
    assert inside == pytest.approx(-1e-9 / 1e-4, rel=1e-6)
    assert outside == pytest.approx(-1e-9 / 1.1e-8, rel=1e-6)


def test_momentum_is_the_heavy_ball():
    path = descent.descend("momentum", slope, START, RATE, 30)
    for before, now, after in zip(path, path[1:], path[2:], strict=False):
        np.testing.assert_allclose(after, now + 0.9 * (now - before) - RATE * slope(now), atol=1e-14)


def test_nesterov_looks_ahead_with_a_plus_sign():
    # the textbook iteration on phi, its gradient at phi + mu v, is the code's with theta = phi + mu v
    path = descent.descend("nesterov", slope, START, RATE, 30)
    phi, v = START, np.zeros(3)
    for theta in path:
        np.testing.assert_allclose(theta, phi + 0.9 * v, atol=1e-13)
        v = 0.9 * v - RATE * slope(phi + 0.9 * v)
        phi = phi + v


def test_stochastic_gradient_averages_to_the_full_one():
    rng = np.random.default_rng(0)
    X, y, theta = rng.normal(size=(60, 3)), rng.normal(size=60), np.ones(3)
    squares = lambda theta, X, y: X.T @ (X @ theta - y) / len(X)
    noisy = descent.stochastic(squares, X, y, descent.minibatches(rng, 60, 10))
    epoch = np.mean([noisy(theta) for _ in range(6)], axis=0)
    np.testing.assert_allclose(epoch, squares(theta, X, y), atol=1e-14)  # every row once, whatever the order


def test_stochastic_descent_finds_least_squares():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    y = X @ [1.0, -2.0, 0.5]  # no noise, so every batch has the same minimiser and a constant rate converges
    squares = lambda theta, X, y: X.T @ (X @ theta - y) / len(X)
    noisy = descent.stochastic(squares, X, y, descent.minibatches(rng, 200, 20))
    end = descent.descend("gradient descent", noisy, np.zeros(3), 0.3, 300)[-1]
    np.testing.assert_allclose(end, [1.0, -2.0, 0.5], atol=1e-10)


def test_batches_of_an_epoch_partition_the_rows_and_are_reshuffled():
    batches = descent.minibatches(np.random.default_rng(0), 10, 3)
    first, second = ([next(batches) for _ in range(4)] for _ in range(2))
    assert sorted(np.concatenate(first)) == sorted(np.concatenate(second)) == list(range(10))
    assert np.concatenate(first).tolist() != np.concatenate(second).tolist()


def test_bad_options_are_answered_in_a_sentence():
    with pytest.raises(ValueError, match=r"rule is 'adma', but must be one of .*; did you mean 'adam'\?"):
        descent.descend("adma", slope, START, RATE, 1)
    with pytest.raises(ValueError, match=r"rate is -1, but must be a number above 0"):
        descent.descend("adam", slope, START, -1, 1)
    with pytest.raises(ValueError, match=r"size is 11; give a batch of 1 to n = 10 rows"):
        descent.minibatches(np.random.default_rng(0), 10, 11)
