"""How a policy treats protected groups: rates of treatment, benefit, value, and the gaps between groups.

    demographic parity   P(treated | group) is the same for all groups
    equal opportunity    P(treated | group, deserving) is: among those who should be treated, whoever they are

Who deserves treatment is yours to say; whose effect is positive is not observed, and an estimate of it carries the
errors of the estimate into the gap.

References
----------
Hardt, Price and Srebro (2016), NeurIPS; Kleinberg, Ludwig, Mullainathan and Rambachan (2018), AEA P&P 108. 004, section
14.8.4.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import PROBABILITIES
from ceteris.causal.heterogeneity.evaluate.inputs import clusters_of, labels, refuse_treatment, same_length, vectors
from ceteris.estimates.figures import coefficients
from ceteris.results import About, Check, Estimate, Section, Table
from ceteris.tables.frames import finite


def fairness_report(
    policy: Any, group: Any, scores: Any, *, deserving: Any = None, d: Any = None, cluster: Any = None
) -> Estimate:
    """Rates, values and benefits by group, and gaps to the largest group, with their joint covariance.

    Parameters
    ----------
    policy : array, shape (n,)
        Probability of treatment.
    group : array, shape (n,)
        Labels of the protected groups.
    scores : array, shape (n,)
        Doubly robust scores of the effect. "value" is the gain per member of the group, "benefit" per treated member.
    deserving : array, shape (n,), optional
        Who should be treated, 1 or 0, or a probability; adds "opportunity", the share of them that is.
    d : array, shape (n,), optional
        Treatment in the data that the scores come from, to make sure that every group was seen in both arms.
    cluster : array, shape (n,), optional

    Examples
    --------
    >>> found = fairness_report([1, 0, 1, 1], ["a", "a", "b", "b"], [2.0, 1.0, 1.0, 1.0])
    >>> dict(zip(found.names, found.point.tolist()))["demographic parity: b - a"]
    0.5
    """
    policy, scores = vectors(policy=policy, scores=scores)
    n = len(policy)
    finite("policy", policy, within=PROBABILITIES)
    members = groups_of(group, n)
    if d is not None:
        _refuse_empty_arms(d, members)
    reference = max(members, key=lambda name: members[name].sum())
    entries: dict[str, tuple[float, np.ndarray]] = {}
    gaps: dict[str, tuple[float, np.ndarray]] = {}
    untreated = []
    for name, inside in members.items():
        entries[f"treated: {name}"] = ratio(policy * inside, inside)
        entries[f"value: {name}"] = ratio(policy * scores * inside, inside)
        if (policy * inside).any():
            entries[f"benefit: {name}"] = ratio(policy * scores * inside, policy * inside)
        else:
            untreated.append(name)
    kinds = {"demographic parity": "treated"}
    if deserving is not None:
        entries |= _opportunities(policy, members, deserving)
        kinds["equal opportunity"] = "opportunity"
    for kind, what in kinds.items():
        base = entries[f"{what}: {reference}"]
        for name in members:
            if name != reference:
                one = entries[f"{what}: {name}"]
                gaps[f"{kind}: {name} - {reference}"] = (one[0] - base[0], one[1] - base[1])
    everything = entries | gaps
    about = About(
        "Fairness of a policy", "Shares treated, gains per member and per treated, by group; gaps to the largest group."
    )
    sentence = (
        f"Nobody is treated in {', '.join(untreated)}, where a benefit of the treated does not exist."
        if untreated
        else "Some are treated in every group."
    )
    return Estimate(
        np.array([value for value, _ in everything.values()]),
        np.stack([phi for _, phi in everything.values()], axis=1),
        tuple(everything),
        about,
        clusters_of(cluster, n),
        checks=(Check("no group is left out", not untreated, sentence),),
    )


def fairness_section(found: Estimate) -> Section:
    """What `fairness_report` found, as a section of a report.

    Examples
    --------
    >>> found = fairness_report([1, 0, 1, 1], ["a", "a", "b", "b"], [2.0, 1.0, 1.0, 1.0])
    >>> fairness_section(found).figures[0].data.shape
    (3, 4)
    """
    import pandas as pd

    frame = found.frame()
    low, high = found.conf_int().T

    shown = [name.startswith(("treated", "opportunity", "demographic", "equal")) for name in found.names]
    data = pd.DataFrame({"label": found.names, "estimate": found.point, "low": low, "high": high})[shown]
    text = found.about.estimand
    figure = coefficients(data.reset_index(drop=True), "Rates of treatment and gaps")
    return Section("Fairness", text, (Table("By group", frame),), (figure,), found.checks)


def groups_of(group: Any, n: int) -> dict[str, np.ndarray]:
    """Return who is in which group, 1 or 0, by label; two members at least in each of two groups at least."""
    given = labels("group", group, n)
    found, place, count = np.unique(given.astype(str), return_inverse=True, return_counts=True)
    names = found.tolist()
    if len(names) < 2:
        raise ValueError(f"group: everybody is in {names[0]!r}, but there must be two groups to compare; give more.")
    if count.min() < 2:
        raise ValueError(f"group: {names[count.argmin()]!r} has one member, but must have two at least; merge groups.")
    return {name: (place == k).astype(float) for k, name in enumerate(names)}


def ratio(numerator: np.ndarray, denominator: np.ndarray) -> tuple[float, np.ndarray]:
    """Return a ratio of means and its influence function, shape (n,).

    Examples
    --------
    >>> ratio(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    (1.5, array([-0.5,  0.5]))
    """
    below = denominator.mean()
    value = float(numerator.mean() / below)
    return value, (numerator - value * denominator) / below


def _opportunities(
    policy: np.ndarray, members: dict[str, np.ndarray], deserving: Any
) -> dict[str, tuple[float, np.ndarray]]:
    should = finite("deserving", deserving, policy.shape, PROBABILITIES)
    found = {}
    for name, inside in members.items():
        if not (should * inside).any():
            raise ValueError(f"deserving: nobody in group {name!r} is; leave the group out, or change who deserves.")
        found[f"opportunity: {name}"] = ratio(policy * should * inside, should * inside)
    return found


def _refuse_empty_arms(d: Any, members: dict[str, np.ndarray]) -> None:
    (arm,) = vectors(d=d)
    refuse_treatment(arm)
    for name, inside in members.items():
        same_length(d=arm, group=inside)
        for value in (0, 1):
            if not ((arm == value) & (inside == 1)).any():
                raise ValueError(
                    f"group: {name!r} has nobody with d = {value}, so that its effect is not in the data; leave the "
                    "group out, or collect such rows."
                )
