"""Evaluating and using effects: rank metrics against grf's definitions, policy trees, budgets, parity, policy learners.

Run by ``heterogeneity.py``, or by itself.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

import bench

POLICYTREE = "policytree (R) 4.7, measured once"


def metrics():
    """Differences from what grf's own code gives for the arrays of the tests, and the worked example of 004."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "causal" / "heterogeneity" / "evaluate"))
    import test_rate as fixed

    from ceteris.causal.heterogeneity import cumulative_gain, rate, toc

    worst = {"AUTOC": 0.0, "QINI": 0.0, "TOC": 0.0}
    for (order, how), (autoc, qini, *curve) in fixed.GRF.items():
        given = {"scores": fixed.SCORES, "priority": fixed.PRIORITY[order], "weights": fixed.WEIGHTS[how]}
        for target, value in (("AUTOC", autoc), ("QINI", qini)):
            worst[target] = max(worst[target], abs(rate(target=target, **given).point[0] - value))
        worst["TOC"] = max(worst["TOC"], np.abs(toc(share=fixed.Q, draws=2, **given).value - curve).max())
    for name, value in worst.items():
        yield bench.at_most(f"{name} against grf, with ties and weights", float(value), "abs", 1e-10)
    gain = cumulative_gain([0.9, 0.8], [20, 20], [0.3, 0.4], [20, 20])
    off = float(np.abs(gain - [1.2, 2.0]).max())
    yield bench.at_most("cumulative gain, example of 004, section 14.6", off, "abs", 1e-12)
    rng = np.random.default_rng(0)
    u = rng.uniform(size=10_000)
    scores = u + rng.normal(size=10_000)
    known = bench.cpu_seconds(lambda: rate(scores, u).se)
    drawn = bench.cpu_seconds(lambda: rate(scores, u, error="half samples").se, 1)
    yield bench.Row("AUTOC with standard error, influence, n = 10,000", known, "CPU-s")
    yield bench.Row("AUTOC with standard error, 200 half samples", drawn, "CPU-s")
    ratio = rate(scores, u).se[0] / rate(scores, u, error="half samples", draws=1000).se[0]
    yield bench.Row("  ratio of the two standard errors", float(ratio), "x")
    yield from rank_coverage()


def rank_coverage(samples=2000):
    """Coverage where the truth is known: Γ = u + noise, ranked by u."""
    from ceteris.causal.heterogeneity import rate

    truth = {"AUTOC": 1 / 4, "QINI": 1 / 12}
    hits = dict.fromkeys(truth, 0)
    for seed in range(samples):
        rng = np.random.default_rng(seed)
        u = rng.uniform(size=500)
        scores = u + rng.normal(size=500)
        for target, value in truth.items():
            low, high = rate(scores, u, target).conf_int()[0]
            hits[target] += low < value < high
    for target, count in hits.items():
        yield bench.Row(f"coverage of 95 % intervals, {target}, n = 500", count / samples, "share")


def trees():
    """Exact trees: time and optimum; the time of a fresh process, kernels read from disk."""
    from ceteris.causal.policy import PolicyTree

    PolicyTree().fit(*sample(50, 2))  # reads the kernels
    fresh = bench.in_fresh_process("heterogeneity_policy.py", "fresh", environment={"OMP_NUM_THREADS": "1"})
    yield bench.at_most("policy tree, depth 2, n = 3,000, p = 10", fresh["warm"], "CPU-s", 1.0, POLICYTREE)
    yield bench.at_most("  first in a process, kernels read from disk", fresh["first"], "CPU-s", 1.0)
    yield bench.Row("  before that: import of numba and all", fresh["imports"], "CPU-s")
    x, scores = sample(3000, 10)
    for name, learner in {
        "split step 10": PolicyTree(split_step=10),
        "depth 3, look-ahead 2": PolicyTree(depth=3),
        "depth 4, look-ahead 2": PolicyTree(depth=4),
        "at least 50 rows a leaf": PolicyTree(min_leaf=50),
    }.items():
        yield bench.Row(f"  {name}", bench.cpu_seconds(lambda learner=learner: learner.fit(x, scores), 1), "CPU-s")
    gap = max(abs(PolicyTree().fit(*sample(300, 4, seed)).value - slow(*sample(300, 4, seed))) for seed in range(3))
    yield bench.at_most("depth 2: gap to trying all splits, n = 300, p = 4", gap, "abs", 1e-10)
    small = sample(200, 5)
    seconds = bench.cpu_seconds(lambda: PolicyTree(depth=3, look_ahead=3).fit(*small), 1)
    yield bench.Row("depth 3, exact, n = 200, p = 5", seconds, "CPU-s")
    exact, greedy = PolicyTree().fit(x, scores).value, PolicyTree(look_ahead=1).fit(x, scores).value
    yield bench.Row("value that greedy growth loses at depth 2", 1 - greedy / exact, "share")


