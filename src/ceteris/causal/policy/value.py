"""What a policy is worth: doubly robust values with intervals, for any policy, two of them, or a range of budgets.

    V(π) = E[π(X) Y(1) + (1 - π(X)) Y(0)]

is estimated by the mean of Σ_a π_a(X_i) Γ_ia, where Γ_ia is the doubly robust score of E[Y(a)]; with scores of the
effect alone, by the mean of π(X_i) Γ_i, the gain over treating nobody. The policy is taken as given: it must come from
other rows than the scores, or by `out_of_fold`, or its value is too good. Where it meets a budget by its threshold on
these very rows, the interval does not contain that the threshold would differ in another sample.

References
----------
Athey and Wager (2021), Econometrica 89; Dudík, Langford and Li (2011), ICML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ceteris.arguments import LIKELY
from ceteris.causal.crossfit import splits
from ceteris.causal.heterogeneity.evaluate.curve import Curve
from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, same_length, vectors
from ceteris.causal.heterogeneity.evaluate.rate import read_shares
from ceteris.causal.policy.rules import within_budget
from ceteris.causal.rows import read_covariates
from ceteris.causal.scores import potential_outcome
from ceteris.results import About, Estimate
from ceteris.tables.frames import finite, same_labels


def arm_scores(y: Any, d: Any, mu: Any, e: Any) -> np.ndarray:
    """Doubly robust scores of E[Y(a)] for every action, shape (n, k).

    Parameters
    ----------
    y : array, shape (n,)
    d : array, shape (n,)
        Action taken, 0 to k - 1.
    mu, e : array, shape (n, k)
        E[Y | D = a, X] and P(D = a | X), from other rows.

    Examples
    --------
    >>> arm_scores([1.0, 3.0], [0, 1], np.zeros((2, 2)), np.full((2, 2), 0.5))
    array([[2., 0.],
           [0., 6.]])
    """
    y, d = vectors(y=y, d=d)
    mu, e = _table("mu", mu, len(y)), _table("e", e, len(y))
    k = mu.shape[1]
    if e.shape != mu.shape or not np.isin(d, np.arange(k)).all():
        raise ValueError(
            f"mu and e have shapes {mu.shape} and {e.shape} with actions up to {d.max():g}, but must have one column "
            "for each action, numbered from 0; give both."
        )
    finite("e", e, within=LIKELY, do="clip or trim them")
    arms = [potential_outcome(y, (d == a).astype(float), mu[:, a], e[:, a])[1] for a in range(k)]
    return np.stack(arms, axis=1)


def policy_value(scores: Any, policy: Any, *, cost: Any = 0.0, cluster: Any = None) -> Estimate:
    """Value of one policy or of several, with standard errors; ``.contrast([1, -1])`` compares two.

    Parameters
    ----------
    scores : array, shape (n,) or (n, k)
        Doubly robust scores of the effect (values are gains over treating nobody), or of every action.
    policy : array, shape (n,) or (n, k), or mapping of several by name
        Probability of treatment, or with k actions the number of the action or the probability of each.
    cost : float or array, shape (n,)
        Of treatment, in units of the outcome; with scores of the effect only.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> scores = [2.0, -1.0, 3.0, 0.0]
    >>> values = policy_value(scores, {"some": [1, 0, 1, 0], "all": [1, 1, 1, 1]})
    >>> values.point, values.contrast([1, -1], ["some - all"]).point
    (array([1.25, 1.  ]), array([0.25]))
    """
    gamma = read_scores(scores)
    policies = dict(policy) if isinstance(policy, Mapping) else {"value": policy}
    if not policies:
        raise ValueError("policy is empty, but must hold one at least; give an array, or arrays by name.")
    same_labels(scores=scores, cluster=cluster, **{f"policy {name!r}": one for name, one in policies.items()})
    n, k = gamma.shape
    if np.ndim(scores) == 1 and np.any(cost):
        price = np.full(n, float(cost)) if np.ndim(cost) == 0 else vectors(cost=cost)[0]
        same_length(scores=gamma, cost=price)
        gamma = gamma - price[:, None] * [0.0, 1.0]
    elif np.any(cost):
        raise ValueError("cost must be 0 with scores of every action; subtract the cost of each from its column.")
    parts = np.stack([(probabilities(name, one, n, k) * gamma).sum(1) for name, one in policies.items()], axis=1)
    point = parts.mean(0)
    against = "over treating nobody" if np.ndim(scores) == 1 else "of the outcome"
    about = About("Value of policies", f"Mean {against} if the policy were followed.")
    return Estimate(point, parts - point, tuple(map(str, policies)), about, clusters_of(cluster, n))


def read_scores(scores: Any) -> np.ndarray:
    """Return scores of every action, shape (n, k); scores of the effect are those of two, the first being zero."""
    if np.ndim(scores) == 1:
        (effect,) = vectors(scores=scores)
        return np.stack([np.zeros_like(effect), effect], axis=1)
    return _table("scores", scores)


def probabilities(name: str, policy: Any, n: int, k: int) -> np.ndarray:
    """Return the probabilities of all actions, shape (n, k)."""
    given = finite(f"policy[{name!r}]", policy)
    if given.shape == (n,) and (k == 2 or np.isin(given, np.arange(k)).all()):
        pi = np.stack([1 - given, given], axis=1) if k == 2 else np.eye(k)[given.astype(int)]
    elif given.shape == (n, k):
        pi = given
    else:
        raise ValueError(
            f"policy[{name!r}] has shape {given.shape} with values up to {given.max(initial=0):g}, but must have "
            f"({n},) with numbers of actions below {k}, or ({n}, {k}); give either."
        )
    if pi.min() < -1e-12 or np.abs(pi.sum(1) - 1).max() > 1e-9:
        raise ValueError(f"policy[{name!r}] must hold probabilities of sum one, but does not; correct them.")
    return pi


def budget_curve(scores: Any, tau_hat: Any, share: Any = None, *, cost: Any = 1.0, cluster: Any = None) -> Curve:
    """Gain over treating nobody by budget, treating those of highest τ̂ / cost.

    Parameters
    ----------
    scores, tau_hat : array, shape (n,)
        From different rows.
    share : array, increasing, in (0, 1], optional
        Budgets as in `within_budget`; 5 %, ..., 100 % by default. They are spent even where τ̂ is not positive.
    cost, cluster
        As in `within_budget` and `policy_value`.

    Examples
    --------
    >>> budget_curve([2.0, 1.0, 3.0, -2.0], [4, 3, 2, 1], [0.5, 1.0]).value
    array([0.75, 1.  ])
    """
    q = read_shares(share)
    (scores,) = vectors(scores=scores)
    treat = {f"{b:g}": within_budget(tau_hat, b, cost=cost, spend_all=True).treat for b in q}
    found = policy_value(scores, treat, cluster=cluster)
    return Curve("value", q, found.point, found.se)


def out_of_fold(learner: Callable[[Any, np.ndarray], Any], x: Any, scores: Any, fold: Any) -> np.ndarray:
    """The policy of each unit by what was learnt on the other folds, so that its value is honest.

    Parameters
    ----------
    learner : callable
        ``learner(x, scores)`` returns something with ``predict(x)``, such as the ``fit`` of `PolicyTree`.
    x : data frame or array, shape (n, p)
    scores : array, shape (n,) or (n, k)
    fold : array of int, shape (n,)

    Examples
    --------
    >>> from ceteris.causal.policy import PolicyTree
    >>> x = np.repeat(np.arange(20.0), 2)[:, None]
    >>> policy = out_of_fold(PolicyTree(depth=1).fit, x, np.sign(x[:, 0] - 9.5), np.arange(40) % 2)
    >>> policy.tolist() == (x[:, 0] > 9.5).tolist()
    True
    """
    matrix, _ = read_covariates(x)
    given = np.asarray(scores, dtype=float)
    fold = np.unique(np.asarray(fold), return_inverse=True)[1]
    same_length(x=matrix, scores=given, fold=fold)
    if fold.max() == 0:
        raise ValueError("fold: all rows are in one fold, but there must be two at least; give more.")
    parts = [(test, learner(matrix[train], given[train]).predict(matrix[test])) for train, test in splits(fold)]
    policy = np.empty(len(matrix), dtype=np.asarray(parts[0][1]).dtype)
    for test, chosen in parts:
        policy[test] = chosen
    return policy


def _table(role: str, given: Any, n: int | None = None) -> np.ndarray:
    table = finite(role, given, (n, None))
    if table.shape[1] < 2:
        raise ValueError(f"{role} has one column, but must have one for each of two actions at least; add the other.")
    return table
