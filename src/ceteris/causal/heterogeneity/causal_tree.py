"""The causal tree of Athey and Imbens: groups whose effects differ, found on half of the rows, measured on the others.

As the rows that measure the effect of a leaf had no say in what the leaf is, its interval is one for the average effect
in that group of people, whatever the tree looks like. With other halves the tree would be another.

References
----------
Athey and Imbens (2016), "Recursive partitioning for heterogeneous causal effects", PNAS 113.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import probability, whole
from ceteris.causal.covariates import covariates_at
from ceteris.causal.crossfit import cross_fit, make_folds
from ceteris.causal.estimands import OVERLAP, RANDOM, SUTVA, UNCONFOUNDED
from ceteris.causal.heterogeneity.effects import Effects
from ceteris.causal.heterogeneity.forest.centring import clipped
from ceteris.causal.heterogeneity.tree import figure
from ceteris.causal.heterogeneity.tree.growing import (
    Sample,
    Tree,
    arm_moments,
    chosen_price,
    grow_tree,
    inner_nodes,
    leaves_below,
    pruned,
)  # fmt: skip
from ceteris.causal.nuisances import refuse_learners
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Check, Estimate, Figure
from ceteris.stats.deletion import without_leverage
from ceteris.tables.frames import finite

if TYPE_CHECKING:
    import pandas as pd

FEW = 2  # rows, or clusters, of each arm, at least, that estimate a leaf


@dataclass(frozen=True)
class CausalTree:
    """Honest causal tree for a binary treatment.

    Parameters
    ----------
    treatment : estimator in the manner of scikit-learn, optional
        Learner of P(D = 1 | X), for weights 1/e and 1/(1 - e). None: the treatment was randomised, the same chance for
        all.
    least : int
        Each leaf has at least so many treated and so many control rows of the half that grows the tree.
    depth : int
        Levels of splits at most.
    honest : float
        Part of the rows that estimate.
    folds : int
        Of the cross-validation that prunes.
    seed : int

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x, d = rng.uniform(size=(2000, 3)), rng.integers(2, size=2000)
    >>> y = np.where(x[:, 0] > 0.5, 2.0, 0.0) * d + rng.normal(size=2000)
    >>> tree = CausalTree().fit(y=y, d=d, x=x)
    >>> print(tree)
    x0 ≤ 0.498
      -0.027 [-0.199, 0.144], 490 rows
    x0 > 0.498
      2.056 [1.881, 2.231], 510 rows
    """

    treatment: Any = None
    least: int = 20
    depth: int = 6
    honest: float = 0.5
    folds: int = 5
    seed: int = 0

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any, cluster: Any = None) -> FittedCausalTree:
        """Grow, prune and estimate the tree; arguments as in ``Interactive.fit``."""
        probability("honest", self.honest, such_as=0.5)
        whole("least", self.least, least=FEW)
        whole("depth", self.depth)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        rows.refuse_two_sets("a tree is grown on whole clusters of one")
        e, checks = self._propensity(rows)
        weight = np.where(rows.d == 1, 1 / e, 1 / (1 - e))
        sample = Sample(rows.y, rows.d, weight, rows.x)
        estimating = _halves(rows, self.honest, self.seed)
        growing = np.flatnonzero(~estimating)
        treated = int(rows.d[growing].sum())
        if min(treated, len(growing) - treated) < 2 * self.least:
            raise ValueError(
                f"least is {self.least}, but {treated} treated and {len(growing) - treated} control rows grow the "
                "tree, too few for two leaves; give fewer, or more rows."
            )
        tree = self._grown(sample.part(growing), e[growing], int(estimating.sum()), rows, growing)
        return estimated(rows, tree, sample, estimating, self.treatment is None, checks)

    def _propensity(self, rows: Rows) -> tuple[np.ndarray, tuple[Check, ...]]:
        if self.treatment is None:
            return np.full(rows.n, rows.d.mean()), ()
        refuse_learners(treatment=self.treatment)
        fold = make_folds(rows.n, 5, 1, self.seed, rows.clusters, rows.d)[0]
        e, check = clipped(rows, cross_fit(self.treatment, rows.x, rows.d, fold, kind="probability"))
        return e, (check,)

    def _grown(self, sample: Sample, e: np.ndarray, estimating: int, rows: Rows, growing: np.ndarray) -> Tree:
        clusters = [groups[growing] for groups in rows.clusters]
        fold = make_folds(len(sample), self.folds, 1, self.seed, clusters, sample.d)[0]
        price = chosen_price(sample, e, estimating, self.least, self.depth, fold)
        return pruned(grow_tree(sample, estimating, self.least, self.depth), price)


@dataclass(frozen=True, eq=False)
class FittedCausalTree:
    """A causal tree.

    Attributes
    ----------
    rows : Rows
    tree : Tree
    estimating : array of bool, shape (n,)
        The rows that estimate the leaves.
    estimate : Estimate
        Effects of the leaves, from left to right, with the influence of each estimating row: intervals, joint bands
        and contrasts of leaves.
    nodes : tuple of int
        The leaves.
    checks : tuple of Check
    """

    rows: Rows
    tree: Tree
    estimating: np.ndarray
    estimate: Estimate
    nodes: tuple[int, ...]
    checks: tuple[Check, ...] = ()

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effect of the leaf of each row of x, or of the training rows."""
        self.estimate.conf_int(level)  # refuses a level that is none
        at = self.rows.x if x is None else finite("x", covariates_at(x, self.rows.names))
        place = np.array([self.nodes.index(node) for node in self.tree.leaf_of(at)])
        said = "An interval covers the average effect in the leaf, not τ(x), which varies within it."
        names = (self.rows.treatment,)
        about = About("Causal tree", interval=said)
        return Effects(self.estimate.point[place], self.estimate.se[place], names, about, self.checks, level)

    def leaves(self, level: float = 0.95) -> pd.DataFrame:
        """One row for each leaf: rule, effect, standard error, interval, rows that estimate it, and their share."""
        import pandas as pd

        low, high = self.estimate.conf_int(level).T
        count = pd.Series(self.tree.leaf_of(self.rows.x[self.estimating])).value_counts().reindex(self.nodes)
        return pd.DataFrame(
            {
                "rule": list(figure.rules_of_leaves(self.tree, self.rows.names).values()),
                "estimate": self.estimate.point,
                "std err": self.estimate.se,
                "low": low,
                "high": high,
                "rows": count.to_numpy(),
                "share": count.to_numpy() / count.sum(),
            },
            index=pd.Index(self.nodes, name="node"),
        )

    def figure(self) -> Figure:
        """The tree, drawn."""
        return figure.picture(self.tree, self.rows.names, self.leaves())

    def __str__(self) -> str:
        leaves = self.leaves()
        said = {
            node: f"{leaf['estimate']:.3f} [{leaf['low']:.3f}, {leaf['high']:.3f}], {leaf['rows']:.0f} rows"
            for node in self.nodes
            for leaf in (leaves.loc[node],)
        }
        return figure.printed(self.tree, self.rows.names, said)


