"""How strong an unmeasured confounder would have to be: omitted-variable bias of cross-fitted estimates and of OLS.

An estimate is θ = E[m(W, g)] = E[α g], g the regression of the outcome and α the Riesz representer. If covariates U are
left out, with strength

    C_Y² = share of the residual variance of the outcome that U explains
    C_D² = cf_d / (1 - cf_d),  cf_d = share of the variance of the long α that U generates
    ρ    = correlation of the two errors, one in the worst case

then |bias| ≤ |ρ| C_Y C_D S,  S² = σ² ν²,  σ² = E(Y - g)², ν² = E α².   For the partially linear model α = v / E v²;
for the average effect α = d/e - (1 - d)/(1 - e). For the effect on the treated only the controls' regression can be
wrong, so that both moments are sums over controls, σ² = E(1 - D)(Y - g_0)² and α = (1 - d) e / ((1 - e) P(D = 1)), and
the strengths are those among controls (the other way round for the untreated). The robustness value is the strength
cf_y = cf_d that moves the estimate to the null hypothesis: cf = (-f² + sqrt(f⁴ + 4f²)) / 2, f = |θ - θ_0| / (|ρ| S).

For one OLS regression see `ceteris.causal.linear_sensitivity`.

References
----------
Chernozhukov, Cinelli, Newey, Sharma and Syrgkanis (2024), "Long story short: omitted variable bias in causal machine
learning". Cinelli and Hazlett (2020), "Making sense of sensitivity", JRSS B 82.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.arguments import number, probability
from ceteris.causal import figures
from ceteris.causal.linear_sensitivity import robustness_of, strength_of
from ceteris.causal.rows import read_rows
from ceteris.causal.scores import normalised
from ceteris.estimates.words import lines_of
from ceteris.results import Check, Estimate, Nuisances, Section, Table
from ceteris.showing import AbstractResult
from ceteris.stats.covariance import covariance

NEEDED = {"ATE": {"mu0", "mu1", "e"}, "ATT": {"mu0", "e"}, "ATU": {"mu1", "e"}}


@dataclass(frozen=True)
class Elements:
    """What the bounds are made of.

    Parameters
    ----------
    point : float
        The estimate.
    influence : array, shape (n,)
        Its influence function.
    sigma2 : float
        Variance of the outcome around its regression.
    nu2 : float
        Second moment of the Riesz representer.
    psi_sigma2 : array, shape (n,)
        Influence function of ``sigma2``.
    psi_nu2 : array, shape (n,)
        Influence function of ``nu2``.
    clusters : tuple of arrays
        None, one or two sets of clusters that the rows come in.
    outcome : array, shape (n,)
        The outcome of each row.
    """

    point: float
    influence: np.ndarray
    sigma2: float
    nu2: float
    psi_sigma2: np.ndarray
    psi_nu2: np.ndarray
    clusters: tuple[np.ndarray, ...]
    outcome: np.ndarray

    @property
    def scale(self) -> float:
        """S, the largest bias per unit of strength."""
        return float(np.sqrt(self.sigma2 * self.nu2))

    @property
    def psi_scale(self) -> np.ndarray:
        """Influence function of S, shape (n,)."""
        return (self.sigma2 * self.psi_nu2 + self.nu2 * self.psi_sigma2) / (2 * self.scale)

    def bound(self, strength: float) -> tuple[float, float]:
        """Point moved by ``strength`` times S, and its standard error."""
        moved = (self.influence + strength * self.psi_scale)[:, None]
        return self.point + strength * self.scale, float(np.sqrt(covariance(moved, self.clusters)[0, 0]))


@dataclass(frozen=True, eq=False, repr=False)
class Sensitivity(AbstractResult):
    """Bounds under a confounder of given strength, and the strengths at which the conclusion falls.

    Parameters
    ----------
    lower : float
        The smallest that the estimate may be.
    upper : float
        The largest that it may be.
    low : float
        Lower confidence limit of the lower bound.
    high : float
        Upper confidence limit of the upper bound.
    rv : float
        Strength that moves the estimate to the null hypothesis.
    rva : float
        Strength that moves its confidence limit there.
    elements : Elements
        What the bounds are made of.
    cf_y : float
        Strength of the confounder in the outcome that was asked about.
    cf_d : float
        Its strength in the treatment.
    rho : float
        Correlation of the two.
    level : float
        Of the confidence limits.
    null : float
        The effect that the robustness values are about.
    """

    lower: float
    upper: float
    low: float
    high: float
    rv: float
    rva: float
    elements: Elements
    cf_y: float
    cf_d: float
    rho: float
    level: float
    null: float

    def summary(self) -> str:
        """The bounds, their confidence limits and the robustness values."""
        lines = [
            f"Sensitivity to a confounder of cf_y = {self.cf_y:g}, cf_d = {self.cf_d:g}",
            f"The estimate of {self.elements.point:.4g} lies between {self.lower:.4g} and {self.upper:.4g}, its "
            f"confidence limits at {self.level:.0%} are {self.low:.4g} and {self.high:.4g}.",
            f"Robustness value {self.rv:.1%}, for the confidence limit {self.rva:.1%}.",
        ]
        failed = [check.sentence for check in self.checks if check.passed is False]
        lines += [line for sentence in failed for line in lines_of(sentence, "! ", "  ")]
        return "\n".join(lines)

    def sections(self) -> tuple[Section, ...]:
        """The table of the bounds, their contours and the verdict."""
        return (self.section(),)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the conclusion survives the confounder that was asked about."""
        passed = not self.low <= self.null <= self.high
        sentence = (
            f"A confounder that explains {self.rv:.1%} of the residual variance of the outcome and of the treatment "
            f"moves the estimate to {self.null:g}, one of {self.rva:.1%} the confidence limit"
        )
        advice = "." if passed else "; the strength asked about is enough for that."
        asked = min(self.cf_y, self.cf_d)
        return (Check("robust to confounding asked about", passed, sentence + advice, self.rva, asked),)

    def section(self, benchmarks: Any = None) -> Section:
        """Table, contour plot (with benchmarks, if given) and the verdict."""
        import pandas as pd

        row = {
            "estimate": self.elements.point,
            "lower limit": self.low,
            "lower bound": self.lower,
            "upper bound": self.upper,
            "upper limit": self.high,
            "robustness value": self.rv,
            f"at {self.level:.0%}": self.rva,
        }
        tables = [Table(f"Confounder with cf_y = {self.cf_y:g}, cf_d = {self.cf_d:g}, ρ = {self.rho:g}",
                        pd.DataFrame([row]))]  # fmt: skip
        if benchmarks is not None:
            tables.append(Table("Observed covariates as benchmarks", benchmarks, "Strength of leaving them out."))
        grid = self._grid(benchmarks)
        text = "How far unmeasured confounding could move the estimate, whatever its form."
        return Section(
            "Sensitivity", text, tuple(tables), (figures.contours(grid, self.null, benchmarks),), self.checks
        )

    def _grid(self, benchmarks: Any) -> Any:
        import pandas as pd

        widest = 0.0 if benchmarks is None else float(np.nanmax(benchmarks[["cf_y", "cf_d"]].to_numpy()))
        top = min(0.95, 1.3 * max(self.rv, self.cf_y, self.cf_d, widest, 0.02))
        axis = np.linspace(0, top, 41)
        d, y = np.meshgrid(axis, axis)
        sign = -1.0 if self.elements.point >= self.null else 1.0
        moved = self.elements.point + sign * abs(self.rho) * strength_of(y, d) * self.elements.scale
        return pd.DataFrame({"cf_d": d.ravel(), "cf_y": y.ravel(), "estimate": moved.ravel()})


