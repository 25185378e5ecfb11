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
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import as_many
from ceteris.causal.covariates import covariates_at
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.forest import grow
from ceteris.causal.heterogeneity.forest.answers import importance_of
from ceteris.causal.heterogeneity.forest.draws import BOTH, ESTIMATE, SPLIT, draw_features, stream
from ceteris.causal.heterogeneity.forest.forest import Forest, grow_with, slices
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import Target
from ceteris.causal.heterogeneity.shown import importance_section, listed, ranked
from ceteris.causal.rows import read_covariates
from ceteris.causal.screens import NAME, counted, page
from ceteris.files.objects import save_object
from ceteris.outlets import brief
from ceteris.results import About, Section
from ceteris.showing import AbstractResult
from ceteris.tables.frames import finite

if TYPE_CHECKING:
    import pandas as pd

Score = Callable[[np.ndarray, np.ndarray], np.ndarray]
LEAF = (-1, 0, False, 0)  # covariate, last bin to the left, whether missing goes left, left child
STEPS = 50
STEP = 1e-5  # of finite differences, relative
CLOSE = 1e-8  # Newton step, relative, that is the last
SOME = 150  # rows by which a forest is shown
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
        moment = Moment(self.score, self.derivative or Differences(self.score))
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
class NotSaved:
    """Stands in a saved forest for a function of one's own, which no file can hold."""

    name: str

    def __call__(self, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
        raise ValueError(f"score: no file can hold {self.name}, a function of your own; give it by with_score(score).")


@dataclass(frozen=True, eq=False, repr=False)
class FittedLocalMomentForest(AbstractResult):
    """A forest that has been grown.

    Attributes
    ----------
    forest : Forest
    moment : Moment
    overall : array, shape (k,)
        θ on all rows.
    z : array, shape (n, c)
    covariates : tuple of str
        Their names.
    names : tuple of str
        Of the parameters.
    """

    forest: Forest
    moment: Moment
    overall: np.ndarray
    z: np.ndarray
    covariates: tuple[str, ...]
    names: tuple[str, ...]

    def with_score(self, score: Score, derivative: Score | None = None) -> FittedLocalMomentForest:
        """The forest with its score, which a file does not hold; arguments as of `LocalMomentForest`."""
        _refuse_score(score, self.overall, self.z)
        return replace(self, moment=Moment(score, derivative or Differences(score)))

    def save(self, path: str | Path) -> Path:
        """Save the forest without the score: give that again after loading, by ``with_score``."""
        score = self.moment.score
        name = getattr(score, "name" if isinstance(score, NotSaved) else "__qualname__", type(score).__name__)
        unknown = NotSaved(name)
        return save_object(path, replace(self, moment=Moment(unknown, unknown)))

    def importance(self) -> pd.Series:
        """Share of the splits by covariate, of the first four levels, weighed by 1/level², sorted."""
        return importance_of(self.forest, self.covariates)

    def summary(self) -> str:
        """One screen: rows, trees, the parameters on all rows, and which covariates matter."""
        known = not isinstance(self.moment.score, NotSaved)
        overall = (f"{brief(name, NAME)} = {value:.3g}" for name, value in zip(self.names, self.overall, strict=True))
        facts = {
            "rows": f"{len(self.z):,}",
            "covariates": listed(self.covariates),
            "trees": self.forest.growth.in_words,
            "on all rows": ", ".join(overall),
            "importance": ranked(self.importance()),
            "score": "" if known else "not in the file; give it by with_score(score)",
        }
        what = brief(self.names[0], NAME) if len(self.names) == 1 else f"{len(self.names)} parameters"
        return page(f"Local moment forest: {what} by {counted(len(self.covariates), 'covariate')}", facts)

    def sections(self) -> tuple[Section, ...]:
        """Parameters of some training rows, out of bag, and the importance of the covariates."""
        importance = importance_section(self.importance())
        if isinstance(self.moment.score, NotSaved):
            return (importance,)
        which = np.unique(np.linspace(0, len(self.z) - 1, min(SOME, len(self.z))).astype(int))
        point = solve(self.moment, np.tile(self.overall, (len(which), 1)), self.forest.weights(None, which), self.z)
        found = Effects(point[np.isfinite(point).all(axis=1)], None, self.names, About("Parameters"))
        text = f"Of {len(which)} training rows, out of bag. A moment of one's own has no standard errors."
        return replace(found.glance(), text=text), importance

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


@dataclass(frozen=True, eq=False)
class Differences:
    """The derivative of a score from central differences."""

    score: Score

    def __call__(self, theta: np.ndarray, z: np.ndarray) -> np.ndarray:
        columns = []
        for j in range(theta.shape[1]):
            step = STEP * (1 + np.abs(theta[:, j]))
            up, down = theta.copy(), theta.copy()
            up[:, j] += step
            down[:, j] -= step
            columns.append((self.score(up, z) - self.score(down, z)) / (2 * step[:, None]))
        return np.stack(columns, axis=2)


def _refuse_score(score: Score, start: np.ndarray, z: np.ndarray) -> None:
    found = np.asarray(score(np.tile(start, (2, 1)), z[:2]))
    if found.shape != (2, len(start)):
        raise ValueError(
            f"score: it returned shape {found.shape} for two rows and {len(start)} parameters; (2, {len(start)}) is "
            "needed: one moment for each parameter, row by row."
        )
