"""How an estimator does over many samples from a design whose truth is known."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ceteris.arguments import probability, whole
from ceteris.causal import batched, figures
from ceteris.causal.rows import read_rows
from ceteris.outlets import screen
from ceteris.results import Check, Estimate, Section, Table
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 25  # replications drawn, and where learners allow solved, at once: their arrays stay in the cache


@dataclass(frozen=True, eq=False, repr=False)
class Replications(AbstractResult):
    """Estimates and standard errors over replications, and what they say.

    Attributes
    ----------
    estimates : array, shape (replications,)
        Points.
    errors : array, shape (replications,)
        Standard errors.
    low : array, shape (replications,)
        Lower ends of the intervals.
    high : array, shape (replications,)
        Upper ends of the intervals.
    truth : float
        What the estimates are held against.
    level : float
        Of the intervals.
    flagged : float
        Share of the replications in which a check of the estimate failed.
    """

    estimates: np.ndarray
    errors: np.ndarray
    low: np.ndarray
    high: np.ndarray
    truth: float
    level: float = 0.95
    flagged: float = 0.0

    @property
    def bias(self) -> float:
        """Mean error."""
        return float(np.mean(self.estimates) - self.truth)

    @property
    def rmse(self) -> float:
        """Root mean squared error."""
        return float(np.sqrt(np.mean((self.estimates - self.truth) ** 2)))

    @property
    def coverage(self) -> float:
        """Share of the intervals that hold the truth."""
        return float(np.mean(self._covered))

    @property
    def length(self) -> float:
        """Mean length of the intervals."""
        return float(np.mean(self.high - self.low))

    @property
    def _covered(self) -> np.ndarray:
        return (self.low <= self.truth) & (self.truth <= self.high)

    def frame(self) -> pd.DataFrame:
        """Bias, RMSE, standard deviation, mean standard error, coverage and length, with Monte Carlo errors."""
        import pandas as pd

        n = len(self.estimates)
        squared = (self.estimates - self.truth) ** 2
        sd = float(np.std(self.estimates, ddof=1))
        rows = {
            "bias": (self.bias, sd / np.sqrt(n)),
            "RMSE": (self.rmse, float(np.std(squared, ddof=1)) / np.sqrt(n) / (2 * self.rmse)),
            "std dev": (sd, sd / np.sqrt(2 * (n - 1))),
            "mean std err": (float(np.mean(self.errors)), float(np.std(self.errors, ddof=1)) / np.sqrt(n)),
            "coverage": (self.coverage, np.sqrt(max(self.coverage * (1 - self.coverage), 0.25 / n) / n)),
            "length": (self.length, float(np.std(self.high - self.low, ddof=1)) / np.sqrt(n)),
        }
        return pd.DataFrame(rows, index=pd.Index(["value", "Monte Carlo error"])).T

    def summary(self) -> str:
        """How many replications of what truth, and their measures with their own errors."""
        head = f"{len(self.estimates)} replications, truth {self.truth:g}, intervals of {self.level:.0%}"
        tail = f"\n! In {self.flagged:.1%} of the replications a check failed." if self.flagged else ""
        return f"{head}\n{screen(self.frame(), float_format=lambda v: f'{v:.4f}')}{tail}"

    def sections(self) -> tuple[Section, ...]:
        """The measures, whether coverage is as asked for, and how estimates and truth lie."""
        gap, allowed = abs(self.coverage - self.level), 2 * float(self.frame().loc["coverage", "Monte Carlo error"])
        said = f"{self.coverage:.1%} of the intervals hold the truth; {self.level:.0%} were asked for"
        advice = "." if gap <= allowed else ", which is not the luck of these draws."
        check = Check("coverage", gap <= allowed, said + advice, self.coverage, self.level)
        text = f"{len(self.estimates)} replications; the truth is {self.truth:g}."
        caption = "How often each estimate occurred; the line is the truth."
        figure = figures.histogram(self.estimates, self.truth, "Estimates", caption, "estimate", "truth")
        return (Section("Replications", text, (Table("Measures", self.frame()),), (figure,), (check,)),)


def monte_carlo(
    design: Any,
    estimator: Any,
    replications: int = 500,
    *,
    n: int = 500,
    seed: int = 0,
    level: float = 0.95,
    truth: float | None = None,
    jobs: int | None = None,
) -> Replications:
    """Fit an estimator to many samples of a design.

    Parameters
    ----------
    design : CausalDesign or callable
        With ``draw(rng, n, copies)`` and ``truth``, as in ``ceteris.data``; or a function of a random generator that
        returns the arguments of ``estimator.fit``, with ``truth`` given.
    estimator : estimator of ``ceteris.causal``
        Its first parameter is judged. The partially linear model with least squares or ridge is solved for many
        replications at once, without a loop in Python; it then uses the same folds in all of them.
    replications, n, seed : int
        Samples, rows of each, seed.
    level : float
        Of the intervals.
    truth : float, optional
        If it is not the design's own.
    jobs : int, optional
        Replications fitted at once through joblib.

    Examples
    --------
    >>> from ceteris.causal import PartiallyLinear
    >>> from ceteris.data import PartiallyLinearDesign
    >>> from sklearn.linear_model import LinearRegression
    >>> ols = LinearRegression()
    >>> result = monte_carlo(PartiallyLinearDesign(), PartiallyLinear(ols, ols), replications=200)
    >>> bool(0.9 < result.coverage < 0.99)
    True
    """
    whole("replications", replications, least=2)
    probability("level", level)
    if truth is None and not hasattr(design, "truth"):
        raise ValueError("truth is None, but the design has none of its own; give the value of the estimand.")
    target = float(design.truth if truth is None else truth)
    if hasattr(design, "draw") and batched.can(estimator, design.draw(np.random.default_rng(seed), n)):
        try:
            return _at_once(design, estimator, replications, n, seed, level, target)
        except np.linalg.LinAlgError:  # collinear covariates: for the learners themselves, one sample at a time
            pass
    draw = _one_sample(design, n)
    if hasattr(estimator, "fit_many"):
        return _side_by_side(draw, estimator, replications, seed, level, target)
    from joblib import Parallel, delayed

    work = (delayed(_replication)(draw, estimator, seed, r, level) for r in range(replications))
    found = np.array(list(Parallel(n_jobs=jobs)(work)))
    return Replications(*found[:, :4].T, truth=target, level=level, flagged=float(found[:, 4].mean()))


def _at_once(
    design: Any, estimator: Any, replications: int, n: int, seed: int, level: float, truth: float
) -> Replications:
    from scipy.stats import t

    found = []
    for start in range(0, replications, AT_ONCE):
        copies = min(AT_ONCE, replications - start)
        rng = np.random.Generator(np.random.SFC64((seed, start)))  # quicker than the default at normal draws
        draws = design.draw(rng, n, copies)
        found.append(batched.partially_linear(estimator, draws))
    point, error, dof = (np.concatenate(part) for part in zip(*found, strict=True))
    half = t.ppf(0.5 + level / 2, dof) * error
    return Replications(point, error, point - half, point + half, truth, level)


def _side_by_side(
    draw: Callable[[np.random.Generator], dict[str, Any]],
    estimator: Any,
    replications: int,
    seed: int,
    level: float,
    truth: float,
) -> Replications:
    """Replicate estimators whose nets train on all samples at once."""
    samples = [read_rows(**draw(np.random.default_rng((seed, r)))) for r in range(replications)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # counted as ``flagged``
        found = np.array([_figures(estimate, level) for estimate in estimator.fit_many(samples)])
    return Replications(*found[:, :4].T, truth=truth, level=level, flagged=float(found[:, 4].mean()))


def _one_sample(design: Any, n: int) -> Callable[[np.random.Generator], dict[str, Any]]:
    if hasattr(design, "draw"):
        return lambda rng: {role: values[0] for role, values in design.draw(rng, n).items()}
    if callable(design):
        return cast(Callable[[np.random.Generator], dict[str, Any]], design)
    raise TypeError(
        f"design is {type(design).__name__}, but must be a design with draw(rng, n, copies), or a function of a random "
        "generator; give one."
    )


def _replication(
    draw: Callable[[np.random.Generator], dict[str, Any]], estimator: Any, seed: int, r: int, level: float
) -> tuple[float, float, float, float, float]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # counted as ``flagged``
        try:
            estimate = estimator.fit(**draw(np.random.default_rng((seed, r))))
        except Exception as error:
            error.add_note(f"This was replication {r} with seed {seed}.")
            raise
    return _figures(estimate, level)


def _figures(estimate: Estimate, level: float) -> tuple[float, float, float, float, float]:
    low, high = estimate.conf_int(level)[0]
    failed = any(check.passed is False for check in estimate.checks)
    return float(estimate.point[0]), float(estimate.se[0]), float(low), float(high), float(failed)
