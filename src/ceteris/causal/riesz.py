"""The Riesz representer of a linear functional: moments of a dictionary, the Lasso, losses for nets.

A functional θ = E m(W, γ) of the regression γ(d, x) = E[Y | D = d, X = x] that is linear in γ, and continuous, has one
function α with

    E m(W, γ) = E[α(D, X) γ(D, X)]   for every γ with E γ² < ∞.

For the average effect of a binary treatment it is D/e(X) - (1 - D)/(1 - e(X)). It is learnt without knowing its form: α
minimises E[α² - 2 m(W, α)]. With α = b'ρ for a dictionary b, and M = E m(W, b), G = E[b b'], this is

    ρ̂ = argmin -2 M'ρ + ρ'Gρ + 2 r Σ_j D_j |ρ_j|,

M and G averaged over the rows of the other folds. (004, section 13.4, prints the identity without m, α̂ as an average
of m(W, 1) + b(x)ρ̂, the penalty without r, and averages over the fold itself. All four are slips; α̂(x) = b(x)'ρ̂.)

References
----------
Chernozhukov, V., Newey, W. K. and Singh, R. (2022). Automatic debiased machine learning of causal and structural
effects. Econometrica 90. Chernozhukov, V., Newey, W., Quintas-Martínez, V. and Syrgkanis, V. (2022). RieszNet and
ForestRiesz: automatic debiased machine learning with neural nets and random forests. ICML.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.engine import precision
from ceteris.stats.centring import standardised
from ceteris.training import AbstractRowLoss, evaluate

Gamma = Callable[[Any, Any], Array]
MULTIPLES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)  # of the theoretical penalty, among which cross-validation chooses
INNER = 5  # folds of that cross-validation
LEVEL = 0.1  # 1 - LEVEL is the chance with which the theoretical penalty dominates the noise in every moment
ROUNDS = 10  # of the search for penalty loadings
NONLINEAR = 1e-6  # relative departure from linearity above which a functional is refused


class W(NamedTuple):
    """One row: treatment (a scalar, or a vector for several) and covariates (p,)."""

    d: Any
    x: Any


# ------------------------------------------------------------------------------------------- ready functionals


@dataclass(frozen=True)
class AverageEffect:
    """m(W, γ) = γ(treated, X) - γ(control, X)."""

    treated: float = 1.0
    control: float = 0.0

    def __call__(self, w: W, gamma: Gamma) -> Array:
        """Evaluate at one row."""
        return gamma(self.treated, w.x) - gamma(self.control, w.x)


@dataclass(frozen=True)
class AverageDerivative:
    """m(W, γ) = ∂γ(D, X)/∂d: the effect of a little more for everyone."""

    def __call__(self, w: W, gamma: Gamma) -> Array:
        """Evaluate at one row."""
        return jax.grad(gamma)(w.d, w.x)


@dataclass(frozen=True)
class PolicyEffect:
    """m(W, γ) = π(X) (γ(1, X) - γ(0, X)): the gain of treating a share ``policy(x)`` over treating nobody."""

    policy: Callable[[Any], Any]

    def __call__(self, w: W, gamma: Gamma) -> Array:
        """Evaluate at one row."""
        return self.policy(w.x) * (gamma(1.0, w.x) - gamma(0.0, w.x))


@dataclass(frozen=True)
class ShiftEffect:
    """m(W, γ) = γ(D + by, X) - γ(D, X): the effect of so much more for everyone."""

    by: float

    def __call__(self, w: W, gamma: Gamma) -> Array:
        """Evaluate at one row."""
        return gamma(w.d + self.by, w.x) - gamma(w.d, w.x)


def refuse_nonlinear(m: Callable[[W, Gamma], Any], d: np.ndarray, x: np.ndarray) -> None:
    """Raise unless m(W, 2f - 3g) = 2 m(W, f) - 3 m(W, g) at some rows for two functions f, g, and m is one number."""
    few = min(len(d), 16)
    with precision("double"):
        d_, x_ = jnp.asarray(d[:few], float), jnp.asarray(x[:few], float)
        flat = lambda d, x: jnp.concatenate([jnp.atleast_1d(d), x])
        scale = jnp.maximum(jnp.std(jax.vmap(flat)(d_, x_), axis=0), 1e-6)
        f = lambda d, x: 1 + jnp.sin(jnp.sum(flat(d, x) / scale))
        g = lambda d, x: jnp.sum(jnp.cos(flat(d, x) / scale + jnp.arange(scale.size)))
        both = lambda d, x: 2 * f(d, x) - 3 * g(d, x)
        each = [jax.vmap(lambda d, x, h=h: jnp.asarray(m(W(d, x), h)))(d_, x_) for h in (f, g, both)]
    mf, mg, m2 = (np.asarray(values) for values in each)
    if mf.ndim != 1:
        raise ValueError(f"functional: it returns shape {mf.shape[1:]} for one row; one number is allowed.")
    size = float(np.abs(mf).max() + np.abs(mg).max() + np.abs(m2).max())
    gap = float(np.abs(m2 - 2 * mf + 3 * mg).max())
    if not np.isfinite(gap) or gap > NONLINEAR * max(size, 1e-300):
        raise ValueError(
            f"functional: it is not linear in gamma (m(2f - 3g) differs from 2 m(f) - 3 m(g) by {gap:.2g}); only "
            "linear functionals have a Riesz representer; for others see StructuredNet."
        )


# ---------------------------------------------------------------------------------------------- dictionaries


class Polynomial(eqx.Module):
    """Powers of the treatment times powers and products of the covariates, all standardised, a constant first."""

    centre: Array
    scale: Array
    treatments: int = eqx.field(static=True)
    powers: tuple[tuple[tuple[int, int], ...], ...] = eqx.field(static=True)

    def __call__(self, d: Any, x: Any) -> Array:
        """Return b(d, x), shape (L,)."""
        z = (jnp.concatenate([jnp.atleast_1d(jnp.asarray(d, self.centre.dtype)), x]) - self.centre) / self.scale
        highest = max((k for term in self.powers for _, k in term), default=0)
        power = jnp.cumprod(jnp.stack([jnp.ones_like(z), *[z] * highest]), axis=0)
        return jnp.prod(power[self._exponents(), self._columns()], axis=1)

    def _exponents(self) -> np.ndarray:
        return _padded([[k for _, k in term] for term in self.powers])

    def _columns(self) -> np.ndarray:
        return _padded([[j for j, _ in term] for term in self.powers])


def _padded(lists: list[list[int]]) -> np.ndarray:
    """Fill up with zeros: a factor z_0 to the power 0."""
    longest = max(1, max(map(len, lists)))
    return np.array([entries + [0] * (longest - len(entries)) for entries in lists])


def polynomial(d: np.ndarray, x: np.ndarray, degree: int = 2, pairs: bool = False) -> Polynomial:
    """Return the default dictionary for a sample: d^a x_j^k for a and k up to ``degree`` (1 where binary).

    Parameters
    ----------
    d : array, shape (n,) or (n, m)
    x : array, shape (n, p)
    degree : int
    pairs : bool
        Whether products x_j x_k come in as well.

    Examples
    --------
    >>> b = polynomial(np.array([0.0, 1.0, 1.0]), np.array([[1.0], [2.0], [4.0]]))
    >>> b.powers  # 1, x, x², d, d x, d x²; column 0 is d
    ((), ((1, 1),), ((1, 2),), ((0, 1),), ((0, 1), (1, 1)), ((0, 1), (1, 2)))
    """
    if degree < 1:
        raise ValueError(f"degree: {degree} given; at least 1 is allowed.")
    wide = d.reshape(len(d), -1)
    m = wide.shape[1]
    both = np.concatenate([wide, x], axis=1)
    binary = [len(np.unique(column[:1_000])) == 2 for column in both.T]
    power = lambda j: [((j, k),) for k in range(1, 1 + (1 if binary[j] else degree))]
    of_x: list[tuple[tuple[int, int], ...]] = [(), *(t for j in range(m, both.shape[1]) for t in power(j))]
    if pairs:
        of_x += [((j, 1), (k, 1)) for j, k in itertools.combinations(range(m, both.shape[1]), 2)]
    of_d: list[tuple[tuple[int, int], ...]] = [(), *(t for j in range(m) for t in power(j))]
    _, mean, scale = standardised(both)
    centre = mean * np.array([not (b and j < m) for j, b in enumerate(binary)])  # a binary treatment stays 0, 1
    spread = np.where(np.array(binary) & (np.arange(len(binary)) < m), 1.0, scale)
    with precision("double"):
        return Polynomial(jnp.asarray(centre), jnp.asarray(spread), m, tuple(s + t for s in of_d for t in of_x))


@eqx.filter_jit
def _terms(m, basis, d, x):
    def row(d, x):
        b = basis(d, x)
        # m is linear, so the derivative by the coefficients gives m(W, b_j) for all j at once
        moment = jax.grad(lambda rho: m(W(d, x), lambda d, x: basis(d, x) @ rho))(jnp.zeros_like(b))
        return b, moment

    return jax.vmap(row)(d, x)


def terms(
    m: Callable[[W, Gamma], Any], basis: Callable[[Any, Any], Array], d: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return b(D, X) and m(W, b) in every row, both of shape (n, L)."""
    with precision("double"):
        b, moment = _terms(m, basis, jnp.asarray(d, float), jnp.asarray(x, float))
        return np.asarray(b), np.asarray(moment)


