"""Growing one tree, compiled: pseudo-outcomes of a node, the best split from histograms, honest leaves.

A row i carries a linear moment, ψ_i(θ) = b_i - A_i θ with A_i (d, d) and b_i (d,), stored as one line of ``moments``:
the d² entries of A_i, then b_i. In a node P with θ_P = A_P⁻¹ b_P (bars for means over the node) the pseudo-outcome is

    ρ_i = the first r entries of A_P⁻¹ (b_i - A_i θ_P),

the influence of the row on the estimates of interest, and the split of P into L and R maximises

    |Σ_L ρ_i|² / n_L + |Σ_R ρ_i|² / n_R,

which is to first order the split with the largest difference of the estimates (Athey, Tibshirani and Wager, section
2.3). For quantiles the pseudo-outcomes say between which quantiles of the node an outcome lies.

Sums are kept by bin of the covariate in question, so that a node of m rows costs O(m) for each covariate.

References
----------
Athey, Tibshirani and Wager (2019), "Generalized random forests", Annals of Statistics 47. Wager and Athey (2018), JASA
113. Twala, Jones and Hand (2008) for missing values as a property to split on.
"""

from __future__ import annotations

from typing import Any

import llvmlite.ir
import numpy as np
from numba import njit, types
from numba.extending import intrinsic

from ceteris.causal.heterogeneity.forest.draws import BOTH, ESTIMATE, SPLIT, draw_features, stream

LINEAR, CLASSES = 0, 1  # pseudo-outcomes of a linear moment, or classes between quantiles
SINGULAR = 1e-10  # pivot, rows and columns being scaled to one, below which a node's moments determine no estimate
ROUNDING = 1e-12  # share of the pseudo-outcomes' squares that a split must gain at least

_ONE, _S6, _LOW6 = np.uint64(1), np.uint64(6), np.uint64(63)


# ---------------------------------------------------------------------------------------- pseudo-outcomes


@njit(cache=True, nogil=True)
def _invert(a: Any, inverse: Any) -> bool:
    """Gauss and Jordan with pivots, in place of `a`; False if singular in any units of moments and parameters."""
    d = len(a)
    by_row, by_column = np.empty(d), np.empty(d)
    for i in range(d):
        by_row[i] = np.abs(a[i]).max()
        if not by_row[i] > 0:
            return False
        a[i] /= by_row[i]
    for j in range(d):
        by_column[j] = np.abs(a[:, j]).max()
        if not by_column[j] > 0:
            return False
        a[:, j] /= by_column[j]
    for i in range(d):
        for j in range(d):
            inverse[i, j] = 1.0 if i == j else 0.0
    for k in range(d):
        best = k
        for i in range(k + 1, d):
            if abs(a[i, k]) > abs(a[best, k]):
                best = i
        if not abs(a[best, k]) > SINGULAR:
            return False
        for j in range(d):
            a[k, j], a[best, j] = a[best, j], a[k, j]
            inverse[k, j], inverse[best, j] = inverse[best, j], inverse[k, j]
        pivot = 1.0 / a[k, k]
        for j in range(d):
            a[k, j] *= pivot
            inverse[k, j] *= pivot
        for i in range(d):
            factor = a[i, k]
            if i != k and factor != 0.0:
                for j in range(d):
                    a[i, j] -= factor * a[k, j]
                    inverse[i, j] -= factor * inverse[k, j]
    for i in range(d):
        for j in range(d):
            inverse[i, j] /= by_column[i] * by_row[j]
    return True


@njit(cache=True, nogil=True)
def _relabel_linear(moments: Any, rows: Any, d: int, r: int, values: Any) -> bool:
    """Write ρ of the rows of a node to values[:, 1 : r + 1]; False where the node has no estimate."""
    m = len(rows)
    mean = np.zeros(d * d + d)
    for i in range(m):
        for k in range(d * d + d):
            mean[k] += moments[rows[i], k]
    a, inverse, theta, gap = mean[: d * d].copy().reshape(d, d), np.empty((d, d)), np.zeros(d), np.empty(d)
    if not _invert(a, inverse):
        return False
    for i in range(d):
        for j in range(d):
            theta[i] += inverse[i, j] * mean[d * d + j]
    for i in range(m):
        row = rows[i]
        for k in range(d):
            gap[k] = moments[row, d * d + k]
            for j in range(d):
                gap[k] -= moments[row, k * d + j] * theta[j]
        for k in range(r):
            rho = 0.0
            for j in range(d):
                rho += inverse[k, j] * gap[j]
            values[i, 1 + k] = rho * m
    return True


