"""Levenberg-Marquardt against linear algebra in NumPy, SciPy, scikit-learn and nlls-gram; all in double precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import nlls_gram
import numpy as np
import pytest
import scipy.optimize
from sklearn.linear_model import Ridge

import recipes
from ceteris.engine import fit, precision
from ceteris.recipe import BatchResiduals, Fixed, LevenbergMarquardt, Loss, PointResiduals, weighted_sum
from ceteris.stats.damped import bend, dual_form, matrix_free, minimise, primal_form

KEY = jr.key(0)
DAMPINGS = np.array([1e-2, 1.0])
advance = eqx.filter_jit(lambda rule, state: rule.step(state, KEY, None))


def solved(J, r, theta, ridge):
    """(JᵀJ/n + μI) δ = -(Jᵀr/n + ρθ), μ = damping x (mean non-zero eigenvalue of JᵀJ/n) + ρ."""
    n, p = J.shape
    A, g = J.T @ J / n, J.T @ r / n + ridge * theta
    scale = np.linalg.eigvalsh(A)[-min(n, p) :].mean()
    return np.stack([np.linalg.solve(A + (damping * scale + ridge) * np.eye(p), -g) for damping in DAMPINGS])


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize(("n", "p"), [(12, 5), (5, 12), (4, 4)])
def test_dense_steps_solve_their_equation(n, p, ridge):
    rng = np.random.default_rng(n)
    J, r, theta = rng.normal(size=(n, p)), rng.normal(size=n), rng.normal(size=p)
    with precision("double"):
        for form in (primal_form, dual_form):
            given = jax.jit(lambda J: jax.vmap(lambda d: form(J, ridge)(d)(r, theta))(DAMPINGS))(J)  # noqa: B023
            # condition numbers up to 1e4 leave twelve digits
            np.testing.assert_allclose(given, solved(J, r, theta, ridge), rtol=1e-9, atol=1e-11, err_msg=str(form))


@pytest.mark.parametrize("ridge", [0.0, 0.3])
@pytest.mark.parametrize(("n", "p"), [(12, 5), (5, 12)])
def test_matrix_free_steps_solve_the_same_equation(n, p, ridge):
    rng = np.random.default_rng(n)
    few = min(n, p)
    Q = np.linalg.qr(rng.normal(size=(p, p)))[0]
    # orthogonal rows: the estimate of the trace by one probe is then exact, so that the damping is known
    J = np.zeros((n, p))
    J[:few] = rng.uniform(0.5, 2.0, few)[:, None] * Q[:few]
    r, theta = rng.normal(size=n), rng.normal(size=p)
    with precision("double"):
        residuals = lambda at: r + jnp.asarray(J) @ (at - theta)
        solve = lambda at, d: matrix_free(residuals, at, ridge, 50)(d)(residuals(at), at)
        steps = jax.jit(lambda at: jax.lax.map(lambda d: solve(at, d), DAMPINGS))
        truth = solved(J, r, theta, ridge)
        # the default tolerance of the conjugate gradients is 1e-5, relative, times the condition number (up to 16)
        np.testing.assert_allclose(steps(jnp.asarray(theta)), truth, rtol=0, atol=2e-4 * np.abs(truth).max())


# ------------------------------------------------------------------------------------------- linear problems


def linear(model, batch, key):
    X, y = batch
    return X @ model - y


def zeros(key):
    return jnp.zeros(5)


def table(n=30):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(n, 5))
    return X, X @ np.arange(5.0) + rng.normal(size=n)


@pytest.mark.parametrize("solver", ["auto", "primal", "dual"])
@pytest.mark.parametrize("ridge", [0.0, 0.2])
def test_a_linear_problem_is_solved_in_one_step(solver, ridge):
    X, y = table()
    if ridge == 0:
        truth = np.linalg.lstsq(X, y)[0]
    else:  # mean(r²) + ρ‖θ‖², times n
        truth = Ridge(alpha=30 * ridge, fit_intercept=False, tol=1e-14).fit(X, y).coef_
    damping = 1e-8  # what is left of the damping biases the solution by its size; the dual divides by it
    with precision("double"):
        rule = LevenbergMarquardt(
            zeros, BatchResiduals(linear), Fixed((X, y)), damping=damping, ridge=ridge, solver=solver
        )
        state, info = advance(rule, rule.init(KEY))
    np.testing.assert_allclose(state.model, truth, rtol=1e-6)
    J = np.mean((X @ truth - y) ** 2) + ridge * np.sum(truth**2)
    assert np.isclose(info["loss"], J, rtol=1e-10)


def test_fewer_rows_than_weights_give_the_smallest_step_that_interpolates():
    X, y = table(3)
    with precision("double"):
        rule = LevenbergMarquardt(zeros, BatchResiduals(linear), Fixed((X, y)), damping=1e-9)
        state, info = advance(rule, rule.init(KEY))
    np.testing.assert_allclose(state.model, np.linalg.pinv(X) @ y, rtol=1e-6)
    assert float(info["loss"]) < 1e-12


# ---------------------------------------------------------------------------------------- nonlinear problems


def curved(model, batch, key):
    """Three equations, two unknowns, all solved at (0.5, -0.3)."""
    x, y = model
    return jnp.stack([jnp.exp(x) + y, x**2 * y, jnp.sin(y) + x]) - batch


SOLUTION = np.array([0.5, -0.3])


def nearby(key):
    return jnp.array([0.9, 0.1])


@pytest.mark.parametrize("solver", ["primal", "dual"])
def test_convergence_is_quadratic_where_the_residual_vanishes(solver):
    x, y = SOLUTION
    errors = [np.linalg.norm(np.array([0.9, 0.1]) - SOLUTION)]
    with precision("double"):
        data = jnp.array([np.exp(x) + y, x**2 * y, np.sin(y) + x])
        rule = LevenbergMarquardt(nearby, BatchResiduals(curved), Fixed(data), damping=1e-10, solver=solver)
        state = rule.init(KEY)
        for _ in range(5):
            state, _ = advance(rule, state)
            errors.append(float(np.linalg.norm(state.model - SOLUTION)))
    e = np.log([error for error in errors if error > 1e-12])  # below, rounding decides
    orders = np.diff(e)[1:] / np.diff(e)[:-1]
    assert errors[-1] < 1e-14
    # log e(k+2)/e(k+1) over log e(k+1)/e(k) tends to the order: 1 for gradient descent, 2 for Newton
    assert 1.7 < orders[-1] < 2.3, (errors, orders)


@pytest.mark.parametrize("n", [20, 100])
def test_primal_and_dual_agree_on_a_network(n):
    """49 weights, so that the system is once under- and once overdetermined."""
    runs = [
        fit(recipes.least_squares(n, solver=s, ridge=1e-3), KEY, steps=3, precision="double")
        for s in ("primal", "dual")
    ]
    # the dual loses the digits of 1/μ: the damping falls to 1e-5 of the mean eigenvalue
    for a, b in zip(*(jax.tree.leaves(eqx.filter(run.model, eqx.is_array)) for run in runs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("solver", ["auto", "matrix-free"])
def test_the_loss_never_increases_on_a_fixed_batch(solver):
    rule = recipes.least_squares(100, solver=solver, damping=jnp.array(1e-8))  # so little that first steps are refused
    losses = fit(rule, jr.key(3), steps=25, precision="double").history["loss"]
    assert (np.diff(losses) <= 1e-12 * losses[:-1]).all()
    assert losses[-1] < 0.2 * losses[0]


def decay(model, batch, key):
    t, y = batch
    a, b, c = model
    return a * jnp.exp(-b * t) + c - y


def guess(key):
    return jnp.array([1.0, 1.0, 0.0])


def test_the_minimum_is_that_of_scipy_and_of_nlls_gram():
    t = np.linspace(0, 4, 40)
    y = 3 * np.exp(-1.7 * t) + 0.5 + 0.1 * np.random.default_rng(0).normal(size=40)
    by_scipy = scipy.optimize.least_squares(
        lambda m: m[0] * np.exp(-m[1] * t) + m[2] - y, np.array([1.0, 1.0, 0.0]), xtol=1e-15, ftol=1e-15, gtol=1e-12
    )
    with precision("double"):
        run = fit(LevenbergMarquardt(guess, BatchResiduals(decay), Fixed((t, y))), KEY, steps=40)
        gram = nlls_gram.LevenbergMarquardt(lambda m: decay(m, (t, y), None)).solve(guess(None), max_steps=40)
    # at a minimum the loss is flat: half of the sixteen digits are left for its place
    np.testing.assert_allclose(run.model, by_scipy.x, rtol=1e-6)
    np.testing.assert_allclose(run.model, gram.x, rtol=1e-6)
    assert np.isclose(run.history["loss"][-1], 2 * by_scipy.cost / 40, rtol=1e-12)  # SciPy's cost is Σr²/2


# --------------------------------------------------------------------------------------- geodesic acceleration


class Valley(eqx.Module):
    """Rosenbrock's, steeper: two points, two residuals."""

    steep: jax.Array

    def __call__(self, model, point, key):
        return jnp.where(point == 0, self.steep * (model[1] - model[0] ** 2), 1 - model[0])


