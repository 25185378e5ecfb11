"""What an estimate says of itself, and what was learnt about each row on the way to it. Part of `ceteris.results`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from ceteris.evidence import Check, Figure, Table


@dataclass(frozen=True)
class About:
    """What a reader must know about an estimate; what is not said is empty.

    Parameters
    ----------
    method : str
        How it was estimated, in a few words.
    estimand : str
        What is estimated: a sentence.
    formula : str
        The same as a formula.
    assumptions : tuple of str
        What has to be believed: sentences.
    standard_errors : str
        Where they come from. `Estimate` says it by itself for clusters and for corrections for small samples.
    interval : str
        What an interval covers and what it does not, or why there is none.

    Examples
    --------
    >>> About("Difference in means", "The average effect of the treatment on everybody.").method
    'Difference in means'
    """

    method: str = ""
    estimand: str = ""
    formula: str = ""
    assumptions: tuple[str, ...] = ()
    standard_errors: str = ""
    interval: str = ""


@dataclass(frozen=True, eq=False)
class Nuisances:
    """What was learnt about each row on the way to an effect, from other rows as a rule; None is what nobody needed.

    Parameters
    ----------
    m : array, shape (n,) or (n, k)
        E[Y | X]; a column for each of several treatments, given X and the others.
    e : array, shape (n,) or (n, k)
        E[D | X]; of a binary treatment the probability, within the bounds that were asked for.
    mu0 : array, shape (n,)
        E[Y | D = 0, X].
    mu1 : array, shape (n,)
        E[Y | D = 1, X].
    h : array, shape (n,) or (n, k)
        E[Z | X] of the instruments.
    v : array, shape (n,)
        Var(D | X).
    raw : array, shape (n,) or (n, k)
        Probabilities as the learner gave them, before they were brought within bounds.
    arms : array, shape (n, k)
        E[Y | arm, X] of several arms: levels of the treatment, values of the instrument, groups and periods.
    takers : array, shape (n, 2)
        E[D | Z = 0, X] and E[D | Z = 1, X].
    fitted : array, shape (n,)
        E[Y | D, X] at the treatment that the row has.
    residual : array, shape (n,) or (n, k)
        E[Y - θD | X], θ being a first estimate.
    change : array, shape (n,)
        What is expected of the change of the outcome without treatment, given X.
    weights : array, shape (n,)
        How much a row counts, 0 where it was not used.
    normalised : bool
        Whether inverse probabilities are divided by their mean.
    folds : tuple of arrays, shape (n,) or (n, 2)
        The fold of each row, one array for each split; empty if nothing was cross-fitted.

    Examples
    --------
    >>> learnt = Nuisances(m=np.array([1.0, 2.0]), e=np.array([0.5, 0.5]))
    >>> learnt.known, learnt.rows(np.array([1])).m
    (('m', 'e'), array([2.]))
    """

    m: Any = None
    e: Any = None
    mu0: Any = None
    mu1: Any = None
    h: Any = None
    v: Any = None
    raw: Any = None
    arms: Any = None
    takers: Any = None
    fitted: Any = None
    residual: Any = None
    change: Any = None
    weights: Any = None
    normalised: bool = False
    folds: tuple[np.ndarray, ...] = ()

    @property
    def known(self) -> tuple[str, ...]:
        """Names of the arrays there are."""
        return tuple(name for name in ARRAYS if getattr(self, name) is not None)

    def rows(self, index: Any) -> Nuisances:
        """Return the same of some rows."""
        chosen = {name: getattr(self, name)[index] for name in self.known}
        return replace(self, **chosen, folds=tuple(fold[index] for fold in self.folds))


ARRAYS = tuple(field.name for field in fields(Nuisances) if field.name not in ("normalised", "folds"))


class AbstractDetails(ABC):
    """What an estimator found beside its estimate, where that has figures of its own."""

    @abstractmethod
    def figures(self, estimate: Any) -> tuple[Figure, ...]:
        """Figures of an estimate that has these details; they come before that of its numbers."""


class AbstractPooled(AbstractDetails):
    """What is known beside an estimate that is pooled over several data sets; combinations of it are pooled anew."""

    @abstractmethod
    def contrast(self, estimate: Any, weights: np.ndarray, constants: np.ndarray, names: tuple[str, ...]) -> Any:
        """Return the estimate of Wθ - c, pooled; W has shape (q, k)."""

    @abstractmethod
    def test(self, weights: np.ndarray, constants: np.ndarray, method: str) -> tuple[Any, str, tuple[Check, ...]]:
        """Return a ``stats.rubin_tests.PooledTest`` that Wθ = c, what was done in a sentence, and checks."""

    @abstractmethod
    def tables(self, level: float) -> tuple[Table, ...]:
        """Return what a report shows below the estimates."""

    @abstractmethod
    def foot(self) -> str:
        """Return what one screen says below the estimates, or nothing."""
