"""What pooling knows beside the estimates: how much is missing, joint tests by D1, D2 and D3, contrasts, R²."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from ceteris.estimates.joint_test import JointTest, joint_tests_table
from ceteris.impute.likelihoods import Fits
from ceteris.results import About, AbstractPooled, Check, Estimate, Figure, Table
from ceteris.stats.rubin import Pooled, rubin
from ceteris.stats.rubin_tests import PooledShare, PooledTest, d1, d2, d3, pooled_r_squared

ENOUGH = "enough tables"  # a check
ACROSS, MOST = 3, 12  # panels side by side, and all of them
MISSING = {  # columns of what is missing, as they are called
    "dof": "dof",
    "increase": "increase in variance",
    "missing_share": "share of variance",
    "missing_information": "missing information",
}
NOTE = (
    "Degrees of freedom of Barnard and Rubin; by how much the holes increase the variance (r, riv), their share of the "
    "whole (λ), and the fraction of the information on a coefficient that they have taken (fmi)."
)
TOLD = {
    "D1": "D1, Wald tests pooled over {m} tables (Li, Raghunathan and Rubin, 1991){small}.",
    "D2": "D2, the Wald statistics of {m} tables pooled (Li, Meng, Raghunathan and Rubin, 1991).",
    "D3": "D3, likelihood-ratio tests pooled over {m} tables (Meng and Rubin, 1992).",
}
SMALL = ", with Reiter's degrees of freedom for {dof:g} of the complete data"


@dataclass(frozen=True, eq=False)
class Completed(AbstractPooled):
    """What pooling found beside the estimates; in ``Estimate.details``.

    Parameters
    ----------
    imputations : int
        How many completed tables there were.
    missing_information : array, shape (k,)
        The share of the information about each estimate that is missing.
    missing_share : array, shape (k,)
        λ, the share of its variance that is due to the holes.
    increase : array, shape (k,)
        r, the relative increase in its variance that is due to the holes.
    points : array, shape (m, k)
        The estimates on each table.
    covariances : array, shape (m, k, k)
        Their covariances, as if each table were complete.
    names : tuple of str
        What the estimates are called.
    dof : array, shape (k,)
        Degrees of freedom of Barnard and Rubin.
    complete : float or None
        Degrees of freedom of the complete data; None if nothing limits them.
    rows : int or None
        Of each table.
    r_squared : array, shape (m, 2), or None
        Of a linear regression on each table: R² and adjusted R².
    fits : Fits or None
        The regressions, where their likelihood is known.
    basis : tuple of arrays, shapes (k, p) and (k,), or None
        The estimates are Wβ - c of the p coefficients of the fits; None if they are these.
    tests : tuple of JointTest
        Joint tests that were asked for, which a report shows.
    """

    imputations: int
    missing_information: np.ndarray
    missing_share: np.ndarray
    increase: np.ndarray
    points: np.ndarray
    covariances: np.ndarray
    names: tuple[str, ...]
    dof: np.ndarray
    complete: float | None = None
    rows: int | None = None
    r_squared: np.ndarray | None = None
    fits: Fits | None = None
    basis: tuple[np.ndarray, np.ndarray] | None = None
    tests: tuple[JointTest, ...] = ()

    def contrast(
        self, estimate: Estimate, weights: np.ndarray, constants: np.ndarray, names: tuple[str, ...]
    ) -> Estimate:
        """Return the estimate of Wθ - c, pooled anew: each combination has degrees of freedom of its own."""
        points = self.points @ weights.T - constants
        covariances = np.einsum("qk,mkl,rl->mqr", weights, self.covariances, weights)
        splits = tuple(
            replace(split.contrast(weights, names), point=weights @ split.point - constants)
            for split in estimate.splits
        )
        W, c = (np.eye(weights.shape[1]), np.zeros(weights.shape[1])) if self.basis is None else self.basis
        basis = None if self.fits is None else (weights @ W, weights @ c + constants)
        found = pooled_estimate(points, covariances, names, estimate.about, self.complete, splits, self.rows)
        details = replace(found.details, fits=self.fits, basis=basis)
        others = tuple(check for check in estimate.checks if check.name != ENOUGH)
        return replace(found, checks=(*others, enough(found)), details=details)

    def test(
        self, weights: np.ndarray, constants: np.ndarray, method: str
    ) -> tuple[PooledTest, str, tuple[Check, ...]]:
        """Return the test that Wθ = c by D1, D2 or D3, what it is in a sentence, and whether tables are too few."""
        points = self.points @ weights.T - constants
        covariances = np.einsum("qk,mkl,rl->mqr", weights, self.covariances, weights)
        q = len(weights)
        if method == "D1":
            found = d1(points, covariances, self.complete)
        elif method == "D2":
            solved = np.linalg.solve(covariances, points[:, :, None])[:, :, 0]
            found = d2(np.einsum("mq,mq->m", points, solved), q)
        else:
            found = d3(*self._ratios(weights, constants), q)
        small = "" if self.complete is None else SMALL.format(dof=self.complete)
        told = TOLD[method].format(m=self.imputations, small=small)
        return found, told, _few(q, self.imputations) if method != "D2" else ()

    def _ratios(self, weights: np.ndarray, constants: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.fits is None:
            raise ValueError(
                "method is 'D3', but must be D1 or D2 where no likelihood is known; take one of these, or "
                "pool_regression without clusters."
            )
        if self.basis is None:
            return self.fits.ratios(weights, constants)
        W, c = self.basis
        return self.fits.ratios(weights @ W, weights @ c + constants)

    def pooled_r_squared(self, adjusted: bool = False, level: float = 0.95) -> PooledShare:
        """Return R² of a linear regression, pooled through Fisher's z, with an interval.

        Parameters
        ----------
        adjusted : bool
            Whether it is adjusted R².
        level : float
            Of the interval.
        """
        if self.r_squared is None or self.rows is None:
            raise ValueError("pooled_r_squared: R² is not known, but must be that of a linear regression; pool one.")
        return pooled_r_squared(self.r_squared[:, int(adjusted)], self.rows, level)

    def information(self) -> pd.DataFrame:
        """What is missing, by estimate: degrees of freedom, r, λ and the fraction of missing information."""
        columns = {title: np.asarray(getattr(self, name)) for name, title in MISSING.items()}
        return pd.DataFrame(columns, index=pd.Index(self.names, dtype=object))

    def tables(self, level: float) -> tuple[Table, ...]:
        """What is missing by estimate, R² where it is known, and the joint tests that were asked for."""
        found = [Table("What the holes take", self.information(), NOTE)]
        if self._has_r_squared():
            each = [self.pooled_r_squared(adjusted, level) for adjusted in (False, True)]
            rows = [[one.estimate, one.low, one.high, one.missing_information] for one in each]
            tail = 100 * (1 - level) / 2
            columns = ["estimate", f"{tail:g} %", f"{100 - tail:g} %", "missing information"]
            frame = pd.DataFrame(rows, columns=columns, index=["R²", "adjusted R²"])
            found.append(Table("Fit", frame, "Pooled through Fisher's z (Harel, 2009)."))
        return (*found, joint_tests_table(self.tests)) if self.tests else tuple(found)

    def foot(self) -> str:
        """R², where it is known."""
        if not self._has_r_squared():
            return ""
        return "; R² {:.3f}, adjusted {:.3f}".format(*(self.pooled_r_squared(a).estimate for a in (False, True)))

    def _has_r_squared(self) -> bool:
        if self.r_squared is None or self.rows is None:
            return False
        return self.rows > 3 and bool((np.abs(self.r_squared) < 1).all())

    def figures(self, estimate: Estimate) -> tuple[Figure, ...]:
        """Estimates of each completed table, and the pooled ones with their intervals."""
        low, high = estimate.conf_int().T
        rows = [
            {"name": name, "table": i, "estimate": one[k], "pooled": estimate.point[k], "low": low[k], "high": high[k]}
            for k, name in enumerate(estimate.names[:MOST])
            for i, one in enumerate(self.points, 1)
        ]
        height = 0.8 + 1.9 * -(-min(len(self.names), MOST) // ACROSS)
        caption = "Dots: the completed tables. Line and band: the pooled estimate and its 95 % interval."
        return (Figure("Estimates by table", caption, pd.DataFrame(rows), _draw, (8.4, height)),)


def pooled_estimate(
    points: np.ndarray, covariances: np.ndarray, names: tuple[str, ...], about: About, complete: float | None,
    splits: tuple[Estimate, ...] = (), rows: int | None = None, checks: Sequence[Check] = (),
) -> Estimate:  # fmt: skip
    """Pool by Rubin's rules.

    Parameters
    ----------
    points : array, shape (m, k)
    covariances : array, shape (m, k, k)
    names : tuple of str
    about : About
    complete : float or None
        Degrees of freedom of the complete data.
    splits : tuple of Estimate
        Those of the tables, where they are such.
    rows : int, optional
    checks : sequence of Check
    """
    pooled: Pooled = rubin(points, covariances, complete)
    details = Completed(
        len(points), pooled.missing_information, pooled.missing_share, pooled.increase, points, covariances, names,
        pooled.dof, complete, rows,
    )  # fmt: skip
    return Estimate(
        pooled.point, None, names, about, given=pooled.covariance, dof=pooled.dof, splits=splits, checks=tuple(checks),
        rows=rows, details=details,
    )  # fmt: skip


def enough(pooled: Estimate) -> Check:
    """Whether there are as many tables as per cent of the information on a coefficient are missing.

    Examples
    --------
    >>> from ceteris.impute import combine
    >>> pooled = combine([(pd.Series({"x": slope}), [[0.04]]) for slope in (0.9, 1.0, 1.1)])
    >>> print(enough(pooled).sentence)
    Up to 30 % of the information on 'x' is missing, and 3 tables are few for that; draw 30.
    """
    shares, m = pooled.details.missing_information, pooled.details.imputations
    most = int(shares.argmax())
    wanted = int(np.ceil(100 * shares[most] - 1e-9))
    good = m >= wanted
    found = f"Up to {wanted} % of the information on {pooled.names[most]!r} is missing, and {m} tables are "
    advice = "enough for that." if good else f"few for that; draw {wanted}."
    return Check(ENOUGH, good, found + advice, float(m), float(wanted))


def _few(q: int, m: int) -> tuple[Check, ...]:
    """Whether the degrees of freedom of D1 and D3 can be trusted, which takes q (m - 1) above 4."""
    wanted = 4 // q + 2
    if m >= wanted:
        return ()
    said = f"{m} tables are too few for a joint test of {q}: its degrees of freedom are rough; draw {wanted} or more."
    return (Check("tables for a joint test", False, said, float(m), float(wanted)),)


def _draw(figure: Any, data: Any) -> None:
    names = list(dict.fromkeys(data["name"]))
    across = min(ACROSS, len(names))
    panels = figure.subplots(-(-len(names) // across), across, squeeze=False).ravel()
    for axes, name in zip(panels, names, strict=False):
        part = data[data["name"] == name]
        first = part.iloc[0]
        axes.axhspan(first["low"], first["high"], color="C0", alpha=0.15, linewidth=0)
        axes.axhline(first["pooled"], color="C0")
        axes.plot(part["table"], part["estimate"], "o", markersize=3, color="C1")
        axes.set_title(str(name))
    for axes in panels[len(names) :]:
        axes.set_visible(False)
    for axes in panels[max(0, len(names) - across) : len(names)]:
        axes.set_xlabel("table")
