"""Hand-written backpropagation against finite differences, JAX and scikit-learn."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.datasets import load_digits, load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

from ceteris.scratch import mlp

JAX_HIDDEN = {"logistic": jax.nn.sigmoid, "tanh": jnp.tanh, "relu": jax.nn.relu}
SQUARE, XOR = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.array([[0.0], [1], [1], [0]])
CASES = [(h, o) for h in mlp.HIDDEN for o in mlp.OUTPUT]


def example(hidden, output, n=12):
    rng = np.random.default_rng(3)
    net = mlp.initialise(rng, (4, 5, 6, 3), hidden, output)
    T = rng.normal(size=(n, 3)) if output == "linear" else np.eye(3)[rng.integers(0, 3, n)]
    return net, rng.normal(size=(n, 4)), T


def jax_loss(layers, X, T, hidden, output):
    a = X
    for W, b in layers[:-1]:
        a = JAX_HIDDEN[hidden](a @ W + b)
    z = a @ layers[-1][0] + layers[-1][1]
    rows = {
        "linear": lambda: 0.5 * (z - T) ** 2,
        "logistic": lambda: -T * jax.nn.log_sigmoid(z) - (1 - T) * jax.nn.log_sigmoid(-z),
        "softmax": lambda: -T * jax.nn.log_softmax(z),
    }[output]()
    return jnp.mean(rows.sum(axis=1))


@pytest.mark.parametrize(("hidden", "output"), CASES)
def test_loss_and_gradient_equal_jax(hidden, output):
    net, X, T = example(hidden, output)
    with jax.enable_x64(True):
        value, slope = jax.value_and_grad(jax_loss)(net.layers, X, T, hidden, output)
    # two orders of the same double-precision sums of about a dozen terms of size one
    np.testing.assert_allclose(mlp.loss(net, X, T), value, rtol=1e-14)
    for ours, theirs in zip(mlp.backpropagate(net, X, T), slope, strict=True):
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-12, atol=1e-16)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-12, atol=1e-16)


@pytest.mark.parametrize(("hidden", "output"), CASES)
def test_gradient_equals_central_differences(hidden, output):
    net, X, T = example(hidden, output)
    h = 1e-5  # truncation ~ h^2 = 1e-10 against rounding ~ 1e-16 / h = 1e-11
    for layer, (dW, db) in enumerate(mlp.backpropagate(net, X, T)):
        for part, exact in enumerate((dW, db)):
            theta = net.layers[layer][part]
            measured = np.empty_like(theta)
            for i in np.ndindex(theta.shape):
                middle, ends = theta[i], []
                for theta[i] in (middle + h, middle - h):
                    ends.append(mlp.loss(net, X, T))
                theta[i], measured[i] = middle, (ends[0] - ends[1]) / (2 * h)
            np.testing.assert_allclose(exact, measured, atol=1e-9)


def one_step_of(reference, X, y, **first):
    """Weights before one step of scikit-learn's, with the loss it reports there, and its gradient (rate 1)."""
    reference.partial_fit(X, y, **first)
    before = [(W.copy(), b.copy()) for W, b in zip(reference.coefs_, reference.intercepts_, strict=True)]
    reference.partial_fit(X, y)
    after = zip(reference.coefs_, reference.intercepts_, strict=True)
    return before, reference.loss_, [(W - V, b - c) for (W, b), (V, c) in zip(before, after, strict=True)]


