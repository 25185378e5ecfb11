"""What a comparison claims, as checks: each judged by paired differences, so that a tie is called one."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.arguments import listed
from ceteris.learners.blending import BLEND
from ceteris.learners.candidates import NEURAL
from ceteris.learners.classical import BASELINE, LEARNERS
from ceteris.learners.metrics import LOWER_IS_BETTER, NAMES
from ceteris.learners.verdicts import Gain, over_folds, over_rows
from ceteris.results import Check

TIE = "no difference"


def fold_gain(c: Any, a: str, b: str) -> Gain:
    """Return by how much learner a is better than learner b over the folds of a comparison."""
    scores = c.fold_scores[c.criterion]
    gains = scores.loc[a].to_numpy() - scores.loc[b].to_numpy()
    return over_folds(-gains if c.criterion in LOWER_IS_BETTER else gains, c.overlap)


def row_gain(c: Any, a: str, b: str) -> Gain | None:
    """Return by how much learner a is better than learner b on the test part; None where one predicts nothing."""
    if not {a, b} <= set(c.test_draws):
        return None
    sign = -1.0 if c.criterion in LOWER_IS_BETTER else 1.0
    value: Any = c.table[f"test {c.criterion}"]
    return over_rows(sign * float(value[a] - value[b]), sign * (c.test_draws[a] - c.test_draws[b]).to_numpy())


def rivals(c: Any) -> list[str]:
    """Return the learners that the best is held against, in order; the blend is made of them, and is none."""
    judged: Any = c.table["verdict"]
    return [name for name in c.table.index if judged[name] and name not in (c.best, BLEND)]


def ties(c: Any) -> list[str]:
    """Return the rivals that do not differ from the best over the folds."""
    return [name for name in rivals(c) if c.table.loc[name, "verdict"] == TIE]


def told(c: Any, a: str, b: str, rival: str) -> str:
    """Return a sentence on two learners: over the folds, then on the test part."""
    over, tested = fold_gain(c, a, b), row_gain(c, a, b)
    begin = {"better": f"{a} is better than {rival}", "worse": f"{a} is worse than {rival}"}
    sentence = f"{begin.get(over.verdict, f'{a} ties with {rival}')}: over the folds its {NAMES[c.criterion]} is "
    sentence += f"{over.words}, which is no difference" if over.verdict == TIE else over.words
    if tested is not None and np.isfinite(tested.se):
        sentence += f"; on the test part it is {tested.words}"
        if tested.verdict == TIE:
            sentence += ", no difference either" if over.verdict == TIE else ", which is no difference"
    return f"{sentence}."


def stands_out(c: Any) -> Check:
    """Whether the best learner is better than every other over the folds; not judged where it ties with one."""
    name, others = "the best learner stands out", rivals(c)
    if not others:
        return Check(name, None, f"There is none to hold {c.best} against; name more learners.")
    tied = ties(c)
    sentence = told(c, c.best, others[0], others[0])
    if len(tied) > 1:
        sentence += f" It ties with {listed(tied[1:])} too."
    gain = fold_gain(c, c.best, others[0])
    return Check(name, None if tied or gain.verdict != "better" else True, sentence, gain.low, 0.0)


def beats_baseline(c: Any) -> Check:
    """Whether the best learner beats the baseline on the test part by more than two standard errors.

    The error is that of the difference, from resamples drawn alike for both.
    """
    name, written = "the best learner beats the baseline", NAMES[c.criterion]
    if c.best == BASELINE:
        return Check(name, False, "No learner beat the baseline over the folds: X may say little about y.")
    gain = row_gain(c, c.best, BASELINE)
    if gain is None:
        return Check(name, None, f"{c.best} or the baseline has no predictions on the test part.")
    passed = None if np.isnan(gain.value + gain.se) else gain.value > 2 * gain.se
    tie = ", which is no difference" if abs(gain.value) <= 2 * gain.se else ""
    advice = "" if passed else " More rows or better columns are needed before this is relied on."
    sentence = (
        f"On the test part the {written} of {c.best} is {'worse' if gain.value < 0 else 'better'} than the baseline's "
        f"by {abs(gain.value):.3g} (bootstrap standard error {gain.se:.2g}){tie}.{advice}"
    )
    return Check(name, passed, sentence, gain.value, 2 * gain.se)


def net_keeps_up(c: Any) -> Check | None:
    """Whether the neural net is no worse than the best classical learner over the folds; None where one is missing."""
    running = c.table.index[c.table["status"] != "failed"]
    classical = [k for k in running if k in LEARNERS[c.task] and k != BASELINE]
    if NEURAL not in running or not classical:
        return None
    rival = classical[0]
    gain = fold_gain(c, NEURAL, rival)
    sentence = told(c, NEURAL, rival, f"{rival}, the best classical learner")
    passed = None if gain.verdict == "not known" else gain.verdict != "worse"
    return Check("the neural net keeps up", passed, sentence, gain.high, 0.0)


def blend_gains(c: Any) -> Check | None:
    """Whether the blend is better than the best single learner over the folds; None without a blend."""
    single = [k for k in c.table.index if k != BLEND and c.table.loc[k, "status"] != "failed"]
    if BLEND not in c.table.index or not single:
        return None
    gain = fold_gain(c, BLEND, single[0])
    passed = {"better": True, "worse": False}.get(gain.verdict)
    sentence = (
        f"{told(c, BLEND, single[0], f'{single[0]}, the best single learner')} It is {c.table.loc[BLEND, 'note']}"
    )
    return Check("the blend gains", passed, sentence, gain.value, 0.0)


def none_failed(table: Any) -> Check:
    """Whether every learner could be fitted and judged; warnings are told but do not fail it."""
    failed, warned = (table.index[table["status"] == status].tolist() for status in ("failed", "warned"))
    sentences = [f"{name}: {table.loc[name, 'note']}" for name in [*failed, *warned]]
    return Check(
        "no learner failed",
        not failed,
        " ".join(sentences) or "All were fitted without a warning.",
        len(failed),
        0,
    )