def confounding(
    estimate: Estimate,
    data: Any = None,
    *,
    y: Any,
    d: Any,
    cf_y: float = 0.03,
    cf_d: float = 0.03,
    rho: float = 1.0,
    level: float = 0.95,
    null: float = 0.0,
) -> Sensitivity:
    """Bounds of a partially linear or interactive estimate under an omitted confounder.

    Parameters
    ----------
    estimate : Estimate
        Of `PartiallyLinear` or `Interactive`; with repeated splits its nuisances are averages over them.
    data : data frame, optional
        The table that the names are of.
    y : name or array
        The outcome that it was fitted on.
    d : name or array
        The treatment that it was fitted on.
    cf_y : float
        Share of the variance of the outcome, left by treatment and covariates, that the confounder explains.
    cf_d : float
        Share of the second moment of the Riesz representer that it adds; see the head of this module.
    rho : float
        Correlation of what it does to the outcome with what it does to the treatment; 1 is the worst.
    level : float
        Of the one-sided confidence limits.
    null : float
        The effect that robustness values are about.
    """
    for name, value in (("cf_y", cf_y), ("cf_d", cf_d)):
        number(name, value, least=0, below=1, such_as=0.03)
    number("rho", rho, least=-1, most=1)
    probability("level", level)
    rows = read_rows(data, y=y, d=d)
    elements = elements_of(estimate, rows.y, rows.d)
    return bounds(elements, cf_y, cf_d, rho, level, null)


