"""The multi-layer perceptron, with backpropagation written out by hand.

Layer l turns the activations of the layer before into its own ([000], eq. (1.12); [001], eqs. (4.4)-(4.7)).
Here a row is an example, so that the whole table X goes through at once and weights multiply from the
right:

    z^(l) = a^(l-1) W^(l) + b^(l),      a^(l) = g(z^(l)),      a^(0) = X

Three outputs, each with the loss that belongs to it (J is the mean over rows; t is the target):

    linear     y = z                    sum_k (z_k - t_k)^2 / 2                       a real number
    logistic   y = 1 / (1 + e^-z)       sum_k log(1 + e^z_k) - t_k z_k                yes or no, each alone
    softmax    y = e^z / sum_k e^z_k    log sum_k e^z_k - sum_k t_k z_k               one of several classes

In all three dJ/dz is simply y - t: each loss is A(z) - t z (plus a constant) with A' = y. So the last delta
is the error, without the factor y (1 - y) of [001], eq. (4.8), which belongs to squared error on logistic
nodes and makes a node that is confidently wrong learn slowly. From there the deltas run backwards ([000],
section 1.6.4; [001], (4.9)):

    delta^(L) = (y - t) / n,     delta^(l) = (delta^(l+1) W^(l+1)') * g'(z^(l))
    dJ/dW^(l) = a^(l-1)' delta^(l),     dJ/db^(l) = the column sums of delta^(l)       [001], (4.10)-(4.11)

One linear node is least squares and one logistic node is logistic regression ([003]).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from ceteris.arguments import number, one_of
from ceteris.scratch import descent
from ceteris.scratch._checks import matrix

Layers = tuple[tuple[np.ndarray, np.ndarray], ...]


def logistic(z: np.ndarray) -> np.ndarray:
    """1 / (1 + e^-z), by way of tanh, which does not overflow."""
    return 0.5 * (1.0 + np.tanh(0.5 * z))


def softmax(z: np.ndarray) -> np.ndarray:
    """e^z / sum e^z along each row; taking off the largest z first changes nothing but prevents overflow."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


