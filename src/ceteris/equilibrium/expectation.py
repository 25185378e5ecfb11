"""The conditional expectation operator E, and the rules that turn it into a sum.

A rule replaces E[f(s', a') | s] by Σ_j w_j f(s'_j, a'_j). Markov chains are always summed exactly; the rule says what
happens to the normal innovations beside them. Innovations of many exchangeable agents are drawn, once (`OneDraw`).

References
----------
Judd, Maliar and Maliar (2011), "Numerically stable and accurate stochastic simulation approaches", section 4 and
appendix B; Stroud (1971) for the monomial rules; Maliar, Maliar and Winant (2021) for the product of two draws;
002 for the one draw.
"""

from __future__ import annotations

import abc
import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.shocks import AbstractShock, Idiosyncratic, Markov, Normal, draw, normalised
from ceteris.fingerprint import described


class AbstractRule(eqx.Module):
    """How the expectation over normal innovations is computed."""

    @abc.abstractmethod
    def nodes(self, dimension: int) -> tuple[np.ndarray, np.ndarray]:
        """Points of shape (m, dimension) and weights of shape (m,) for independent standard normals."""


class GaussHermite(AbstractRule):
    """The product of one-dimensional Gauss-Hermite rules: exact for degree 2n - 1 in each shock, n^d points.

    Examples
    --------
    >>> x, w = GaussHermite(3).nodes(1)
    >>> round(float(w @ x[:, 0] ** 4), 12)
    3.0
    """

    points: int = eqx.field(static=True, default=5)

    def __check_init__(self):
        _at_least("GaussHermite", "points", self.points, 1)

    def nodes(self, dimension):
        x, w = np.polynomial.hermite_e.hermegauss(self.points)
        grid = np.stack([g.ravel() for g in np.meshgrid(*[x] * dimension, indexing="ij")], 1)
        weights = np.prod([g.ravel() for g in np.meshgrid(*[w / w.sum()] * dimension, indexing="ij")], 0)
        return grid, weights


class Monomial(AbstractRule):
    """Stroud's rules: degree 3 with 2d points at ±√d e_i, degree 5 with 2d² + 1 points.

    Degree 3 is exact for means and variances, and so for the first two orders of a smooth policy; degree 5 costs
    the square of it.

    Examples
    --------
    >>> x, w = Monomial(5).nodes(3)
    >>> x.shape, round(float(w @ (x[:, 0] ** 2 * x[:, 1] ** 2)), 12)
    ((19, 3), 1.0)
    """

    degree: int = eqx.field(static=True, default=3)

    def __check_init__(self):
        if self.degree not in (3, 5):
            raise ValueError(f"Monomial: degree is {self.degree}, but must be 3 or 5.")

    def nodes(self, dimension):
        d, one = dimension, np.eye(dimension)
        if self.degree == 3 or d == 1:
            if self.degree == 5:
                return GaussHermite(3).nodes(1)
            return np.sqrt(d) * np.vstack([one, -one]), np.full(2 * d, 1 / (2 * d))
        pairs = [a * one[i] + b * one[j] for i in range(d) for j in range(i + 1, d) for a in (1, -1) for b in (1, -1)]
        x = np.vstack(
            [np.zeros((1, d)), np.sqrt(d + 2) * np.vstack([one, -one]), np.sqrt((d + 2) / 2) * np.array(pairs)]
        )
        centre, axis, pair = 2 / (d + 2), (4 - d) / (2 * (d + 2) ** 2), 1 / (d + 2) ** 2
        return x, np.concatenate([[centre], np.full(2 * d, axis), np.full(len(pairs), pair)])


class QuasiMonteCarlo(AbstractRule):
    """Sobol points mapped to normals, scrambled once with a fixed seed; error about 1/points."""

    points: int = eqx.field(static=True, default=128)

    def __check_init__(self):
        if self.points < 2 or self.points & (self.points - 1):
            raise ValueError(f"QuasiMonteCarlo: points is {self.points}, but must be a power of two, such as 128.")

    def nodes(self, dimension):
        from scipy.stats import norm, qmc

        sobol: Any = qmc.Sobol  # its stubs do not know the seed
        uniform = sobol(dimension, seed=0).random(self.points)
        return norm.ppf(uniform), np.full(self.points, 1 / self.points)


