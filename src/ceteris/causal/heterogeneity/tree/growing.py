"""Splits by the honest criterion of Athey and Imbens, and cost-complexity pruning by cross-validation.

A leaf ℓ of N_ℓ rows, with treated and control rows weighed by the inverse of the probability of their treatment, has
effect τ̂ and variances S₁², S₀². What is maximised is

    F = (1/N) Σ_ℓ N_ℓ τ̂_ℓ² - (1/N + 1/N_est) Σ_ℓ (S₁²/p + S₀²/(1 - p)),

with p the share of treated: effects that differ are worth having, but leaves in which the other half of the rows will
give noisy estimates are not.

References
----------
Athey and Imbens (2016), PNAS 113; Breiman, Friedman, Olshen and Stone (1984), chapter 3, for pruning.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of one part of the data: outcome, treatment and weight (n,), covariates (n, p)."""

    y: np.ndarray
    d: np.ndarray
    weight: np.ndarray
    x: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def part(self, rows: np.ndarray) -> Sample:
        """Some of the rows."""
        return Sample(self.y[rows], self.d[rows], self.weight[rows], self.x[rows])


@dataclass(frozen=True, eq=False)
class Tree:
    """Nodes in the order they were made; node 0 is the root.

    Attributes
    ----------
    feature : int (nodes,)
        Covariate of the split; -1 for a leaf.
    threshold : float (nodes,)
        Rows up to it go left.
    left : int (nodes,)
        Left child; the right one is the next node.
    value : float (nodes,)
        What the node adds to F as a leaf.
    effect : float (nodes,)
        τ̂ on the rows it was grown on.
    """

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    value: np.ndarray
    effect: np.ndarray

    def leaf_of(self, x: np.ndarray) -> np.ndarray:
        """Node that each row of x (n, p) ends in, shape (n,)."""
        node = np.zeros(len(x), dtype=int)
        while True:
            inner = np.flatnonzero(self.feature[node] >= 0)
            if not len(inner):
                return node
            at = node[inner]
            right = x[inner, self.feature[at]] > self.threshold[at]
            node[inner] = self.left[at] + right

    def _check_loaded(self) -> None:
        inner, nodes = np.flatnonzero(self.feature >= 0), len(self.feature)
        if ((self.left[inner] <= inner) | (self.left[inner] + 1 >= nodes)).any():
            raise ValueError("a tree leads to nodes that are not there")

    def leaves(self) -> list[int]:
        """Leaves below the root, from left to right."""
        return leaves_below(self, 0)

    def collapsed(self, node: int) -> Tree:
        """The tree with a node made a leaf."""
        feature = self.feature.copy()
        feature[node] = -1
        return replace(self, feature=feature)


def grow_tree(sample: Sample, estimating: float, least: int, depth: int) -> Tree:
    """Grow on a sample until no split raises F.

    Parameters
    ----------
    estimating : float
        Rows that will estimate the leaves.
    least : int
        Each leaf has at least so many treated, and so many control rows.
    depth : int
        Levels of splits at most.
    """
    share = float(sample.d.mean())
    noise = 1 / len(sample) + 1 / estimating
    nodes: list[list[float]] = []
    todo = [(np.arange(len(sample)), 0)]
    for rows, level in todo:  # grows while it is walked through
        here = sample.part(rows)
        value, effect = _value(here, len(sample), noise, share)
        found = _best_split(here, len(sample), noise, share, least) if level < depth else None
        if found is None or found[0] <= value + 1e-12 * abs(value):
            nodes.append([-1, np.nan, 0, value, effect])
            continue
        _, feature, threshold = found
        nodes.append([feature, threshold, len(todo), value, effect])
        goes_left = here.x[:, feature] <= threshold
        todo += [(rows[goes_left], level + 1), (rows[~goes_left], level + 1)]
    feature, threshold, left, value, effect = np.array(nodes).T
    return Tree(feature.astype(int), threshold, left.astype(int), value, effect)


def pruned(tree: Tree, price: float) -> Tree:
    """Collapse, the weakest first, all splits whose branch adds to F less than ``price`` for each leaf.

    Examples
    --------
    >>> tree = Tree(np.array([0, -1, -1]), np.zeros(3), np.array([1, 0, 0]), np.array([1.0, 1.0, 0.5]), np.zeros(3))
    >>> pruned(tree, 0.4).leaves(), pruned(tree, 0.6).leaves()
    ([1, 2], [0])
    """
    while True:
        weakest, gain = _weakest(tree)
        if weakest < 0 or gain > price:
            return tree
        tree = tree.collapsed(weakest)


def prices(tree: Tree) -> list[float]:
    """Prices between those at which the tree gets smaller, from zero on."""
    steps = [0.0]
    while True:
        weakest, gain = _weakest(tree)
        if weakest < 0:
            break
        steps.append(max(gain, steps[-1]))
        tree = tree.collapsed(weakest)
    return [float(np.sqrt(a * b)) for a, b in zip(steps, [*steps[1:], 4 * steps[-1]], strict=True)]


