"""From rows to leaves, compiled: moments averaged over trees, spread between little bags, weights of the rows.

All take `trees`, the arrays (starts, feature, cut, missing_left, child, leaf_moments, leaf_rows) of `Trees`, whose
children and leaves are numbered over the whole forest, and `draws`, the arguments (seed, bag, units, share, honest) of
`draw_states`. Where ``unit`` (n,) is not empty the rows are those the forest was grown on, and only the trees that have
not seen a row answer for it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from ceteris.causal.heterogeneity.forest.draws import BOTH, ESTIMATE, OUT, draw_states
from ceteris.causal.heterogeneity.forest.grow import leaf_of


@njit(cache=True, nogil=True)
def mean_moments(codes: Any, unit: Any, trees: Any, draws: Any) -> Any:
    """Mean of the leaves' moments over the trees that answer, (n, q); NaN where none does."""
    starts, feature, cut, missing_left, child, leaf_moments, _ = trees
    seed, bag, units, share, honest = draws
    n, width = len(codes), leaf_moments.shape[1]
    sums, count = np.zeros((n, width)), np.zeros(n, np.int64)
    for tree in range(len(starts) - 1):
        states = draw_states(seed, tree, bag, units if len(unit) else 0, share, honest)
        for row in range(n):
            if len(unit) and states[unit[row]] != OUT:
                continue
            leaf = child[leaf_of(codes, row, feature, cut, missing_left, child, starts[tree])]
            count[row] += 1
            for k in range(width):
                sums[row, k] += leaf_moments[leaf, k]
    for row in range(n):
        for k in range(width):
            sums[row, k] = sums[row, k] / count[row] if count[row] else np.nan
    return sums


@njit(cache=True, nogil=True)
def spread_of_bags(codes: Any, unit: Any, trees: Any, draws: Any, linear: Any) -> Any:
    """Mean squares, over little bags and over trees, of linear functions of the leaves' moments.

    Parameters
    ----------
    linear : float (n, r, q)
        The function of the moments for each row and each of r outputs: an influence, of mean zero over trees.

    Returns
    -------
    between, total : float (n, r)
        Mean of the squared means of the bags, and of the squares of the trees.
    bags : int (n,)
        Bags of which all trees answer.
    """
    starts, feature, cut, missing_left, child, leaf_moments, _ = trees
    seed, bag, units, share, honest = draws
    n, r, width = linear.shape
    between, total, bags = np.zeros((n, r)), np.zeros((n, r)), np.zeros(n, np.int64)
    sums, squares, answers = np.empty((n, r)), np.empty((n, r)), np.empty(n, np.int64)
    for first in range(0, len(starts) - 1, bag):
        sums[:] = 0.0
        squares[:] = 0.0
        answers[:] = 0
        for tree in range(first, first + bag):
            states = draw_states(seed, tree, bag, units if len(unit) else 0, share, honest)
            for row in range(n):
                if len(unit) and states[unit[row]] != OUT:
                    continue
                leaf = child[leaf_of(codes, row, feature, cut, missing_left, child, starts[tree])]
                answers[row] += 1
                for j in range(r):
                    value = 0.0
                    for k in range(width):
                        value += linear[row, j, k] * leaf_moments[leaf, k]
                    sums[row, j] += value
                    squares[row, j] += value**2
        for row in range(n):
            if answers[row] == bag:
                bags[row] += 1
                for j in range(r):
                    between[row, j] += (sums[row, j] / bag) ** 2
                    total[row, j] += squares[row, j] / bag
    for row in range(n):
        for j in range(r):
            between[row, j] = between[row, j] / bags[row] if bags[row] else np.nan
            total[row, j] = total[row, j] / bags[row] if bags[row] else np.nan
    return between, total, bags


@njit(cache=True, nogil=True)
def weights(codes: Any, unit: Any, trees: Any, draws: Any, grown_codes: Any, grown_unit: Any) -> Any:
    """α_i(x) for each row x of codes (m, p) and each row i that the forest was grown on; shape (m, n), rows sum to one.

    In a tree, the rows kept for estimation that are in the leaf of x share a weight of one.
    """
    starts, feature, cut, missing_left, child, _, leaf_rows = trees
    seed, bag, units, share, honest = draws
    m, n = len(codes), len(grown_codes)
    alpha, count = np.zeros((m, n)), np.zeros(m, np.int64)
    members, following = np.empty(n, np.int64), np.empty(n, np.int64)
    for tree in range(len(starts) - 1):
        states = draw_states(seed, tree, bag, units, share, honest)
        root = starts[tree]
        newest = np.full(starts[tree + 1] - root, -1, np.int64)  # last row of each leaf; `following` links to others
        kept = 0
        for i in range(n):
            state = states[grown_unit[i]]
            if state in (ESTIMATE, BOTH):
                node = leaf_of(grown_codes, i, feature, cut, missing_left, child, root) - root
                members[kept], following[kept], newest[node] = i, newest[node], kept
                kept += 1
        for row in range(m):
            if len(unit) and states[unit[row]] != OUT:
                continue
            node = leaf_of(codes, row, feature, cut, missing_left, child, root)
            count[row] += 1
            share_of_leaf = 1.0 / leaf_rows[child[node]]
            entry = newest[node - root]
            while entry >= 0:
                alpha[row, members[entry]] += share_of_leaf
                entry = following[entry]
    for row in range(m):
        alpha[row] *= 1.0 / count[row] if count[row] else np.nan
    return alpha