def far(key):
    return jnp.array([-1.2, 1.0])


def valley(steep, **options):
    return LevenbergMarquardt(far, PointResiduals(Valley(jnp.asarray(steep))), Fixed(jnp.arange(2)), **options)


@pytest.mark.parametrize("steep", [10.0, 100.0])
def test_a_bent_valley_is_followed_in_fewer_steps(steep):
    def steps(geodesic):
        losses = fit(valley(steep, geodesic=geodesic), KEY, steps=120, every=120, precision="double").history["loss"]
        assert losses[-1] < 1e-20
        return np.argmax(losses < 1e-20)

    fast, slow = steps(True), steps(False)
    assert fast < 0.6 * slow if steep == 10 else fast < 0.25 * slow, (fast, slow)


@pytest.mark.parametrize(("steep", "damping", "taken"), [(30.0, 0.1, True), (0.3, 1e-6, False)])
@pytest.mark.parametrize("ridge", [0.0, 0.01])
def test_an_accelerated_step_is_that_of_the_paper(steep, damping, taken, ridge):
    """By dense second derivatives in NumPy: a correction that is small enough, and one that is too large."""
    x, y = at = np.array([-1.2, 1.0])
    r, J = np.array([steep * (y - x**2), 1 - x]), np.array([[-2 * steep * x, steep], [-1, 0]])
    H = np.zeros((2, 2, 2))
    H[0, 0, 0] = -2 * steep
    A = J.T @ J / 2
    system = A + (damping * np.trace(A) / 2 + ridge) * np.eye(2)
    first = -np.linalg.solve(system, J.T @ r / 2 + ridge * at)
    second = -0.5 * np.linalg.solve(system, J.T @ np.einsum("ijk,j,k->i", H, first, first) / 2)
    ratio = 2 * np.linalg.norm(second) / np.linalg.norm(first)
    assert (ratio <= 0.75) == taken, ratio
    step = first + second * taken
    with precision("double"):
        rule = valley(steep, geodesic=True, ridge=ridge, damping=damping, trials=(1.0,))
        state, _ = advance(rule, rule.init(KEY))
    J_of = lambda x, y: ((steep * (y - x**2)) ** 2 + (1 - x) ** 2) / 2 + ridge * (x**2 + y**2)
    assert J_of(*(at + step)) < J_of(*at)
    np.testing.assert_allclose(state.model, at + step, rtol=1e-10)


