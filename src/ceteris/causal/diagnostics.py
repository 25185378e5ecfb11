"""Whether an estimate can be believed: overlap, balance, fit of the nuisances, single rows, and stability over splits.

Everything is a function of arrays, or of an ``Estimate`` and the ``nuisances`` it keeps, and returns a
``Section``, ``Figure`` or ``Check`` of ``ceteris.results``. The pictures are in ``ceteris.causal.figures``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from ceteris.arguments import number
from ceteris.causal import figures
from ceteris.results import Check, Estimate, Section, Table, single

ETA = 0.01  # scores closer to 0 or 1 than this count as without overlap
OUTSIDE = 0.01  # share of rows allowed there
BALANCED = 0.1  # standardised difference; the usual bar


def effective_size(weights: np.ndarray) -> float:
    """Rows of equal weight that would give the same variance, (Σw)² / Σw².

    Examples
    --------
    >>> effective_size(np.array([1.0, 1.0, 2.0]))
    2.6666666666666665
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def overlap_check(
    e: np.ndarray,
    x: np.ndarray | None = None,
    names: Sequence[str] = (),
    eta: float = ETA,
    allowed: float = OUTSIDE,
) -> Check:
    """Whether nearly all scores (n,) are inside [eta, 1 - eta], and where in the covariates (n, p) the others are.

    Examples
    --------
    >>> e = np.array([0.001] * 2 + [0.5] * 98)
    >>> overlap_check(e, np.array([5.0] * 2 + [0.0] * 98)[:, None], ["x"]).sentence
    "2.0% of the scores are outside [0.01, 0.99]: below, where 'x' is 5 and more; trim them, or ask about the overlap."
    """
    beyond = {"below": e < eta, "above": e > 1 - eta}
    share = float(sum(one.mean() for one in beyond.values()))
    passed = share <= allowed
    sentence = f"{share:.1%} of the scores are outside [{eta:g}, {1 - eta:g}]"
    if share > 0 and x is not None and len(names):
        places = [f"{side}, where {region(x, names, one)}" for side, one in beyond.items() if one.any()]
        sentence += ": " + "; ".join(places)
    advice = "." if passed else "; trim them, or ask about the overlap."
    return Check("overlap", passed, sentence + advice, share, allowed)


def region(x: np.ndarray, names: Sequence[str], outside: np.ndarray) -> str:
    """Say where rows are: the one covariate, and the side of it, that tells them best from the others.

    Examples
    --------
    >>> region(np.array([[1.0, 3], [2, 9], [3, 5], [4, 4]]), ["a", "b"], np.array([True, True, False, False]))
    "'a' is 2 and less"
    """
    best, said = -np.inf, "the covariates are as elsewhere"
    count = max(int(outside.sum()), 1)
    for name, column in zip(names, x.T, strict=True):
        for sign, side in ((1.0, "more"), (-1.0, "less")):
            edge = np.quantile(sign * column[outside], 0.1, method="lower")  # nine in ten of them are beyond it
            inside = sign * column >= edge
            lift = outside[inside].sum() / count - (inside & ~outside).sum() / max(int((~outside).sum()), 1)
            if lift > best + 1e-12:
                best, said = lift, f"{name!r} is {sign * edge:.3g} and {side}"
    return said


def size_check(weights: np.ndarray, d: np.ndarray) -> Check:
    """Whether the weights leave each arm at least a fifth of its rows, as an effective sample size."""
    arms = {"treated": weights[d == 1], "control": weights[d == 0]}
    share = {who: effective_size(w) / len(w) for who, w in arms.items()}
    who = min(share, key=lambda arm: share[arm])
    sentence = (
        f"The weighted {who} rows are worth {effective_size(arms[who]):.0f} of equal weight, of {len(arms[who])} "
        f"({share[who]:.0%})"
    )
    passed = share[who] >= 0.2
    advice = "." if passed else "; few rows decide; trim, or ask about the overlap."
    return Check("effective sample size", passed, sentence + advice, share[who], 0.2)


def warn_of(*checks: Check) -> None:
    """Warn of what failed, so that it is seen without printing the estimate."""
    for check in checks:
        if check.passed is False:
            warnings.warn(check.sentence, RuntimeWarning, stacklevel=4)