@njit(cache=True, nogil=True)
def _relabel_classes(moments: Any, rows: Any, levels: Any, values: Any) -> bool:
    """Write, for each class between quantiles of the node's outcomes (the first moment), whether a row is in it."""
    m = len(rows)
    outcomes = np.empty(m)
    for i in range(m):
        outcomes[i] = moments[rows[i], 0]
    ordered = np.sort(outcomes)
    for i in range(m):
        place = 0
        for k in range(len(levels)):
            if outcomes[i] > ordered[min(int(levels[k] * m), m - 1)]:
                place += 1
        for k in range(len(levels) + 1):
            values[i, 1 + k] = 1.0 if k == place else 0.0
    return ordered[0] < ordered[m - 1]


@njit(cache=True, nogil=True)
def fill_balance(balance: Any, rows: Any, r: int, values: Any) -> None:
    """Write, for each variable that children must keep varied, whether it is below the node's mean, it, its square."""
    for k in range(balance.shape[1]):
        mean, at = 0.0, 1 + r + 3 * k
        for i in range(len(rows)):
            mean += balance[rows[i], k] / len(rows)
        for i in range(len(rows)):
            z = balance[rows[i], k]
            values[i, at] = 1.0 if z < mean else 0.0
            values[i, at + 1] = z - mean
            values[i, at + 2] = (z - mean) ** 2


# ---------------------------------------------------------------------------------------- the best split


@intrinsic
def _trailing_zeros(context: Any, word: Any = None) -> Any:
    def code(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], llvmlite.ir.Constant(llvmlite.ir.IntType(1), 0))

    return types.uint64(types.uint64), code


@njit(cache=True, nogil=True)
def _gain(left: Any, total: Any, r: int, s: int, least: float, alpha: float) -> float:
    """Criterion of a split, or -1 where a child would be too small or, in what must vary, too uniform."""
    n, n_left = total[0], left[0]
    n_right = n - n_left
    if s == 0:
        smallest = max(np.ceil(alpha * n), 1.0)
        if n_left < smallest or n_right < smallest:
            return -1.0
    for k in range(s):
        at = 1 + r + 3 * k
        small, small_right = left[at], total[at] - left[at]
        if small < least or n_left - small < least or small_right < least or n_right - small_right < least:
            return -1.0
        z_right = total[at + 1] - left[at + 1]
        spread = left[at + 2] - left[at + 1] ** 2 / n_left
        spread_right = total[at + 2] - left[at + 2] - z_right**2 / n_right
        if min(spread, spread_right) < alpha * (total[at + 2] - total[at + 1] ** 2 / n):
            return -1.0
    gain = 0.0
    for k in range(1, r + 1):
        gain += left[k] ** 2 / n_left + (total[k] - left[k]) ** 2 / n_right - total[k] ** 2 / n
    return gain