# --------------------------------------------------------------------------------------------------- the Lasso


def lasso(M: np.ndarray, G: np.ndarray, penalty: np.ndarray) -> np.ndarray:
    """Return argmin -2 M'ρ + ρ'Gρ + 2 Σ penalty_j |ρ_j|, shape (L,).

    Parameters
    ----------
    M : array, shape (L,)
    G : array, shape (L, L)
        Positive semidefinite.
    penalty : array, shape (L,)
        Zero for entries that are not shrunk.

    Notes
    -----
    Entries without a penalty are profiled out. What is left is a least squares problem with design G^(1/2), which
    scikit-learn solves to a small duality gap.

    Examples
    --------
    >>> lasso(np.array([2.0, 0.3]), np.eye(2), np.array([0.5, 0.5])).round(6).tolist()  # soft thresholding
    [1.5, 0.0]
    """
    from sklearn.linear_model import lasso_path

    free = penalty == 0
    rho = np.zeros(len(M))
    cross = np.linalg.pinv(G[np.ix_(free, free)], hermitian=True)
    if not free.all():
        D = penalty[~free]
        mixed = G[np.ix_(~free, free)] @ cross
        g = (G[np.ix_(~free, ~free)] - mixed @ G[np.ix_(free, ~free)]) / D[:, None] / D
        target = (M[~free] - mixed @ M[free]) / D
        value, vector = np.linalg.eigh(g)
        root = np.sqrt(np.maximum(value, 1e-10 * value.max()))  # so that collinear terms have a solution
        design = np.asfortranarray((vector * root).T)
        outcome = (vector.T @ target) / root
        settings: Any = {"alphas": [1 / len(outcome)], "precompute": False, "tol": 1e-8, "max_iter": 100_000}
        coefficients = lasso_path(design, outcome, **settings)[1][:, 0]
        rho[~free] = coefficients / D
    rho[free] = cross @ (M[free] - G[np.ix_(free, ~free)] @ rho[~free])
    return rho