def overlap(
    e: np.ndarray, d: np.ndarray, x: np.ndarray | None = None, names: Sequence[str] = (), eta: float = 0.05
) -> Section:
    """Scores by treatment: histogram, quantiles, effective sample sizes of the weights of the ATE, share outside.

    Parameters
    ----------
    e, d : array, shape (n,)
        Propensity score and treatment.
    x : array, shape (n, p), with names
        Covariates that name the region without overlap.
    eta : float
        What counts as outside.

    Examples
    --------
    >>> e = np.linspace(0.1, 0.9, 9)
    >>> section = overlap(e, (e > 0.45).astype(int))
    >>> section.title, section.checks[0].verdict
    ('Overlap', 'pass')
    """
    import pandas as pd

    number("eta", eta, above=0, below=0.5, such_as=0.05)
    rows = {}
    for who, arm in (("treated", d == 1), ("control", d == 0)):
        w = 1 / np.where(d == 1, e, 1 - e)[arm]
        low, middle, high = np.quantile(e[arm], [0.01, 0.5, 0.99])
        rows[who] = {
            "rows": int(arm.sum()),
            "1 %": low,
            "median": middle,
            "99 %": high,
            f"below {eta:g}": (e[arm] < eta).mean(),
            f"above {1 - eta:g}": (e[arm] > 1 - eta).mean(),
            "effective rows": effective_size(w),
            "largest weight": w.max() / w.sum(),
        }
    table = Table(
        "Propensity score", pd.DataFrame(rows).T, "Effective rows and largest weight: inverse probability weights."
    )
    weights = 1 / np.where(d == 1, e, 1 - e)
    checks = (overlap_check(e, x, names, eta), size_check(weights, d))
    text = "Both treatments must occur at every value of the covariates; where they do not, the answer is extrapolated."
    return Section("Overlap", text, (table,), (figures.score_histogram(e, d, eta),), checks)


