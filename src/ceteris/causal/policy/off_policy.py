"""What a new policy would have earned, from the log of an old one whose probabilities are known.

    IPS    mean of ω_i y_i,                              ω_i = π(a_i | x_i) / p_i
    SNIPS  Σ ω_i y_i / Σ ω_i
    DR     mean of Σ_a π(a | x_i) q(x_i, a) + ω_i (y_i - q(x_i, a_i))

p_i is the probability with which the log chose the action a_i. IPS is unbiased, SNIPS less variable and moves with the
outcome if that is shifted, DR unbiased for any q and precise for a good one. All suffer where the new policy does what
the old one hardly ever did: the effective sample size, (Σω)² / Σω², says how many rows are left.

References
----------
Horvitz and Thompson (1952), JASA 47; Swaminathan and Joachims (2015), NeurIPS; Dudík, Langford and Li (2011), ICML.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import LIKELY, one_of
from ceteris.causal.diagnostics import effective_size, warn_of
from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, same_length, vectors
from ceteris.causal.policy.value import probabilities
from ceteris.results import About, Check, Estimate
from ceteris.tables.frames import finite

METHODS = ("IPS", "SNIPS", "DR")
ENOUGH = 0.05  # effective rows over rows
UNITY = 1e-6  # by which logged probabilities may miss a sum of one: logs are kept in single precision
FEWEST = 100  # effective rows below which the normal approximation is doubtful


def off_policy_value(
    y: Any,
    action: Any,
    logged: Any,
    policy: Any,
    *,
    q: Any = None,
    method: str | None = None,
    cluster: Any = None,
) -> Estimate:
    """Value of a policy from logged data.

    Parameters
    ----------
    y : array, shape (n,)
        Outcome.
    action : array, shape (n,)
        Action that was taken, 0 to k - 1.
    logged : array, shape (n, k) or (n,)
        Probability with which the log chose each action, or the one that it took.
    policy : array, shape (n, k) or (n,)
        The new policy: probabilities of all actions, or its action; with two actions, the probability of action 1.
    q : array, shape (n, k), optional
        E[Y | A = a, X] from other rows, for DR.
    method : {"IPS", "SNIPS", "DR"}, optional
        DR where q is given, else SNIPS.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> y, action = [1.0, 0.0, 2.0, 0.0], [1, 0, 1, 0]
    >>> import warnings; warnings.simplefilter("ignore")  # two effective rows
    >>> off_policy_value(y, action, np.full((4, 2), 0.5), [1, 1, 1, 1], method="IPS").point
    array([1.5])
    """
    y, action = vectors(y=y, action=action)
    n = len(y)
    p, pi, a = _read(action, logged, policy, q)
    method = method or ("SNIPS" if q is None else "DR")
    one_of("method", method, METHODS)
    if method == "DR" and q is None:
        raise ValueError("q: none given for DR; give E[Y | A = a, X] of every action, or method='SNIPS'.")
    taken = pi[np.arange(n), a]
    omega = taken / p
    if not omega.any():
        raise ValueError("policy: it never does what the log did, so that nothing can be learnt; collect other data.")
    if method == "IPS":
        parts = omega * y
    elif method == "SNIPS":
        value = omega @ y / omega.sum()
        parts = value + omega * (y - value) / omega.mean()
    else:
        fit = np.asarray(q, dtype=float)
        parts = (pi * fit).sum(1) + omega * (y - fit[np.arange(n), a])
    point = parts.mean(keepdims=True)
    check = size_check(omega)
    warn_of(check)
    about = About(f"Off-policy value, {method}", "Mean outcome if the policy were followed.")
    return Estimate(point, (parts - point)[:, None], ("value",), about, clusters_of(cluster, n), checks=(check,))


def size_check(omega: np.ndarray) -> Check:
    """Whether the weights leave enough rows.

    Examples
    --------
    >>> size_check(np.array([1.0, 1.0, 0.0, 0.0])).value
    2.0
    """
    size, n = effective_size(omega), len(omega)
    passed = bool(size >= max(ENOUGH * n, FEWEST))
    sentence = (
        f"The weights leave {size:.0f} effective rows of {n}, the largest weight being "
        f"{omega.max() / omega.sum():.0%} of all"
    )
    advice = "." if passed else "; the interval is not to be trusted: evaluate a policy that is closer to the log's."
    return Check("effective sample size", passed, sentence + advice, size, max(ENOUGH * n, FEWEST))


def _read(action: np.ndarray, logged: Any, policy: Any, q: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logged probability of the action taken (n,), the new policy (n, k), and the actions (n,)."""
    n = len(action)
    given = finite("logged", logged)
    tables = [t for t in (given, np.asarray(policy, dtype=float), np.asarray(q, dtype=float)) if t.ndim == 2]
    k = tables[0].shape[1] if tables else max(int(action.max()) + 1, 2)
    if not np.isin(action, np.arange(k)).all():
        raise ValueError(
            f"action runs from {action.min():g} to {action.max():g}, but must be a whole number from 0 to {k - 1}; "
            "number the actions."
        )
    if q is not None:
        finite("q", q, (n, k))
    pi = probabilities("policy", policy, n, k)
    a = action.astype(int)
    if given.ndim == 2:
        finite("logged", given, (n, k))
        off = np.abs(given.sum(1) - 1)
        if off.max() > UNITY:
            raise ValueError(
                f"logged: the probabilities of row {off.argmax()} sum to {given[off.argmax()].sum():g}, but must sum "
                f"to 1; correct them, or give those of the actions taken, shape ({n},)."
            )
        never = ((pi > 0) & (given <= 0)).any(1)
        if never.any():
            raise ValueError(
                f"policy: in {int(never.sum())} rows it may do what the log never does (probability 0); restrict it to "
                "actions that were tried."
            )
        given = given[np.arange(n), a]
    same_length(action=action, logged=given)
    return finite("logged", given, within=LIKELY), pi, a