def estimated(
    rows: Rows, tree: Tree, sample: Sample, estimating: np.ndarray, randomised: bool, checks: tuple[Check, ...] = ()
) -> FittedCausalTree:
    """Estimate the leaves on the rows that are kept for it; a split whose child has too few of an arm is undone."""
    kept = sample.part(np.flatnonzero(estimating))
    clusters = tuple(groups[estimating] for groups in rows.clusters)
    unit = clusters[0] if clusters else np.arange(len(kept))
    _refuse_few(unit, kept.d, "clusters" if clusters else "rows")
    tree = _estimable(tree, kept, unit)
    nodes, at = tree.leaves(), tree.leaf_of(kept.x)
    influence, plain, deleted = np.zeros((3, len(kept), len(nodes)))
    point = np.empty(len(nodes))
    for k, node in enumerate(nodes):
        means = []
        for arm, sign in ((1, 1.0), (0, -1.0)):
            inside = (at == node) & (kept.d == arm)
            mean, _ = arm_moments(kept, inside)
            w, count = kept.weight[inside], inside.sum()
            small = np.sqrt(count / (count - 1))  # so that the variance of a mean is s²/n with n - 1 in s²
            plain[inside, k] = sign * len(kept) * w / w.sum() * (kept.y[inside] - mean)
            influence[inside, k] = small * plain[inside, k]
            deleted[inside, k] = without_leverage(plain[inside, k], w / w.sum())
            means.append(mean)
        point[k] = means[0] - means[1]
    rules = figure.rules_of_leaves(tree, rows.names)
    assumptions = (SUTVA, RANDOM) if randomised else (SUTVA, UNCONFOUNDED, OVERLAP)
    about = About("Causal tree, honest", "Average effect of the treatment in each leaf.", assumptions=assumptions)
    freedom = len(kept) - 2 * len(nodes)  # it is a regression on leaves and arms
    by_cluster = plain * np.sqrt((len(kept) - 1) / freedom)
    estimate = Estimate(
        point, influence, tuple(rules[node] for node in nodes), about, clusters, checks=checks, by_cluster=by_cluster,
        by_deletion=deleted,
    )  # fmt: skip
    return FittedCausalTree(rows, tree, estimating, estimate, tuple(nodes), checks)


def _refuse_few(unit: np.ndarray, d: np.ndarray, units: str) -> None:
    """There are enough units, rows or clusters (n,), of both arms to estimate even the root."""
    for arm in (0, 1):
        count = len(np.unique(unit[d == arm]))
        if count < FEW:
            raise ValueError(
                f"d: the half of the sample that estimates has {count} {units} with d = {arm}; {FEW} are needed for a "
                f"standard error: gather more {units}, or take another seed."
            )


def _estimable(tree: Tree, kept: Sample, unit: np.ndarray) -> Tree:
    """Undo splits with a child that has too few units, rows or clusters (n,), of an arm."""
    at = tree.leaf_of(kept.x)
    for node in reversed(inner_nodes(tree)):  # children before parents
        for child in (int(tree.left[node]), int(tree.left[node]) + 1):
            inside = np.isin(at, leaves_below(tree, child))
            if min(len(np.unique(unit[inside & (kept.d == arm)])) for arm in (0, 1)) < FEW:
                tree = tree.collapsed(node)
                at = tree.leaf_of(kept.x)
                break
    return tree


def _halves(rows: Rows, honest: float, seed: int) -> np.ndarray:
    """Which rows, or whole clusters of rows, estimate; drawn within arms where there are no clusters."""
    rng = np.random.default_rng(seed)
    if rows.clusters:
        place = rows.clusters[0]
        chosen = rng.permutation(place.max() + 1) < honest * (place.max() + 1)
        return chosen[place]
    estimating = np.zeros(rows.n, dtype=bool)
    for arm in (0, 1):
        members = rng.permutation(np.flatnonzero(rows.d == arm))
        estimating[members[: round(honest * len(members))]] = True
    return estimating
