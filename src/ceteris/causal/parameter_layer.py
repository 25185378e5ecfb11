"""Learn a parameter layer θ(x) and what its influence function needs, for many samples and folds at once.

Pure functions of arrays; `ceteris.causal.estimators.structured` puts them together.

The matrix Λ(x) = E[ℓ_θθ | X = x] is needed inverted. Where it must be learnt, a net gives P(x) = L(x) L(x)', positive
definite by construction, and minimises E[tr(P(X) ℓ_θθ) - log det P(X)], whose minimiser is P = Λ⁻¹ (Stein's loss): what
is learnt is the inverse itself, with errors that count relative to Λ.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from ceteris.causal.structural import Constant, Structure, fit_constant, information, score, whitener
from ceteris.engine import Fit, precision
from ceteris.training import AbstractRowLoss, Net, learn, mean_outputs, padded, split, train

SMALL = 1e-9  # second derivatives that move by less than this, relatively, do not depend on the parameters


class Job(NamedTuple):
    """One fold of one split of one sample: numbers of rows of the table of all samples."""

    sample: int
    repeat: int
    parameters: np.ndarray
    information: np.ndarray
    test: np.ndarray


class Stack(NamedTuple):
    """All samples, one below the other: covariates as given and standardised, outcomes, treatments."""

    raw: np.ndarray
    x: np.ndarray
    y: np.ndarray
    t: np.ndarray


@dataclass(frozen=True, eq=False)
class Assignment:
    """How treatments were assigned, where this is known: Λ(x) is then a sum over treatments, not learnt.

    Parameters
    ----------
    levels : array, shape (L,), or (L, m) for several treatments
        Treatments that occur, or the nodes of a quadrature rule for a continuous one.
    probability : array of shape (L,), or callable
        Their probabilities (weights of the rule); ``probability(x)``, of shape (n, L), where they depend on the
        covariates, as given, of shape (n, p).

    Examples
    --------
    >>> Assignment([0, 1], [0.5, 0.5]).at(np.zeros((2, 3))).tolist()
    [[0.5, 0.5], [0.5, 0.5]]
    """

    levels: Any
    probability: Any

    def at(self, x: np.ndarray) -> np.ndarray:
        """Return the probabilities in each row, shape (n, L)."""
        given = self.probability(x) if callable(self.probability) else self.probability
        weights = np.broadcast_to(np.asarray(given, float), (len(x), len(np.asarray(self.levels))))
        total = weights.sum(1)
        if weights.min(initial=0) < 0 or np.abs(total - 1).max(initial=0) > 1e-6:
            worst = total[np.abs(total - 1).argmax()]
            raise ValueError(
                f"assignment: probabilities sum to {worst:g} in a row (or are negative) but must sum to 1; check them."
            )
        return weights

    @classmethod
    def shares(cls, t: np.ndarray) -> Assignment:
        """Return the shares of the treatments in a sample: an experiment that took no account of covariates."""
        levels, counts = np.unique(t, axis=0, return_counts=True)
        return cls(levels, counts / counts.sum())


# ------------------------------------------------------------------------------------------------- parameters


class StructuralLoss(AbstractRowLoss):
    """The structure's loss at θ = constant + scale @ net(x), in units of its size."""

    structure: Structure = eqx.field(static=True)
    constant: Constant

    def losses(self, model, batch, key):
        """Return the loss of each row."""
        theta = self.constant.theta + model(batch["x"]) @ self.constant.scale.T
        return jax.vmap(self.structure.loss_of)(batch["y"], batch["t"], theta) / self.constant.unit, {}


@eqx.filter_jit
def _constants(structure, y, t, rows, starts):
    return jax.vmap(lambda rows, start: fit_constant(structure, y[rows], t[rows], start))(rows, starts)


def learn_parameters(
    structure: Structure, stack: Stack, jobs: Sequence[Job], net: Net, seed: int
) -> tuple[Fit, Constant]:
    """Train the nets of all jobs; return the run and each job's constant parameters (leading axis of jobs)."""
    groups, nothing = [job.parameters for job in jobs], np.zeros(len(stack.y))
    rows = split(nothing, net.members, net.validation, np.random.default_rng(seed), groups)
    own = rows.train[:: net.members]
    starts = np.stack([structure.initial(stack.y[r], stack.t[r]) for r in own])
    with precision("double"):
        constants = _constants(structure, *map(jnp.asarray, (stack.y, stack.t, own, starts)))
        constants = jax.tree.map(np.asarray, constants)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(constants)):
        raise FloatingPointError(
            "structure: the search for constant parameters met a number that is not finite; give the structure a "
            "start, or "
            "scale outcome and treatment to the order of one."
        )
    single = jax.tree.map(lambda a: np.repeat(np.asarray(a, np.float32), net.members, axis=0), constants)
    blank = StructuralLoss(structure, jax.tree.map(lambda a: jnp.asarray(a[0]), single))
    run = train(
        "nets of the parameter layer",
        net.builder(stack.x.shape[1], structure.size),
        blank,
        padded({"x": stack.x, "y": stack.y, "t": stack.t}),
        rows,
        net.plan(rows.train.shape[1]),
        seed,
        differ=[(where, single) for where in (_constant, _constant_of_judge)[: 1 if rows.heldout is None else 2]],
    )
    return run, constants


