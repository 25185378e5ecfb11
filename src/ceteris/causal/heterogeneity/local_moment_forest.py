"""A forest for a moment of one's own: θ(x) that solves E[ψ(Z; θ(x)) | X = x] = 0.

Splits are made on the pseudo-outcomes -A_P⁻¹ ψ(Z_i; θ_P), with θ_P the solution in the node and A_P the mean derivative
of ψ there; θ̂(x) solves Σ_i α_i(x) ψ(Z_i; θ) = 0 by Newton's method. ψ is a function of arrays and is called for each
node, so that growing takes some tens of microseconds a node more than for the forests that are built in.

References
----------
Athey, Tibshirani and Wager (2019), "Generalized random forests", Annals of Statistics 47, section 2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ceteris.arguments import as_many
from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.forest import grow
from ceteris.causal.heterogeneity.forest.draws import BOTH, ESTIMATE, SPLIT, draw_features, stream
from ceteris.causal.heterogeneity.forest.forest import Forest, grow_with, slices
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import Target
from ceteris.causal.rows import read_covariates
from ceteris.results import About
from ceteris.tables.frames import finite

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
LEAF = (-1, 0, False, 0)  # covariate, last bin to the left, whether missing goes left, left child
STEPS = 50
STEP = 1e-5  # of finite differences, relative
CLOSE = 1e-8  # Newton step, relative, that is the last
CANCELS = 1e-6  # of the sum of the terms' sizes: what may be left at a root


@dataclass(frozen=True)
class LocalMomentForest:
    """Forest for a moment of one's own.

    Parameters
    ----------
    score : callable
        ``score(theta, z)`` takes parameters (m, k) and data (m, c) and returns ψ, shape (m, k), row by row.
    start : sequence of k numbers
        Where Newton's method starts.
    derivative : callable, optional
        ``derivative(theta, z)``, shape (m, k, k), entry (i, j) the derivative of ψ_i in θ_j; by default from
        differences.
    names : tuple of str, optional
        One for each parameter.
    growth : TreeSettings

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, size=(600, 2))
    >>> counts = rng.poisson(np.where(x[:, 0] > 0, 4.0, 1.0))
    >>> poisson = LocalMomentForest(lambda theta, z: z - np.exp(theta), start=[0.0], growth=TreeSettings(trees=20))
    >>> fitted = poisson.fit(z=counts, x=x)
    >>> np.exp(fitted.effect([[-0.5, 0.0], [0.5, 0.0]]).point).round()
    array([1., 4.])
    """

    score: Score
    start: Any
    derivative: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    names: tuple[str, ...] | None = None
    growth: TreeSettings = field(default_factory=lambda: TreeSettings(trees=200))

    def fit(self, *, z: Any, x: Any) -> FittedLocalMomentForest:
        """Grow the forest.

        Parameters
        ----------
        z : array, shape (n,) or (n, c)
            Data of each row, handed to the score.
        x : data frame, or array of shape (n, p)
            Covariates; may be missing.
        """
        covariates, names = read_covariates(x, missing=True)
        data = finite("z", z).reshape(len(covariates), -1)
        start = np.atleast_1d(np.asarray(self.start, dtype=float))
        _refuse_score(self.score, start, data)
        as_many("names", start if self.names is None else self.names, len(start), of="parameter")
        moment = Moment(self.score, self.derivative or _differences(self.score))
        overall = solve(moment, start[None], np.ones((1, len(data))), data)[0]
        if not np.isfinite(overall).all():
            raise FloatingPointError("start: Newton's method finds no root from it on all rows; start elsewhere.")
        target = Target(np.empty((len(data), 0)), (grow.LINEAR, 0, len(start)), np.empty((len(data), 0)), np.empty(0))
        forest = grow_with(covariates, target, self.growth, _grower(moment, overall, data, self.growth))
        labels = self.names or tuple(f"theta{j}" for j in range(len(start)))
        return FittedLocalMomentForest(forest, moment, overall, data, names, labels)


@dataclass(frozen=True, eq=False)
class Moment:
    """ψ and its derivative as functions of parameters (m, k) and data (m, c)."""

    score: Score
    derivative: Score


@dataclass(frozen=True, eq=False)
class FittedLocalMomentForest:
    """A forest that has been grown.

    Attributes
    ----------
    forest : Forest
    moment : Moment
    overall : array, shape (k,)
        θ on all rows.
    z : array, shape (n, c)
    covariates, names : tuple of str
    """

    forest: Forest
    moment: Moment
    overall: np.ndarray
    z: np.ndarray
    covariates: tuple[str, ...]
    names: tuple[str, ...]

    def effect(self, x: Any = None) -> Effects:
        """θ̂ at the rows of x (m, p), or out of bag; shape (m,), or (m, k) for several parameters."""
        at = None if x is None else covariates_at(x, self.covariates)
        rows, found = len(self.z) if at is None else len(at), []
        for part in slices(rows, 4 * len(self.z)):
            alpha = self.forest.weights(at, part)
            found.append(solve(self.moment, np.tile(self.overall, (len(alpha), 1)), alpha, self.z))
        point = np.concatenate(found)
        lost = int((~np.isfinite(point)).any(axis=1).sum())
        if lost:
            raise FloatingPointError(
                f"score: Newton's method finds no root at {lost} rows of x; grow larger leaves, or use another "
                "parameter in which the score is closer to linear."
            )
        about = About("Local moment forest", interval="A moment of one's own has no standard errors.")
        return Effects(point[:, 0] if point.shape[1] == 1 else point, None, self.names, about)


def solve(moment: Moment, theta: np.ndarray, alpha: np.ndarray, z: np.ndarray) -> np.ndarray:
    """Roots of Σ_i α_i ψ(z_i; θ) for each row of weights: theta (m, k) to start from, alpha (m, n), z (n, c).

    A step that makes matters worse is halved; NaN where no root is found.

    Examples
    --------
    >>> mean = Moment(lambda theta, z: z - theta, lambda theta, z: -np.ones((len(z), 1, 1)))
    >>> solve(mean, np.zeros((1, 1)), np.array([[0.25, 0.75]]), np.array([[0.0], [4.0]]))
    array([[3.]])
    """
    row, column = np.nonzero(alpha)
    weight, data = alpha[row, column], z[column]
    m = len(theta)
    first = np.searchsorted(row, np.arange(m))

    def total(values: np.ndarray) -> np.ndarray:
        shaped = weight.reshape(-1, *[1] * (values.ndim - 1)) * values
        return np.add.reduceat(shaped, first, axis=0)

    theta, size, done = theta.copy(), np.ones((m, 1)), np.zeros(m, dtype=bool)
    with np.errstate(all="ignore"):
        psi = total(moment.score(theta[row], data))
        for _ in range(STEPS):
            slope = total(moment.derivative(theta[row], data))
            step = _solved(slope, psi)
            size[:] = 1.0
            for _ in range(20):
                trial = theta - size * step
                new = total(moment.score(trial[row], data))
                worse = ~(np.abs(new).max(1) <= np.abs(psi).max(1) * (1 + 1e-9))
                if not worse.any():
                    break
                size[worse] /= 2
            theta, psi = trial, new
            done = np.abs(step).max(1) <= CLOSE * (1 + np.abs(theta).max(1))
            if done.all():
                break
        terms = total(np.abs(moment.score(theta[row], data)))
        done &= (np.abs(psi) <= CANCELS * terms).all(axis=1)  # not a place where the derivative is zero
    theta[~done] = np.nan
    return theta


def _grower(moment: Moment, overall: np.ndarray, z: np.ndarray, growth: TreeSettings) -> Any:
    """Return what grows the tree of a number from codes and the states of the rows."""

    def tree(number: int, codes: np.ndarray, states: np.ndarray) -> Any:
        rows = np.flatnonzero(np.isin(states, (SPLIT, BOTH)))
        kept = np.flatnonzero(np.isin(states, (ESTIMATE, BOTH)))
        state, p, k = stream(growth.seed, number, 3), codes.shape[1], len(overall)
        bins, todo = np.empty((256, 1 + k)), [(0, rows, overall)]
        nodes: list[tuple[int, int, bool, int]] = [LEAF]
        while todo:
            node, here, theta = todo.pop()
            if len(here) <= growth.least:
                continue
            theta, values = _pseudo_outcomes(moment, theta, z[here])
            if values is None:
                continue
            tried = draw_features(state, p, growth.tried(p))
            found = grow.best_split(codes, here, values, tried, k, 0, growth.least, growth.alpha, bins)
            feature, cut, missing_left, _ = found
            if feature < 0:
                continue
            child, column = len(nodes), codes[here, feature]
            nodes[node] = (feature, cut, missing_left, child)
            nodes += [LEAF, LEAF]
            left = np.where(column == 0, missing_left, column <= cut)
            todo += [(child + 1, here[~left], theta), (child, here[left], theta)]
        kinds = (np.int32, np.uint8, np.bool_, np.int32)
        arrays = [np.array(part, kind) for part, kind in zip(zip(*nodes, strict=True), kinds, strict=True)]
        return grow.settle(codes, np.empty((len(codes), 0)), kept, *arrays)

    return tree


def _pseudo_outcomes(moment: Moment, theta: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    found = solve(moment, theta[None], np.ones((1, len(z))), z)
    if not np.isfinite(found).all():
        return theta, None
    at = np.repeat(found, len(z), axis=0)
    psi, slope = moment.score(at, z), moment.derivative(at, z).mean(axis=0)
    rho = -psi @ np.linalg.pinv(slope).T
    return found[0], np.column_stack([np.ones(len(z)), rho])


def _solved(slope: np.ndarray, psi: np.ndarray) -> np.ndarray:
    good = np.isfinite(slope).all(axis=(1, 2)) & np.isfinite(psi).all(axis=1)
    step = np.full(psi.shape, np.nan)
    step[good] = (np.linalg.pinv(slope[good]) @ psi[good][:, :, None])[:, :, 0]
    return step


def _differences(score: Score) -> Score:
    def derivative(theta: np.ndarray, z: np.ndarray) -> np.ndarray:
        columns = []
        for j in range(theta.shape[1]):
            step = STEP * (1 + np.abs(theta[:, j]))
            up, down = theta.copy(), theta.copy()
            up[:, j] += step
            down[:, j] -= step
            columns.append((score(up, z) - score(down, z)) / (2 * step[:, None]))
        return np.stack(columns, axis=2)

    return derivative


def _refuse_score(score: Score, start: np.ndarray, z: np.ndarray) -> None:
    found = np.asarray(score(np.tile(start, (2, 1)), z[:2]))
    if found.shape != (2, len(start)):
        raise ValueError(
            f"score: it returned shape {found.shape} for two rows and {len(start)} parameters; (2, {len(start)}) is "
            "needed: one moment for each parameter, row by row."
        )