class MonteCarlo(eqx.Module):
    """Draws of all shocks.

    Parameters
    ----------
    draws : int
        Realisations per expectation.
    common : bool
        Whether every state and step sees the same draws (common random numbers): smooth to minimise, but biased
        for these draws. Fresh draws otherwise.
    product : bool
        Whether the loss is the product of two residuals from independent halves of the draws, whose mean is the
        squared conditional expectation; the mean of squares would add the variance of the draws (Maliar, Maliar and
        Winant 2021). Needs an even number of fresh draws, and residuals that are linear in E.
    """

    draws: int = eqx.field(static=True, default=16)
    common: bool = eqx.field(static=True, default=False)
    product: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        _at_least("MonteCarlo", "draws", self.draws, 1)
        if self.product and (self.common or self.draws % 2):
            raise ValueError(
                f"MonteCarlo: product=True with draws={self.draws}, common={self.common}, but it needs an even number "
                "of fresh draws; pass common=False and draws=2, 4, ..."
            )


class OneDraw(eqx.Module):
    """Quadrature over aggregate shocks times ONE draw of the shocks of exchangeable agents.

    Parameters
    ----------
    aggregate : rule
        For all shocks that are not `Idiosyncratic`.
    draws : int
        More than one draw is their average.
    normalise : bool
        Whether a draw is shifted and scaled to mean 0 and variance 1 over the agents.
    fresh : bool
        Whether every state has a draw of its own, new in every step; otherwise all share one.
    seed : int
        Of the draw that is shared.

    Examples
    --------
    >>> shocks = {"w": Idiosyncratic(4), "omega": Normal()}
    >>> points, weights = successors(shocks, OneDraw(GaussHermite(3)), Point("state", {}), None)
    >>> points.w.shape, points.omega.shape, bool(abs(points.w.mean(1)).max() < 1e-6)
    ((3, 4), (3,), True)
    """

    aggregate: AbstractRule = eqx.field(default_factory=lambda: GaussHermite(7))
    draws: int = eqx.field(static=True, default=1)
    normalise: bool = eqx.field(static=True, default=True)
    fresh: bool = eqx.field(static=True, default=False)
    seed: int = eqx.field(static=True, default=0)

    def __check_init__(self):
        _at_least("OneDraw", "draws", self.draws, 1)

    def judge(self) -> OneDraw:
        """A rule for judging what was trained with this one: other draws, and four times as many."""
        return OneDraw(self.aggregate, 4 * self.draws, self.normalise, False, self.seed + 1)


Rule = AbstractRule | MonteCarlo | OneDraw


class E:
    """The operator a model's ``residuals`` receives: ``E(lambda s1, a1: ...)``.

    The function is of one successor; it may return a number, an array or a dictionary of them.
    ``E.successors(lambda s1, a1, h: ...)`` also hands over the hypothesis ``h(inputs) -> raw outputs``, for models in
    which tomorrow's policy is asked at points of the model's own making.

    Attributes
    ----------
    s1, a1 : Point
        Successor states and the actions taken there, with a leading axis of nodes.
    weights : array, shape (nodes,)
    h, tomorrow : callable
        The hypothesis of today and of tomorrow: the same one, but in time iteration.
    """

    def __init__(self, s1: Point, a1: Point, weights: Array, h: Any = None, tomorrow: Any = None):
        self.s1, self.a1, self.weights, self.h = s1, a1, weights, h
        self.tomorrow = h if tomorrow is None else tomorrow

    def __call__(self, f: Callable[[Point, Point], Any]) -> Any:
        values = jax.vmap(f)(self.s1, self.a1)
        return jax.tree.map(lambda v: jnp.tensordot(self.weights, v, 1), values)

    def successors(self, f: Callable[[Point, Point, Any], Any]) -> Any:
        """The expectation of a function that also asks the hypothesis."""
        return self(lambda s1, a1: f(s1, a1, self.tomorrow))


def default_rule(shocks: dict[str, AbstractShock]) -> tuple[Rule, str]:
    """Return the rule that fits the shocks, and a sentence that says so.

    Examples
    --------
    >>> default_rule({"eps": Normal()})[1]
    'E: Gauss-Hermite product, 7 nodes.'
    """
    if any(isinstance(shock, Idiosyncratic) for shock in shocks.values()):
        rest = {name: shock for name, shock in shocks.items() if not isinstance(shock, Idiosyncratic)}
        refuse_uncovered(rest, GaussHermite())
        aggregate, sentence = default_rule(rest)
        assert isinstance(aggregate, AbstractRule)
        return OneDraw(aggregate), f"{sentence[:-1]}, times one draw of the agents' own shocks."
    d = normal_dimension(shocks)
    chains = [shock.n for shock in shocks.values() if isinstance(shock, Markov)]
    exact = f"exact sum over {int(np.prod(chains))} states of the chain" if chains else ""
    if any(not isinstance(shock, Normal | Markov) for shock in shocks.values()):
        rule: Rule = MonteCarlo(64, common=True)
        nodes = "Monte Carlo, 64 common draws"
    elif d == 0:
        return GaussHermite(1), f"E: {exact or 'no shocks, one successor'}."
    elif d <= 3:
        rule = GaussHermite({1: 7, 2: 5, 3: 3}[d])
        nodes = f"Gauss-Hermite product, {rule.points**d} nodes"
    else:
        rule = Monomial(3)
        nodes = f"monomial rule of degree 3, {2 * d} nodes"
    return rule, f"E: {' times '.join(filter(None, [exact, nodes]))}."


