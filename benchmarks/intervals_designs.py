"""Designs with heavy tails for benchmarks/intervals.py, and the scores of many samples at once.

A design returns the scores (ψ_a, ψ_b), the weights of the outcomes and the truth for ``copies`` samples of n rows, with
nuisances by least squares or logistic regression (C = 100), which are the truth in all of them, over five folds. Arrays
are (copies, n). Noise is scaled to variance one.
"""

from __future__ import annotations

import numpy as np

FOLDS, PENALTY, CLIP = 5, 0.01, 0.01

# Noise of the treatment or instrument (v) and of the outcome (e), covariates (x), by how much |v| spreads e, by how
# much the first covariate spreads v and e, and the intercept of the propensity (a rare arm where it is negative).
DESIGNS = {
    "normal": {},
    "t(3)": {"v": "t3", "e": "t3"},
    "lognormal, spread by treatment": {"e": "lognormal", "by_v": 1.0, "intercept": -1.0},
    "skewed covariates": {"x": "lognormal", "e": "t5", "by_x": 0.5},
}


def noise(rng, kind, shape):
    if kind == "normal":
        return rng.standard_normal(shape)
    if kind == "lognormal":
        return (np.exp(rng.standard_normal(shape)) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    freedom = float(kind[1:])
    return rng.standard_t(freedom, shape) / np.sqrt(freedom / (freedom - 2))


def deal(rng, strata):
    """Folds of each sample, balanced by strata."""
    order = np.argsort(strata + 0.999 * rng.random(strata.shape), axis=1)
    fold = np.empty(strata.shape, int)
    np.put_along_axis(fold, order, np.broadcast_to(np.arange(strata.shape[1]) % FOLDS, strata.shape), axis=1)
    return fold


def spread(x, by_x):
    """Standard deviation of the noise as a function of the first covariate, about one on average."""
    return (1 + by_x * np.abs(x[..., 0])) / (1 + by_x) if by_x else np.ones(x.shape[:2])


def with_constant(x):
    return np.concatenate([np.ones((*x.shape[:2], 1)), x], axis=2)


def least_squares(x, y, fold, among=None):
    """Out-of-fold predictions."""
    found = np.empty(y.shape)
    for k in range(FOLDS):
        used = (fold != k) if among is None else (fold != k) & among
        weighed = (x * used[..., None]).swapaxes(1, 2)
        slopes = np.linalg.solve(weighed @ x, weighed @ y[..., None])
        found = np.where(fold == k, (x @ slopes)[..., 0], found)
    return found


def logit(x, y, fold, among=None):
    """Out-of-fold probabilities by Newton's method."""
    found = np.empty(y.shape)
    penalty = PENALTY * np.diag([0.0] + [1.0] * (x.shape[2] - 1))
    for k in range(FOLDS):
        used = (fold != k) if among is None else (fold != k) & among
        slopes = np.zeros((len(y), x.shape[2]))
        share = (y * used).sum(1) / used.sum(1)
        slopes[:, 0] = np.log(share / (1 - share))
        for _ in range(30):
            p = 1 / (1 + np.exp(-(x @ slopes[..., None])[..., 0]))
            hessian = (x * (p * (1 - p) * used)[..., None]).swapaxes(1, 2) @ x + penalty
            gradient = (((y - p) * used)[:, None, :] @ x).swapaxes(1, 2) - penalty @ slopes[..., None]
            step = np.linalg.solve(hessian, gradient)[..., 0]
            slopes = slopes + step
            if np.abs(step).max() < 1e-11:
                break
        found = np.where(fold == k, 1 / (1 + np.exp(-(x @ slopes[..., None])[..., 0])), found)
    return found


def propensity(x, d, fold):
    return np.clip(logit(x, d, fold), CLIP, 1 - CLIP)


def draw_linear(rng, copies, n, p=5, x="normal", v="normal", e="normal", by_v=0.0, by_x=0.0, intercept=0.0):
    """Covariates, and the noise of the treatment (instrument) and of the outcome."""
    X = noise(rng, x, (copies, n, p))
    v = noise(rng, v, (copies, n)) * spread(X, by_x)
    return X, v, noise(rng, e, (copies, n)) * spread(X, by_x) * (1 + by_v * np.abs(v)) / (1 + by_v)


def partially_linear(rng, copies, n, **settings):
    from ceteris.causal import scores

    x, v, e = draw_linear(rng, copies, n, **settings)
    d = 0.5 * x[..., 0] + 0.25 * x[..., 1] + v
    y = 0.5 * d + x[..., 0] + 0.5 * x[..., 2] + e
    fold, X = deal(rng, np.zeros(d.shape)), with_constant(x)
    l, m = least_squares(X, y, fold), least_squares(X, d, fold)
    return scores.partialling_out(y, d, l, m), d - m, 0.5, {"y": y, "d": d, "x": x, "fold": fold}


def partially_linear_iv(rng, copies, n, **settings):
    from ceteris.causal import scores

    x, v, e = draw_linear(rng, copies, n, **settings)
    z = 0.5 * x[..., 0] + v
    d = 0.7 * z + 0.5 * x[..., 1] + 0.5 * e + rng.standard_normal(z.shape)
    y = 0.5 * d + x[..., 0] + 0.5 * x[..., 2] + e
    fold, X = deal(rng, np.zeros(d.shape)), with_constant(x)
    l, r, w = least_squares(X, y, fold), least_squares(X, d, fold), z - least_squares(X, z, fold)
    return scores.instrumented(y, d, l, r, w), w, 0.5, {"y": y, "d": d, "x": x, "z": z, "fold": fold}


def draw_arms(rng, copies, n, p=3, x="normal", v="normal", e="normal", by_v=0.0, by_x=0.0, intercept=0.0):
    """Covariates, a binary treatment or instrument, and the noise of the outcome."""
    X = noise(rng, x, (copies, n, p))
    index = intercept + 0.7 * X[..., 0] + 0.3 * X[..., 1]
    arm = (rng.random((copies, n)) < 1 / (1 + np.exp(-index))).astype(float)
    return X, arm, noise(rng, e, (copies, n)) * spread(X, by_x) * (1 + by_v * arm) / (1 + by_v / 2)


def interactive_iv(rng, copies, n, **settings):
    """One in five always takes the treatment, three in ten never, whatever the covariates."""
    from ceteris.causal import scores

    x, z, e = draw_arms(rng, copies, n, **settings)
    kind = rng.random(z.shape)
    d = np.where(kind < 0.2, 1.0, np.where(kind > 0.7, 0.0, z))
    y = d + x[..., 0] + 0.5 * x[..., 2] + e + 0.5 * (kind - 0.5)
    fold, X = deal(rng, 2 * z + d), with_constant(x)
    m = propensity(X, z, fold)
    g0, g1 = (least_squares(X, y, fold, z == w) for w in (0, 1))
    r0, r1 = (logit(X, d, fold, z == w) for w in (0, 1))
    weights = scores.outcome_weights(z, m)
    return scores.late(y, d, z, g0, g1, r0, r1, m), weights, 1.0, {"y": y, "d": d, "x": x, "z": z, "fold": fold}


def differences_panel(rng, copies, n, **settings):
    from ceteris.causal import scores

    x, d, e = draw_arms(rng, copies, n, **settings)
    change = d + x[..., 0] + 0.5 * x[..., 2] + e
    fold, X = deal(rng, d), with_constant(x)
    m, g = propensity(X, d, fold), least_squares(X, change, fold, d == 0)
    found = one_by_one(scores.did_panel, change, d, g, m)
    weights = one_by_one(scores.did_panel, np.ones_like(d), d, np.zeros_like(d), m)[1]
    return found, weights, 1.0, {"y": change, "d": d, "x": x, "fold": fold}


def differences_cross_sections(rng, copies, n, **settings):
    from ceteris.causal import scores

    x, d, e = draw_arms(rng, copies, n, **settings)
    t = (rng.random(d.shape) < 0.5).astype(float)
    y = d + t + d * t + x[..., 0] * (1 + 0.5 * t) + 0.5 * x[..., 2] + e
    fold, X = deal(rng, 2 * d + t), with_constant(x)
    m = propensity(X, d, fold)
    cells = [(w, s) for w in (0, 1) for s in (0, 1)]
    fits = [least_squares(X, y, fold, (d == w) & (t == s)) for w, s in cells]

    def score(y, d, t, m, *fits):
        return scores.did_cross_sections(y, d, t, dict(zip(cells, fits, strict=True)), m)

    found = one_by_one(score, y, d, t, m, *fits)
    weights = one_by_one(score, np.ones_like(d), d, t, m, *(np.zeros_like(d) for _ in cells))[1]
    return found, weights, 1.0, {"y": y, "d": d, "x": x, "time": t, "fold": fold}


def one_by_one(score, *arrays):
    """Scores that average over the rows of a sample."""
    return tuple(np.stack(part) for part in zip(*(score(*rows) for rows in zip(*arrays, strict=True)), strict=True))


MODELS = {
    "partially linear": partially_linear,
    "partially linear IV": partially_linear_iv,
    "interactive IV": interactive_iv,
    "differences, panel": differences_panel,
    "differences, cross-sections": differences_cross_sections,
}


def estimator(model, fold):
    """The library's own, for one sample."""
    from sklearn.linear_model import LinearRegression, LogisticRegression

    from ceteris.causal import DifferenceInDifferences, InteractiveIV, PartiallyLinear, PartiallyLinearIV

    ols, logistic = LinearRegression(), LogisticRegression(C=1 / PENALTY, tol=1e-12, max_iter=1000)
    if model == "partially linear":
        return PartiallyLinear(ols, ols, folds=fold)
    if model == "partially linear IV":
        return PartiallyLinearIV(ols, ols, ols, folds=fold)
    if model == "interactive IV":
        return InteractiveIV(ols, logistic, logistic, clip=CLIP, folds=fold)
    return DifferenceInDifferences(ols, logistic, clip=CLIP, folds=fold)
