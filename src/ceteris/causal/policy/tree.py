"""Policy trees: the rule of a few splits that is worth most, found exactly, and printed.

A tree of depth two is found exactly (`search`). A deeper one is grown from the root: the split of a node is that of the
best tree of depth ``look_ahead`` below it, so that it is exact where look_ahead is the depth. Looking ahead by one is
the usual greedy growth, which misses all rules whose first split is worth nothing by itself.

In-sample values are too good; use `ceteris.causal.policy.out_of_fold` with `policy_value` for an honest one. For a cost
of treatment subtract it from the scores; for a budget raise that cost until the tree treats few enough.

References
----------
Athey and Wager (2021), Econometrica 89; Zhou, Athey and Wager (2023), Operations Research 71.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import COUNT, as_many, check
from ceteris.causal.heterogeneity.evaluate.inputs import same_covariates, same_length
from ceteris.causal.policy.value import read_scores
from ceteris.causal.rows import read_covariates
from ceteris.causal.screens import LINES, counted, cut, page, wrapped
from ceteris.outlets import SCREEN, brief
from ceteris.results import Figure, Section, Table
from ceteris.showing import AbstractResult
from ceteris.tables.frames import same_labels

if TYPE_CHECKING:
    import pandas as pd

ROOM = 24  # characters of a name in the picture, or boxes hide each other
BETTER = 1e-9  # share of the total absolute score by which a split must raise the total, or it is rounding


@dataclass(frozen=True)
class Node:
    """A split, or a leaf if ``left`` is None; rows with x[:, feature] ≤ threshold go left.

    ``action`` is the best single one, ``value`` the mean of its scores, and ``scores`` those of every action.
    """

    action: int
    rows: int
    value: float
    feature: int = -1
    threshold: float = np.nan
    left: Node | None = None
    right: Node | None = None
    scores: tuple[float, ...] = ()


@dataclass(frozen=True)
class PolicyTree:
    """Learner of policy trees.

    Parameters
    ----------
    depth : int
        Splits on the way from the root to a leaf, at most.
    look_ahead : int
        Depth of the trees that are searched exactly for each split. Up to 2 it is quick; 3 multiplies the time by the
        number of possible splits, so it is for a few hundred rows.
    split_step : int
        Only every so many distinct values are split at.
    min_leaf : int
        Rows in a leaf, at least.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(-1, 1, (400, 3))
    >>> tree = PolicyTree().fit(x, np.where((x[:, 0] > 0) == (x[:, 1] > 0), 1.0, -1.0))  # no first split gains
    >>> tree.value, tree.predict([[0.5, 0.5, 0.0], [0.5, -0.5, 0.0]])
    (0.415, array([1, 0]))
    """

    depth: int = 2
    look_ahead: int = 2
    split_step: int = 1
    min_leaf: int = 1

    def __post_init__(self) -> None:
        check(self, look_ahead=COUNT, split_step=COUNT, min_leaf=COUNT)

    def fit(self, x: Any, scores: Any, actions: Sequence[str] | None = None) -> FittedTree:
        """Find the tree.

        Parameters
        ----------
        x : data frame or array, shape (n, p)
        scores : array, shape (n,) or (n, k)
            Doubly robust scores of the effect, or of every action.
        actions : sequence of k str, optional
            Names for the printed rule.
        """
        same_labels(x=x, scores=scores)
        matrix, names = read_covariates(x)
        gamma = read_scores(scores)
        same_length(x=matrix, scores=gamma)
        n, k = gamma.shape
        if 2**self.depth * self.min_leaf > n:
            raise ValueError(
                f"depth is {self.depth}, which asks for {2**self.depth} leaves of at least {self.min_leaf} rows; x "
                f"has {n} rows; give a lower depth."
            )
        default = ("do not treat", "treat") if np.ndim(scores) == 1 else tuple(f"action {a}" for a in range(k))
        labels = default if actions is None else tuple(actions)
        as_many("actions", labels, k, of="action")
        rank = ranked(matrix, self.split_step)
        return FittedTree(self._grow(matrix, rank, gamma, self.depth), names, labels, np.ndim(scores) == 1)

    def _grow(self, x: np.ndarray, rank: np.ndarray, gamma: np.ndarray, depth: int) -> Node:
        total = gamma.sum(0)
        action = int(total.argmax())
        means = tuple((total / len(x)).tolist())
        leaf = Node(action, len(x), means[action], scores=means)
        if depth == 0 or len(x) < 2 * self.min_leaf:
            return leaf
        least = total[action] + BETTER * np.abs(gamma).sum()
        best, feature, place = best_split(rank, gamma, min(depth, self.look_ahead), self.min_leaf)
        if best <= least:
            return leaf
        goes = rank[feature] <= place
        below, above = x[goes, feature].max(), x[~goes, feature].min()
        middle = (below + above) / 2
        threshold = float(middle if middle < above else below)
        left, right = (self._grow(x[side], rank[:, side], gamma[side], depth - 1) for side in (goes, ~goes))
        return replace(leaf, feature=feature, threshold=threshold, left=left, right=right)


def ranked(x: np.ndarray, step: int) -> np.ndarray:
    """Return the ranks of the values of each covariate, ``step`` distinct values to a rank, shape (p, n).

    Examples
    --------
    >>> ranked(np.array([[3.0], [1.0], [3.0], [7.0]]), 1)
    array([[1, 0, 1, 2]])
    """
    return np.stack([np.unique(column, return_inverse=True)[1] // step for column in x.T])


def best_split(rank: np.ndarray, gamma: np.ndarray, depth: int, min_leaf: int) -> tuple[float, int, int]:
    """Return the total of the best tree of this depth, and the covariate and rank of its root (-1 for no split)."""
    if depth == 1:
        return _best_stump(rank, gamma, min_leaf)
    if depth == 2:
        from ceteris.causal.policy.search import best_root

        rank = np.ascontiguousarray(rank)
        order = np.argsort(rank, axis=1, kind="stable")
        return best_root(rank, order, np.ascontiguousarray(gamma), int(rank.max()) + 1, min_leaf)
    best = (-np.inf, -1, -1)
    for feature, row in enumerate(rank):
        for place in np.unique(row)[:-1]:
            goes = row <= place
            if min(goes.sum(), (~goes).sum()) < min_leaf:
                continue
            total = sum(_worth(rank[:, side], gamma[side], depth - 1, min_leaf) for side in (goes, ~goes))
            if total > best[0]:
                best = (total, feature, int(place))
    return best


def _worth(rank: np.ndarray, gamma: np.ndarray, depth: int, min_leaf: int) -> float:
    return max(float(gamma.sum(0).max()), best_split(rank, gamma, depth, min_leaf)[0])


def _best_stump(rank: np.ndarray, gamma: np.ndarray, min_leaf: int) -> tuple[float, int, int]:
    best = (-np.inf, -1, -1)
    total = gamma.sum(0)
    for feature, row in enumerate(rank):
        rows = np.cumsum(np.bincount(row))
        below = np.cumsum(np.stack([np.bincount(row, weights=column) for column in gamma.T], axis=1), axis=0)
        worth = below.max(1) + (total - below).max(1)
        worth[(rows < min_leaf) | (len(row) - rows < min_leaf)] = -np.inf
        place = int(worth.argmax())
        if worth[place] > best[0]:
            best = (float(worth[place]), feature, place)
    return best


@dataclass(frozen=True, repr=False)
class FittedTree(AbstractResult):
    """A policy tree: ``print`` shows the rule, ``plot`` draws it.

    Parameters
    ----------
    root : Node
    names : tuple of str
        Of the covariates.
    actions : tuple of str
        Of the actions.
    of_effect : bool
        Whether the scores are those of the effect of the second action, so that a leaf is described by its mean effect,
        treated or not; else by the mean score of its action.

    Examples
    --------
    >>> print(PolicyTree(depth=1).fit([[20.0], [30.0], [40.0]], [-2.0, 1.0, 3.0]))
    Policy tree: 2 leaves, learnt from 3 rows
    if x0 <= 25:
        do not treat  (1 row, mean effect -2)
    else:
        treat  (2 rows, mean effect 2)
    Mean effect: what "treat" changes for the rows of a leaf, by the scores that the tree was chosen by.
    """

    root: Node
    names: tuple[str, ...]
    actions: tuple[str, ...]
    of_effect: bool = False

    @property
    def value(self) -> float:
        """Mean score of the rows it was learnt from, which is too good: they chose it."""
        leaves = [node for node, _, _ in placed(self.root) if node.left is None]
        return sum(leaf.rows * leaf.value for leaf in leaves) / self.root.rows

    def predict(self, x: Any) -> np.ndarray:
        """Return the action of each row, shape (n,): 1 to treat, 0 not to, or the number of the action."""
        matrix = same_covariates(x, self.names)
        found = np.empty(len(matrix), dtype=int)
        _descend(self.root, matrix, np.arange(len(matrix)), found)
        return found

    def summary(self) -> str:
        """The rule, with the rows of each leaf and their mean effect, or mean score."""
        leaves = sum(node.left is None for node, _, _ in placed(self.root))
        many = "1 leaf" if leaves == 1 else f"{leaves} leaves"
        title = f"Policy tree: {many}, learnt from {counted(self.root.rows, 'row')}"
        by = "for the rows of a leaf, by the scores that the tree was chosen by."
        what = f"what {self._action(1)!r} changes" if self.of_effect else "of the action named,"
        what = what.replace("'", '"')
        rule = cut(self._lines(self.root, 0), LINES - 4)
        return page(title, {}, (), [*rule, *wrapped(f"{self._measure.capitalize()}: {what} {by}")])

    def leaves(self) -> pd.DataFrame:
        """One row for each leaf, from left to right: its rule, action, rows, and mean effect or mean score."""
        import pandas as pd

        found = [
            (" and ".join(path) or "everybody", self.actions[leaf.action], leaf.rows, self._measured(leaf))
            for leaf, path in paths(self.root, self.names)
        ]
        return pd.DataFrame(found, columns=pd.Index(["rule", "action", "rows", self._measure]))

    def sections(self) -> tuple[Section, ...]:
        """The tree, drawn, and a table of its leaves."""
        note = f"Their mean, {self.value:.3g}, is too good: these scores chose the tree; out_of_fold is honest."
        return (Section("Policy tree", "", (Table("Leaves", self.leaves(), note),), (self.figure(),)),)

    def _check_loaded(self) -> None:
        for node, _, _ in placed(self.root):
            if (node.left is None) != (node.right is None) or not 0 <= node.action < len(self.actions):
                raise ValueError("a node of a tree lacks a child, or its action")
            if node.left is not None and not 0 <= node.feature < len(self.names):
                raise ValueError("a tree asks for a covariate that is not there")

    @property
    def _measure(self) -> str:
        return "mean effect" if self.of_effect else "mean score"

    def _measured(self, node: Node) -> float:
        return node.scores[1] if self.of_effect else node.value

    def _action(self, number: int) -> str:
        return brief(self.actions[number], SCREEN)

    def _lines(self, node: Node, depth: int) -> list[str]:
        indent = "    " * depth
        if node.left is None or node.right is None:
            rows = "1 row" if node.rows == 1 else f"{node.rows} rows"
            return [f"{indent}{self._action(node.action)}  ({rows}, {self._measure} {self._measured(node):.3g})"]
        split = f"{brief(self.names[node.feature], SCREEN)} <= {node.threshold:.4g}"
        inside = [self._lines(child, depth + 1) for child in (node.left, node.right)]
        return [f"{indent}if {split}:", *inside[0], f"{indent}else:", *inside[1]]

    def figure(self) -> Figure:
        """The tree as a picture: splits, and each leaf's action, share of the rows, and mean effect or score."""
        import pandas as pd

        rows = []
        for node, (x, y), (x0, y0) in placed(self.root):
            leaf = node.left is None
            shown = self._measured(node)
            told = f"{node.rows / self.root.rows:.0%} of rows\n{self._measure} {shown:.3g}"
            rule = f"{brief(self.names[node.feature], ROOM)}\n≤ {node.threshold:.4g}" if not leaf else ""
            text = f"{brief(self.actions[node.action], ROOM)}\n{told}" if leaf else rule
            rows.append((x, y, x0, y0, leaf, node.action, text, node.rows, shown))
        titles = ["x", "y", "parent x", "parent y", "leaf", "action", "text", "rows", self._measure]
        data = pd.DataFrame(rows, columns=pd.Index(titles))
        size = max(4.0, 1.8 * sum(row[4] for row in rows)), 1.4 - 1.1 * min(row[1] for row in rows)
        caption = f"To the left where the condition holds. In the leaves: action, share of the rows, {self._measure}."
        return Figure("Policy tree", caption, data, _draw_tree, size)


