"""DeDL: the effect of every combination of m binary factors from an experiment that observed only some of them.

The mean outcome of a unit obeys E[Y | x, t] = G(θ(x), t) with a known link G, such as the generalised sigmoid

    G(θ, t) = θ_{m+1} / (1 + exp(-(θ_0 + θ_1 t_1 + ... + θ_m t_m))).

A net with parameter layer θ(x) is trained on (y - G(θ(x), t))², and the average of G(θ(X), t) under any t, observed or
not, is debiased by the orthogonal score of Farrell, Liang and Misra. Combinations being assigned by the experimenter,
Λ(x) is a sum over those observed: as many as θ has entries are needed.

In the limit √n (estimate - truth) is normal with the variance of the score, not N(0, 1) as 004 (section 13.3) prints
it: that is the limit of the studentised estimate, for which the standard errors are here.

With the sample's shares for probabilities the standard errors are a little too large, as they count shares as known.

A wrong link is not repaired: the correction may then add to the error. Where more combinations were observed than the
link has parameters, it is tested against the means of each combination alone.

References
----------
Ye, Z., Zhang, Z., Zhang, D. J., Zhang, H. and Zhang, R. (2023). Deep learning based causal inference for large-scale
combinatorial experiments: theory and empirical evidence. 004, sections 13.3 and 13.4.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.causal.estimators.structured import INFORMATION_NET, PARAMETER_NET, StructuredNet
from ceteris.causal.parameter_layer import Assignment
from ceteris.causal.rows import Rows, read_rows
from ceteris.causal.structural import Structure, generalised_sigmoid, linear, logit, poisson
from ceteris.results import Check, Estimate
from ceteris.training import Net

LINKS = {"sigmoid": generalised_sigmoid, "linear": linear, "logit": logit, "poisson": poisson}
MOST = 4_096  # combinations estimated without being listed
UNLIKELY = 0.001  # p-value below which a check fails


@dataclass(frozen=True)
class CombinationMeans:
    """H(x, θ, t) = G(θ, c) for every combination c, shape (combinations,)."""

    structure: Structure
    combinations: tuple[tuple[float, ...], ...]

    def __call__(self, x: Array, theta: Array, t: Any) -> Array:
        """Evaluate at one row."""
        assert self.structure.mean is not None
        mean = self.structure.mean
        return jax.vmap(lambda c: mean(theta, c))(jnp.asarray(self.combinations, float))


@dataclass(frozen=True)
class DeDL:
    """Effects of all combinations of binary factors, from a randomised experiment with some of them.

    Parameters
    ----------
    link : {"sigmoid", "linear", "logit", "poisson"} or Structure
        How effects of factors add up; see `ceteris.causal.structural`. A structure needs a mean.
    assignment : "shares", "learn" or Assignment
        Combinations drawn alike for all units, with the shares seen in the sample; unknown, so that Λ(x) is learnt; or
        known probabilities.
    combinations : sequence of sequences of 0 and 1, optional
        Which to estimate; all 2^m by default.
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
    seed : int
        Of the draw of folds and of the nets.

    Examples
    --------
    >>> from ceteris.data.factorial import simulate_factorial
    >>> data = simulate_factorial(600, factors=2, link="linear", observed=[[0, 0], [1, 0], [0, 1]], seed=1)
    >>> x = [name for name in data if name.startswith("x")]
    >>> estimate = DeDL("linear", net=Net(members=1)).fit(data, y="y", d=["t1", "t2"], x=x)
    >>> estimate.names  # the last was never observed
    ('t2', 't1', 't1 + t2')
    """

    link: str | Structure = "sigmoid"
    assignment: str | Assignment = "shares"
    combinations: Any = None
    net: Net = PARAMETER_NET
    information_net: Net = INFORMATION_NET
    folds: Any = 5
    repeats: int = 1
    floor: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if isinstance(self.link, str) and self.link not in LINKS:
            raise ValueError(f"link is {self.link!r}, but must be one of {', '.join(LINKS)}, or a Structure; give one.")
        if isinstance(self.link, Structure) and self.link.mean is None:
            raise ValueError(
                "link is a structure without a mean, but effects are differences of G(theta, t); give a mean."
            )
        if isinstance(self.assignment, str) and self.assignment not in ("shares", "learn"):
            raise ValueError(
                f"assignment is {self.assignment!r}, but must be 'shares', 'learn' or an Assignment; give one."
            )

    def fit(self, data: Any = None, *, y: Any, d: Any, x: Any = None, cluster: Any = None) -> Estimate:
        """Estimate.

        Parameters
        ----------
        data : data frame, optional
            The table that the names are of; without it the roles are arrays.
        y : str or array, shape (n,)
            Outcome.
        d : list of str, or matrix of shape (n, m)
            The factors, columns of zeros and ones.
        x : list of str or matrix of shape (n, p), optional
            Covariates.
        cluster : str, array, or two of them, optional
            Clusters that the rows come in: folds keep them together, and standard errors are robust to them.

        Returns
        -------
        Estimate
            Effects against the control (all factors 0), one for each combination. Its ``details``, a
            ``Combinations``, hold the average outcomes, the best combination, and the effects without the correction.
        """
        factors = list(d) if isinstance(d, list | tuple) and all(isinstance(name, str) for name in d) else None
        return self.fit_many([read_rows(data, y=y, d=d, x=x, cluster=cluster)], factors)[0]

    def fit_many(self, samples: Sequence[Rows], factors: Sequence[str] | None = None) -> list[Estimate]:
        """Estimate on each of several samples of the same columns; all their nets train as one ensemble."""
        wide = [rows if rows.d.ndim == 2 else replace(rows, d=rows.d[:, None]) for rows in samples]
        m = wide[0].d.shape[1]
        names = list(factors or (f"t{j + 1}" for j in range(m)))
        structure = self.link if isinstance(self.link, Structure) else LINKS[self.link](m)
        for rows in wide:
            refuse_factors(rows.d, names)
            refuse_few(structure, rows.d)
        wanted = chosen(self.combinations, m)
        found = self._nets(structure, wanted, wide).fit_many(wide)
        shares = self.assignment == "shares"
        results = []
        for estimate, rows in zip(found, wide, strict=True):
            checks = evidence(estimate, rows, structure, wanted, shares)
            for check in checks:
                if check.passed is False:
                    warnings.warn(f"DeDL: {check.sentence}", RuntimeWarning, stacklevel=3)
            results.append(effects(replace(estimate, checks=(*estimate.checks, *checks)), rows, wanted, names))
        return results

    def _nets(self, structure: Structure, wanted: np.ndarray, samples: Sequence[Rows]) -> StructuredNet:
        known = self.assignment if isinstance(self.assignment, Assignment) else None
        if self.assignment == "shares":
            known = Assignment.shares(np.concatenate([rows.d for rows in samples]))
        listed = tuple(tuple(float(v) for v in row) for row in wanted)
        return StructuredNet(
            structure, CombinationMeans(structure, listed), None, known, net=self.net, folds=self.folds,
            information_net=self.information_net, repeats=self.repeats, floor=self.floor, seed=self.seed,
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Combinations:
    """What `DeDL` found beside its effects; in ``Estimate.details``.

    Parameters
    ----------
    means : Estimate
        Average outcomes of all combinations, the control first.
    plug_in : Estimate
        The effects without the correction.
    best : str
        The combination with the highest average outcome.
    second : str
        The one that comes next.
    best_over_second : (float, float)
        By how much the best leads, and the standard error of that.
    observed : tuple of str
        The combinations that were observed.
    combinations : array of int, shape (combinations, factors)
    """

    means: Estimate
    plug_in: Estimate
    best: str
    second: str
    best_over_second: tuple[float, float]
    observed: tuple[str, ...]
    combinations: np.ndarray


# --------------------------------------------------------------------------------------------------- the work


def refuse_factors(d: np.ndarray, names: Sequence[str]) -> None:
    """Raise if a factor is not binary."""
    for name, column in zip(names, d.T, strict=True):
        if not np.isin(column, (0, 1)).all():
            bad = column[~np.isin(column, (0, 1))][0]
            raise ValueError(f"d: factor {name!r} holds {bad:g}; factors are 0 or 1; code one column per level.")


def refuse_few(structure: Structure, d: np.ndarray) -> None:
    """Raise if the observed combinations cannot identify the parameters."""
    observed = np.unique(d, axis=0)
    design = np.column_stack([np.ones(len(observed)), observed])
    if len(observed) < structure.size or np.linalg.matrix_rank(design) < design.shape[1]:
        raise ValueError(
            f"d: {len(observed)} combinations of {d.shape[1]} factors observed; the link has {structure.size} "
            "parameters, so that as many are needed, none of the factors following from the others; observe more "
            "combinations, or choose link='linear'."
        )


def chosen(combinations: Any, m: int) -> np.ndarray:
    """Return the combinations to estimate, the control first, shape (combinations, m)."""
    if combinations is None:
        if 2**m > MOST:
            raise ValueError(f"combinations: {m} factors have {2**m} of them; list at most {MOST} of interest.")
        return np.array(list(product((0, 1), repeat=m)))
    given = np.asarray(combinations)
    if given.ndim != 2 or given.shape[1] != m or not np.isin(given, (0, 1)).all():
        raise ValueError(
            f"combinations has shape {given.shape}, but must hold rows of {m} zeros and ones; give one per combination."
        )
    others = np.unique(given[given.any(axis=1)], axis=0)
    return np.concatenate([np.zeros((1, m), int), others])


def effects(estimate: Estimate, rows: Rows, wanted: np.ndarray, names: Sequence[str]) -> Estimate:
    """Return the effects against the control from the average outcomes."""
    labels = [" + ".join(n for n, v in zip(names, row, strict=True) if v) or "control" for row in wanted]
    to_effects = np.eye(len(wanted))[1:] - np.eye(len(wanted))[0]
    means = replace(estimate, names=tuple(labels))
    order = np.argsort(estimate.point)
    best, second = int(order[-1]), int(order[-2])
    lead = means.contrast(np.eye(len(wanted))[best] - np.eye(len(wanted))[second])
    observed = {tuple(row) for row in np.unique(rows.d, axis=0).astype(int).tolist()}
    about = replace(
        estimate.about,
        method="DeDL (debiased deep learning)",
        estimand="Average effect of each combination of factors against the control, E[G(θ(X), t) - G(θ(X), 0)].",
    )
    details = Combinations(
        means, estimate.details.plug_in.contrast(to_effects, labels[1:]), labels[best], labels[second],
        (float(lead.point[0]), float(lead.se[0])),
        tuple(label for label, row in zip(labels, wanted.tolist(), strict=True) if tuple(row) in observed), wanted,
    )  # fmt: skip
    return replace(estimate.contrast(to_effects, labels[1:]), about=about, details=details)


def evidence(
    estimate: Estimate, rows: Rows, structure: Structure, wanted: np.ndarray, shares: bool
) -> tuple[Check, ...]:
    """Check the assignment by the balance of covariates, and the link where more was observed than it needs."""
    from scipy import stats

    levels, which = np.unique(rows.d, axis=0, return_inverse=True)
    which = which.ravel()
    p = 1.0
    if rows.x.shape[1] and min(np.bincount(which)) > 1:
        varying = rows.x[:, np.ptp(rows.x, axis=0) > 0]
        tests = [stats.f_oneway(*(column[which == g] for g in range(len(levels)))).pvalue for column in varying.T]
        p = min(1.0, len(tests) * float(min(tests, default=1.0)))
    balanced = p > UNLIKELY or not shares
    advice = ": assignment depends on covariates; give it, or assignment='learn'."
    balance = Check(
        "assignment balanced", balanced,
        f"The smallest p-value of equal covariate means over combinations is {p:.3g}, corrected for their number"
        + ("." if balanced else advice), p, UNLIKELY,
    )  # fmt: skip
    listed = [(i, g) for g, level in enumerate(levels) for i, row in enumerate(wanted) if np.array_equal(level, row)]
    freedom = len(listed) - structure.size
    if freedom < 1 or not shares:
        why = (
            "no more combinations were observed than it has parameters"
            if freedom < 1
            else "assignment is not by shares"
        )
        return balance, Check("link fits", None, f"The link cannot be tested: {why}.")
    p = link_test(estimate, rows.y, which, listed, freedom)
    fits = p > UNLIKELY
    advice = ": the link is wrong, and the correction may add to the error; try another."
    sentence = f"Means under the link and means of each observed combination alone differ with a p-value of {p:.3g}"
    return balance, Check("link fits", fits, sentence + ("." if fits else advice), p, UNLIKELY)


def link_test(
    estimate: Estimate, y: np.ndarray, which: np.ndarray, listed: Sequence[tuple[int, int]], freedom: int
) -> float:
    """Return the p-value of the hypothesis that the link is right.

    Under it two scores have the same mean: the one that uses the link, and that of augmented inverse probability
    weighting, which for combination c uses only the rows that met it. Their difference is the correction less 1{t = c}
    (y - G) / p_c.

    Parameters
    ----------
    estimate : Estimate
        Of the average outcomes.
    y, which : arrays, shape (n,)
        Outcome, and the number of the observed combination.
    listed : sequence of (column of the estimate, number of the combination)
    freedom : int
        Combinations observed beyond those needed.
    """
    from scipy import stats

    found = estimate.details
    gaps = np.stack(
        [found.correction[:, i] - (which == g) / np.mean(which == g) * (y - found.naive[:, i]) for i, g in listed],
        axis=1,
    )
    # shares are estimated by those of the sample, which takes the part of the variance between combinations away
    within = gaps.copy()
    for g in np.unique(which):
        within[which == g] -= gaps[which == g].mean(0)
    value, vector = np.linalg.eigh(np.atleast_2d(np.cov(within.T)))
    z = np.sqrt(len(y)) * (gaps.mean(0) @ vector)[-freedom:] / np.sqrt(np.maximum(value[-freedom:], 1e-300))
    return float(stats.chi2.sf(z @ z, freedom))
