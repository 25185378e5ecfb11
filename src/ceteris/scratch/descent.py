"""Gradient descent and its descendants, each a one-line update.

Every rule is a pure function ``rule(theta, memory, g, t, rate, ...) -> (theta, memory)`` of the parameters
theta (p,), what it remembers, the gradient g (p,) at theta and the number of the step t = 1, 2, ... Each
adds one idea to the last ([000], Table 1.1; [004], sections 3.5.3-3.5.6): remember past gradients
(momentum), look where you are going (Nesterov), scale each coordinate by the size of its gradients so far
(AdaGrad) or lately (RMSprop), do both (Adam), and keep weight decay out of the scaling (AdamW). Stochastic
gradient descent is no other rule but another gradient: one computed on a few rows (`stochastic`).

The small number epsilon that avoids division by zero stands where Optax puts it, which differs by rule:
inside the root for AdaGrad and RMSprop (as in [000] and [001]), outside for Adam and AdamW (as in [000] and
Kingma and Ba 2015; [001] and [004], Algorithm 3, put it inside, a different number whenever gradients are
tiny).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count

import numpy as np

from ceteris.arguments import number, one_of


def gradient_descent(theta, memory, g, t, rate):
    """Go straight downhill, without memory: theta <- theta - eta g ([004], Algorithm 2)."""
    return theta - rate * g, memory


def momentum(theta, v, g, t, rate, mu=0.9):
    """Add up past gradients, fading: v <- mu v + g; theta <- theta - eta v ([000], Table 1.1; [004], 3.5.3).

    With a constant rate this is the heavy ball of [001], theta + mu (theta - theta_before) - eta g.
    """
    return theta - rate * (v := mu * v + g), v


def nesterov(theta, v, g, t, rate, mu=0.9):
    """Momentum, its gradient taken one step ahead: v <- mu v + g; theta <- theta - eta (g + mu v).

    Here theta is the point ahead, where g is computed (Sutskever et al. 2013, Optax). The point behind it is
    phi = theta + eta mu v, and phi follows Nesterov's v' <- mu v' - eta g(phi + mu v'); phi <- phi + v' with
    v' = -eta v. ([001] prints g(phi - mu v'), which would look back; the sign must be plus.)
    """
    return theta - rate * (g + mu * (v := mu * v + g)), v


def adagrad(theta, s, g, t, rate, epsilon=1e-7):
    """Scale by all gradients so far: s <- s + g^2; theta <- theta - eta g / sqrt(s + epsilon) ([004], 3.5.5).

    The sum starts at zero, as in the sources; Optax starts it at 0.1 unless told otherwise.
    """
    return theta - rate * g / np.sqrt((s := s + g**2) + epsilon), s


def rmsprop(theta, s, g, t, rate, rho=0.9, epsilon=1e-8):
    """Scale by recent gradients: AdaGrad with s <- rho s + (1 - rho) g^2 ([000], Table 1.1)."""
    return theta - rate * g / np.sqrt((s := rho * s + (1 - rho) * g**2) + epsilon), s


def adam(theta, memory, g, t, rate, beta=(0.9, 0.999), epsilon=1e-8):
    """Momentum and scaling together: theta <- theta - eta m^ / (sqrt(v^) + epsilon) ([000], 1.6.1).

    m <- b1 m + (1 - b1) g,  m^ = m / (1 - b1^t);    v <- b2 v + (1 - b2) g^2,  v^ = v / (1 - b2^t).
    The memory keeps m and v, not m^ and v^: [001] as printed would feed the corrected averages back.
    """
    m, v = (b * old + (1 - b) * g**k for b, old, k in zip(beta, memory, (1, 2), strict=True))
    return theta - rate * (m / (1 - beta[0] ** t)) / (np.sqrt(v / (1 - beta[1] ** t)) + epsilon), (m, v)


def adamw(theta, memory, g, t, rate, decay=1e-4, **options):
    """Adam with every weight shrunk alike: theta <- (1 - eta lambda) theta - Adam's step ([000], 1.6.2).

    Adding lambda/2 |theta|^2 to the loss is different: g becomes g + lambda theta inside both of Adam's
    averages, so that weights with large gradients hardly shrink ([000] shows lambda theta beside m^ only, a
    simplification).
    """
    ahead, memory = adam(theta, memory, g, t, rate, **options)
    return ahead - rate * decay * theta, memory


RULES: dict[str, tuple[Callable, float | tuple[float, float]]] = {  # name: the rule, and its memory at the start
    "gradient descent": (gradient_descent, 0.0),
    "momentum": (momentum, 0.0),
    "nesterov": (nesterov, 0.0),
    "adagrad": (adagrad, 0.0),
    "rmsprop": (rmsprop, 0.0),
    "adam": (adam, (0.0, 0.0)),
    "adamw": (adamw, (0.0, 0.0)),
}


def descend(rule: str, gradient: Callable, theta, rate: float, steps: int, **options) -> np.ndarray:
    """Follow a rule by name from theta, (p,); return the path, (steps + 1, p).

    Examples
    --------
    Down the bowl theta^2 / 2, whose gradient is theta: each step of size 1/2 halves the distance.

    >>> descend("gradient descent", lambda theta: theta, [8.0], rate=0.5, steps=3).ravel()
    array([8., 4., 2., 1.])
    >>> abs(descend("momentum", lambda theta: theta, [8.0], rate=0.5, steps=200)[-1, 0]) < 1e-3
    np.True_
    """
    update, memory = RULES[one_of("rule", rule, RULES)]
    number("rate", rate, above=0)
    path = [np.asarray(theta, dtype=float)]
    for t in range(1, steps + 1):
        theta, memory = update(path[-1], memory, gradient(path[-1]), t, rate, **options)
        path.append(theta)
    return np.array(path)


def minibatches(rng: np.random.Generator, n: int, batch_size: int) -> Iterator[np.ndarray]:
    """Yield row numbers for ever: each epoch shuffles the n rows and yields every one of them once.

    Examples
    --------
    >>> batches = minibatches(np.random.default_rng(0), n=5, batch_size=2)
    >>> first_epoch = [next(batches) for _ in range(3)]
    >>> [len(b) for b in first_epoch], sorted(np.concatenate(first_epoch).tolist())
    ([2, 2, 1], [0, 1, 2, 3, 4])
    """
    if not 1 <= batch_size <= n:
        raise ValueError(f"batch_size is {batch_size}; give a batch of 1 to n = {n} rows.")
    return (rows for _ in count() for rows in np.split(rng.permutation(n), range(batch_size, n, batch_size)))


def stochastic(gradient: Callable, X, y, batches: Iterator[np.ndarray]) -> Callable:
    """Turn ``gradient(theta, X, y)`` into one of theta alone, on the next few rows ([004], section 3.5.4).

    On a random batch this is the full gradient on average, at a fraction of its cost.
    """
    X, y = np.asarray(X), np.asarray(y)
    return lambda theta: gradient(theta, X[rows := next(batches)], y[rows])