def placed(root: Node) -> Iterator[tuple[Node, tuple[float, float], tuple[float, float]]]:
    """Yield every node, its place and that of its parent: leaves side by side at whole numbers, levels at 0, -1, ..."""
    taken = 0

    def put(node: Node, level: int) -> list[Any]:
        nonlocal taken
        if node.left is None or node.right is None:
            taken += 1
            return [(node, (taken - 1.0, -float(level)), None)]
        below = [put(child, level + 1) for child in (node.left, node.right)]
        at = (sum(part[0][1][0] for part in below) / 2, -float(level))
        children = [(child, own, parent or at) for part in below for child, own, parent in part]
        return [(node, at, None), *children]

    for node, at, parent in put(root, 0):
        yield node, at, parent or at


def paths(node: Node, names: Sequence[str], path: tuple[str, ...] = ()) -> Iterator[tuple[Node, tuple[str, ...]]]:
    """Yield the leaves from left to right, and the conditions that lead there.

    Examples
    --------
    >>> tree = PolicyTree(depth=1).fit([[20.0], [30.0]], [-2.0, 1.0])
    >>> [path for _, path in paths(tree.root, tree.names)]
    [('x0 ≤ 25',), ('x0 > 25',)]
    """
    if node.left is None or node.right is None:
        yield node, path
        return
    for child, sign in ((node.left, "≤"), (node.right, ">")):
        yield from paths(child, names, (*path, f"{names[node.feature]} {sign} {node.threshold:.4g}"))


def _descend(node: Node, x: np.ndarray, rows: np.ndarray, found: np.ndarray) -> None:
    if node.left is None or node.right is None:
        found[rows] = node.action
        return
    goes = x[rows, node.feature] <= node.threshold
    _descend(node.left, x, rows[goes], found)
    _descend(node.right, x, rows[~goes], found)


def _draw_tree(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    for _, node in data.iterrows():
        axes.plot(
            [node["parent x"], node["x"]],
            [node["parent y"], node["y"]],
            color="0.5",
            linestyle="-",
            linewidth=1,
            zorder=1,
        )
        box = {"boxstyle": "round", "facecolor": f"C{node['action']}" if node["leaf"] else "white", "edgecolor": "0.5"}
        colour = "white" if node["leaf"] else "black"
        axes.text(node["x"], node["y"], node["text"], ha="center", va="center", fontsize=9, bbox=box, color=colour)
    axes.set(xlim=(data["x"].min() - 0.7, data["x"].max() + 0.7), ylim=(data["y"].min() - 0.5, 0.5))
    axes.axis("off")
