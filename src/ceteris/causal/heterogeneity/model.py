"""What the learners of effects share: reading of data, nuisances, bootstrap, and the model that is returned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

import numpy as np

from ceteris.arguments import INSIDE, one_of, probability, whole
from ceteris.causal.covariates import covariates_at
from ceteris.causal.crossfit import read_folds
from ceteris.causal.heterogeneity.effects import Effects, average_effect, doubly_robust
from ceteris.causal.heterogeneity.learned import Function, Learned
from ceteris.causal.nuisances import as_mapping, fit_of, overlap, refuse_clip
from ceteris.causal.rows import Rows, read_rows
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.tables.frames import finite

NO_INTERVAL = "There are no standard errors: give bootstrap=200, or use LinearEffects, SeriesEffects or a forest."
FEWEST_DRAWS = 20


class Scored(ABC):
    """Doubly robust scores and averages of a model with rows, nuisances and checks."""

    rows: Rows
    nuisances: Nuisances
    checks: tuple[Check, ...]

    @property
    @abstractmethod
    def _title(self) -> str:
        """Name of the method."""

    @abstractmethod
    def _learnt(self) -> np.ndarray:
        """Effects at the training rows, shape (n,)."""

    @property
    def scores(self) -> np.ndarray:
        """Doubly robust score of each training row, shape (n,): their means are average effects."""
        return doubly_robust(self.rows.y, self.rows.d, self.nuisances.m, self.nuisances.e, self._tau())

    def average(self, subgroup: Any = None, estimand: str = "ATE") -> Estimate:
        """Average effect over a subgroup, doubly robust; see `average_effect`."""
        m, e = self.nuisances.m, self.nuisances.e
        found = average_effect(self.rows, m, e, self._tau(), subgroup, estimand, self._title)
        return replace(found, checks=self.checks)

    def _tau(self) -> np.ndarray:
        """The effect that the arms' regressions imply, where there are any."""
        mu0, mu1 = self.nuisances.mu0, self.nuisances.mu1
        return self._learnt() if mu0 is None or mu1 is None else mu1 - mu0


@dataclass(frozen=True, eq=False)
class EffectModel(Scored):
    """A function τ(x) that has been learnt, and what it was learnt from.

    Attributes
    ----------
    method : str
    rows : Rows
    fold : array of int, shape (n,) or (n, 2)
    tau : Learned
        The effects.
    nuisances : Nuisances
        Out of fold: m = E[Y | X] and e = P(D = 1 | X); for some learners mu0 and mu1, E[Y | D = w, X].
    replicas : tuple of callable
        The effects that bootstrap samples gave, as functions of covariates.
    shares : mapping of str to float
        Where the final stage is a mixture, the share of each of its parts.
    checks : tuple of Check
    """

    method: str
    rows: Rows
    fold: np.ndarray
    tau: Learned
    nuisances: Nuisances
    replicas: tuple[Function, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict)
    checks: tuple[Check, ...] = ()

    def effect(self, x: Any = None, level: float = 0.95) -> Effects:
        """Effects at the rows of x, or out of fold at the training rows.

        Parameters
        ----------
        x : data frame with the columns of the covariates, or matrix, optional
        level : float
            Of the intervals, where the learner has any.
        """
        probability("level", level)
        at = self.rows.x if x is None else complete(covariates_at(x, self.rows.names))
        point = self.tau.out_of_fold if x is None else self.tau.predict(at)
        drawn = [replica(at) for replica in self.replicas]
        se = np.std(drawn, axis=0, ddof=1) if drawn else None
        interval = NO_INTERVAL
        if drawn:
            interval = (
                f"An interval covers the mean of the estimate over samples ({len(drawn)} bootstrap samples): the "
                "variance of the learner, not the bias of its regularisation, which may be as large; it is no "
                "interval for τ(x)."
            )
        about = About(self.method, interval=interval)
        return Effects(point, se, (self.rows.treatment,), about, self.checks, level)

    @property
    def _title(self) -> str:
        return self.method

    def _learnt(self) -> np.ndarray:
        return self.tau.out_of_fold


def model_of_arms(
    method: str,
    rows: Rows,
    fold: np.ndarray,
    tau: Learned,
    arms: tuple[np.ndarray, np.ndarray, np.ndarray],
    clip: float,
    shares: Mapping[str, float] | None = None,
) -> EffectModel:
    """Return the model of a learner that knows both arms: E[Y | D = w, X] and P(D = 1 | X) out of fold, shape (n,)."""
    mu0, mu1, raw = arms
    e = np.clip(raw, clip, 1 - clip)
    nuisances = Nuisances(m=mean_outcome(mu0, mu1, e), e=e, mu0=mu0, mu1=mu1)
    return EffectModel(
        method, rows, fold, tau, nuisances, shares=shares or {}, checks=evidence(rows, nuisances, raw, clip)
    )