def chosen_price(sample: Sample, e: np.ndarray, estimating: float, least: int, depth: int, fold: np.ndarray) -> float:
    """Price whose trees, grown without a fold, best predict effects in it; the smaller tree if there is a tie.

    The loss is the squared distance of τ̂ from (d - e)(y - ȳ) / (e(1 - e)), whose mean is the effect.
    """
    whole = grow_tree(sample, estimating, least, depth)
    candidates = prices(whole)
    centre = (1 - e) * _mean(sample, sample.d == 1) + e * _mean(sample, sample.d == 0)
    transformed = (sample.d - e) * (sample.y - centre) / (e * (1 - e))
    loss = np.zeros(len(candidates))
    for k in range(int(fold.max()) + 1):
        seen, held = np.flatnonzero(fold != k), np.flatnonzero(fold == k)
        tree = grow_tree(sample.part(seen), estimating, least, depth)
        for i, price in enumerate(candidates):
            tree = pruned(tree, price)
            tau = tree.effect[tree.leaf_of(sample.x[held])]
            loss[i] += np.sum(tau**2 - 2 * tau * transformed[held])
    return candidates[len(loss) - 1 - int(np.argmin(loss[::-1]))]


def leaves_below(tree: Tree, node: int) -> list[int]:
    """Leaves below a node, from left to right."""
    if tree.feature[node] < 0:
        return [node]
    child = int(tree.left[node])
    return leaves_below(tree, child) + leaves_below(tree, child + 1)


def inner_nodes(tree: Tree, node: int = 0) -> list[int]:
    """Splits below a node, parents first."""
    if tree.feature[node] < 0:
        return []
    child = int(tree.left[node])
    return [node, *inner_nodes(tree, child), *inner_nodes(tree, child + 1)]


def arm_moments(sample: Sample, arm: np.ndarray) -> tuple[float, float]:
    """Weighted mean and variance of the outcome among some rows."""
    w, y = sample.weight[arm], sample.y[arm]
    mean = float(w @ y / w.sum())
    return mean, float(w @ (y - mean) ** 2 / w.sum()) * len(y) / max(len(y) - 1, 1)


def _mean(sample: Sample, arm: np.ndarray) -> float:
    return arm_moments(sample, arm)[0]


def _value(here: Sample, n: int, noise: float, share: float) -> tuple[float, float]:
    (mean1, var1), (mean0, var0) = (arm_moments(here, here.d == arm) for arm in (1, 0))
    effect = mean1 - mean0
    return len(here) / n * effect**2 - noise * (var1 / share + var0 / (1 - share)), effect


def _best_split(here: Sample, n: int, noise: float, share: float, least: int) -> tuple[float, int, float] | None:
    """Return F of the two children, covariate and threshold of the best split; None if none is allowed."""
    best = None
    for feature in range(here.x.shape[1]):
        order = np.argsort(here.x[:, feature], kind="stable")
        column = here.x[order, feature]
        sums = _running(here, order)
        rest = sums[:, -1:] - sums
        allowed = np.minimum(np.minimum(sums[0], sums[4]), np.minimum(rest[0], rest[4]))[:-1] >= least
        at = np.flatnonzero(allowed & (column[1:] > column[:-1]))
        if not len(at):
            continue
        total = _children(sums[:, at], n, noise, share) + _children(rest[:, at], n, noise, share)
        top = int(np.argmax(total))
        if best is None or total[top] > best[0]:
            best = (float(total[top]), feature, float((column[at[top]] + column[at[top] + 1]) / 2))
    return best


def _running(here: Sample, order: np.ndarray) -> np.ndarray:
    """For each arm: rows, weights, weighted outcomes and squares of the first rows in this order; shape (8, n)."""
    centred = (here.y - here.y.mean())[order]
    w = here.weight[order]
    columns = []
    for arm in (1, 0):
        one = (here.d[order] == arm).astype(float)
        columns += [one, one * w, one * w * centred, one * w * centred**2]
    return np.cumsum(columns, axis=1)


def _children(sums: np.ndarray, n: int, noise: float, share: float) -> np.ndarray:
    means, variances = [], []
    for rows, w, first, second in (sums[:4], sums[4:]):
        mean = first / w
        means.append(mean)
        variances.append(np.maximum(second / w - mean**2, 0.0) * rows / np.maximum(rows - 1, 1))
    effect = means[0] - means[1]
    return (sums[0] + sums[4]) / n * effect**2 - noise * (variances[0] / share + variances[1] / (1 - share))


def _weakest(tree: Tree) -> tuple[int, float]:
    """Split whose branch adds least to F for each leaf beyond one, and how much; -1 if the tree is a leaf."""
    weakest, least = -1, np.inf
    for node in inner_nodes(tree):
        leaves = leaves_below(tree, node)
        gain = (tree.value[leaves].sum() - tree.value[node]) / (len(leaves) - 1)
        if gain < least:
            weakest, least = node, gain
    return weakest, float(least)
