"""A forest: trees grown side by side, and what is asked of all of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.forest import grow, walk
from ceteris.causal.heterogeneity.forest.binning import Bins, fit_bins
from ceteris.causal.heterogeneity.forest.draws import draw_states
from ceteris.causal.heterogeneity.forest.growth import TreeSettings
from ceteris.causal.heterogeneity.forest.targets import Target
from ceteris.causal.heterogeneity.forest.variance import debiased
from ceteris.causal.rows import refuse_no_covariates

AT_ONCE = 2**24  # weights held at once: 128 MiB
DEEPEST = 4  # levels of the trees that count for the importance of covariates


@dataclass(frozen=True, eq=False)
class Trees:
    """All trees as arrays over nodes, those of tree t from starts[t] to starts[t + 1], and over leaves.

    Attributes
    ----------
    feature : int32 (nodes,)
        Covariate of the split, -1 for a leaf.
    cut : uint8 (nodes,)
        Last bin that goes left.
    missing_left : bool (nodes,)
    child : int32 (nodes,)
        Left child, the right one being the next node; of a leaf, its number.
    leaf_moments : float (leaves, q)
        Means over the rows kept for estimation.
    leaf_rows : int32 (leaves,)
        How many those are.
    """

    starts: np.ndarray
    feature: np.ndarray
    cut: np.ndarray
    missing_left: np.ndarray
    child: np.ndarray
    leaf_moments: np.ndarray
    leaf_rows: np.ndarray

    @property
    def arrays(self) -> tuple[np.ndarray, ...]:
        """The fields, for the compiled loops."""
        return (
            self.starts, self.feature, self.cut, self.missing_left, self.child, self.leaf_moments, self.leaf_rows
        )  # fmt: skip

    def _check_loaded(self) -> None:
        """Compiled loops follow children without a look at where they lead: only onwards, and within their tree."""
        nodes, leaf = len(self.feature), self.feature < 0
        alike = {len(part) for part in (self.cut, self.missing_left, self.child)} == {nodes}
        within = self.starts[0] == 0 and self.starts[-1] == nodes and (np.diff(self.starts) > 0).all()
        if not alike or not within or len(self.leaf_moments) != len(self.leaf_rows):
            raise ValueError("the trees of a forest are of different sizes")
        last = np.repeat(self.starts[1:], np.diff(self.starts)) - 1
        forward = (self.child > np.arange(nodes)) & (self.child < last)
        of_leaves = (self.child >= 0) & (self.child < len(self.leaf_rows))
        if not np.where(leaf, of_leaves, forward).all():
            raise ValueError("a tree of a forest leads to nodes that are not there")


@dataclass(frozen=True, eq=False)
class Predicted:
    """Estimates at n rows.

    Attributes
    ----------
    point : array, shape (n, r)
        NaN where no tree answers, or their moments determine no estimate.
    variance : array, shape (n, r), or None
        Sampling variances.
    further : array, shape (n, e, r)
        Estimates for the further outcomes of the target.
    """

    point: np.ndarray
    variance: np.ndarray | None
    further: np.ndarray


@dataclass(frozen=True, eq=False)
class Forest:
    """Trees, and the rows they were grown on.

    Attributes
    ----------
    trees : Trees
    bins : Bins
    codes : uint8 (n, p)
    unit : int (n,)
        Row or cluster.
    target : Target
    growth : TreeSettings
    """

    trees: Trees
    bins: Bins
    codes: np.ndarray
    unit: np.ndarray
    target: Target
    growth: TreeSettings

    @property
    def draws(self) -> tuple[Any, ...]:
        """Arguments of ``draw_states``."""
        g = self.growth
        return g.seed, g.bag, int(self.unit.max()) + 1, float(g.share), float(g.honest)

    def predict(self, x: np.ndarray | None = None, variance: bool = False, rows: Any = slice(None)) -> Predicted:
        """Estimates at the rows of x (m, p), or out of bag at the rows grown on.

        Parameters
        ----------
        variance : bool
            Also the sampling variance, from little bags.
        rows : slice or array of int
            Which of the rows, where there is no x.
        """
        if variance and self.growth.bag < 2:
            raise ValueError("bag: the forest was grown with bag=1, so it has no variance; grow it with bag=2.")
        return self._in_parts(lambda codes, unit: self._predict(codes, unit, variance), *self._codes_at(x, rows))

    def weights(self, x: np.ndarray | None = None, rows: Any = slice(None)) -> np.ndarray:
        """α_i(x) of each row i grown on, for some rows of x (m, p), or out of bag; shape (m, n).

        The estimate at x solves Σ_i α_i(x) ψ_i(θ) = 0.
        """
        codes, unit = self._codes_at(x, rows)
        return walk.weights(codes, unit, self.trees.arrays, self.draws, self.codes, self.unit)

    def importance(self, depth: int = DEEPEST) -> np.ndarray:
        """Share of splits by covariate, weighed by 1/level² over the first levels; shape (p,), of sum one."""
        trees, p = self.trees, self.codes.shape[1]
        level, total = trees.starts[:-1], np.zeros(p)
        for k in range(1, depth + 1):
            level = level[trees.feature[level] >= 0]
            counts = np.bincount(trees.feature[level], minlength=p)
            total += counts / max(counts.sum(), 1) / k**2
            level = np.concatenate([trees.child[level], trees.child[level] + 1])
        return total / total.sum() if total.sum() > 0 else total

    def _codes_at(self, x: np.ndarray | None, rows: Any = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        if x is None:
            return self.codes[rows], self.unit[rows]
        return self.bins.codes(x[rows]), np.empty(0, np.int64)

    def _check_loaded(self) -> None:
        (n, p), trees = self.codes.shape, self.trees
        self.growth.__post_init__()
        sound = len(self.bins.edges) == p and self.unit.shape == (n,) and self.unit.min() >= 0
        sound = sound and self.codes.dtype == np.uint8 and len(self.target.moments) == n
        if not sound or trees.feature.max() >= p or trees.leaf_moments.shape[1] != self.target.moments.shape[1]:
            raise ValueError("the trees of a forest are not those of its rows")

    def _in_parts(
        self, work: Callable[[np.ndarray, np.ndarray], Predicted], codes: np.ndarray, unit: np.ndarray
    ) -> Predicted:
        jobs = self.growth.jobs
        if jobs == 1 or len(codes) < 2 * jobs:
            return work(codes, unit)
        with ThreadPoolExecutor(jobs) as pool:
            pieces = list(pool.map(work, np.array_split(codes, jobs), np.array_split(unit, jobs)))
        variances = [piece.variance for piece in pieces if piece.variance is not None]
        return Predicted(
            np.concatenate([piece.point for piece in pieces]),
            np.concatenate(variances) if variances else None,
            np.concatenate([piece.further for piece in pieces]),
        )

    def _predict(self, codes: np.ndarray, unit: np.ndarray, variance: bool) -> Predicted:
        means = walk.mean_moments(codes, unit, self.trees.arrays, self.draws)
        point, linear, further = self.target.solve(means)
        if not variance:
            return Predicted(point, None, further)
        between, total, bags = walk.spread_of_bags(codes, unit, self.trees.arrays, self.draws, linear)
        return Predicted(point, debiased(between, total, bags, self.growth.bag), further)


def slices(m: int, n: int) -> list[slice]:
    """Parts of m rows whose weights on n rows fit into memory at once.

    Examples
    --------
    >>> slices(5, 2**23)
    [slice(0, 2, None), slice(2, 4, None), slice(4, 6, None)]
    """
    step = max(AT_ONCE // n, 1)
    return [slice(first, first + step) for first in range(0, m, step)]


def answered(predicted: Predicted) -> Predicted:
    """Return what is given if every row has an estimate; otherwise say what to do."""
    lost = int(np.isnan(predicted.point).any(axis=1).sum())
    if lost:
        raise FloatingPointError(
            f"growth: {lost} of {len(predicted.point)} rows have no estimate, since no tree answers for them or the "
            "treatment does not vary near them; grow more trees, or larger leaves."
        )
    return predicted


def grow_forest(x: np.ndarray, target: Target, growth: TreeSettings, clusters: Sequence[np.ndarray] = ()) -> Forest:
    """Grow a forest.

    Parameters
    ----------
    x : array, shape (n, p)
        Covariates; NaN where missing.
    target : Target
        What is estimated, with the moments of the n rows.
    growth : TreeSettings
    clusters : at most one array, shape (n,)
        Rows that are drawn together.

    Examples
    --------
    >>> from ceteris.causal.heterogeneity.forest.targets import mean_target
    >>> x = np.linspace(0, 1, 400)[:, None]
    >>> forest = grow_forest(x, mean_target(x[:, 0] > 0.5), TreeSettings(trees=50))
    >>> forest.predict(np.array([[0.1], [0.9]])).point.ravel().round(1)
    array([0., 1.])
    """

    def tree(number: int, codes: np.ndarray, states: np.ndarray) -> Any:
        return grow.grow_tree(
            codes, target.moments, target.balance, states, growth.seed, number, target.shape, target.levels,
            growth.least, float(growth.alpha), growth.tried(codes.shape[1]),
        )  # fmt: skip

    return grow_with(x, target, growth, tree, clusters)


def grow_with(
    x: np.ndarray,
    target: Target,
    growth: TreeSettings,
    tree: Callable[[int, np.ndarray, np.ndarray], Any],
    clusters: Sequence[np.ndarray] = (),
) -> Forest:
    """Grow a forest by ``tree(number, codes, states)``, which returns what ``grow.grow_tree`` does."""
    if len(clusters) > 1:
        raise ValueError("cluster names two sets, but must name one, of which a forest draws whole clusters; give one.")
    n = len(x)
    refuse_no_covariates(x, "name some for the forest to split on")
    unit = np.unique(clusters[0], return_inverse=True)[1] if clusters else np.arange(n)
    units = int(unit.max()) + 1
    growth.refuse_rows(n, units)
    bins = fit_bins(x)
    codes = bins.codes(x)
    draws = growth.seed, growth.bag, units, float(growth.share), float(growth.honest)

    def grown(number: int) -> Any:
        return tree(number, codes, draw_states(draws[0], number, *draws[1:])[unit])

    return Forest(join(in_threads(grown, growth)), bins, codes, unit, target, growth)


def in_threads(tree: Callable[[int], Any], growth: TreeSettings) -> list[Any]:
    """Grow all trees, ``growth.jobs`` at a time."""
    if growth.jobs == 1:
        return [tree(number) for number in range(growth.trees)]
    with ThreadPoolExecutor(growth.jobs) as pool:
        return list(pool.map(tree, range(growth.trees)))


def join(grown: Sequence[Any]) -> Trees:
    """Put trees one after the other, nodes and leaves numbered over all of them."""
    feature, cut, missing_left, child, leaf_moments, leaf_rows = zip(*grown, strict=True)
    nodes = np.concatenate([[0], np.cumsum([len(f) for f in feature])])
    leaves = np.concatenate([[0], np.cumsum([len(rows) for rows in leaf_rows])])
    moved = [
        np.where(f < 0, c + leaf, c + node).astype(np.int32)
        for f, c, node, leaf in zip(feature, child, nodes[:-1], leaves[:-1], strict=True)
    ]
    return Trees(
        nodes, np.concatenate(feature), np.concatenate(cut), np.concatenate(missing_left), np.concatenate(moved),
        np.concatenate(leaf_moments), np.concatenate(leaf_rows),
    )  # fmt: skip
