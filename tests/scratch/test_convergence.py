"""The laboratory against closed forms: rates on quadratics, the worst case of Theorem 3.1, Newton by scikit-learn."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from ceteris.scratch.convergence import descend, steps_needed
from ceteris.scratch.objectives import Objective, logistic_regression, quadratic


def huber(turn):
    """x^2 / 2 up to ``turn``, a straight line beyond: convex, L = 1, not strongly convex."""
    f = lambda x: float(np.sum(np.where(np.abs(x) <= turn, x**2 / 2, turn * np.abs(x) - turn**2 / 2)))
    return Objective(f, lambda x: np.clip(x, -turn, turn), np.zeros(1), L=1.0)


def classes(n=100):
    rng = np.random.default_rng(0)
    X = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    return X, (X @ [0.3, 1.0, -1.0, 0.5] + rng.logistic(size=n) > 0).astype(int)


@pytest.mark.parametrize("N", [1, 5, 50])
def test_worst_case_of_the_sublinear_bound(N):
    # from x_0 = 1 with the corner at 1 / (2 N + 1), step N has error exactly L |x_0|^2 / (4 N + 2)
    # (Drori and Teboulle 2014), which is Theorem 3.1 up to the factor 2 N / (4 N + 2)
    path = descend(huber(1 / (2 * N + 1)), [1.0], steps=3 * N)
    assert path.holds
    assert path.error[N] == pytest.approx(1 / (4 * N + 2), rel=1e-12)
    assert path.error[N] / path.sublinear[N] == pytest.approx(2 * N / (4 * N + 2), rel=1e-12)


def test_quadratic_error_is_the_closed_form():
    h, x0, t = np.array([2.0, 0.5, 0.1]), np.array([1.0, -2.0, 3.0]), 0.4
    path = descend(quadratic(h), x0, steps=60, rate=t)
    exact = [np.sum(h * (1 - t * h) ** (2 * k) * x0**2) / 2 for k in path.k]
    np.testing.assert_allclose(path.error, exact, rtol=1e-12)
    np.testing.assert_allclose(path.sublinear[1:], x0 @ x0 / (2 * t * path.k[1:]), rtol=1e-14)
    np.testing.assert_allclose(path.linear, exact[0] * (1 - 0.1 * t) ** path.k, rtol=1e-12)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.1])
def test_strongly_convex_quadratic_contracts_by_the_square_of_the_theorems_factor(share):
    bowl = quadratic([1.0, 0.3, 0.05], minimiser=[1.0, 2.0, 3.0])
    path = descend(bowl, np.zeros(3), steps=400, rate=share)
    assert path.holds
    # once the steep directions have died, only the flattest is left
    assert path.factor(first=150) == pytest.approx((1 - 0.05 * share) ** 2, rel=1e-4)


@pytest.mark.parametrize(("a", "b"), [(2.0, 1.0), (2.0, 2.0), (1.5, 1.0)])
def test_convex_quadratic_has_the_power_law_of_its_spectrum(a, b):
    # curvatures i^-a and x_0i^2 = i^-b: the sum over i of i^-(a+b) (1 - i^-a)^2k falls like k^-(a+b-1)/a,
    # that is like the 1/k of Theorem 3.1 at the edge b = 1 of what |x_0| < infinity allows
    i = np.arange(1, 3001.0)
    path = descend(quadratic(i**-a), i ** (-b / 2), steps=500)
    assert path.holds
    # the smallest curvatures are below 1/k throughout; the sum differs from its integral by O(1/k)
    assert path.order(first=100) == pytest.approx((a + b - 1) / a, rel=0.02)


def test_logistic_minimiser_is_scikit_learns():
    X, y = classes()
    ours = logistic_regression(X, y, ridge=0.1)
    n = len(y)
    theirs = LogisticRegression(C=1 / (0.1 * n), fit_intercept=False, tol=1e-12, max_iter=1000).fit(X, y)
    np.testing.assert_allclose(ours.minimiser, theirs.coef_[0], atol=1e-6)  # L-BFGS stops near sqrt(eps)
    assert np.abs(ours.gradient(ours.minimiser)).max() < 1e-14


@pytest.mark.parametrize("ridge", [0.0, 0.01, 0.1])
def test_bounds_hold_on_logistic_regression(ridge):
    f = logistic_regression(*classes(), ridge=ridge)
    path = descend(f, np.full(4, 3.0), steps=1000)
    assert path.holds
    assert np.isfinite(path.sublinear[1:]).all()
    if ridge:
        # near the minimiser the function is its quadratic: (1 - lambda_min / L)^2 by the Hessian there
        X, _ = classes()
        p = 1 / (1 + np.exp(-X @ f.minimiser))
        smallest = np.linalg.eigvalsh((X.T * (p * (1 - p))) @ X / len(X) + ridge * np.eye(4))[0]
        start = int(np.argmax(path.error < 1e-6))
        assert path.factor(first=start) == pytest.approx((1 - smallest / f.L) ** 2, rel=2e-3)


def test_curvature_bounds_are_those_of_the_hessian():
    X, y = classes()
    f = logistic_regression(X, y, ridge=0.1)
    rng = np.random.default_rng(1)
    for _ in range(50):
        a, b = rng.normal(size=(2, 4))
        change = f.gradient(a) - f.gradient(b)
        assert np.linalg.norm(change) <= f.L * np.linalg.norm(a - b)
        assert change @ (a - b) >= f.m * np.sum((a - b) ** 2)
    h = 1e-6
    measured = [(f.f(a + h * e) - f.f(a - h * e)) / (2 * h) for e in np.eye(4)]
    np.testing.assert_allclose(f.gradient(a), measured, atol=1e-8)


@pytest.mark.parametrize("epsilon", [1e-2, 1e-4, 1e-8])
@pytest.mark.parametrize("rate", [1.0, 0.3])
def test_promised_number_of_steps_is_enough(epsilon, rate):
    bowl, x0 = quadratic([1.0, 0.1]), [1.0, 1.0]
    promised = steps_needed(bowl, x0, epsilon, rate)
    assert descend(bowl, x0, promised, rate).error[-1] <= epsilon
    linear = np.log(0.55 / epsilon) / np.log(1 / (1 - 0.1 * rate))  # Theorem 3.2 written out, e_0 = 1.1 / 2
    assert promised == int(np.ceil(min(linear, 2 / (2 * rate * epsilon))))


def test_promised_steps_at_the_edges():
    assert steps_needed(quadratic([2.0, 2.0]), [1.0, 1.0], 1e-9) == 1  # m = L: one step lands on the minimiser
    assert steps_needed(quadratic([1.0]), [1.0], 1.0) == 0  # already there
    flat = quadratic([1.0, 0.0])
    assert steps_needed(flat, [1.0, 0.0], 1e-3) == 500  # Theorem 3.1 alone: 1 / (2 * 1e-3)
    assert descend(quadratic([2.0, 2.0]), [1.0, 1.0], 3).holds


def test_a_broken_bound_is_seen():
    # claim a curvature that the function does not have, and the promised rate is not kept
    lying = Objective(lambda x: float(x @ x) / 20, lambda x: x / 10, np.zeros(1), L=1.0, m=0.5)
    assert not descend(lying, [1.0], steps=10).holds
    rough = Objective(lambda x: float(x @ x) * 5, lambda x: x * 10, np.zeros(1), L=1.0)
    assert not descend(rough, [1.0], steps=10).holds


def test_beyond_one_over_L_nothing_is_promised():
    path = descend(quadratic([1.0]), [1.0], steps=20, rate=2.5)
    assert np.isinf(path.sublinear).all()
    assert np.isinf(path.linear).all()
    assert path.error[-1] > path.error[0]  # |1 - 2.5| > 1: it diverges


def test_bad_input_is_answered_in_a_sentence():
    bowl = quadratic([1.0, 0.5])
    with pytest.raises(ValueError, match="start has 3 columns; 2 are needed"):
        descend(bowl, [1.0, 1.0, 1.0], 5)
    with pytest.raises(ValueError, match=r"rate is 2; the theorems need a rate of at most 1/L = 1"):
        steps_needed(bowl, [1.0, 1.0], 1e-3, rate=2.0)
    with pytest.raises(ValueError, match="epsilon is 0, but must be a number above 0"):
        steps_needed(bowl, [1.0, 1.0], 0)
    with pytest.raises(ValueError, match="curvatures run from -1 to 1; give none below zero and one above"):
        quadratic([1.0, -1.0])
    with pytest.raises(ValueError, match="fewer than two errors stand above rounding"):
        descend(bowl, [1.0, 1.0], 5).order(first=5)
    X, y = classes()
    with pytest.raises(ValueError, match=r"y holds \[2.0\]; code the two classes as 0 and 1"):
        logistic_regression(X, y + 1)
    with pytest.raises(ValueError, match=r"X separates y, or nearly: .* give a ridge above zero"):
        logistic_regression([[1.0, -1.0], [1.0, 1.0]], [0, 1])
