"""Whom to treat: a budget, a rule of two splits, and what parity between groups costs, where the truth is known.

Half of the units are of group B, for whom the treatment does less. An experiment on one sample teaches effects and
policies; a second one values them, by doubly robust scores, and the truth says whether the values were right.

What to expect. On average the treatment does next to nothing, yet treating the fifth with the highest estimated effects
gains a good deal. A tree of two splits keeps most of what the estimated effects gain, or more, as it looks two splits
ahead and they were learnt by trees that do not; grown greedily it misses the rule.

Treating by estimated effect alone treats group A far more often; equal rates cost a part of the gain, and the curve
shows how much of it a small gap already saves.

References
----------
Athey and Wager (2021), Econometrica 89. Corbett-Davies, Pierson, Feller, Goel and Huq (2017), KDD. Zhang (2025), AI
for business research (course notes), section 14.8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ceteris.causal.crossfit import cross_fit, make_folds
from ceteris.causal.learners import default_regressor
from ceteris.causal.policy.fairness import fairness_report, fairness_section
from ceteris.causal.policy.parity import cost_of_fairness, with_opportunity, with_parity
from ceteris.causal.policy.rules import plug_in, within_budget
from ceteris.causal.policy.tree import PolicyTree
from ceteris.causal.policy.value import arm_scores, policy_value
from ceteris.gallery._plots import lines
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

BUDGET = 0.2
NAMES = ("age", "income", "visits", "tenure")


@dataclass(frozen=True)
class ScoredSample:
    """Covariates (n, 4), group (n,), true effect (n,) and doubly robust scores (n,)."""

    x: np.ndarray
    group: np.ndarray
    tau: np.ndarray
    scores: np.ndarray


def simulate(n: int, seed: int) -> ScoredSample:
    """Draw an experiment with an even chance of treatment, and its scores."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1, 1, (n, 4))
    group = np.where(rng.uniform(size=n) < 0.5, "A", "B")
    tau = np.where((x[:, 0] > 0) == (x[:, 1] > 0), 0.9, -0.3) + 0.4 * x[:, 2] - 0.6 * (group == "B")
    d = rng.integers(2, size=n)
    y = 1 + x[:, 0] + x[:, 3] ** 2 + d * tau + rng.normal(size=n)
    fold = make_folds(n, 5, seed=seed, stratify=d)[0]
    mu = np.stack([cross_fit(default_regressor(), x, y, fold, among=d == a) for a in (0, 1)], axis=1)
    gamma = arm_scores(y, d, mu, np.full((n, 2), 0.5))
    return ScoredSample(x, group, tau, gamma[:, 1] - gamma[:, 0])