def standardised_differences(x: np.ndarray, d: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Differences of (weighted) means in standard deviations of the raw data, shape (p,).

    The denominator is the root of the mean of the two raw variances, before and after weighting, so that a change is a
    change of means.

    Examples
    --------
    >>> standardised_differences(np.array([[0.0], [2.0], [2.0], [4.0]]), np.array([0, 0, 1, 1])).round(4)
    array([1.4142])
    """
    w = np.ones(len(d)) if weights is None else weights
    one, none = d == 1, d == 0
    scale = np.sqrt((x[one].var(axis=0, ddof=1) + x[none].var(axis=0, ddof=1)) / 2)
    gap = np.average(x[one], axis=0, weights=w[one]) - np.average(x[none], axis=0, weights=w[none])
    return np.where(scale > 0, gap / np.where(scale > 0, scale, 1.0), np.where(gap == 0, 0.0, np.inf))


def balance(
    x: np.ndarray, d: np.ndarray, weights: np.ndarray | None = None, names: Sequence[str] | None = None
) -> Section:
    """Means of the covariates by arm, before and after weighting, with a Love plot.

    Parameters
    ----------
    x : array, shape (n, p)
    d : array, shape (n,)
    weights : array, shape (n,), optional
        Those of the estimator, for matching the times a row was used plus its own.
    names : sequence of p str, optional
    """
    import pandas as pd

    names = list(names or (f"x{j}" for j in range(x.shape[1])))
    one, none = d == 1, d == 0
    spread = x.var(axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = x[one].var(axis=0, ddof=1) / x[none].var(axis=0, ddof=1)
    columns = {
        "mean treated": x[one].mean(axis=0),
        "mean control": x[none].mean(axis=0),
        "before": standardised_differences(x, d),
        "variance ratio": np.where(spread > 0, ratio, np.nan),
    }
    if weights is not None:
        columns["after"] = standardised_differences(x, d, weights)
    frame = pd.DataFrame(columns, index=pd.Index(names))
    last = "before" if weights is None else "after"
    gap = np.abs(columns[last])
    worst = int(gap.argmax())
    passed = bool(gap[worst] <= BALANCED)
    sentence = (
        f"The largest standardised difference {'' if weights is None else 'after weighting '}is {gap[worst]:.3f}, of "
        f"{names[worst]!r}"
    )
    advice = "." if passed else f"; {BALANCED:g} is the usual bar; change the model of the treatment, or adjust for it."
    check = Check("balance", passed, sentence + advice, float(gap[worst]), BALANCED)
    note = "Differences of means in standard deviations of the unweighted data."
    return Section("Balance", "", (Table("Covariates", frame, note),), (figures.love_plot(frame),), (check,))


def nuisance_fit(
    target: np.ndarray, prediction: np.ndarray, name: str = "nuisance", kind: str | None = None
) -> dict[str, Any]:
    """How well out-of-fold predictions (n,) fit: R² or log loss, and calibration, against a constant.

    Examples
    --------
    >>> fit = nuisance_fit(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.5, 1.0, 2.0, 2.5]), "outcome")
    >>> fit["gain"], round(fit["slope"], 3)
    (0.9, 1.4)
    """
    kind = kind or ("probability" if set(np.unique(target)) <= {0.0, 1.0} else "mean")
    slope = _slope(target, prediction)
    if kind == "probability":
        p, q = np.clip(prediction, 1e-12, 1 - 1e-12), float(target.mean())
        loss = -float(np.mean(target * np.log(p) + (1 - target) * np.log1p(-p)))
        base = -(q * np.log(q) + (1 - q) * np.log1p(-q)) if 0 < q < 1 else np.nan
        return {"nuisance": name, "measure": "log loss", "value": loss, "constant": base, "gain": 1 - loss / base,
                "slope": slope}  # fmt: skip
    loss, base = float(np.mean((target - prediction) ** 2)), float(np.var(target))
    return {"nuisance": name, "measure": "mean squared error", "value": loss, "constant": base,
            "gain": 1 - loss / base, "slope": slope}  # fmt: skip


def nuisances(fits: Sequence[dict[str, Any]]) -> Section:
    """Sum up `nuisance_fit`s: gain over a constant (R² for means), and calibration slopes, one being right.

    Examples
    --------
    >>> nuisances([nuisance_fit(np.array([0.0, 2.0]), np.array([2.0, 0.0]), "outcome")]).checks[0].sentence
    'outcome: out of fold it is worse than a constant (gain -3.00); use another learner, or tune it.'
    """
    import pandas as pd

    checks = tuple(_gain(fit) for fit in fits)
    note = "Out of fold. Gain: 1 - value / constant, which is R² for a mean. Slope: of the target on the prediction."
    table = Table("Fit", pd.DataFrame(list(fits)), note)
    text = "A gain of zero is no failure in an experiment, where there is nothing to predict; a negative one is noise."
    return Section("Nuisances", text, (table,), (figures.gains(table.frame),), checks)


def calibration_table(target: np.ndarray, prediction: np.ndarray, groups: int = 10) -> Any:
    """Mean prediction and mean target by quantile groups of the prediction, as a data frame."""
    import pandas as pd

    edges = np.unique(np.quantile(prediction, np.arange(1, groups) / groups))
    place = np.searchsorted(edges, prediction)
    frame = pd.DataFrame({"predicted": prediction, "observed": target, "group": place})
    found = frame.groupby("group").agg(
        predicted=("predicted", "mean"),
        observed=("observed", "mean"),
        se=("observed", "sem"),
        rows=("observed", "size"),
    )
    return found.reset_index(drop=True)


def single_rows(estimate: Estimate, most: int = 10) -> Section:
    """The rows with the largest influence, what the estimate would be without each, and their share of the variance.

    The first entry of the estimate is shown, all are judged. Where the estimate does not know better, it would change
    by about -φ_i / (n - 1) without row i.
    """
    import pandas as pd

    if estimate.influence is None:
        raise ValueError("estimate has no influence function, but single rows must be told apart; give one that has.")
    phi, n = estimate.influence[:, 0], len(estimate.influence)
    change = phi / (n - 1) if estimate.by_deletion is None else estimate.by_deletion[:, 0] / n
    order = np.argsort(-np.abs(change), kind="stable")[:most]
    share = phi**2 / max(float(phi @ phi), 1e-300)
    point, se = float(estimate.point[0]), float(estimate.se[0])
    without = point - change[order]
    frame = pd.DataFrame(
        {
            "row": order,
            "influence": phi[order],
            "estimate without": without,
            "in standard errors": (without - point) / se,
            "share of the variance": share[order],
        }
    )
    table = Table("Rows of largest influence", frame)
    return Section("Single rows", "", (table,), (figures.influence(phi),), (single(estimate),))


def splits(estimate: Estimate) -> Section:
    """Estimates by repeated split, and whether the folds decide."""
    import pandas as pd

    if len(estimate.splits) < 2:
        raise ValueError(
            "estimate has a single split, but how much folds matter shows in several; fit with repeats=5 or more."
        )
    frame = pd.DataFrame(
        [{"split": r, "estimate": s.point[0], "std err": s.se[0]} for r, s in enumerate(estimate.splits)]
    )
    share = float(np.std(frame["estimate"]) / estimate.se[0])
    passed = share <= 0.5
    sentence = f"Over {len(frame)} splits the estimate varies by {share:.2f} standard errors"
    check = Check("stability over splits", passed, sentence + ("." if passed else "; use more repeats."), share, 0.5)
    figure = figures.by_split(frame, float(estimate.point[0]))
    return Section("Splits", "", (Table("By split", frame),), (figure,), (check,))


def _slope(target: np.ndarray, prediction: np.ndarray) -> float:
    centred = prediction - prediction.mean()
    spread = float(centred @ centred)
    return float(centred @ target / spread) if spread > 0 else float("nan")


def _gain(fit: dict[str, Any]) -> Check:
    gain = float(fit["gain"])
    passed = gain > -0.01
    if passed:
        sentence = f"{fit['nuisance']}: out of fold it takes {gain:.1%} off the loss of a constant."
    else:
        sentence = (
            f"{fit['nuisance']}: out of fold it is worse than a constant (gain {gain:.2f}); use another learner, "
            "or tune it."
        )
    return Check(f"fit of {fit['nuisance']}", passed, sentence, gain, -0.01)