def normal_dimension(shocks: dict[str, AbstractShock]) -> int:
    """How many normal innovations there are."""
    return sum(int(np.prod(shock.shape)) for shock in shocks.values() if isinstance(shock, Normal))


def refuse_uncovered(shocks: dict[str, AbstractShock], rule: Rule) -> None:
    """Raise if the rule has no sum for a shock."""
    for name, shock in shocks.items():
        if isinstance(shock, Idiosyncratic):
            if isinstance(rule, GaussHermite):
                raise ValueError(
                    f"expectation: GaussHermite would need {rule.points}^{int(np.prod(shock.shape))} nodes for shock "
                    f"{name!r} of {shock.agents} agents; choose OneDraw({rule}), which is exact over the others."
                )
        elif not isinstance(shock, Normal | Markov) and not isinstance(rule, MonteCarlo):
            raise ValueError(
                f"expectation: {type(rule).__name__} has no nodes for shock {name!r}, a {type(shock).__name__}; choose "
                "MonteCarlo(...), or declare the shock as Normal or Markov."
            )


def successors(shocks: dict[str, AbstractShock], rule: Rule, s: Point, key: Array | None) -> tuple[Point, Array]:
    """Return realisations of all shocks given today's state, leaves (m, ...), and their weights (m,)."""
    if isinstance(rule, MonteCarlo):
        fresh = keys.key(0) if rule.common or key is None else key
        points = jax.vmap(lambda k: draw(shocks, s, k))(jr.split(fresh, rule.draws))
        return points, jnp.full(rule.draws, 1 / rule.draws)
    if isinstance(rule, OneDraw):
        return _times_draws(shocks, rule, s, key)
    values, sizes = _normal_nodes(shocks, rule)
    chains = {name: shock for name, shock in shocks.items() if isinstance(shock, Markov)}
    counts = [len(values[1]), *(chain.n for chain in chains.values())]
    index = np.indices(counts).reshape(len(counts), -1)  # which normal node, which state of each chain
    weights = jnp.asarray(values[1])[index[0]]
    for (_, chain), j in zip(chains.items(), index[1:], strict=True):
        weights = weights * jnp.asarray(chain.transition)[s[chain.state]][j]
    nodes = {name: jnp.asarray(j) for (name, _), j in zip(chains.items(), index[1:], strict=True)}
    start = 0
    for name, shape in sizes.items():
        size = int(np.prod(shape))
        nodes[name] = jnp.asarray(values[0][index[0], start : start + size]).reshape(-1, *shape)
        start += size
    return Point("shock", {name: nodes[name] for name in shocks}), weights


def _times_draws(shocks, rule, s, key):
    agents: dict[str, Any] = {name: shock for name, shock in shocks.items() if isinstance(shock, Idiosyncratic)}
    points, weights = successors({n: k for n, k in shocks.items() if n not in agents}, rule.aggregate, s, None)
    if rule.fresh and key is not None:
        drawn = jax.vmap(lambda k: draw(agents, s, k))(jr.split(key, rule.draws))
    else:  # a constant of the compiled program, like the nodes of a quadrature
        normal = np.random.default_rng(rule.seed).standard_normal
        drawn = Point("shock", {n: jnp.asarray(normal((rule.draws, *shock.shape))) for n, shock in agents.items()})
    if rule.normalise:
        drawn = jax.tree.map(jax.vmap(normalised), drawn)
    m = weights.size
    values = {name: jnp.repeat(value, rule.draws, 0) for name, value in points.items()}
    values |= {name: jnp.tile(value, (m, *[1] * (value.ndim - 1))) for name, value in drawn.items()}
    return Point("shock", {name: values[name] for name in shocks}), jnp.repeat(weights, rule.draws) / rule.draws


def _normal_nodes(shocks, rule):
    sizes = {name: shock.shape for name, shock in shocks.items() if isinstance(shock, Normal | Idiosyncratic)}
    d = sum(int(np.prod(shape)) for shape in sizes.values())
    return (rule.nodes(d) if d else (np.zeros((1, 0)), np.ones(1))), sizes


def _at_least(what: str, argument: str, given: int, least: int) -> None:
    if given < least:
        raise ValueError(f"{what}: {argument} is {given}, but must be at least {least}.")


# ------------------------------------------------------------------------------------------------- finer and coarser