def test_the_bend_is_the_second_derivative_along_the_direction():
    """Of a exp(-bt) + c in closed form, a derivative of two products, and by differences."""
    t = np.linspace(0, 4, 9)
    (a, b, _), (u, v, _) = at, along = np.array([3.0, 1.7, 0.5]), np.array([0.3, -0.8, 0.4])
    with precision("double"):
        residuals = jax.jit(lambda m: decay(m, (t, 0.0), None))
        ours = jax.jit(lambda m, along: bend(residuals, m, along))(at, along)
        h = 1e-4  # truncation h²/12 times a fourth derivative, rounding 1e-16/h²: both about 1e-8
        differences = (residuals(at + h * along) - 2 * residuals(at) + residuals(at - h * along)) / h**2
        np.testing.assert_allclose(ours, np.exp(-b * t) * (a * t**2 * v**2 - 2 * t * u * v), rtol=1e-12)
        np.testing.assert_allclose(ours, differences, atol=1e-6)


@pytest.mark.parametrize("n", [pytest.param(20, marks=pytest.mark.slow), 100])
def test_accelerated_forms_agree_on_a_network(n):
    options = {"ridge": 1e-3, "geodesic": True}
    runs = [
        fit(recipes.least_squares(n, solver=s, **options), KEY, steps=3, precision="double") for s in ("primal", "dual")
    ]
    for a, b in zip(*(jax.tree.leaves(eqx.filter(run.model, eqx.is_array)) for run in runs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)  # as without acceleration


def test_acceleration_takes_residuals_of_points_also_in_a_sum():
    points = PointResiduals(Valley(jnp.asarray(10.0)))
    data = {"a": jnp.arange(2), "b": jnp.arange(2)}
    LevenbergMarquardt(far, weighted_sum({"a": points, "b": points}), Fixed(data), geodesic=True)
    for coupled in (BatchResiduals(linear), weighted_sum({"a": points, "b": BatchResiduals(linear)})):
        with pytest.raises(
            ValueError, match=r"geodesic is True, but objective is .*; write them as PointResiduals, or le"
        ):
            LevenbergMarquardt(far, coupled, Fixed(data), geodesic=True)


# --------------------------------------------------------------------------------------- functions of few numbers


def test_scoring_finds_the_logistic_fit_of_scipy_in_any_units():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(200, 3))
    y = rng.random(200) < 1 / (1 + np.exp(-X @ [1.0, -2.0, 0.5]))
    by_scipy = scipy.optimize.minimize(
        lambda b: np.mean(np.logaddexp(0, X @ b) - y * (X @ b)), np.zeros(3), tol=1e-14, method="BFGS"
    )
    for unit in (1.0, 1e5):
        with precision("double"):
            Z = jnp.asarray(X * [1.0, unit, 1.0])
            loss = lambda b: jnp.mean(jax.nn.softplus(Z @ b) - y * (Z @ b))  # noqa: B023
            found = minimise(loss, jax.hessian(loss), jnp.zeros(3), steps=15)
        # at a minimum half of the digits are left for its place, fewer by the differences that BFGS takes
        np.testing.assert_allclose(np.asarray(found) * [1.0, unit, 1.0], by_scipy.x, rtol=1e-5)