@dataclass(frozen=True, kw_only=True)
class AbstractEffectLearner(ABC):
    """What the learners of effects have in common; settings as in ``TLearner``."""

    clip: float = 0.01
    folds: Any = 5
    seed: int = 0
    bootstrap: int = 0
    known: ClassVar[tuple[str, ...]] = ()  # nuisances that may be given to `fit`

    @abstractmethod
    def learn(self, rows: Rows, fold: np.ndarray, given: Nuisances) -> EffectModel:
        """Learn the effects from rows that have their folds."""

    def fit(
        self,
        data: Any = None,
        *,
        y: Any,
        d: Any,
        x: Any,
        cluster: Any = None,
        nuisances: Nuisances | Mapping[str, Any] | None = None,
    ) -> EffectModel:
        """Learn the effects.

        Parameters
        ----------
        data : data frame, optional
            Without it the roles are arrays.
        y, d, x, cluster : column names, or arrays
            Outcome; treatment, 0 or 1; covariates; one or two sets of clusters.
        nuisances : mapping of str to array of shape (n,), or Nuisances, optional
            Of each row, if they are known or were learnt elsewhere: "m" and "e" by the R-learner, "mu0" with "mu1", or
            "e", by the DR-learner. Of the ``nuisances`` of another model those are taken.
        """
        refuse_clip(self.clip)
        if x is None or (isinstance(x, list | tuple) and len(x) == 0):
            raise ValueError("x is empty, but effects differ by covariates; name at least one.")
        if self.bootstrap:
            whole("bootstrap", self.bootstrap, least=FEWEST_DRAWS, such_as=200)
        rows = read_rows(data, y=y, d=d, x=x, cluster=cluster, binary=True)
        if self.bootstrap:
            rows.refuse_two_sets("bootstrap draws whole clusters of one")
        fold = read_folds(self.folds, rows.n, 1, self.seed, rows.clusters, stratify=rows.d)[0]
        given = read_nuisances(nuisances, rows.n, self.known)
        model = self.learn(rows, fold, given)
        functions = []
        for b in range(self.bootstrap):
            drawn = resample(rows, fold, np.random.default_rng((self.seed, b)))
            # The copies of a row stay in its fold: no learner sees the row that it predicts.
            again = self.learn(taken(rows, drawn), fold[drawn], given.rows(drawn))
            functions.append(again.tau.predict)
        return replace(model, replicas=tuple(functions))


def read_nuisances(given: Nuisances | Mapping[str, Any] | None, n: int, allowed: tuple[str, ...]) -> Nuisances:
    """Check nuisances that were learnt elsewhere, arrays of shape (n,)."""
    found = {}
    for name, values in as_mapping(given, allowed).items():
        one_of("nuisances", name, allowed)
        rule = INSIDE if name == "e" else None
        found[name] = finite(f"nuisances[{name!r}]", values, (n,), rule, "clip or drop them")
    return Nuisances(**found)


def resample(rows: Rows, fold: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw rows with replacement within arm and fold, which keep their numbers; or, where there are any, clusters."""
    if rows.clusters:
        groups = rows.clusters[0]
        drawn = rng.integers(0, groups.max() + 1, groups.max() + 1)
        return np.concatenate([np.flatnonzero(groups == g) for g in drawn])
    cells = np.unique(np.column_stack([rows.d, fold]), axis=0, return_inverse=True)[1].ravel()
    members = [np.flatnonzero(cells == cell) for cell in range(cells.max() + 1)]
    return np.concatenate([rng.choice(rows_of, len(rows_of)) for rows_of in members])


def taken(rows: Rows, index: np.ndarray) -> Rows:
    """Return some of the rows."""
    return replace(
        rows,
        y=rows.y[index],
        d=rows.d[index],
        x=rows.x[index],
        clusters=tuple(groups[index] for groups in rows.clusters),
    )


def complete(x: np.ndarray) -> np.ndarray:
    """Refuse covariates that are missing or infinite."""
    return finite("x", x)


def mean_outcome(mu0: np.ndarray, mu1: np.ndarray, e: np.ndarray) -> np.ndarray:
    """E[Y | X] from the two arms."""
    return e * mu1 + (1 - e) * mu0


def evidence(rows: Rows, nuisances: Nuisances, raw: np.ndarray, clip: float) -> tuple[Check, ...]:
    """Overlap, and how the nuisances fit out of fold."""
    checks = [overlap(raw, clip, rows.x, rows.names), fit_of("treatment", rows.d, nuisances.e)]
    if nuisances.mu0 is None:
        return (*checks, fit_of("outcome", rows.y, nuisances.m))
    learnt = (nuisances.mu0, nuisances.mu1)
    arms = [fit_of(f"outcome where D = {w}", rows.y, mu, rows.d == w) for w, mu in enumerate(learnt)]
    return (*checks, *arms)