def effects(learnt: ScoredSample, at: ScoredSample, seed: int) -> np.ndarray:
    """Effects of other units by a forest on the scores, shape (n,)."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(200, min_samples_leaf=30, max_features=3, random_state=seed)
    return forest.fit(with_group(learnt), learnt.scores).predict(with_group(at))


def with_group(sample: ScoredSample) -> np.ndarray:
    """Covariates and the group as zeros and ones, (n, 5)."""
    return np.column_stack([sample.x, sample.group == "B"])


def by_budget(fresh: ScoredSample, tau_hat: np.ndarray) -> Section:
    """Gain by share of units treated, and the rules at one budget."""
    shares = np.arange(1, 21) / 20
    treat = {f"{q:g}": within_budget(tau_hat, q, spend_all=True).treat for q in shares}
    found = policy_value(fresh.scores, treat)
    truth = [float(np.mean(fresh.tau * one)) for one in treat.values()]
    best = [float(np.mean(fresh.tau * within_budget(fresh.tau, q, spend_all=True).treat)) for q in shares]
    low, high = found.conf_int().T
    curves = {"share": shares, "value": found.point, "low": low, "high": high, "truth": truth, "best": best}
    data = pd.DataFrame({**curves, "at random": shares * fresh.tau.mean()})
    rules = {
        f"first {BUDGET:.0%}": within_budget(tau_hat, BUDGET).treat,
        "positive effect": plug_in(tau_hat),
        "everybody": np.ones(len(tau_hat)),
    }
    table = valued(fresh, rules)
    first, _, everybody = table["estimate"].tolist()
    spent = abs(float(rules[f"first {BUDGET:.0%}"].mean()) - BUDGET)
    inside = float(np.mean((low < truth) & (truth < high)))
    return Section(
        "A budget",
        f"Treating everybody gains {round(everybody, 2) + 0.0:.2f} per unit, treating the {BUDGET:.0%} of highest "
        f"estimated effect {first:.2f}.",
        (Table("Value of rules", table, "Gain per unit over treating nobody; the truth is known here."),),
        (Figure("Gain by budget", "Shaded: pointwise 95 %.", data, _draw_budget),),
        (
            Check("targeting pays", first > 0.1, f"The first {BUDGET:.0%} gain {first:.2f} per unit.", first, 0.1),
            Check("the budget is met exactly", spent < 1e-12, f"It is off by {spent:.1g}.", spent, 1e-12),
            Check("values are right", inside > 0.5, f"{inside:.0%} of the intervals hold the truth.", inside, 0.5),
        ),
    )


def by_tree(learnt: ScoredSample, fresh: ScoredSample, tau_hat: np.ndarray) -> Section:
    """The exact tree of depth two, drawn, and valued against a greedy one and the estimated effects."""
    x, at = (pd.DataFrame(sample.x, columns=pd.Index(NAMES)) for sample in (learnt, fresh))
    exact = PolicyTree(min_leaf=20).fit(x, learnt.scores)
    greedy = PolicyTree(min_leaf=20, look_ahead=1).fit(x, learnt.scores)
    rules = {"exact tree": exact.predict(at), "greedy tree": greedy.predict(at), "positive effect": plug_in(tau_hat)}
    table = valued(fresh, rules)
    own, _, plain = table["truth"].tolist()
    share = own / plain
    return Section(
        "A rule of two splits",
        "Learnt on one sample and valued on another.",
        (Table("Value of rules", table, "Gain per unit over treating nobody."),),
        (exact.figure(),),
        (
            Check(
                "searching all trees finds more than greedy growth", exact.value > greedy.value,
                f"In sample {exact.value:.3f} against {greedy.value:.3f}.", exact.value, greedy.value,
            ),
            Check(
                "two splits keep most of the gain", share > 0.6,
                f"The tree keeps {share:.0%} of the gain of treating all with a positive estimate.", share, 0.6,
            ),
        ),
    )  # fmt: skip


def by_group(fresh: ScoredSample, tau_hat: np.ndarray) -> tuple[Section, Section]:
    """What the unconstrained policy does to the groups, and what parity costs."""
    free = within_budget(tau_hat, BUDGET).treat
    report = fairness_report(free, fresh.group, fresh.scores, deserving=fresh.tau > 0)
    cost = cost_of_fairness(tau_hat, BUDGET, fresh.group, fresh.scores)
    rules = {
        "no constraint": free,
        "equal rates": with_parity(tau_hat, BUDGET, fresh.group).treat,
        "equal opportunity": with_opportunity(tau_hat, BUDGET, fresh.group).treat,
    }
    table = valued(fresh, rules)
    rates = np.array([[one[fresh.group == name].mean() for one in rules.values()] for name in ("A", "B")])
    table["treated in A"], table["treated in B"] = rates
    before, apart, _ = np.abs(rates[0] - rates[1]).tolist()
    checks = (
        Check("without constraint rates differ", before > 0.1, f"By {before:.2f}.", before, 0.1),
        Check("parity is met exactly", apart < 1e-12, f"Rates differ by {apart:.1g}.", apart, 1e-12),
    )
    own = Section(cost.title, cost.text, (Table("Policies", table), *cost.tables), cost.figures, checks)
    return fairness_section(report), own


def valued(fresh: ScoredSample, rules: dict[str, np.ndarray]) -> pd.DataFrame:
    """Estimated value with its interval, and the true one, by rule."""
    found = policy_value(fresh.scores, rules)
    low, high = found.conf_int().T
    columns = {
        "estimate": found.point,
        "low": low,
        "high": high,
        "truth": [float(np.mean(fresh.tau * one)) for one in rules.values()],
        "treated": [float(np.mean(one)) for one in rules.values()],
    }
    return pd.DataFrame(columns, index=pd.Index(list(rules)))


def _draw_budget(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.fill_between(data["share"], data["low"], data["high"], alpha=0.25, linewidth=0)
    for column, style in (("value", "-"), ("truth", ":"), ("best", "-."), ("at random", "--")):
        lines(axes, data, "share", column, label=column, linestyle=style)
    axes.set(xlabel="share of units treated", ylabel="gain per unit", xlim=(0, 1))
    axes.legend()


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Learn, treat and value; see `ceteris.gallery.sections`."""
    n = 3_000 if quick else 12_000
    learnt, fresh = simulate(n, 2 * seed), simulate(n, 2 * seed + 1)
    tau_hat = effects(learnt, fresh, seed)
    return by_budget(fresh, tau_hat), by_tree(learnt, fresh, tau_hat), *by_group(fresh, tau_hat)
