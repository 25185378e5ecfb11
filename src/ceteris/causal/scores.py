"""Orthogonal scores, linear in the parameter: ψ(W; θ, η) = θ ψ_a(W; η) + ψ_b(W; η) with E ψ = 0 at the truth.

Each function takes the data and the out-of-fold predictions of the nuisances, arrays of shape (n,), and returns
(ψ_a, ψ_b). Orthogonal means that an error of the nuisances enters the estimate through its square, so that learners
which converge slowly still give an estimate which converges fast.

Signs and normalisations are those of the usual software, so that the same folds and learners give the same numbers.

References
----------
Robinson (1988), Econometrica 56; Robins, Rotnitzky and Zhao (1994), JASA 89; Chernozhukov et al. (2018), Econometrics
Journal 21; Tan (2006), JASA 101; Sant'Anna and Zhao (2020), Journal of Econometrics 219; Chang (2020), Econometrics
Journal 23; Zimmert (2020), arXiv:1809.01643.
"""

from __future__ import annotations

import numpy as np

Score = tuple[np.ndarray, np.ndarray]


def partialling_out(y: np.ndarray, d: np.ndarray, l: np.ndarray, m: np.ndarray) -> Score:
    """Residual on residual, ψ = (y - l - θ(d - m))(d - m), with l = E[Y|X] and m = E[D|X].

    With E[Y - θD | X] in the place of l, as this score is sometimes printed, it is not orthogonal; that is ``iv_type``.

    Examples
    --------
    >>> d = np.array([-1.0, 0.0, 1.0])
    >>> a, b = partialling_out(2 * d, d, 0 * d, 0 * d)
    >>> float(-b.mean() / a.mean())
    2.0
    """
    v = d - m
    return -v * v, v * (y - l)


def iv_type(y: np.ndarray, d: np.ndarray, g: np.ndarray, m: np.ndarray) -> Score:
    """ψ = (y - g - θd)(d - m), with g = E[Y - θD | X]: the residual of the treatment is an instrument for it."""
    v = d - m
    return -v * d, v * (y - g)


def interactive(
    y: np.ndarray,
    d: np.ndarray,
    g0: np.ndarray,
    g1: np.ndarray,
    e: np.ndarray,
    target: str = "ATE",
    normalise: bool = False,
) -> Score:
    """Augmented inverse probability weighting with g_w = E[Y | D = w, X] and e = P(D = 1 | X).

    ψ = w (g1 - g0) + w̄ (d (y - g1)/e - (1 - d)(y - g0)/(1 - e)) - θ w, where w̄ = E[w | X] and w is 1 for everybody,
    d/E[D] for the treated, (1 - d)/(1 - E[D]) for the untreated.

    Parameters
    ----------
    target : {"ATE", "ATT", "ATU"}
    normalise : bool
        Scale the weights so that they average to one in each arm.

    Examples
    --------
    >>> y, d, zero = np.array([1.0, 2.0, 5.0, 6.0]), np.array([0.0, 0, 1, 1]), np.zeros(4)
    >>> a, b = interactive(y, d, zero, zero, zero + 0.5)
    >>> float(-b.mean() / a.mean())  # a difference in means
    4.0
    """
    if normalise:
        e = normalised(e, d)
    if target == "ATE":
        w, expected = np.ones_like(y), np.ones_like(y)
    else:
        arm, share = (d, e) if target == "ATT" else (1 - d, 1 - e)
        w, expected = arm / arm.mean(), share / arm.mean()
    correction = d * (y - g1) / e - (1 - d) * (y - g0) / (1 - e)
    return -w / w.mean(), w * (g1 - g0) + expected * correction


def outcome_weights(d: np.ndarray, e: np.ndarray, target: str = "ATE", normalise: bool = False) -> np.ndarray:
    """Return the weight of each outcome in ``interactive``: the ψ_b of an outcome of one that is predicted as zero.

    Examples
    --------
    >>> outcome_weights(np.array([1.0, 0.0]), np.array([0.5, 0.2]))
    array([ 2.  , -1.25])
    """
    zero = np.zeros_like(e)
    return interactive(zero + 1, d, zero, zero, e, target, normalise)[1]


def normalised(e: np.ndarray, d: np.ndarray) -> np.ndarray:
    """Scale propensities so that d/e and (1 - d)/(1 - e) average to one.

    Examples
    --------
    >>> d = np.array([0.0, 1.0, 1.0, 1.0])
    >>> float((d / normalised(np.full(4, 0.5), d)).mean())
    1.0
    """
    treated, control = np.mean(d / e), np.mean((1 - d) / (1 - e))
    return d * e * treated + (1 - d) * (1 - (1 - e) * control)