@njit(cache=True, nogil=True)
def best_split(
    codes: Any, rows: Any, values: Any, features: Any, r: int, s: int, least: float, alpha: float, bins: Any
) -> Any:
    """Return the best split of a node: covariate (-1: none), last bin to the left, whether missing goes left, gain.

    Parameters
    ----------
    codes : uint8 (n, p)
    rows : int (m,)
        The rows of the node.
    values : float (m, 1 + r + 3 s)
        For each of them: one, pseudo-outcomes, and for s variables that must vary what `fill_balance` writes.
    features : int (f,)
        Covariates to try.
    bins : float (256, 1 + r + 3 s)
        Working space.
    """
    m, width = len(rows), values.shape[1]
    total, left, other = np.zeros(width), np.empty(width), np.empty(width)
    squares = 0.0
    for i in range(m):
        for k in range(width):
            total[k] += values[i, k]
        for k in range(1, r + 1):
            squares += values[i, k] ** 2
    chosen, cut, missing_left, best = -1, 0, False, ROUNDING * squares
    seen = np.empty(4, np.uint64)
    for f in features:
        seen[:] = 0
        for i in range(m):
            code = np.uint64(codes[rows[i], f])
            word, bit = code >> _S6, _ONE << (code & _LOW6)
            if seen[word] & bit:
                for k in range(width):
                    bins[code, k] += values[i, k]
            else:
                seen[word] |= bit
                for k in range(width):
                    bins[code, k] = values[i, k]
        left[:] = 0.0
        missing = seen[0] & _ONE
        last = 0
        seen[0] &= ~_ONE
        if missing:  # those without a value on the left, all others on the right
            gain = _gain(bins[0], total, r, s, least, alpha)
            if gain > best:
                chosen, cut, missing_left, best = f, 0, True, gain
        for word in range(4):
            while seen[word]:
                code = _trailing_zeros(seen[word]) + np.uint64(64 * word)
                seen[word] &= seen[word] - _ONE
                if last > 0:
                    between = (last + np.int64(code)) // 2
                    gain = _gain(left, total, r, s, least, alpha)
                    if gain > best:
                        chosen, cut, best = f, between, gain
                        missing_left = (not missing) and 2 * left[0] > m
                    if missing:
                        for k in range(width):
                            other[k] = left[k] + bins[0, k]
                        gain = _gain(other, total, r, s, least, alpha)
                        if gain > best:
                            chosen, cut, missing_left, best = f, between, True, gain
                for k in range(width):
                    left[k] += bins[code, k]
                last = np.int64(code)
    return chosen, cut, missing_left, best


# ---------------------------------------------------------------------------------------- the tree


@njit(cache=True, nogil=True)
def goes_left(code: Any, cut: Any, missing_left: Any) -> bool:
    """Side of a split that a bin is on."""
    return missing_left if code == 0 else code <= cut


@njit(cache=True, nogil=True)
def _grow_nodes(
    codes: Any, moments: Any, balance: Any, state: Any, shape: Any, levels: Any, least: int, alpha: float,
    candidates: float,
) -> Any:  # fmt: skip
    """Split until nothing is left to split; arrays over nodes, the children of a node side by side."""
    kind, d, r = shape
    m, p = codes.shape
    s = balance.shape[1]
    most = 2 * m + 1
    feature, child = np.full(most, -1, np.int32), np.zeros(most, np.int32)
    cut, missing_left = np.zeros(most, np.uint8), np.zeros(most, np.bool_)
    start, stop = np.zeros(most, np.int64), np.zeros(most, np.int64)
    rows, spare = np.arange(m), np.empty(m, np.int64)
    values, bins = np.ones((m, 1 + r + 3 * s)), np.empty((256, 1 + r + 3 * s))
    todo = np.zeros(most, np.int64)  # depth first, so that the rows of a branch stay in the cache
    stop[0], nodes, waiting = m, 1, 1
    while waiting:
        waiting -= 1
        node = todo[waiting]
        here = rows[start[node] : stop[node]]
        size = len(here)
        found = -1
        if size > least and size > 1:
            if kind == LINEAR:
                good = _relabel_linear(moments, here, d, r, values)
            else:
                good = _relabel_classes(moments, here, levels, values)
            if good:
                fill_balance(balance, here, r, values)
                features = draw_features(state, p, candidates)
                found, at, missing, _ = best_split(codes, here, values[:size], features, r, s, least, alpha, bins)
        if found >= 0:
            feature[node], cut[node], missing_left[node], child[node] = found, at, missing, nodes
            on_left, on_right = 0, 0
            for i in range(size):
                if goes_left(codes[here[i], found], at, missing):
                    here[on_left] = here[i]
                    on_left += 1
                else:
                    spare[on_right] = here[i]
                    on_right += 1
            here[on_left:] = spare[:on_right]
            start[nodes], stop[nodes] = start[node], start[node] + on_left
            start[nodes + 1], stop[nodes + 1] = start[node] + on_left, stop[node]
            todo[waiting], todo[waiting + 1] = nodes + 1, nodes
            nodes += 2
            waiting += 2
    return feature[:nodes], cut[:nodes], missing_left[:nodes], child[:nodes]