# ------------------------------------------------------------------------------------------- what surrounds it


def line(model, batch, key):
    x, y = batch
    return model["slope"] * x + model["level"] - y


def slope_and_level(key):
    return {"slope": jnp.array(0.0), "level": jnp.array(1.0)}


@pytest.mark.parametrize("solver", ["primal", "dual", "matrix-free"])
def test_only_what_is_trainable_moves(solver):
    x = np.array([1.0, 2.0, 4.0])
    with precision("double"):
        rule = LevenbergMarquardt(
            slope_and_level,
            BatchResiduals(line),
            Fixed((x, 3 * x)),
            damping=1e-9,
            solver=solver,
            trainable=lambda model: {"slope": True, "level": False},
        )
        state, _ = advance(rule, rule.init(KEY))
    model = jax.tree.map(float, state.model)
    assert model["level"] == 1.0
    assert np.isclose(model["slope"], 3 - x.sum() / (x @ x), rtol=1e-6)  # least squares through (0, 1)


def test_a_refused_step_changes_only_the_damping():
    """At a minimum no step lowers the loss."""
    with precision("double"):
        rule = LevenbergMarquardt(slope_and_level, BatchResiduals(line), Fixed((jnp.ones(2), jnp.array([0.0, 2.0]))))
        state, info = advance(rule, rule.init(KEY))
    assert jax.tree.map(float, state.model) == {"slope": 0.0, "level": 1.0}
    assert np.isclose(info["damping"], 1e-2 * 10 * 10)  # ten times the largest trial
    assert float(info["loss"]) == 1.0


def test_a_scalar_loss_is_refused():
    with pytest.raises(TypeError, match=r"objective is Loss, a scalar loss, but residuals are needed; write it as Poi"):
        LevenbergMarquardt(zeros, Loss(recipes.squared_error), Fixed(table()))


def test_an_unknown_solver_is_refused():
    with pytest.raises(ValueError, match=r"solver is 'gram', but must be one of auto, primal, dual, matrix-free"):
        LevenbergMarquardt(zeros, BatchResiduals(linear), Fixed(table()), solver="gram")


@pytest.mark.parametrize("precision", ["mixed", "half"])
def test_few_digits_are_refused(precision):
    with pytest.raises(ValueError, match="precision: LevenbergMarquardt solves linear systems, for which bfloat16"):
        fit(recipes.least_squares(), jr.key(0), steps=1, precision=precision)