def theoretical_penalty(b: np.ndarray, moment: np.ndarray, multiple: float = 1.0) -> np.ndarray:
    """Return r D_j for each term: r = multiple Φ⁻¹(1 - 0.1/(2L)) / √n, D_j the spread of b_j α - m(W, b_j).

    The spread depends on α, so penalty and Lasso are found in turns. Constant terms are not penalised.

    Parameters
    ----------
    b, moment : array, shape (n, L)
        As `terms` gave them.
    multiple : float
    """
    from scipy.stats import norm

    n, L = b.shape
    r = multiple * norm.ppf(1 - LEVEL / (2 * L)) / np.sqrt(n)
    shrunk = np.ptp(b, axis=0) > 0
    M, G = moment.mean(0), b.T @ b / n
    alpha = np.zeros(n)
    loading = np.zeros(L)
    for _ in range(ROUNDS):
        new = shrunk * np.sqrt(np.mean((b * alpha[:, None] - moment) ** 2, axis=0))
        new = np.where(
            shrunk, np.maximum(new, 1e-3 * new.max(initial=0)), 0
        )  # at α = 0 some moments do not vary at all
        if np.abs(new - loading).max() <= 1e-3 * new.max(initial=0):
            break
        loading = new
        alpha = b @ lasso(M, G, r * loading)
    return r * loading


def learn_lasso(b: np.ndarray, moment: np.ndarray, penalty: float | str, seed: int) -> np.ndarray:
    """Return ρ̂ for the rows given, shape (L,).

    Parameters
    ----------
    b, moment : array, shape (n, L)
    penalty : float or "cv"
        A multiple of `theoretical_penalty` (0: none), or that one of `MULTIPLES` with the lowest cross-validated Riesz
        loss, the terms it keeps being fitted again without a penalty.
    seed : int
    """
    M, G = moment.mean(0), b.T @ b / len(b)
    if penalty == 0:
        return np.linalg.lstsq(G, M, rcond=1e-12)[0]
    if penalty != "cv":
        return lasso(M, G, theoretical_penalty(b, moment, float(penalty)))
    loading = theoretical_penalty(b, moment)
    fold = np.random.default_rng(seed).permutation(np.arange(len(b)) % INNER)
    loss = np.zeros(len(MULTIPLES))
    for k in range(INNER):
        out, inside = fold == k, fold != k
        m_in, g_in = moment[inside].mean(0), b[inside].T @ b[inside] / inside.sum()
        for i, multiple in enumerate(MULTIPLES):
            alpha = lasso(m_in, g_in, multiple * loading)
            loss[i] += np.mean((b[out] @ alpha) ** 2 - 2 * moment[out] @ alpha) * out.mean()
    # the penalty chooses the terms and shrinks them too, which would make standard errors too small: fit them again
    kept = np.flatnonzero(lasso(M, G, MULTIPLES[int(loss.argmin())] * loading))
    rho = np.zeros(len(M))
    rho[kept] = np.linalg.lstsq(G[np.ix_(kept, kept)], M[kept], rcond=1e-12)[0]
    return rho