def sample(n, p, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p))
    return x, 0.3 * np.where((x[:, 0] > 0) == (x[:, 1] > 0.3), 1, -1) + rng.normal(size=n)


def slow(x, scores):
    """Mean score of the best tree of depth two, by partial sums for every first split."""

    def stump(x, scores):
        best = max(0.0, scores.sum())
        for column in x.T:
            below = np.cumsum(scores[np.argsort(column)])[:-1]
            if len(below):
                best = max(best, (np.maximum(below, 0) + np.maximum(scores.sum() - below, 0)).max())
        return best

    sides = (x[:, [j]] <= v for j in range(x.shape[1]) for v in np.sort(x[:, j])[:-1])
    return max(stump(x[s[:, 0]], scores[s[:, 0]]) + stump(x[~s[:, 0]], scores[~s[:, 0]]) for s in sides) / len(x)


def budgets():
    """Largest violation of budgets and parity over random designs with ties, costs and groups."""
    from ceteris.causal.policy import with_opportunity, with_parity, within_budget

    over = parity = short = 0.0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        n = int(rng.integers(20, 2000))
        tau, cost, group = np.round(rng.normal(size=n), 2), rng.uniform(0.5, 2, n), rng.integers(3, size=n)
        rho, gap = rng.uniform(0.02, 0.3), rng.choice([0.0, 0.05, 0.2])
        over = max(over, abs(within_budget(tau, rho, cost=cost, spend_all=True).treat @ cost / cost.sum() - rho))
        treat = with_parity(tau, rho, group, gap=gap, spend_all=True).treat
        rates = [treat[group == g].mean() for g in range(3)]
        parity, short = max(parity, max(rates) - min(rates) - gap), max(short, abs(treat.mean() - rho))
        treat = with_opportunity(tau, rho, group).treat
        rates = [treat[(group == g) & (tau > 0)].mean() for g in range(3)]
        parity = max(parity, max(rates) - min(rates))
    yield bench.at_most("budget with costs: largest deviation, 200 designs", over, "share", 1e-12)
    yield bench.at_most("parity: largest gap beyond that allowed", parity, "share", 1e-12)
    yield bench.at_most("parity: largest deviation from the budget", short, "share", 1e-12)
    rng = np.random.default_rng(0)
    tau, group = rng.normal(size=100_000), rng.integers(3, size=100_000)
    seconds = bench.cpu_seconds(lambda: with_parity(tau, 0.2, group, gap=0.05), 1)
    yield bench.Row("budget with parity, n = 100,000", seconds, "CPU-s")


def learners(replications=5):
    """Share of the possible gain that policies lose on fresh rows, learnt from 1,500 noisy scores."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression

    from ceteris.causal.policy import ClassifierPolicy, NetPolicy, PolicyTree

    candidates = {
        "tree, depth 2": PolicyTree(),
        "tree, depth 4, look-ahead 2": PolicyTree(depth=4, min_leaf=20),
        "logistic classification": ClassifierPolicy(LogisticRegression()),
        "forest classification": ClassifierPolicy(RandomForestClassifier(100, min_samples_leaf=20, random_state=0)),
        "net": NetPolicy(),
    }
    lost = {name: [] for name in candidates}
    for seed in range(replications):
        x, _, scores = rings(1500, seed)
        fresh, tau, _ = rings(20_000, 1000 + seed)
        best, simple = np.maximum(tau, 0).mean(), max(tau.mean(), 0)
        for name, learner in candidates.items():
            value = (tau * learner.fit(x, scores).predict(fresh)).mean()
            lost[name].append((best - value) / (best - simple))
    for name, shares in lost.items():
        yield bench.Row(f"share of the gain lost on fresh rows: {name}", float(np.mean(shares)), "share")


def rings(n, seed):
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 5))
    tau = 1 - 2 * (x[:, 0] ** 2 + x[:, 1] ** 2)
    return x, tau, tau + rng.normal(size=n)


def fresh():
    """Print the times of a process that starts with kernels on disk."""
    import json

    begin = time.process_time()
    from ceteris.causal.policy import PolicyTree
    from ceteris.causal.policy.search import best_root

    imports = time.process_time() - begin
    given = sample(3000, 10)
    begin = time.process_time()
    PolicyTree().fit(*given)
    first = time.process_time() - begin
    warm = bench.cpu_seconds(lambda: PolicyTree().fit(*given))
    print(json.dumps({"imports": imports, "first": first, "warm": warm, "kernels": len(best_root.signatures)}))


PARTS = {"metrics": metrics, "policy_trees": trees, "budgets": budgets, "policy_learners": learners}

if __name__ == "__main__":
    if sys.argv[1:] == ["fresh"]:
        fresh()
    else:
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        bench.main(PARTS, __file__)
