"""A test of several linear hypotheses at once: Wald's for any estimate, D1 to D3 for one that is pooled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ceteris.arguments import one_of
from ceteris.estimates.about import AbstractPooled
from ceteris.estimates.hypotheses import Combination, combination, refuse_redundant
from ceteris.estimates.words import number
from ceteris.evidence import Check, Section, Table
from ceteris.showing import AbstractResult, screenful

if TYPE_CHECKING:
    import pandas as pd

METHODS = ("D1", "D2", "D3")  # of what is pooled; the first by default
WALD = "Wald test with the covariance of the estimates."


@dataclass(frozen=True, eq=False, repr=False)
class JointTest(AbstractResult):
    """A test of q linear hypotheses at once.

    Parameters
    ----------
    hypothesis : str
        What is tested, as it was asked.
    method : str
        "Wald", or of pooled estimates "D1", "D2" or "D3".
    statistic : float
        Held against an F distribution.
    dof : tuple of float
        Its degrees of freedom; the second is infinite where it is chi-squared over q.
    p_value : float
        Of the hypothesis.
    names : tuple of str
        What is zero under the hypothesis, q combinations of estimates.
    point : array, shape (q,)
        Estimates of these.
    se : array, shape (q,)
        Their standard errors.
    increase : float or None
        Average relative increase in variance that is due to the holes, of what is pooled.
    told : str
        What was done, in a sentence.
    checks : tuple of Check
        What was looked at.

    Examples
    --------
    >>> from ceteris.results import Estimate
    >>> x = np.random.default_rng(0).normal(size=(100, 2))
    >>> means = Estimate(x.mean(0), x - x.mean(0), ("a", "b"))
    >>> means.test("a = b").hypothesis
    'a = b'
    """

    hypothesis: str
    method: str
    statistic: float
    dof: tuple[float, float]
    p_value: float
    names: tuple[str, ...]
    point: np.ndarray
    se: np.ndarray
    increase: float | None = None
    told: str = ""
    checks: tuple[Check, ...] = ()

    def words(self) -> str:
        """Statistic, degrees of freedom and p-value, as a paper has them."""
        q, nu = self.dof
        below = "< 0.001" if self.p_value < 0.001 else f"= {self.p_value:.3f}"
        if np.isinf(nu):
            return f"χ²({q:.0f}) = {number(q * self.statistic, 2)}, p {below}"
        return f"F({q:.0f}, {number(nu, 1)}) = {number(self.statistic, 2)}, p {below}"

    def frame(self) -> pd.DataFrame:
        """What is zero under the hypothesis: estimates and standard errors, one row for each."""
        import pandas as pd

        return pd.DataFrame({"estimate": self.point, "std err": self.se}, index=pd.Index(self.names, dtype=object))

    def summary(self) -> str:
        """One screen: the hypothesis and its test, what was done, and the estimates of what it says is zero."""
        return screenful(f"{self.hypothesis}: {self.words()}", self._facts(), self.frame(), self.checks)

    def sections(self) -> tuple[Section, ...]:
        """The test, and the estimates of what it says is zero."""
        title = f"Joint test: {self.hypothesis}"
        text = "\n\n".join([f"{self.words()}.", *self._facts()])
        return (Section(title, text, (Table("Zero under the hypothesis", self.frame()),), checks=self.checks),)

    def _facts(self) -> list[str]:
        told = [f"{self.method}: {self.told}" if self.method not in self.told else self.told]
        if self.increase is not None:
            told.append(f"The holes increase the variance of what is tested by {self.increase:.1%} on average.")
        return told


def joint_test(estimate: Any, hypothesis: Any, method: str | None) -> JointTest:
    """Test a hypothesis on an estimate; `Estimate.test` says how it may be written."""
    found = combination(hypothesis, estimate.names)
    refuse_redundant(found)
    pooled = isinstance(estimate.details, AbstractPooled)
    allowed = METHODS if pooled else ("Wald",)
    method = allowed[0] if method is None else one_of("method", method, allowed)
    asked = hypothesis if isinstance(hypothesis, str) else _asked(hypothesis, found)
    if not pooled:
        return _wald(estimate, found, asked)
    test, told, checks = estimate.details.test(found.weights, found.constants, method)
    parts = estimate.contrast(found.weights)
    return JointTest(
        asked, method, test.statistic, test.dof, test.p_value, found.names, parts.point - found.constants, parts.se,
        test.increase, told, checks,
    )  # fmt: skip


def joint_tests_table(tests: tuple[JointTest, ...]) -> Table:
    """Several tests as a table of a report."""
    import pandas as pd

    rows = [[t.method, t.statistic, *t.dof, t.p_value, t.increase] for t in tests]
    columns = ["test", "statistic", "df 1", "df 2", "p", "increase in variance"]
    frame = pd.DataFrame(rows, columns=pd.Index(columns), index=pd.Index([t.hypothesis for t in tests], name="what"))
    return Table("Joint tests", frame, " ".join(dict.fromkeys(t.told for t in tests)))


def _wald(estimate: Any, found: Combination, asked: str) -> JointTest:
    from scipy import stats

    W, q = found.weights, len(found.weights)
    point, spread = W @ estimate.point - found.constants, W @ estimate.covariance @ W.T
    size = np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), 1.0))
    rank = int(np.linalg.matrix_rank(spread / np.outer(size, size), hermitian=True))
    if rank < q:
        raise ValueError(
            f"hypothesis: the covariance of its {q} parts has rank {rank}, but must have full rank; test fewer, or "
            "take more rows or clusters."
        )
    value = float(point @ np.linalg.solve(spread, point) / q)
    nu = np.inf if estimate.degrees is None else float(np.min(estimate.degrees))
    p = float(stats.chi2.sf(q * value, q) if np.isinf(nu) else stats.f.sf(value, q, nu))
    return JointTest(
        asked, "Wald", value, (float(q), nu), p, found.names, point, np.sqrt(np.diag(spread)), told=WALD,
    )  # fmt: skip


def _asked(hypothesis: Any, found: Combination) -> str:
    if hypothesis is not None and all(isinstance(one, str) for one in hypothesis):
        return ", ".join(hypothesis)
    return " = ".join([*found.names, "0"])