def bounds(e: Elements, cf_y: float, cf_d: float, rho: float, level: float, null: float) -> Sensitivity:
    """`confounding` from its elements."""
    from scipy import stats

    z = float(stats.norm.ppf(level))
    strength = abs(rho) * float(strength_of(cf_y, cf_d))
    (lower, se_lower), (upper, se_upper) = e.bound(-strength), e.bound(strength)
    side = -1.0 if e.point >= null else 1.0
    rv = robustness_of(abs(e.point - null), abs(rho) * e.scale)
    rva = _limit_robustness(e, side, abs(rho), z, null)
    return Sensitivity(
        lower, upper, lower - z * se_lower, upper + z * se_upper, rv, rva, e, cf_y, cf_d, rho, level, null
    )


def elements_of(estimate: Estimate, y: np.ndarray, d: np.ndarray) -> Elements:
    """Read the elements of the bounds from the nuisances that an estimate keeps."""
    kept = estimate.nuisances
    known = set(kept.known)
    if len(estimate.names) != 1 or estimate.influence is None or len(y) != estimate.n:
        raise ValueError(
            f"estimate: {len(estimate.names)} effects on {estimate.n} rows given with {len(y)} outcomes; one effect "
            "with its influence function, and the rows it was fitted on, are needed."
        )
    point = float(estimate.point[0])
    if {"m", "e"} <= known and "h" not in known:
        v = d - kept.e
        gap = y - kept.m - point * v if kept.residual is None else y - kept.residual - point * d
        nu2 = 1 / np.mean(v**2)
        psi_nu2 = nu2 - v**2 * nu2**2
    elif NEEDED.get(estimate.names[0], {"none"}) <= known:
        e = normalised(kept.e, d) if kept.normalised else kept.e
        gap, each = _interactive(y, d, e, kept, estimate.names[0])
        nu2, psi_nu2 = each.mean(), each - each.mean()
    else:
        raise ValueError(
            f"estimate has the nuisances {', '.join(kept.known) or 'none'}, but PartiallyLinear and Interactive "
            "have the ones that these bounds need."
        )
    if not nu2 > 0:
        raise FloatingPointError(
            f"estimate: the mean square of its weights, ν², is found to be {nu2:.3g}, but must be positive for bounds; "
            "some scores are too close to 0 or 1: raise clip, or ask about the overlap (ATO)."
        )
    sigma2 = float(np.mean(gap**2))
    phi = estimate.influence[:, 0]
    return Elements(point, phi, sigma2, float(nu2), gap**2 - sigma2, psi_nu2, estimate.clusters, y)