def _constant(a):
    return a.objective.constant


def _constant_of_judge(a):
    return a.heldout.objective.constant


def parameters_at(nets: Any, constants: Constant, x: np.ndarray, rows: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each job's θ at its own rows of ``x``, shape (rows, size) each."""
    raw = mean_outputs(nets, [x[own] for own in rows])
    pairs = zip(raw, np.asarray(constants.theta), np.asarray(constants.scale), strict=True)
    return [theta + out @ scale.T for out, theta, scale in pairs]


# ------------------------------------------------------------------------------------------------ information


@eqx.filter_jit
def _information(structure, y, t, theta):
    return jax.vmap(lambda y, t, theta: information(structure, y, t, theta))(y, t, theta)


@eqx.filter_jit
def _integrated(structure, y, levels, weights, theta):
    def row(y, weights, theta):
        each = jax.vmap(lambda t: information(structure, y, t, theta))(levels)
        return jnp.tensordot(weights, each, axes=1)

    return jax.vmap(row)(y, weights, theta)


@eqx.filter_jit
def _whiteners(means):
    return jax.vmap(whitener)(means)


def information_at(structure: Structure, y: np.ndarray, t: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """Return ℓ_θθ of each row, shape (n, size, size)."""
    with precision("double"):
        return np.asarray(_information(structure, jnp.asarray(y), jnp.asarray(t), jnp.asarray(theta)))


def depends_on_parameters(structure: Structure, y: np.ndarray, t: np.ndarray, theta: np.ndarray) -> bool:
    """Whether ℓ_θθ changes with θ, judged at some rows and random moves of θ."""
    rng = np.random.default_rng(0)
    here = information_at(structure, y, t, np.broadcast_to(theta, (len(y), structure.size)))
    there = information_at(structure, y, t, theta + rng.normal(size=(len(y), structure.size)))
    return bool(np.abs(here - there).max() > SMALL * np.abs(here).max())


def integrated_inverse(
    structure: Structure, assignment: Assignment, raw: np.ndarray, theta: np.ndarray, floor: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return Λ(x)⁻¹ under a known assignment, shape (n, size, size), and which rows were floored; see `floored`."""
    if structure.mean is None:
        raise ValueError(
            "assignment: a structure without a mean given; without G(theta, t) the second derivative cannot be "
            "averaged "
            "over outcomes; give the structure a mean, or leave the assignment out."
        )
    weights = assignment.at(raw)
    with precision("double"):
        levels = jnp.asarray(np.asarray(assignment.levels, float))
        Lambda = _integrated(structure, jnp.zeros(len(theta)), levels, jnp.asarray(weights), jnp.asarray(theta))
        A = np.asarray(_whiteners(Lambda.mean(0)[None]))[0]
    value, vector = np.linalg.eigh(A.T @ np.asarray(Lambda) @ A)
    return floored(1 / np.maximum(value, 1e-300), A @ vector, floor)


def floored(value: np.ndarray, vector: np.ndarray, floor: float) -> tuple[np.ndarray, np.ndarray]:
    """Return V min(value, 1/floor) V' row by row, and in which rows an eigenvalue was cut.

    Parameters
    ----------
    value : array, shape (n, k)
        Eigenvalues of the whitened inverse: relative to an average of one.
    vector : array, shape (n, k, k)
    floor : float

    Examples
    --------
    >>> inverse, cut = floored(np.array([[1.0, 400.0]]), np.eye(2)[None], 0.01)
    >>> inverse[0].tolist(), cut.tolist()
    ([[1.0, 0.0], [0.0, 100.0]], [True])
    """
    capped = np.minimum(value, 1 / floor)
    return (vector * capped[:, None, :]) @ np.swapaxes(vector, 1, 2), np.any(value > 1 / floor, axis=1)


class InverseLoss(AbstractRowLoss):
    """Stein's loss of P = L L' for the whitened second derivative in the column "H", flat."""

    size: int = eqx.field(static=True)

    def losses(self, model, batch, key):
        """Return the loss of each row."""
        raw = model(batch["x"])
        L = triangles(raw, self.size)
        H = batch["H"].reshape(-1, self.size, self.size)
        return jnp.einsum("nij,nik,njk->n", H, L, L) - 2 * raw[:, : self.size].sum(1), {}


def triangles(raw: Any, size: int) -> Any:
    """Return lower triangular matrices: the first entries of a row are logs of the diagonal.

    Examples
    --------
    >>> triangles(jnp.array([[0.0, 0.0, 3.0]]), 2)[0].tolist()
    [[1.0, 0.0], [3.0, 1.0]]
    """
    below = np.tril_indices(size, -1)
    L = jnp.zeros((raw.shape[0], size, size), raw.dtype)
    L = L.at[:, np.arange(size), np.arange(size)].set(jnp.exp(raw[:, :size]))
    return L.at[:, below[0], below[1]].set(raw[:, size:])


def learn_inverse(
    structure: Structure,
    stack: Stack,
    jobs: Sequence[Job],
    thetas: Sequence[np.ndarray],
    net: Net,
    floor: float,
    seed: int,
) -> tuple[list[np.ndarray], list[np.ndarray], Fit]:
    """Learn Λ(x)⁻¹ from the second derivatives at θ of the rows ``job.information``.

    Returns
    -------
    inverse : list of arrays, shape (test rows, size, size), one per job
    cut : list of bool arrays, shape (test rows,)
        Which rows were floored; see `floored`.
    run : Fit
    """
    own = [job.information for job in jobs]
    rows, ends = np.concatenate(own), np.cumsum([len(r) for r in own])
    H = information_at(structure, stack.y[rows], stack.t[rows], np.concatenate(list(thetas)))
    parts = np.split(H, ends[:-1])
    with precision("double"):
        A = np.asarray(_whiteners(jnp.asarray(np.stack([part.mean(0) for part in parts]))))
    k = structure.size
    white = np.concatenate([a.T @ part @ a for part, a in zip(parts, A, strict=True)]).reshape(len(rows), k * k)
    columns = {"x": stack.x[rows], "H": white}
    numbers = np.split(np.arange(len(rows)), ends[:-1])
    sizes = (stack.x.shape[1], k * (k + 1) // 2)
    run = learn("nets of the information matrix", net, InverseLoss(k), columns, numbers, sizes, seed)
    raw = mean_outputs(run.model, [stack.x[job.test] for job in jobs])
    inverse, cut = [], []
    for out, a in zip(raw, A, strict=True):
        with precision("double"):
            L = np.asarray(triangles(jnp.asarray(out), k))
        value, vector = np.linalg.eigh(L @ np.swapaxes(L, 1, 2))
        P, which = floored(value, a @ vector, floor)
        inverse.append(P)
        cut.append(which)
    return inverse, cut, run


# ---------------------------------------------------------------------------------------- influence functions


class Scores(NamedTuple):
    """Row by row: the plug-in H(x, θ(x), t*), its correction -H_θ Λ⁻¹ ℓ_θ, both (n, q), and the loss, (n,)."""

    plug_in: np.ndarray
    correction: np.ndarray
    loss: np.ndarray


@eqx.filter_jit
def _scores(structure, functional, at, x, y, t, theta, inverse):
    def row(x, y, t, theta, inverse):
        H = lambda theta: jnp.atleast_1d(functional(x, theta, at))
        correction = -jax.jacrev(H)(theta) @ (inverse @ score(structure, y, t, theta))
        return H(theta), correction, structure.loss_of(y, t, theta)

    return jax.vmap(row)(x, y, t, theta, inverse)


def scores(
    structure: Structure,
    functional: Callable[[Any, Any, Any], Any],
    at: Any,
    rows: tuple[np.ndarray, np.ndarray, np.ndarray],
    theta: np.ndarray,
    inverse: np.ndarray,
) -> Scores:
    """Return the parts of the orthogonal score ψ = H - H_θ Λ⁻¹ ℓ_θ.

    Parameters
    ----------
    structure : Structure
    functional : callable
        ``functional(x, theta, t) -> scalar or (q,)``.
    at : array or None
        The treatment t* that is passed to it.
    rows : (x, y, t)
        Arrays with a leading axis of rows.
    theta : array, shape (n, size)
    inverse : array, shape (n, size, size)
    """
    with precision("double"):
        given = None if at is None else jnp.asarray(at, float)
        parts = _scores(structure, functional, given, *map(jnp.asarray, (*rows, theta, inverse)))
        return Scores(*(np.asarray(part) for part in parts))
