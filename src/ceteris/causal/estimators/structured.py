"""Structured nets: a structural model whose parameters are functions of covariates, with valid inference.

The parameter layer minimises the structural loss, θ̂ = argmin Σ ℓ(y_i, t_i, θ(x_i)). The average of a functional,
μ = E H(X, θ(X), t*), is then estimated by the mean of the orthogonal score

    ψ = H(x, θ(x), t*) - H_θ(x, θ(x), t*) Λ(x)⁻¹ ℓ_θ(y, t, θ(x)),   Λ(x) = E[ℓ_θθ(Y, T, θ(X)) | X = x],

at parameters learnt from other folds. The influence function is of use for inference only: a net trained on it, as 004
(section 13.3) has it, would be trained on something else than the model. What is written H_0 there is H_θ.

References
----------
Farrell, M. H., Liang, T. and Misra, S. (2020). Deep learning for individual heterogeneity: an automatic inference
framework. arXiv 2010.14694. 004, section 13.3.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from ceteris.arguments import as_many, one_of, probability
from ceteris.causal.assemble import finish, solve
from ceteris.causal.crossfit import read_folds, splits
from ceteris.causal.parameter_layer import (
    Assignment,
    Job,
    Scores,
    Stack,
    depends_on_parameters,
    integrated_inverse,
    learn_inverse,
    learn_parameters,
    parameters_at,
    scores,
)
from ceteris.causal.rows import Rows, read_rows
from ceteris.causal.structural import Structure
from ceteris.results import About, Check, Estimate, Nuisances
from ceteris.stats.centring import standardised
from ceteris.training import Net

PARAMETER_NET = Net()
INFORMATION_NET = Net(widths=(16, 16))
REGIMES = ("auto", "integrate", "regress", "learn")
FLOORED = 0.2  # share of rows with a nearly singular information matrix above which a check fails
CONCENTRATED = 0.5  # share of the corrections' squares in one per cent of the rows above which a check fails

ABOUT = About(
    "Structured net (Farrell-Liang-Misra)",
    "The average of the functional H(X, θ(X), t*) over the population of X.",
    "mean of H(x, θ(x), t*) - H_θ(x, θ(x), t*) Λ(x)⁻¹ ℓ_θ(y, t, θ(x)), θ and Λ from other folds",
    (
        "The structure is right: the true θ(x) minimises E[ℓ(Y, T, θ) | X = x].",
        "Given the covariates the treatment is as good as random.",
        "At every x the treatment varies enough for Λ(x) to be invertible.",
        "The nets converge faster than n^(-1/4).",
    ),
)


class Split(NamedTuple):
    """What one split of one sample gave: its folds, parameters, which rows were floored, the parts of the score."""

    fold: np.ndarray
    theta: np.ndarray
    cut: np.ndarray
    scores: Scores
    constant_loss: float


@dataclass(frozen=True)
class StructuredNet:
    """A structural model with a parameter layer θ(x), and the average of a functional of it.

    Parameters
    ----------
    structure : Structure
        From `ceteris.causal.structural`: `linear`, `logit`, `poisson`, `generalised_sigmoid`, or your own.
    functional : callable
        ``functional(x, theta, t) -> scalar or (q,)``, H of one row, written in ``jax.numpy``; ``t`` is ``at``. Ready
        made: `Parameter`, `Effect`, `MeanAt`, `Slope`.
    at : float or sequence, optional
        The treatment t* at which H is evaluated; None is passed on.
    assignment : Assignment, optional
        How treatments were assigned, where known.
    information : {"auto", "integrate", "regress", "learn"}
        How Λ(x) is found: as a sum over the known assignment; learnt from the rows that θ is learnt from, possible
        where it does not depend on θ; or learnt from a third part of the sample that θ has not seen. By default the
        first of these that is possible.
    net : Net
        How the nets for θ(x) are built and trained.
    information_net : Net
        How the nets for Λ(x)⁻¹ are built and trained, where it is learnt.
    folds : int, array of shape (n,), or list of such arrays
        Number of folds of the cross-fitting, or which fold each row is in (a list has one array for each repeat).
    repeats : int
        How often it is done with other folds; the median is reported.
    floor : float
        Eigenvalues of Λ(x), relative to its average, are not let below this; rows where that happens are counted.
    names : tuple of str
        What the estimates are called.
    seed : int
        Of the draw of folds and of the nets.

    Examples
    --------
    >>> from ceteris.causal.structural import Parameter, linear
    >>> from ceteris.data.factorial import simulate_structural
    >>> data = simulate_structural(400, "linear", seed=1)
    >>> x = [name for name in data if name.startswith("x")]
    >>> net = Net(widths=(8,), members=1, epochs=20)  # small, so that it is quick
    >>> slope = StructuredNet(linear(), Parameter(1), net=net, information_net=net, folds=2, repeats=2)
    >>> estimate = slope.fit(data, y="y", d="t", x=x)
    >>> bool(abs(estimate.point[0] - 1) < 4 * estimate.se[0])  # the truth is 1
    True
    """

    structure: Structure
    functional: Callable[[Any, Any, Any], Any]
    at: Any = None
    assignment: Assignment | None = None
    information: str = "auto"
    net: Net = PARAMETER_NET
    information_net: Net = INFORMATION_NET
    folds: Any = 5
    repeats: int = 1
    floor: float = 0.02
    names: tuple[str, ...] = ()
    seed: int = 0

    def __post_init__(self) -> None:
        one_of("information", self.information, REGIMES)
        if self.information == "integrate" and self.assignment is None:
            raise ValueError("information is 'integrate', but there is no assignment; give assignment=Assignment(...).")
        probability("floor", self.floor, such_as=0.02)

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : str, list of str, or array
            Treatment, or a list of treatments.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.

        Returns
        -------
        Estimate
            Its ``details``, a ``Structured``, hold θ(x) of every row and the estimate without the correction.
        """
        return self.fit_many([read_rows(data, y=y, d=d, x=x, cluster=cluster)])[0]

    def fit_many(self, samples: Sequence[Rows]) -> list[Estimate]:
        """Estimate on each of several samples of the same columns; all their nets train as one ensemble."""
        for rows in samples:
            self.structure.refuse_outcome(rows.y)
        regime, by_sample, endings = learn(self, samples)
        return [self._estimate(rows, found, regime, endings) for rows, found in zip(samples, by_sample, strict=True)]

    def _estimate(self, rows: Rows, found: Sequence[Split], regime: str, endings: str) -> Estimate:
        names = self._names(found[0].scores.plug_in.shape[1])
        corrected = [mean_of(s.scores.plug_in + s.scores.correction, names, s.fold, rows.clusters) for s in found]
        naive = [mean_of(s.scores.plug_in, names, s.fold, rows.clusters) for s in found]
        folds = [split.fold for split in found]
        checks = evidence(found, endings)
        for check in checks:
            if check.passed is False:
                warnings.warn(f"{type(self).__name__}: {check.sentence}", RuntimeWarning, stacklevel=4)
        none = [Nuisances()] * len(found)
        theta, plug_in, correction = (
            np.mean(each, axis=0)
            for each in zip(*((s.theta, s.scores.plug_in, s.scores.correction) for s in found), strict=True)
        )
        uncorrected = finish(naive, About("Plug-in, uncorrected"), none, folds)
        details = Structured(theta, plug_in, correction, uncorrected, regime, tuple(self.structure.labels))
        return replace(finish(corrected, ABOUT, none, folds, checks), details=details)

    def _names(self, q: int) -> tuple[str, ...]:
        as_many("names", self.names or range(q), q, of="number that the functional returns")
        return self.names or (("E H",) if q == 1 else tuple(f"E H_{j}" for j in range(q)))