# ---------------------------------------------------------------------------------------------------- nets


class Features(eqx.Module):
    """A net as a function of (d, x): level + size * net of the standardised pair."""

    centre: Array | np.ndarray
    scale: Array | np.ndarray
    level: Array | np.ndarray
    size: Array | np.ndarray

    def of(self, net: Callable[[Array], Array]) -> Gamma:
        """Return the function."""

        def gamma(d, x):
            z = (jnp.concatenate([jnp.atleast_1d(jnp.asarray(d, self.centre.dtype)), x]) - self.centre) / self.scale
            return jnp.asarray(self.level + self.size * net(z)[0])

        return gamma


class RieszLoss(AbstractRowLoss):
    """α² - 2 m(W, α) of each row, in units of a first guess of E α²."""

    m: Callable[[W, Gamma], Any] = eqx.field(static=True)
    features: Features

    def losses(self, model, batch, key):
        """Return the loss of each row."""
        alpha = self.features.of(model)
        row = lambda d, x: alpha(d, x) ** 2 - 2 * self.m(W(d, x), alpha)
        return jax.vmap(row)(batch["d"], batch["x"]) / self.features.size**2, {}


class SquaredLoss(AbstractRowLoss):
    """(Y - γ(D, X))² of each row, in units of the variance of Y."""

    features: Features

    def losses(self, model, batch, key):
        """Return the loss of each row."""
        gamma = jax.vmap(self.features.of(model))(batch["d"], batch["x"])
        return (batch["y"] - gamma) ** 2 / self.features.size**2, {}


def features(d: np.ndarray, x: np.ndarray, level: float, size: float) -> Features:
    """Return the standardisation of a sample's (d, x)."""
    both = np.concatenate([d.reshape(len(d), -1), x], axis=1)
    spread = both.std(0)
    single = lambda a: np.asarray(a, np.float32)
    return Features(single(both.mean(0)), single(np.where(spread > 0, spread, 1)), single(level), single(size))


def first_guess(m: Callable[[W, Gamma], Any], d: np.ndarray, x: np.ndarray) -> float:
    """Return the root mean square of the representer among linear functions: the unit in which a net learns it."""
    b, moment = terms(m, polynomial(d, x, degree=1), d, x)
    M, G = moment.mean(0), b.T @ b / len(b)
    size = float(np.sqrt(max(M @ np.linalg.lstsq(G, M, rcond=1e-10)[0], 0.0)))
    return size if size > 0 else 1.0


def evaluate_nets(
    m: Callable[[W, Gamma], Any], nets: Any, features: Features, rows: Sequence[tuple[np.ndarray, np.ndarray]]
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return m(W, γ) and γ(W) of each fold's function at its own rows of (d, x), averaged over its nets."""
    found = evaluate(eqx.Partial(_moment_and_value, m, features), nets, rows)
    return [(moment.astype(float).mean(0), value.astype(float).mean(0)) for moment, value in found]


def _moment_and_value(m, features, net, rows):
    gamma = features.of(net)
    return jax.vmap(lambda d, x: (m(W(d, x), gamma), gamma(d, x)))(*rows)


def evaluate_learner(
    m: Callable[[W, Gamma], Any], learner: Any, d: np.ndarray, x: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return m(W, γ) and γ(W) for a fitted scikit-learn learner of (d, x)."""
    classifies = hasattr(learner, "predict_proba")

    def predict(d, x):
        d, x = np.asarray(d, float), np.asarray(x, float)
        table = np.concatenate([d.reshape(-1, width), x.reshape(-1, x.shape[-1])], axis=1)
        out = learner.predict_proba(table)[:, 1] if classifies else learner.predict(table)
        return np.asarray(out, float).reshape(x.shape[:-1])

    width = d.reshape(len(d), -1).shape[1]
    scalar = jax.ShapeDtypeStruct((), np.float64)
    gamma = lambda d, x: jax.pure_callback(predict, scalar, jnp.asarray(d, float), x, vmap_method="broadcast_all")
    with precision("double"):
        try:
            rows = jax.vmap(lambda d, x: m(W(d, x), gamma))(jnp.asarray(d, float), jnp.asarray(x, float))
        except ValueError as error:
            if "callback" not in str(error):
                raise
            raise ValueError(
                f"outcome: {type(learner).__name__} given, which cannot be differentiated as this functional asks; "
                "give outcome='lasso' or 'net'."
            ) from None
        return np.asarray(rows), predict(d, x)