HIDDEN = {  # name: g(z), and g'(z) written in terms of a = g(z)
    "logistic": (logistic, lambda a: a * (1 - a)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "relu": (lambda z: np.maximum(z, 0), lambda a: 1.0 * (a > 0)),
}
OUTPUT = {  # name: y(z), and the loss of each row
    "linear": (lambda z: z, lambda z, t: np.sum((z - t) ** 2, axis=1) / 2),
    "logistic": (logistic, lambda z, t: np.sum(np.logaddexp(0, z) - t * z, axis=1)),
    "softmax": (softmax, lambda z, t: np.logaddexp.reduce(z, axis=1) - np.sum(t * z, axis=1)),
}


@dataclass(frozen=True)
class Network:
    """A network: its layers ((W, b), ...), W (n_in, n_out) and b (n_out,), and its two functions by name."""

    layers: Layers
    hidden: str = "logistic"
    output: str = "linear"


@dataclass(frozen=True)
class Training:
    """The best network met, the losses after 0, 1, 2, ... steps, and the step that gave the best."""

    net: Network
    losses: np.ndarray
    validation: np.ndarray
    best: int


def initialise(rng: np.random.Generator, sizes: tuple[int, ...], hidden="logistic", output="linear") -> Network:
    """Draw weights from N(0, 1 / n_in), giving z variance one on standardised X; biases zero ([003])."""
    one_of("hidden", hidden, HIDDEN)
    one_of("output", output, OUTPUT)
    if len(sizes) < 2 or min(sizes) < 1:
        raise ValueError(f"sizes is {tuple(sizes)}; give at least (inputs, outputs), each one or more.")
    return Network(
        tuple((rng.normal(size=(i, o)) / np.sqrt(i), np.zeros(o)) for i, o in pairwise(sizes)), hidden, output
    )


def one_hot(labels) -> np.ndarray:
    """Code k classes as k columns of 0 and 1, in sorted order: [[1, 0], [0, 1]] for ['a', 'b']."""
    return (np.asarray(labels)[:, None] == np.unique(labels)).astype(float)


def forward(net: Network, X: np.ndarray) -> tuple[list[np.ndarray], np.ndarray]:
    """Run X, (n, m), forwards; return the activations a^(0), ..., a^(L-1) and the last z, (n, k)."""
    a = [X]
    for W, b in net.layers[:-1]:
        a.append(HIDDEN[net.hidden][0](a[-1] @ W + b))
    W, b = net.layers[-1]
    return a, a[-1] @ W + b


def predict(net: Network, X) -> np.ndarray:
    """The outputs y, (n, k), for the rows of X, (n, m)."""
    X = matrix("X", X, columns=len(net.layers[0][0]))
    return OUTPUT[net.output][0](forward(net, X)[1])


def loss(net: Network, X: np.ndarray, T: np.ndarray) -> float:
    """The mean over rows of the loss that belongs to the output."""
    return float(np.mean(OUTPUT[net.output][1](forward(net, X)[1], T)))


def backpropagate(net: Network, X: np.ndarray, T: np.ndarray) -> Layers:
    """The gradient of the loss, in the shape of the layers: one sweep forwards, one back."""
    a, z = forward(net, X)
    slope = HIDDEN[net.hidden][1]
    delta = (OUTPUT[net.output][0](z) - T) / len(X)
    gradients = []
    for l in reversed(range(len(net.layers))):
        gradients.append((a[l].T @ delta, delta.sum(axis=0)))
        if l > 0:
            delta = (delta @ net.layers[l][0].T) * slope(a[l])
    return tuple(reversed(gradients))


def train(net: Network, data, validation=None, *, rate=0.5, mu=0.9, epochs=1000, patience=50) -> Training:
    """Descend with momentum, all rows at once; stop early and keep the best, as [001] advises.

    Parameters
    ----------
    data, validation : (X, T)
        Tables (n, m) and (n, k). Early stopping watches the loss on ``validation``; without it, on ``data``.
    rate, mu : float
        Learning rate and momentum. Standardise inputs first: less their mean, over their standard deviation
        (not their variance, as [001] has it).
    epochs, patience : int
        Steps at most, and steps without improvement after which to stop.

    Examples
    --------
    >>> X, T = [[0, 0], [0, 1], [1, 0], [1, 1]], [[0], [1], [1], [0]]
    >>> net = initialise(np.random.default_rng(0), (2, 3, 1), output="logistic")
    >>> predict(train(net, (X, T), rate=2.0).net, X).round().ravel()
    array([0., 1., 1., 0.])
    """
    X, T = _pair(net, *data)
    watched = _pair(net, *(validation or data))
    v = tuple((0.0, 0.0) for _ in net.layers)
    kept, losses, checks = net, [loss(net, X, T)], [loss(net, *watched)]
    best, t = 0, 0
    number("rate", rate, above=0)
    while t < epochs and t - best < patience:
        t += 1
        with np.errstate(over="ignore", invalid="ignore"):  # answered below, in a sentence
            net, v = _step(net, v, backpropagate(net, X, T), t, rate, mu)
            losses.append(loss(net, X, T))
            checks.append(loss(net, *watched))
        if not np.isfinite(losses[-1]):
            raise ArithmeticError(f"The loss became {losses[-1]} at step {t} with rate {rate}; use a smaller rate.")
        if checks[-1] < checks[best]:
            kept, best = net, t
    return Training(kept, np.array(losses), np.array(checks), best)


def _step(net: Network, v, gradients: Layers, t: int, rate: float, mu: float):
    """One momentum step on every W and b."""
    rule = lambda theta, v, g: descent.momentum(theta, v, g, t, rate, mu)
    moved = [[rule(*x) for x in zip(*layer, strict=True)] for layer in zip(net.layers, v, gradients, strict=True)]
    layers, v = (tuple((W[i], b[i]) for W, b in moved) for i in (0, 1))
    return replace(net, layers=layers), v


def _pair(net: Network, X, T) -> tuple[np.ndarray, np.ndarray]:
    X = matrix("X", X, columns=len(net.layers[0][0]))
    T = matrix("T", T, rows=len(X), columns=len(net.layers[-1][1]))
    if net.output != "linear" and (T.min() < 0 or T.max() > 1):
        raise ValueError(f"T runs from {T.min():g} to {T.max():g}; a {net.output} output needs targets in [0, 1].")
    return X, T