@dataclass(frozen=True, eq=False)
class Structured:
    """What `StructuredNet` found beside its estimate; in ``Estimate.details``.

    Parameters
    ----------
    theta : array, shape (n, parameters)
        θ(x) of every row, out of fold, means over the splits.
    naive : array, shape (n, k)
        H(x, θ(x), t*) of every row.
    correction : array, shape (n, k)
        What is added to it.
    plug_in : Estimate
        The means of ``naive``, with the standard errors that ignore that θ was learnt.
    information : str
        How Λ was found.
    parameters : tuple of str
        Names of the columns of ``theta``.
    """

    theta: np.ndarray
    naive: np.ndarray
    correction: np.ndarray
    plug_in: Estimate
    information: str
    parameters: tuple[str, ...]


# --------------------------------------------------------------------------------------------------- the work


def learn(settings: StructuredNet, samples: Sequence[Rows]) -> tuple[str, list[list[Split]], str]:
    """Learn parameters and information of every sample; return the regime, splits by sample, how training ended."""
    structure = settings.structure
    stack = stacked(samples)
    regime = choose(settings, stack)
    folds = [
        read_folds(settings.folds, r.n, settings.repeats, settings.seed + s, r.clusters) for s, r in enumerate(samples)
    ]
    jobs = make_jobs(folds, regime, settings.seed)
    run, constants = learn_parameters(structure, stack, jobs, settings.net, settings.seed)
    at = lambda rows: parameters_at(run.model, constants, stack.x, rows)
    thetas, endings = at([job.test for job in jobs]), run.sentence
    if regime == "integrate":
        assert settings.assignment is not None
        inverses, cuts = zip(
            *(
                integrated_inverse(structure, settings.assignment, stack.raw[job.test], theta, settings.floor)
                for job, theta in zip(jobs, thetas, strict=True)
            ),
            strict=True,
        )
    else:
        elsewhere = at([job.information for job in jobs])
        inverses, cuts, second = learn_inverse(
            structure, stack, jobs, elsewhere, settings.information_net, settings.floor, settings.seed + 1
        )
        endings = f"{endings} Information: {second.sentence}"
    by_sample = gather(settings, samples, folds, jobs, np.asarray(constants.theta), thetas, inverses, cuts)
    return regime, by_sample, endings


