"""The best split of the root of a policy tree of depth two, exactly, in O(p² n log n) for two actions.

Rows cross from the right of the root to its left in the order of one covariate after the other. What a side is worth if
split once more, by the rank t in covariate m, is

    max over actions a, b, ranks t of   P_a(t) + S_b - P_b(t)

with P the totals of the scores up to t, S over all of the side. So it is enough to know the largest and the smallest
P_a(t) - P_b(t), and these follow a row that comes or goes in O(log n): each side keeps, for each covariate and pair of
actions, a binary tree over the ranks whose nodes hold the total of their part, and the extremes of its partial totals.

Compiled by numba at first use and kept on disk.

References
----------
Zhou, Athey and Wager (2023), Operations Research 71, state the problem and sort rows once per covariate.
"""

from __future__ import annotations

import numpy as np
from numba import njit


@njit(cache=True)
def best_root(
    rank: np.ndarray, order: np.ndarray, scores: np.ndarray, size: int, min_leaf: int
) -> tuple[float, int, int]:
    """Return the total score of the best tree of depth two, and the covariate and rank of its root.

    Parameters
    ----------
    rank : int64 array, shape (p, n)
        Rank of the value of each row in each covariate, from 0; equal values have equal ranks, ranks may be skipped.
    order : int64 array, shape (p, n)
        Rows in the order of their rank.
    scores : float64 array, shape (n, k)
    size : int
        One more than the largest rank.
    min_leaf : int
        Rows that a leaf has at least.

    Returns
    -------
    (float, int, int)
        Rows of this rank and lower go left. The covariate is -1, and the total -inf, if no split is possible.
    """
    p, n = rank.shape
    k = scores.shape[1]
    pairs = k * (k - 1) // 2
    cap = 1
    while cap < size:
        cap *= 2
    full, full_count = np.zeros((p, pairs, 2 * cap, 3)), np.zeros((p, 2 * cap), dtype=np.int32)
    for m in range(p):
        _build(full[m], full_count[m], rank[m], scores, cap)
    total = np.zeros(k)
    for i in range(n):
        total += scores[i]
    best, feature, place = -np.inf, -1, -1
    left, left_count = np.empty_like(full), np.empty_like(full_count)
    right, right_count = np.empty_like(full), np.empty_like(full_count)
    for j in range(p):
        left[:], left_count[:] = 0.0, 0
        right[:], right_count[:] = full, full_count
        moved = np.zeros(k)
        for s in range(n):
            i = order[j, s]
            moved += scores[i]
            for m in range(p):
                _move(left[m], left_count[m], rank[m, i], scores[i], 1, cap)
                _move(right[m], right_count[m], rank[m, i], scores[i], -1, cap)
            here = s + 1
            if here < min_leaf or n - here < min_leaf or rank[j, order[j, here]] == rank[j, i]:
                continue
            value = _split_once(left, left_count, moved, here, min_leaf, cap)
            value += _split_once(right, right_count, total - moved, n - here, min_leaf, cap)
            if value > best:
                best, feature, place = value, j, rank[j, i]
    return best, feature, place


@njit(cache=True)
def _build(tree, count, rank, scores, cap):
    """Fill the trees of one covariate with all rows."""
    k = scores.shape[1]
    for i in range(len(rank)):
        count[cap + rank[i]] += 1
        pair = 0
        for a in range(k):
            for b in range(a + 1, k):
                tree[pair, cap + rank[i], 0] += scores[i, a] - scores[i, b]
                pair += 1
    for pair in range(tree.shape[0]):
        for leaf in range(cap, 2 * cap):
            tree[pair, leaf, 1] = tree[pair, leaf, 2] = tree[pair, leaf, 0]
        for node in range(cap - 1, 0, -1):
            _join(tree[pair], node)
    for node in range(cap - 1, 0, -1):
        count[node] = count[2 * node] + count[2 * node + 1]


@njit(cache=True)
def _join(tree, node):
    """Total, largest and smallest partial total of a node from those of its two halves."""
    first, second = 2 * node, 2 * node + 1
    total = tree[first, 0]
    tree[node, 0] = total + tree[second, 0]
    tree[node, 1] = max(tree[first, 1], total + tree[second, 1])
    tree[node, 2] = min(tree[first, 2], total + tree[second, 2])


@njit(cache=True)
def _move(tree, count, rank, score, sign, cap):
    """Let a row come (sign 1) or go (sign -1)."""
    node = cap + rank
    while node >= 1:
        count[node] += sign
        node //= 2
    k = len(score)
    pair = 0
    for a in range(k):
        for b in range(a + 1, k):
            node = cap + rank
            tree[pair, node, 0] += sign * (score[a] - score[b])
            tree[pair, node, 1] = tree[pair, node, 2] = tree[pair, node, 0]
            node //= 2
            while node >= 1:
                _join(tree[pair], node)
                node //= 2
            pair += 1


@njit(cache=True)
def _split_once(trees, counts, total, rows, min_leaf, cap):
    """Return the best total of a side split at most once; total, shape (k,), is over its rows."""
    best = total.max()
    if rows < 2 * min_leaf:
        return best
    k = len(total)
    for m in range(len(counts)):
        low = _reaches(counts[m], min_leaf, cap)
        high = _reaches(counts[m], rows - min_leaf + 1, cap) - 1
        if high < low:
            continue
        pair = 0
        for a in range(k):
            for b in range(a + 1, k):
                largest, smallest = _extremes(trees[m, pair], low, high, cap)
                best = max(best, total[b] + largest, total[a] - smallest)
                pair += 1
    return best


@njit(cache=True)
def _reaches(count, rows, cap):
    """Return the lowest rank up to which there are at least so many rows."""
    node = 1
    while node < cap:
        node *= 2
        if count[node] < rows:
            rows -= count[node]
            node += 1
    return node - cap


@njit(cache=True)
def _extremes(tree, low, high, cap):
    """Return the largest and the smallest total up to t, over the ranks t from low to high."""
    first, last = low + cap, high + cap + 1
    before, node = 0.0, first
    while node > 1:
        if node % 2:
            before += tree[node - 1, 0]
        node //= 2
    largest, smallest = -np.inf, np.inf
    tail_largest, tail_smallest = -np.inf, np.inf
    while first < last:  # parts from the left are appended to what is before, those from the right prepended to a tail
        if first % 2:
            largest, smallest = max(largest, before + tree[first, 1]), min(smallest, before + tree[first, 2])
            before += tree[first, 0]
            first += 1
        if last % 2:
            last -= 1
            tail_largest = max(tree[last, 1], tree[last, 0] + tail_largest)
            tail_smallest = min(tree[last, 2], tree[last, 0] + tail_smallest)
        first //= 2
        last //= 2
    return max(largest, before + tail_largest), min(smallest, before + tail_smallest)