def potential_outcome(y: np.ndarray, arm: np.ndarray, g: np.ndarray, e: np.ndarray, normalise: bool = False) -> Score:
    """E[Y(w)] with g = E[Y | D = w, X] and e = P(D = w | X): ψ = g + 1(D = w)(y - g)/e - θ.

    Farrell, Liang and Misra (2021), Econometrica 89, prove inference with deep nets for it.

    Parameters
    ----------
    arm : array, shape (n,)
        1 where the treatment is w, else 0.
    """
    if normalise:
        e = e * np.mean(arm / e)
    return -np.ones_like(y), g + arm * (y - g) / e


def instrumented(y: np.ndarray, d: np.ndarray, l: np.ndarray, r: np.ndarray, instrument: np.ndarray) -> Score:
    """Partially linear IV, ψ = (y - l - θ(d - r)) v: v is z - E[Z|X], or what several such say."""
    return -(d - r) * instrument, instrument * (y - l)


def projected(d_residual: np.ndarray, z_residuals: np.ndarray) -> np.ndarray:
    """Fit of the treatment's residual by those of several instruments: two-stage least squares."""
    design = np.column_stack([np.ones(len(d_residual)), z_residuals])
    return design @ np.linalg.lstsq(design, d_residual, rcond=None)[0]


def late(
    y: np.ndarray,
    d: np.ndarray,
    z: np.ndarray,
    g0: np.ndarray,
    g1: np.ndarray,
    r0: np.ndarray,
    r1: np.ndarray,
    m: np.ndarray,
    normalise: bool = False,
) -> Score:
    """Effect of the instrument on the outcome over its effect on the treatment, each by ``interactive``.

    g_w = E[Y | Z = w, X], r_w = E[D | Z = w, X], m = P(Z = 1 | X). Weights are normalised by arms of the instrument.
    """
    _, on_outcome = interactive(y, z, g0, g1, m, normalise=normalise)
    _, on_treatment = interactive(d, z, r0, r1, m, normalise=normalise)
    return -on_treatment, on_outcome


def did_panel(change: np.ndarray, d: np.ndarray, g0: np.ndarray, e: np.ndarray, normalise: bool = True) -> Score:
    """Panel: change = y_after - y_before, g0 = E[change | D = 0, X], e = P(D = 1 | X); the effect on the treated."""
    share = d.mean()
    odds = (1 - d) * e / (1 - e)
    weight = d / share - (odds / odds.mean() if normalise else odds / share)
    return -d / share, weight * (change - g0)


def did_cross_sections(
    y: np.ndarray,
    d: np.ndarray,
    t: np.ndarray,
    g: dict[tuple[int, int], np.ndarray],
    e: np.ndarray,
    normalise: bool = True,
) -> Score:
    """Difference in differences on repeated cross-sections.

    Parameters
    ----------
    t : array, shape (n,)
        1 after, 0 before.
    g : mapping
        E[Y | D = d, T = t, X] by (d, t).
    e : array, shape (n,)
        P(D = 1 | X).
    normalise : bool
        Each of the four sets of weights averages to one; intervals are much shorter where e comes close to 1.
    """
    share, after = d.mean(), t.mean()
    psi_b = (d / share) * ((g[1, 1] - g[1, 0]) - (g[0, 1] - g[0, 0]))
    for (group, time), fit in g.items():
        weight = np.where(group == 1, d, (1 - d) * e / (1 - e)) * np.where(time == 1, t, 1 - t)
        scale = weight.mean() if normalise else share * (after if time == 1 else 1 - after)
        psi_b = psi_b + (1 if group == time else -1) * weight / scale * (y - fit)
    return -d / share, psi_b


def chang(y: np.ndarray, d: np.ndarray, t: np.ndarray, e: np.ndarray, l: np.ndarray) -> Score:
    """Chang's score for repeated cross-sections, l = E[(T - λ)Y | X, D = 0] and e = P(D = 1 | X).

    ψ = ((T - λ)Y - l) / (λ(1 - λ)) · (D - e) / (p (1 - e)) - θ, with p = P(D = 1) and λ = P(T = 1). The score is
    sometimes printed with P(D = 1 | X) in the place of p, which makes it one of an effect on nobody in particular.

    The parts that p and λ, being estimated, add to the influence function are in ψ_b: -θ(D - p)/p by way of ψ_a = -D/p,
    and (T - λ) ∂E ψ/∂λ, where l does not matter because E[D - e | X] = 0.
    """
    p, after = d.mean(), t.mean()
    tilt = (d - e) / (p * (1 - e))
    slope = np.mean(-(t / after**2 + (1 - t) / (1 - after) ** 2) * y * tilt)
    return -d / p, ((t - after) * y - l) / (after * (1 - after)) * tilt + slope * (t - after)


def chang_as_printed(y: np.ndarray, d: np.ndarray, t: np.ndarray, e: np.ndarray, l: np.ndarray) -> Score:
    """The misprint of ``chang``, with e in the place of p: kept to show by simulation that it is biased."""
    after = t.mean()
    tilt = (d - e) / (e * (1 - e))
    return -np.ones_like(y), ((t - after) * y - l) / (after * (1 - after)) * tilt