@pytest.mark.parametrize("hidden", list(mlp.HIDDEN))
@pytest.mark.parametrize("output", list(mlp.OUTPUT))
def test_loss_and_gradient_equal_scikit_learns_at_the_same_weights(hidden, output):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 4))
    options = {"activation": hidden, "alpha": 0, "solver": "sgd", "learning_rate_init": 1.0, "momentum": 0.0}
    options |= {"hidden_layer_sizes": (5, 6), "nesterovs_momentum": False, "shuffle": False, "random_state": 0}
    if output == "linear":
        y = rng.normal(size=40)
        T, found = y[:, None], one_step_of(MLPRegressor(**options), X, y)
    else:
        y = rng.integers(0, 2 if output == "logistic" else 3, 40)
        T = y[:, None].astype(float) if output == "logistic" else mlp.one_hot(y)
        found = one_step_of(MLPClassifier(**options), X, y, classes=np.unique(y))
    layers, loss, slope = found
    net = mlp.Network(tuple(layers), hidden, output)
    np.testing.assert_allclose(mlp.loss(net, X, T), loss, rtol=1e-13)
    for ours, theirs in zip(mlp.backpropagate(net, X, T), slope, strict=True):
        # theirs is a difference of two weights of size one: it carries their rounding, 1e-16
        np.testing.assert_allclose(ours[0], theirs[0], rtol=1e-11, atol=1e-15)
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-11, atol=1e-15)


def test_error_of_squared_logistic_output_has_the_factor_that_the_matching_loss_removes():
    # eq. (4.8) of the lecture, (y - t) y (1 - y), by JAX; ours, y - t, is the same without the last factor
    z, t = jnp.array(2.0), 0.0
    squared = float(jax.grad(lambda z: 0.5 * (jax.nn.sigmoid(z) - t) ** 2)(z))
    y = float(mlp.logistic(np.array(2.0)))
    net = mlp.Network(((np.array([[2.0]]), np.zeros(1)),), output="logistic")
    ours = mlp.backpropagate(net, np.ones((1, 1)), np.array([[t]]))[0][1][0]
    assert ours == pytest.approx(y - t, rel=1e-14)
    assert squared == pytest.approx(ours * y * (1 - y), rel=1e-6)  # JAX in single precision here


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("output", ["linear", "logistic", "softmax"])
def test_xor_is_solved(seed, output):
    T = mlp.one_hot(XOR[:, 0]) if output == "softmax" else XOR
    net = mlp.initialise(np.random.default_rng(seed), (2, 6, T.shape[1]), "tanh", output)
    y = mlp.predict(mlp.train(net, (SQUARE, T), rate=0.2, epochs=2000).net, SQUARE)
    np.testing.assert_array_equal(y.round(), T)


def held_out(data, sizes, seed=0, **options):
    """Accuracy on a third of the rows that neither training nor early stopping has seen."""
    X, X_test, y, y_test = train_test_split(
        data.data, data.target, test_size=1 / 3, stratify=data.target, random_state=seed
    )
    mean, scale = X.mean(axis=0), X.std(axis=0) + (X.std(axis=0) == 0)
    X, X_test = (X - mean) / scale, (X_test - mean) / scale
    X, X_stop, T, T_stop = train_test_split(X, mlp.one_hot(y), test_size=0.25, random_state=seed)
    net = mlp.initialise(np.random.default_rng(seed), sizes, output="softmax")
    done = mlp.train(net, (X, T), (X_stop, T_stop), **options)
    return done, np.mean(mlp.predict(done.net, X_test).argmax(axis=1) == y_test)


def test_iris():
    accuracies = [held_out(load_iris(), (4, 8, 3), seed, rate=0.3)[1] for seed in range(5)]
    assert np.median(accuracies) >= 0.95  # scikit-learn's classifiers reach 0.94-0.98 on such splits


def test_digits():
    done, accuracy = held_out(load_digits(), (64, 48, 10), rate=0.5, epochs=400)
    assert accuracy >= 0.95
    assert done.losses[-1] < 0.1 * done.losses[0]


def test_early_stopping_returns_the_best_and_stops():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 5)), rng.integers(0, 2, (30, 1)).astype(float)  # nothing to learn but noise
    net = mlp.initialise(rng, (5, 20, 1), "tanh", "logistic")
    held = (rng.normal(size=(200, 5)), rng.integers(0, 2, (200, 1)).astype(float))
    done = mlp.train(net, (X, y), held, patience=30)
    assert done.best == np.argmin(done.validation)
    assert len(done.losses) == done.best + 31 < 1000
    assert mlp.loss(done.net, *held) == done.validation.min()
    assert done.losses[-1] < done.losses[done.best]  # the fit went on improving while the truth got worse