def stacked(samples: Sequence[Rows]) -> Stack:
    """Put the samples below each other; covariates are standardised within each."""
    if not samples:
        raise ValueError("samples is empty, but must hold one at least; give one.")
    raw = [rows.x if rows.x.shape[1] else np.zeros((rows.n, 1)) for rows in samples]
    join = lambda parts: np.concatenate(list(parts))
    x = join(standardised(own)[0] for own in raw)
    return Stack(join(raw), x, join(rows.y for rows in samples), join(rows.d for rows in samples))


def choose(settings: StructuredNet, stack: Stack) -> str:
    """Return how Λ(x) is to be found."""
    if settings.information != "auto":
        some = slice(0, 50)
        start = settings.structure.initial(stack.y, stack.t)
        if settings.information == "regress" and depends_on_parameters(
            settings.structure, stack.y[some], stack.t[some], start
        ):
            raise ValueError(
                "information is 'regress', but the second derivative of this loss depends on θ; give 'learn' or 'auto'."
            )
        return settings.information
    if settings.assignment is not None and settings.structure.mean is not None:
        return "integrate"
    start = settings.structure.initial(stack.y, stack.t)
    return "learn" if depends_on_parameters(settings.structure, stack.y[:50], stack.t[:50], start) else "regress"


def make_jobs(folds: Sequence[Sequence[np.ndarray]], regime: str, seed: int) -> list[Job]:
    """Return one job for each fold of each split of each sample; to "learn", a third of the rows is kept from θ."""
    jobs, first = [], 0
    for s, by_repeat in enumerate(folds):
        for r, fold in enumerate(by_repeat):
            for k, (learning, test) in enumerate(splits(fold)):
                train = first + np.flatnonzero(learning)
                parts = [train, train]
                if regime == "learn":
                    shuffled = np.random.default_rng((seed, s, r, k)).permutation(train)
                    parts = [np.sort(part) for part in np.split(shuffled, [len(train) * 2 // 3])]
                jobs.append(Job(s, r, parts[0], parts[1], first + np.flatnonzero(test)))
        first += len(by_repeat[0])
    return jobs


def gather(
    settings: StructuredNet,
    samples: Sequence[Rows],
    folds: Sequence[Sequence[np.ndarray]],
    jobs: Sequence[Job],
    constants: np.ndarray,
    thetas: Sequence[np.ndarray],
    inverses: Sequence[np.ndarray],
    cuts: Sequence[np.ndarray],
) -> list[list[Split]]:
    """Put the folds of each split together and compute its score."""
    structure, k = settings.structure, settings.structure.size
    firsts = np.cumsum([0, *(rows.n for rows in samples)])
    found: list[list[Split]] = []
    for s, rows in enumerate(samples):
        found.append([])
        for r, fold in enumerate(folds[s]):
            theta, inverse, cut = np.empty((rows.n, k)), np.empty((rows.n, k, k)), np.zeros(rows.n, bool)
            constant = np.empty((rows.n, k))
            for j, job in enumerate(jobs):
                if (job.sample, job.repeat) == (s, r):
                    own = job.test - firsts[s]
                    theta[own], inverse[own], cut[own], constant[own] = thetas[j], inverses[j], cuts[j], constants[j]
            parts = scores(structure, settings.functional, settings.at, (rows.x, rows.y, rows.d), theta, inverse)
            none = scores(structure, settings.functional, settings.at, (rows.x, rows.y, rows.d), constant, inverse)
            if not np.isfinite(parts.plug_in + parts.correction).all():
                raise FloatingPointError(
                    "functional: it, or its derivative by θ, is not finite in some rows; look at the functional and "
                    "at θ."
                )
            found[s].append(Split(fold, theta, cut, parts, float(none.loss.mean())))
    return found


# ------------------------------------------------------------------------------------------------ the results


def mean_of(psi: np.ndarray, names: tuple[str, ...], fold: np.ndarray, clusters: tuple[np.ndarray, ...]) -> Estimate:
    """Return the estimate of one split: the mean of each column of ``psi``, shape (n, q)."""
    return solve([(-np.ones(len(psi)), column) for column in psi.T], names, fold, clusters)


def evidence(found: Sequence[Split], endings: str) -> tuple[Check, ...]:
    """Return what speaks for and against the estimate."""
    cut = float(np.mean([split.cut.mean() for split in found]))
    loss = float(np.mean([split.scores.loss.mean() for split in found]))
    constant = float(np.mean([split.constant_loss for split in found]))
    squares = np.sort(np.concatenate([(split.scores.correction**2).sum(1) for split in found]))[::-1]
    top = float(squares[: max(len(squares) // 100, 1)].sum() / max(squares.sum(), 1e-300))
    return (
        Check(
            "information invertible", cut <= FLOORED,
            f"Λ(x) was nearly singular, and floored, in {cut:.1%} of the rows"
            + ("." if cut <= FLOORED else ": there the treatment hardly varies; choose a simpler model."),
            cut, FLOORED,
        ),
        Check(
            "parameters out of fold", loss <= constant + 1e-12,
            f"The mean loss in other folds is {loss:.4g}, with constant parameters {constant:.4g}"
            + ("." if loss <= constant + 1e-12 else ": the nets learnt noise; more weight_decay, or fewer covariates."),
            loss, constant,
        ),
        Check(
            "corrections spread over rows", top <= CONCENTRATED,
            f"One per cent of the rows carry {top:.0%} of the squared corrections"
            + ("." if top <= CONCENTRATED else ": the estimate hangs on a few rows; look at overlap, or raise floor."),
            top, CONCENTRATED,
        ),
        Check("training", True, endings),
    )  # fmt: skip
