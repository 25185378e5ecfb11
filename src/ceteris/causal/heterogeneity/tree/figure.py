"""A causal tree as text and as a picture, with the effect, interval and share of rows of each leaf."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ceteris.causal.heterogeneity.tree.growing import Tree
from ceteris.results import Figure


def rule(tree: Tree, names: Sequence[str], node: int) -> str:
    """The condition that sends rows left."""
    return f"{names[tree.feature[node]]} ≤ {tree.threshold[node]:.3g}"


def rules_of_leaves(tree: Tree, names: Sequence[str]) -> dict[int, str]:
    """The path to each leaf in words, by leaf.

    Examples
    --------
    >>> import numpy as np
    >>> tree = Tree(np.array([0, -1, -1]), np.array([2.5, 0, 0]), np.array([1, 0, 0]), np.zeros(3), np.zeros(3))
    >>> rules_of_leaves(tree, ["age"])
    {1: 'age ≤ 2.5', 2: 'age > 2.5'}
    """
    found: dict[int, str] = {}

    def walk(node: int, path: list[str]) -> None:
        if tree.feature[node] < 0:
            found[node] = " and ".join(path) or "everybody"
            return
        condition, child = rule(tree, names, node), int(tree.left[node])
        walk(child, [*path, condition])
        walk(child + 1, [*path, condition.replace("≤", ">")])

    walk(0, [])
    return found


def printed(tree: Tree, names: Sequence[str], said: dict[int, str]) -> str:
    """The tree as indented lines; ``said`` is what is written at each leaf.

    Examples
    --------
    >>> import numpy as np
    >>> tree = Tree(np.array([0, -1, -1]), np.array([2.5, 0, 0]), np.array([1, 0, 0]), np.zeros(3), np.zeros(3))
    >>> print(printed(tree, ["age"], {1: "low", 2: "high"}))
    age ≤ 2.5
      low
    age > 2.5
      high
    """
    lines: list[str] = []

    def walk(node: int, level: int) -> None:
        if tree.feature[node] < 0:
            lines.append("  " * level + said[node])
            return
        condition, child = rule(tree, names, node), int(tree.left[node])
        for at, text in ((child, condition), (child + 1, condition.replace("≤", ">"))):
            lines.append("  " * level + text)
            walk(at, level + 1)

    walk(0, 0)
    return "\n".join(lines)


def picture(tree: Tree, names: Sequence[str], leaves: Any) -> Figure:
    """Draw the tree; ``leaves`` has a row for each leaf, by node: estimate, low, high and share."""
    import pandas as pd

    order = tree.leaves()
    places: dict[int, tuple[float, int]] = {}
    rows: list[dict[str, Any]] = []

    def walk(node: int, level: int, parent: int) -> float:
        if tree.feature[node] < 0:
            across, text, kept = float(order.index(node)), "", leaves.loc[node]
            shown = {name: kept[name] for name in ("estimate", "low", "high", "share")}
        else:
            child = int(tree.left[node])
            across = (walk(child, level + 1, node) + walk(child + 1, level + 1, node)) / 2
            text, shown = rule(tree, names, node), {}
        places[node] = (across, level)
        rows.append({"node": node, "parent": parent, "across": across, "level": level, "rule": text} | shown)
        return across

    walk(0, 0, -1)
    caption = "Left: the condition holds. In the leaves: effect, interval of 95 %, share of the rows."
    deepest = max(level for _, level in places.values())
    size = (max(6.4, 1.25 * len(order)), 2.2 + 1.1 * deepest)
    return Figure("Causal tree", caption, pd.DataFrame(rows).sort_values("node", ignore_index=True), _draw, size)


def _draw(figure: Any, data: Any) -> None:
    axes = figure.subplots()
    axes.set_axis_off()
    place = {row.node: (row.across, -row.level) for row in data.itertuples()}
    leaves = data[data["rule"] == ""]
    largest = max(float(leaves["estimate"].abs().max()), 1e-12)
    for row in data.itertuples():
        x, y = place[row.node]
        if row.parent >= 0:
            above = place[row.parent]
            axes.plot([above[0], x], [above[1], y], color="0.6", linewidth=1, zorder=1)
        if row.rule:
            text, colour = row.rule, "white"
        else:
            text = f"{row.estimate:.2f}\n[{row.low:.2f}, {row.high:.2f}]\n{row.share:.0%}"
            depth = 0.6 * abs(row.estimate) / largest
            colour = (1 - depth, 1 - depth / 2, 1.0) if row.estimate >= 0 else (1.0, 1 - depth / 2, 1 - depth)
        box = {"boxstyle": "round", "facecolor": colour, "edgecolor": "0.6"}
        axes.text(x, y, text, ha="center", va="center", fontsize=8, bbox=box, zorder=2)
    axes.set_xlim(-0.6, max(leaves["across"].max(), 0) + 0.6)
    axes.set_ylim(-data["level"].max() - 0.5, 0.4)