def test_one_linear_node_is_least_squares():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(80, 3))
    y = 2 + X @ [1.0, -2.0, 0.5] + rng.normal(size=80)
    exact = np.linalg.lstsq(np.column_stack([np.ones(80), X]), y, rcond=None)[0]
    done = mlp.train(mlp.initialise(rng, (3, 1)), (X, y[:, None]), rate=0.2, epochs=1000)
    # the loss stops falling in double precision when the error is about sqrt(1e-16) = 1e-8 in the weights
    W, b = done.net.layers[0]
    np.testing.assert_allclose(np.r_[b, W[:, 0]], exact, atol=1e-7)


def test_one_logistic_node_is_logistic_regression():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(200, 3))
    y = (X @ [1.0, -1.0, 0.5] + rng.logistic(size=200) > 0).astype(int)
    exact = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(X, y)
    net = mlp.initialise(rng, (3, 1), output="logistic")
    W, b = mlp.train(net, (X, y[:, None]), rate=1.0, epochs=2000).net.layers[0]
    # as above: both minimise a function of size one in double precision, hence 1e-8 in the weights, some left over
    np.testing.assert_allclose(np.r_[b, W[:, 0]], np.r_[exact.intercept_, exact.coef_[0]], atol=1e-6)


def test_extreme_inputs_do_not_overflow():
    net = mlp.Network(((np.array([[1.0, -1.0]]), np.zeros(2)),), output="softmax")
    X, T = np.array([[1e4], [-1e4]]), np.eye(2)
    np.testing.assert_array_equal(mlp.predict(net, X), T)
    assert mlp.loss(net, X, T) == 0
    assert mlp.loss(net, X, T[::-1]) == 2e4


def test_initial_weights_have_the_stated_variance():
    W, b = mlp.initialise(np.random.default_rng(0), (400, 500)).layers[0]
    assert np.var(W) * 400 == pytest.approx(1, abs=0.02)  # 200,000 draws: standard error 0.003
    assert not b.any()


def test_options_are_answered_in_a_sentence():
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"hidden is 'tahn', but must be one of .*; did you mean 'tanh'\?"):
        mlp.initialise(rng, (1, 1), hidden="tahn")
    with pytest.raises(ValueError, match="output is 'step', but must be one of linear, logistic, softmax"):
        mlp.initialise(rng, (1, 1), output="step")
    with pytest.raises(ValueError, match=r"sizes is \(3,\); give at least \(inputs, outputs\)"):
        mlp.initialise(rng, (3,))


@pytest.mark.parametrize(
    ("X", "T", "sentence"),
    [
        (np.ones((2, 3)), np.ones((2, 1)), "X has 3 columns; 2 are needed"),
        (np.ones((2, 2)), np.ones((3, 1)), "T has 3 rows; give one for each of the 2 rows of X"),
        (np.ones((2, 2)), np.full((2, 1), np.inf), "T holds 2 missing or infinite values"),
        (np.ones((0, 2)), np.ones((0, 1)), "X has shape \\(0, 2\\); give a table"),
        (np.ones((2, 2)), np.full((2, 1), 3), "T runs from 3 to 3; a logistic output needs targets in"),
    ],
)
def test_bad_tables_are_answered_in_a_sentence(X, T, sentence):
    net = mlp.initialise(np.random.default_rng(0), (2, 1), output="logistic")
    with pytest.raises(ValueError, match=sentence):
        mlp.train(net, (X, T))


def test_divergence_is_said_and_not_returned():
    net = mlp.initialise(np.random.default_rng(0), (1, 1))
    data = (np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]]))
    with pytest.raises(ArithmeticError, match=r"The loss became .* with rate 100.0; use a smaller rate"):
        mlp.train(net, data, rate=100.0, patience=1000)
    with pytest.raises(ValueError, match="rate is 0, but must be a number above 0"):
        mlp.train(net, data, rate=0)
