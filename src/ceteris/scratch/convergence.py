"""A laboratory for two theorems on gradient descent.

The iteration is x_{k+1} = x_k - t grad f(x_k) with a fixed step t <= 1/L.

f is L-smooth if its gradient changes by at most L |x - y| between x and y, and m-strongly convex if
f(x) - m |x|^2 / 2 is still convex. Write e_k = f(x_k) - f* for the error, and x* for the minimiser.

    f convex and L-smooth:           e_k <= |x_0 - x*|^2 / (2 t k)            O(1/k)    [004], Theorem 3.1
    f m-strongly convex as well:     e_k <= (1 - m t)^k e_0                   linear    [004], Theorem 3.2

Three remarks on the theorems as [004] prints them. Theorem 3.2 names no step; with M for our L, its factor
1 - m/M is that of t = 1/M, and for a smaller step it is 1 - m t, as here. The decrease
f(x_{k+1}) <= f(x_k) - |grad f|^2 / (2 L) holds at t = 1/L; for t < 1/L it is t/2 in place of
1/(2 L). And what must be Lipschitz is the gradient, not f.

Both follow in two lines. Smoothness gives e_{k+1} <= e_k - (t/2) |grad f(x_k)|^2. Strong convexity gives
|grad f|^2 >= 2 m e_k, hence the factor 1 - m t. Convexity alone gives e_k <= grad f . (x_k - x*), hence
e_{k+1} <= (|x_k - x*|^2 - |x_{k+1} - x*|^2) / (2 t), and the sum over steps telescopes.

How tight are they? Theorem 3.1 is within a factor of about two: at t = 1/L the best bound is
L |x_0 - x*|^2 / (4 k + 2), attained by a Huber function (Drori and Teboulle 2014). Theorem 3.2 is within a
square: on a quadratic the error ends up falling by (1 - m t)^2 a step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import number
from ceteris.scratch._checks import matrix
from ceteris.scratch.objectives import Objective


@dataclass(frozen=True)
class Convergence:
    """Errors along a path beside what the theorems allow; every array has the shape (steps + 1,).

    Parameters
    ----------
    k : array
        Step numbers 0, 1, ...
    error : array
        f(x_k) - f* at each.
    sublinear : array
        The bound of Theorem 3.1; infinite where it promises nothing (k = 0; t > 1/L).
    linear : array
        The bound of Theorem 3.2; infinite where it promises nothing.
    rounding : float
        Errors below this are noise of double precision: bounds are not held against it, nor rates fitted to
        it.
    """

    k: np.ndarray
    error: np.ndarray
    sublinear: np.ndarray
    linear: np.ndarray
    rounding: float

    @property
    def holds(self) -> bool:
        """Whether the error never exceeds either bound (by more than rounding)."""
        return bool(np.all(self.error <= np.minimum(self.sublinear, self.linear) * (1 + 1e-9) + self.rounding))

    def order(self, first: int = 1) -> float:
        """The p in error ~ k^-p: the slope of log error on log k from step ``first`` on."""
        return -_slope(np.log(self.k[first:]), self.error[first:], self.rounding)

    def factor(self, first: int = 1) -> float:
        """The q in error ~ q^k: from the slope of log error on k from step ``first`` on."""
        return float(np.exp(_slope(self.k[first:], self.error[first:], self.rounding)))


def descend(objective: Objective, start, steps: int, rate: float | None = None) -> Convergence:
    """Run gradient descent from ``start``, (p,), at ``rate`` (1/L unless given) and keep the account.

    Examples
    --------
    >>> from ceteris.scratch.objectives import quadratic
    >>> bowl = quadratic([1.0, 0.1])
    >>> path = descend(bowl, [1.0, 1.0], steps=100)
    >>> path.holds, round(path.factor(first=10), 6)  # (1 - m/L)^2; the theorem asks for 1 - m/L
    (True, 0.81)
    >>> steps_needed(bowl, [1.0, 1.0], epsilon=1e-6), int(np.argmax(path.error <= 1e-6))
    (126, 52)
    """
    x, t = _start(objective, start), number("rate", 1 / objective.L if rate is None else rate, above=0)
    best, distance, errors = objective.f(objective.minimiser), np.sum((x - objective.minimiser) ** 2), []
    for _ in range(steps + 1):
        errors.append(objective.f(x) - best)
        x = x - t * objective.gradient(x)
    k = np.arange(steps + 1)
    allowed = t * objective.L <= 1 + 1e-12
    sublinear, linear = np.full(steps + 1, np.inf), np.full(steps + 1, np.inf)
    if allowed:
        sublinear[1:] = distance / (2 * t * k[1:])
        linear = errors[0] * (1 - min(1.0, objective.m * t)) ** k
    place = np.finfo(float).eps * np.linalg.norm(objective.minimiser)  # how finely x near x* can be told apart
    rounding = 64 * np.finfo(float).eps * abs(best) + objective.L * (64 * place) ** 2
    return Convergence(k, np.array(errors), sublinear, linear, float(rounding))


def steps_needed(objective: Objective, start, epsilon: float, rate: float | None = None) -> int:
    """The number of steps after which the theorems guarantee an error of at most epsilon.

    The smaller of |x_0 - x*|^2 / (2 t epsilon), Theorem 3.1, and log(e_0 / epsilon) / log(1 / (1 - m t)),
    Theorem 3.2.
    """
    x, t = _start(objective, start), number("rate", 1 / objective.L if rate is None else rate, above=0)
    if t * objective.L > 1 + 1e-12:
        raise ValueError(f"rate is {t:g}; the theorems need a rate of at most 1/L = {1 / objective.L:g}.")
    error = objective.f(x) - objective.f(objective.minimiser)
    if error <= number("epsilon", epsilon, above=0):
        return 0
    sublinear = np.sum((x - objective.minimiser) ** 2) / (2 * t * epsilon)
    shrink = 1 - objective.m * t
    linear = np.inf if shrink >= 1 else 1.0 if shrink <= 0 else np.log(error / epsilon) / -np.log(shrink)
    return int(np.ceil(min(sublinear, linear)))


def _start(objective: Objective, start) -> np.ndarray:
    return matrix("start", [start], columns=len(objective.minimiser))[0]


def _slope(x: np.ndarray, error: np.ndarray, rounding: float) -> float:
    clear = error > 100 * rounding
    if clear.sum() < 2:
        raise ValueError("fewer than two errors stand above rounding; take fewer steps or start further away.")
    return float(np.polyfit(x[clear], np.log(error[clear]), 1)[0])