LADDER = {1: (7, 15, 31, 63, 95), 2: (5, 9, 15, 21), 3: (3, 5, 7, 9)}  # Gauss-Hermite nodes, by number of shocks
JUDGES = {1: 15, 2: 9, 3: 7}  # the least that a judge takes
MOST_DRAWS = 64  # of exchangeable agents' shocks


def finer(rule: Rule, dimension: int) -> tuple[Rule, str]:
    """A more exact rule than the one trained with, so that the judge is not the defendant; and what it is."""
    if isinstance(rule, MonteCarlo):
        draws = max(1024, 4 * rule.draws)
        return MonteCarlo(draws, common=True), f"{draws:,} draws"
    if isinstance(rule, OneDraw):
        return rule.judge(), f"the same rule with {rule.judge().draws} other draws of the agents' shocks"
    if dimension == 0:
        return rule, "the exact sum"
    if dimension <= 3:
        used = rule.points if isinstance(rule, GaussHermite) else 0
        above = [n for n in LADDER[dimension] if n > used and n >= JUDGES[dimension]]
        points = above[0] if above else used
        return GaussHermite(points), f"Gauss-Hermite with {points} nodes per shock"
    if dimension <= 12:
        return Monomial(5), "the monomial rule of degree 5"
    return rule, "the rule of the solution (a finer one is too costly in so many shocks)"


def raised(rule: Rule, dimension: int) -> Rule | None:
    """The next finer rule to train with, where there is one that a still finer one can judge.

    Examples
    --------
    >>> raised(GaussHermite(7), 1), raised(OneDraw(), 0).draws, raised(Monomial(5), 8)
    (GaussHermite(points=15), 4, None)
    """
    if isinstance(rule, MonteCarlo):
        return replace(rule, draws=4 * rule.draws) if rule.draws < 1024 else None
    if isinstance(rule, OneDraw):
        return replace(rule, draws=4 * rule.draws) if rule.draws < MOST_DRAWS else None
    if 1 <= dimension <= 3:
        used = rule.points if isinstance(rule, GaussHermite) else 0
        above = [n for n in LADDER[dimension][:-1] if n > used]
        return GaussHermite(above[0]) if above else None
    return Monomial(5) if rule == Monomial(3) and 3 < dimension <= 12 else None


def in_words(rule: Rule) -> str:
    """How finely a rule sums."""
    if isinstance(rule, GaussHermite):
        return f"{rule.points} nodes per shock"
    if isinstance(rule, Monomial):
        return f"the monomial rule of degree {rule.degree}"
    if isinstance(rule, OneDraw):
        return "one draw of the agents' shocks" if rule.draws == 1 else f"{rule.draws} draws of the agents' shocks"
    return f"{getattr(rule, 'draws', getattr(rule, 'points', 0)):,} draws"


# ------------------------------------------------------------------------------------------------ rules as plain data

KINDS: dict[str, type] = {
    kind.__name__: kind for kind in (GaussHermite, Monomial, MonteCarlo, OneDraw, QuasiMonteCarlo)
}
MOST = {"points": 2_048, "draws": 100_000}  # a rule that a file asks for is not to take an hour


def as_facts(rule: Any) -> dict[str, Any]:
    """A rule as JSON holds it; one of the user's own only as a text that tells whether it is the same.

    Examples
    --------
    >>> as_facts(OneDraw(GaussHermite(3)))["aggregate"]
    {'name': 'GaussHermite', 'points': 3}
    """
    kind = type(rule).__name__
    if KINDS.get(kind) is not type(rule):
        return {"name": type(rule).__qualname__, "text": described(rule)}
    plain = lambda value: as_facts(value) if isinstance(value, AbstractRule) else value
    return {"name": kind, **{name: plain(value) for name, value in vars(rule).items()}}


def from_facts(facts: Any) -> Rule:
    """The rule that `as_facts` described; raises ValueError for what is not one of the library's.

    Examples
    --------
    >>> from_facts({"name": "GaussHermite", "points": 3})
    GaussHermite(points=3)
    """
    kind = KINDS.get(str(facts.get("name"))) if isinstance(facts, dict) else None
    if kind is None or set(facts) != {"name", *vars(kind())}:
        raise ValueError("it is not a rule of the library")
    given = {}
    for name, default in vars(kind()).items():
        value = from_facts(facts[name]) if isinstance(default, AbstractRule) else facts[name]
        inner = isinstance(default, AbstractRule) and isinstance(value, AbstractRule)
        large = type(value) is int and value > MOST.get(name, math.inf)
        if large or not (inner or type(value) is type(default)):
            raise ValueError(f"its {name} is {value!r:.60}")
        given[name] = value
    return kind(**given)
