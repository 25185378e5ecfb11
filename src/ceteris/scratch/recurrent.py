"""Nets that read a sequence, with backpropagation through time written out by hand.

A recurrent net reads x_1, x_2, ... with the same weights at every step ([000], section 1.11.1; [001]):

    h_t = tanh(W_hh h_{t-1} + W_xh x_t + b),     y_t = W_hy h_t + c,     J = mean_t |y_t - target_t|^2 / 2

Unrolled, it is a deep network that shares its weights, so the deltas run backwards through time and every step adds
to the same gradient:

    delta_t = (W_hy' dJ/dy_t + W_hh' delta_{t+1}) * (1 - h_t^2)
    dJ/dW_hh = sum_t delta_t h_{t-1}',     dJ/dW_xh = sum_t delta_t x_t'

From h_t to h_{t-1} a delta is multiplied by J_t' = W_hh' diag(1 - h_t^2): a product of T - k such matrices vanishes or
explodes by their size. Truncated backpropagation stops the deltas at every K-th step.

The LSTM ([000], eqs. (1.31)-(1.36)) keeps a second state that is added to, not overwritten:

    i, f, o = sigma(W [h_{t-1}, x_t] + b),   C_t = f C_{t-1} + i tanh(W [h_{t-1}, x_t] + b),   h_t = o tanh(C_t)

A slip of the lecture: the cell written from scratch in [001] multiplies by ``*``, entry by entry, where the formula has
matrix products (``@``), and keeps h on the object, for one sequence at a time. Here h is passed from step to step.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from ceteris.arguments import whole
from ceteris.scratch._checks import matrix


@dataclass(frozen=True)
class ReadingNet:
    """The weights of a recurrent net: W_xh (h, d), W_hh (h, h), b (h,), W_hy (m, h) and c (m,)."""

    W_xh: np.ndarray
    W_hh: np.ndarray
    b: np.ndarray
    W_hy: np.ndarray
    c: np.ndarray


def initialise(rng: np.random.Generator, inputs: int, width: int, outputs: int) -> ReadingNet:
    """First weights: W_hh orthogonal, so that norms are kept at first; the others normal, with variance 1 / inputs.

    Examples
    --------
    >>> net = initialise(np.random.default_rng(0), inputs=1, width=3, outputs=1)
    >>> np.allclose(net.W_hh @ net.W_hh.T, np.eye(3))
    True
    """
    turn, _ = np.linalg.qr(rng.normal(size=(width, width)))
    enter = rng.normal(size=(width, inputs)) / np.sqrt(inputs)
    leave = rng.normal(size=(outputs, width)) / np.sqrt(width)
    return ReadingNet(enter, turn, np.zeros(width), leave, np.zeros(outputs))


def read(net: ReadingNet, X) -> tuple[np.ndarray, np.ndarray]:
    """States h_0 = 0, h_1, ..., h_T, shape (T + 1, h), and outputs y_1, ..., y_T, shape (T, m).

    Examples
    --------
    A net of one unit that counts: with weights of one and small inputs, h is their sum.

    >>> one = np.ones((1, 1))
    >>> H, Y = read(ReadingNet(one, one, np.zeros(1), one, np.zeros(1)), [[1e-3], [1e-3], [1e-3]])
    >>> Y.round(6).ravel()
    array([0.001, 0.002, 0.003])
    """
    X = matrix("X", X, columns=net.W_xh.shape[1])
    H = np.zeros((len(X) + 1, len(net.b)))
    for t, x in enumerate(X, start=1):
        H[t] = np.tanh(net.W_hh @ H[t - 1] + net.W_xh @ x + net.b)
    return H, H[1:] @ net.W_hy.T + net.c


def loss(net: ReadingNet, X, targets) -> float:
    """The mean over t of half the squared distance between y_t and its target."""
    _, Y = read(net, X)
    return float(np.mean(np.sum((Y - matrix("targets", targets, rows=len(Y))) ** 2, axis=1)) / 2)


def through_time(net: ReadingNet, X, targets, steps: int | None = None) -> ReadingNet:
    """Gradient of the loss for every weight, by backpropagation through time; ``steps`` is K of the truncated one.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> net, X, targets = initialise(rng, 2, 3, 1), rng.normal(size=(5, 2)), rng.normal(size=(5, 1))
    >>> full, cut = through_time(net, X, targets), through_time(net, X, targets, steps=2)
    >>> np.allclose(full.W_hh, through_time(net, X, targets, steps=5).W_hh), np.allclose(full.W_hh, cut.W_hh)
    (True, False)
    """
    X = matrix("X", X, columns=net.W_xh.shape[1])
    T = len(X)
    K = T if steps is None else whole("steps", steps)
    H, Y = read(net, X)
    dY = (Y - matrix("targets", targets, rows=T, columns=len(net.c))) / T
    g = ReadingNet(*(np.zeros_like(getattr(net, field.name)) for field in fields(net)))
    later = np.zeros(len(net.b))  # W_hh' delta_{t+1}
    for t in range(T, 0, -1):
        delta = (net.W_hy.T @ dY[t - 1] + later) * (1 - H[t] ** 2)
        g.W_hh[:] += np.outer(delta, H[t - 1])
        g.W_xh[:] += np.outer(delta, X[t - 1])
        g.b[:] += delta
        g.W_hy[:] += np.outer(dY[t - 1], H[t])
        g.c[:] += dY[t - 1]
        later = net.W_hh.T @ delta if (t - 1) % K else np.zeros_like(later)  # windows begin at 1, K + 1, ...
    return g


def reach(net: ReadingNet, X) -> np.ndarray:
    """How far a gradient gets: the norm of dh_T / dh_k = J_T ... J_{k+1}, for k = 0, ..., T.

    Examples
    --------
    With small states the net is linear, and the norm falls by the spectral radius of W_hh at every step back:

    >>> net = ReadingNet(np.zeros((2, 1)), 0.5 * np.eye(2), np.zeros(2), np.ones((1, 2)), np.zeros(1))
    >>> reach(net, np.zeros((4, 1)))
    array([0.0625, 0.125 , 0.25  , 0.5   , 1.    ])
    """
    H, _ = read(net, X)
    norms, product = np.ones(len(H)), np.eye(len(net.b))
    for t in range(len(H) - 1, 0, -1):
        product = product @ ((1 - H[t] ** 2)[:, None] * net.W_hh)
        norms[t - 1] = np.linalg.norm(product, 2)
    return norms


def lstm(W: np.ndarray, b: np.ndarray, x: np.ndarray, h: np.ndarray, C: np.ndarray):
    """One step of an LSTM: the new h and C, and what going back needs.

    ``W`` has shape (4 width, width + inputs), rows for i, f, the candidate and o, and acts on [h_{t-1}, x_t].

    Examples
    --------
    An open input gate, a candidate of one, and a closed forget gate store a one; the other way round it is kept.

    >>> W, open_, shut = np.zeros((4, 2)), 50.0, -50.0
    >>> h, C, _ = lstm(W, np.array([open_, shut, open_, open_]), np.zeros(1), np.zeros(1), np.zeros(1))
    >>> h, C, _ = lstm(W, np.array([shut, open_, open_, open_]), np.zeros(1), h, C)
    >>> C
    array([1.])
    """
    z = W @ np.concatenate([h, x]) + b
    i, f, candidate, o = np.split(z, 4)
    i, f, o = (0.5 * (1 + np.tanh(gate / 2)) for gate in (i, f, o))
    candidate = np.tanh(candidate)
    C_new = f * C + i * candidate
    return o * np.tanh(C_new), C_new, (x, h, C, i, f, candidate, o, np.tanh(C_new))


def lstm_back(W: np.ndarray, kept, dh: np.ndarray, dC: np.ndarray):
    """Go back through one step: from dJ/dh_t and dJ/dC_t to those for W, b, x_t, h_{t-1} and C_{t-1}.

    The direct way back along C multiplies by f only: where the forget gate is open, nothing vanishes.
    """
    x, h, C, i, f, candidate, o, tanh_C = kept
    dC = dC + dh * o * (1 - tanh_C**2)
    dz = np.concatenate(
        [dC * candidate * i * (1 - i), dC * C * f * (1 - f), dC * i * (1 - candidate**2), dh * tanh_C * o * (1 - o)]
    )
    both = W.T @ dz
    return np.outer(dz, np.concatenate([h, x])), dz, both[len(h) :], both[: len(h)], dC * f