@njit(cache=True, nogil=True)
def leaf_of(codes: Any, row: int, feature: Any, cut: Any, missing_left: Any, child: Any, root: int) -> Any:
    """Node without children that a row ends in."""
    node = root
    while feature[node] >= 0:
        left = goes_left(codes[row, feature[node]], cut[node], missing_left[node])
        node = child[node] if left else child[node] + 1
    return node


@njit(cache=True, nogil=True)
def settle(codes: Any, moments: Any, rows: Any, feature: Any, cut: Any, missing_left: Any, child: Any) -> Any:
    """Fill the leaves with the rows kept for estimation, take out the empty ones, and number nodes and leaves anew."""
    nodes, width = len(feature), moments.shape[1]
    count, sums = np.zeros(nodes, np.int32), np.zeros((nodes, width))
    for row in rows:
        node = leaf_of(codes, row, feature, cut, missing_left, child, 0)
        count[node] += 1
        for k in range(width):
            sums[node, k] += moments[row, k]
    filled = count > 0
    for node in range(nodes - 1, -1, -1):
        if feature[node] < 0:
            continue
        first, second = child[node], child[node] + 1
        filled[node] = filled[first] or filled[second]
        if filled[node] and not (filled[first] and filled[second]):
            only = first if filled[first] else second
            feature[node], cut[node], missing_left[node] = feature[only], cut[only], missing_left[only]
            child[node], count[node], sums[node] = child[only], count[only], sums[only]
    old = np.zeros(nodes, np.int32)
    kept, leaves, node = 1, 0, 0
    new_feature, new_child = np.empty(nodes, np.int32), np.empty(nodes, np.int32)
    new_cut, new_missing = np.empty(nodes, np.uint8), np.empty(nodes, np.bool_)
    leaf_moments, leaf_rows = np.empty((nodes, width)), np.empty(nodes, np.int32)
    while node < kept:
        was = old[node]
        new_feature[node], new_cut[node], new_missing[node] = feature[was], cut[was], missing_left[was]
        if feature[was] >= 0:
            new_child[node] = kept
            old[kept], old[kept + 1] = child[was], child[was] + 1
            kept += 2
        else:
            new_child[node] = leaves
            leaf_rows[leaves] = count[was]
            leaf_moments[leaves] = sums[was] / count[was]
            leaves += 1
        node += 1
    # Copies, so that the working arrays are freed.
    return (
        new_feature[:kept].copy(), new_cut[:kept].copy(), new_missing[:kept].copy(), new_child[:kept].copy(),
        leaf_moments[:leaves].copy(), leaf_rows[:leaves].copy(),
    )  # fmt: skip


@njit(cache=True, nogil=True)
def grow_tree(
    codes: Any, moments: Any, balance: Any, states: Any, seed: int, tree: int, shape: Any, levels: Any,
    least: int, alpha: float, candidates: float,
) -> Any:  # fmt: skip
    """Grow one tree.

    Parameters
    ----------
    codes : uint8 (n, p)
    moments : float (n, q)
    balance : float (n, s)
        Variables that must vary within each child, such as the treatment; s may be 0.
    states : uint8 (n,)
        What the tree does with each row, from `draw_states`.
    shape : (kind, d, r)
        LINEAR or CLASSES, dimension of the moment, number of pseudo-outcomes.
    levels : float (k,)
        Quantiles that tell the classes apart.
    least, alpha, candidates
        As in `TreeSettings`.

    Returns
    -------
    feature, cut, missing_left, child : arrays over nodes
        The covariate is -1 for a leaf, of which ``child`` is the number; else ``child`` is the left child and the next
        node the right one.
    leaf_moments, leaf_rows : arrays over leaves
    """
    n = len(codes)
    growing, estimating = np.empty(n, np.int64), np.empty(n, np.int64)
    a, b = 0, 0
    for row in range(n):
        state = states[row]
        if state in (SPLIT, BOTH):
            growing[a] = row
            a += 1
        if state in (ESTIMATE, BOTH):
            estimating[b] = row
            b += 1
    growing, estimating = growing[:a], estimating[:b]
    nodes = _grow_nodes(
        codes[growing], moments[growing], balance[growing], stream(seed, tree, 3), shape, levels, least, alpha,
        candidates,
    )  # fmt: skip
    return settle(codes, moments, estimating, *nodes)