def _interactive(
    y: np.ndarray, d: np.ndarray, e: np.ndarray, kept: Nuisances, estimand: str
) -> tuple[np.ndarray, np.ndarray]:
    """Y - g, and 2 m(W, α) - α², whose mean is ν², row by row."""
    if estimand == "ATE":
        gap = y - np.where(d == 1, kept.mu1, kept.mu0)
        return gap, 2 * (1 / e + 1 / (1 - e)) - (d / e - (1 - d) / (1 - e)) ** 2
    # E[Y(1) | D = 1] is seen, whatever is left out: only the regression in the other arm can be wrong
    arm, other, e = (d, 1 - d, e) if estimand == "ATT" else (1 - d, d, 1 - e)
    odds = e / (1 - e) / arm.mean()
    gap = other * (y - (kept.mu0 if estimand == "ATT" else kept.mu1))
    return gap, 2 * arm / arm.mean() * odds - (other * odds) ** 2


def benchmark(long: Estimate, short: Estimate, data: Any = None, *, y: Any, d: Any) -> dict[str, float]:
    """Strength of observed covariates: what leaving them out does to the elements of the bounds.

    Parameters
    ----------
    long, short : Estimate
        With all covariates, and without those that serve as the benchmark; same folds, same learners.
    data, y, d : as in `confounding`

    Returns
    -------
    dict
        cf_y, cf_d, rho and the change of the estimate.
    """
    rows = read_rows(data, y=y, d=d)
    a, b = elements_of(long, rows.y, rows.d), elements_of(short, rows.y, rows.d)
    variance = float(np.var(rows.y))
    r2_long, r2_short, share = 1 - a.sigma2 / variance, 1 - b.sigma2 / variance, b.nu2 / a.nu2
    change = b.point - a.point
    both = (b.sigma2 - a.sigma2) * (a.nu2 - b.nu2)
    known = b.sigma2 > a.sigma2 and a.nu2 > b.nu2
    rho = np.sign(change) * (np.clip(abs(change) / np.sqrt(both), 0, 1) if known else 1.0)
    return {
        "cf_y": float(np.clip((r2_long - r2_short) / (1 - r2_long), 0, 1)),
        "cf_d": float(np.clip((1 - share) / share, 0, 1)),
        "rho": float(rho),
        "change": change,
    }


def benchmarks(
    estimator: Any, data: Any = None, *, y: Any, d: Any, x: Any, groups: dict[str, Sequence[str]] | None = None
) -> Any:
    """Strength of each covariate, or of each group of them, as a data frame: the estimator is fitted without it.

    Parameters
    ----------
    estimator : PartiallyLinear or Interactive
    groups : dict of str to sequence of names, optional
        Each covariate alone, if not given.
    """
    import pandas as pd

    rows = read_rows(data, y=y, d=d, x=x)
    groups = groups or {name: [name] for name in rows.names}
    long = estimator.fit(y=rows.y, d=rows.d, x=rows.x)
    found = {}
    for label, left_out in groups.items():
        unknown = sorted(set(left_out) - set(rows.names))
        if unknown:
            raise ValueError(f"groups: {unknown[0]!r} is no covariate; {', '.join(rows.names[:20])} are.")
        keep = [j for j, name in enumerate(rows.names) if name not in left_out]
        if not keep:
            raise ValueError(f"groups: {label!r} leaves no covariate; leave out fewer.")
        short = estimator.fit(y=rows.y, d=rows.d, x=rows.x[:, keep])
        found[label] = benchmark(long, short, y=rows.y, d=rows.d)
    return pd.DataFrame(found).T


def _limit_robustness(e: Elements, side: float, rho: float, z: float, null: float) -> float:
    """The strength at which the confidence limit meets the null hypothesis; zero if it does without confounding."""
    from scipy.optimize import brentq

    def gap(cf: float) -> float:
        point, se = e.bound(side * rho * float(strength_of(cf, cf)))
        return side * (point - null) + z * se  # rises from below zero

    if gap(0.0) >= 0:
        return 0.0
    root: Any = brentq(gap, 0.0, 1 - 1e-12) if gap(1 - 1e-12) > 0 else 1.0
    return float(root)
