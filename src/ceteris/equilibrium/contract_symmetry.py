"""Whether agents that a model calls exchangeable are so: the definition of 002 on random states, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.engine import precision
from ceteris.equilibrium.contract import one_start
from ceteris.equilibrium.expectation import E, OneDraw, Rule
from ceteris.equilibrium.mistakes import in_the_models_words
from ceteris.equilibrium.model import Model, actions, count_outputs, move, residuals, start_states, traced
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import blank_compiled, compiled_quickly
from ceteris.equilibrium.recipe import recipe_of
from ceteris.equilibrium.shocks import Idiosyncratic, Normal
from ceteris.equilibrium.symmetry import Exchangeable, permuted
from ceteris.results import Check

ROUNDING = 1e-9  # of sums in double precision, relative to what is summed

FAULTS = {
    "reward": "residuals change by {gap:.1e} if agents are renumbered; let prices and rewards depend on the agents "
    "through means or sums over all of them",
    "transition": "move is not equivariant: tomorrow's states differ by {gap:.1e} if agents are renumbered today and "
    "not tomorrow; treat all agents of a group alike, or make groups of those that differ",
    "shocks": "one agent's shock moves other agents, by {gap:.1e}: shocks are correlated across agents, which one draw "
    "cannot integrate; make what they share an aggregate shock, Normal(), or choose expectation=MonteCarlo(...)",
    "network": "the network is not invariant: its answer changes by {gap:.1e} if agents are renumbered; let the "
    "recipe's hypothesis be a ceteris.nets.DeepSet, or leave it out",
}  # fmt: skip


@in_the_models_words()
def check_symmetry(model: Model, seed: int = 0) -> tuple[Check, ...]:
    """Examine on random states whether a model is permutation invariant as ``exchangeable`` says, and say what is not.

    Returns
    -------
    tuple of Check
        "declaration" (states, shocks and sizes fit together), and if it holds: "reward" (residuals do not depend on
        the order of the agents), "transition" (renumbered agents move in the same way), "shocks" (every agent has its
        own), "network" (the policy that `solve` would train is invariant).

    References
    ----------
    002, definition of a permutation-invariant dynamic programming problem. Of its condition on the covariance, ΠΩ = ΩΠ,
    which allows a shock common to all, only independent shocks are admitted here: the rest is an aggregate shock.

    Examples
    --------
    >>> from ceteris.equilibrium.models.industry import Industry
    >>> [check.verdict for check in check_symmetry(Industry(firms=5))]
    ['pass', 'pass', 'pass', 'pass', 'pass']
    """
    with precision("double"):
        fault = misdeclared(model)
        if fault is not None:
            return (Check("declaration", False, fault),)
        found = on_random_states(traced(model), seed)
    checks = [Check("declaration", True, "The groups of agents, their states and their shocks fit together.")]
    for name in FAULTS:
        worst = float(np.nan_to_num(found[name], nan=np.inf).max())
        good = worst <= ROUNDING
        sentence = (
            f"Holds up to rounding on {found[name].size} random states." if good else _sentence(model, name, worst)
        )
        checks.append(Check(name, good, sentence, value=worst, bar=ROUNDING))
    return tuple(checks)


def refuse_asymmetric(model: Model, rule: Rule, hypothesis: Any = None, widths: Sequence[int] = (16, 16)) -> None:
    """Raise one sentence if a model that calls agents exchangeable treats them differently in a random state."""
    if model.exchangeable() is None:
        return
    with precision("double"):  # whatever the solution's: rounding must not look like a difference
        ready = traced(model)
        case, policy = some_case(ready, np.random.default_rng(0)), None
        if hypothesis is not None or type(model).inputs is not Model.inputs:
            # a deep set on the usual inputs need not be asked
            policy = untrained(ready, case.s, hypothesis, widths, 0)
        found = gaps(ready, case, policy)
    for name, gap in found.items():
        if not float(gap) <= ROUNDING and (name != "shocks" or isinstance(rule, OneDraw)):
            raise ValueError(_sentence(model, name, float(gap)))


def refuse_misdeclared(model: Model) -> None:
    """Raise one sentence if ``exchangeable`` does not fit the states and shocks; before anything is computed."""
    fault = None if model.exchangeable() is None else misdeclared(model)
    if fault is not None:
        raise ValueError(fault)


def on_random_states(model: Model, seed: int, n: int = 16) -> dict[str, np.ndarray]:
    """All gaps in ``n`` random states."""
    rng, recipe = np.random.default_rng(seed), recipe_of(model)
    policy = untrained(model, one_start(model), recipe.hypothesis, recipe.widths or (16, 16), seed)
    found = [gaps(model, some_case(model, rng), policy) for _ in range(n)]
    return {name: np.array([float(gap[name]) for gap in found]) for name in FAULTS}


def misdeclared(model: Model) -> str | None:
    """What is wrong with the declaration itself, if anything."""
    name, block, shocks = type(model).__name__, model.exchangeable(), model.shocks()
    if block is None:
        return f"{name}: exchangeable() returns None, so no agents are alike; return Exchangeable(Agents(...))."
    s = jax.eval_shape(lambda: jax.tree.map(lambda a: a[0], start_states(model, keys.key(0), 1)))
    for label in block.states:
        if label not in list(s):
            return (
                f"{name}: exchangeable names the state {label!r}, but the states are {', '.join(s)}; name one of these."
            )
    for i, group in enumerate(block.groups):
        sizes = {label: s[label].shape[0] if s[label].ndim else 0 for label in group.states}
        if len(set(sizes.values())) > 1:
            return f"{name}: the states of group {i} of agents have {sizes} agents, but need as many of each."
        n = next(iter(sizes.values()))
        if n < 2:
            return (
                f"{name}: group {i} of agents ({', '.join(group.states)}) has {n}, but at least 2 are needed to be "
                "exchangeable; leave the group out, or declare a model with one agent without exchangeable()."
            )
        for label in group.shocks:
            shock = shocks.get(label)
            if not isinstance(shock, Idiosyncratic) or shock.agents != n:
                given = "not among shocks()" if shock is None else f"a {type(shock).__name__}"
                return (
                    f"{name}: shock {label!r} of exchangeable agents is {given}, but one draw integrates only shocks "
                    f"that are independent across agents; declare Idiosyncratic({n}), what agents share as Normal()."
                )
    return None


class Case(NamedTuple):
    """One random state with shocks and an answer of the network, and other orders of its agents."""

    s: Point
    w: Point
    answer: Any
    orders: Any
    others: Any


def some_case(model: Model, rng: np.random.Generator) -> Case:
    """Drawn on the host, so that there is nothing to compile."""
    block = model.exchangeable()
    assert block is not None
    s, change = one_start(model), {}
    for name in block.states:
        if np.issubdtype(s[name].dtype, np.inexact):  # a start may have put all agents at the same place
            change[name] = np.asarray(s[name]) * (1 + 0.1 * rng.uniform(size=s[name].shape))
    w = {
        name: rng.standard_normal(shock.shape) if isinstance(shock, Normal | Idiosyncratic)
        else shock.draw(s, keys.key(int(rng.integers(2**31))))
        for name, shock in model.shocks().items()
    }  # fmt: skip
    kept = block.asked if block.own else 0  # these keep their numbers: the others' are what a reward may not depend on
    orders = [all_moved(rng, n) for n in block.sizes(s)]
    others = [all_moved(rng, n, kept) for n in block.sizes(s)]
    answer = 0.1 * rng.standard_normal(count_outputs(model))
    return jax.tree.map(jnp.asarray, Case(s.replace(**change), Point("shock", w), answer, orders, others))


def all_moved(rng: np.random.Generator, n: int, keep: int = 0) -> np.ndarray:
    """A random order of n agents in which none but the first ``keep`` has its own number."""
    circle, order = keep + rng.permutation(max(n - keep, 0)), np.arange(n)
    order[circle] = np.roll(circle, 1)
    return order


@compiled_quickly
def gaps(model: Model, case: Case, policy: Any = None) -> dict[str, Array]:
    """How far from symmetric each part is in one state, relative to its size; the network only where one is given."""
    block = model.exchangeable()
    assert block is not None
    found = {
        "reward": _reward(model, block, case),
        "transition": _transition(model, block, case),
        "shocks": _shocks(model, block, case),
    }
    return found if policy is None else {**found, "network": _network(model, block, case, policy)}


def untrained(model: Model, s: Point, hypothesis: Any, widths: Sequence[int], seed: int) -> Any:
    """A policy such as `solve` would begin with."""
    return blank_compiled(model, s, hypothesis, tuple(widths), "tanh", keys.key(seed))


def _sentence(model: Model, name: str, gap: float) -> str:
    return f"{type(model).__name__}: {FAULTS[name].format(gap=gap)}."


def _answers(model: Model, block: Exchangeable, s: Point, answer: Array) -> Point:
    """Actions if the network answers the same everywhere."""
    rows = block.sizes(s)[:1] if block.own else ()
    return actions(model, jnp.broadcast_to(answer, (*rows, answer.size)), s)


def _reward(model, block, case):
    def found(s, s1):
        a = _answers(model, block, s, case.answer)
        lift = lambda point: jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], point)
        still = lambda x: jnp.broadcast_to(case.answer, (*jax.tree.leaves(x)[0].shape[:-1], case.answer.size))
        a1 = _answers(model, block, s1, case.answer)
        errors = residuals(model, s, a, E(lift(s1), lift(a1), jnp.ones(1), still))
        return jax.tree.leaves((errors, as_point("definition", model.definitions(s, a))))

    # tomorrow is renumbered, not worked out again: what is wrong with the transition is not held against the reward
    s1 = move(model, case.s, _answers(model, block, case.s, case.answer), case.w)
    before = found(case.s, s1)
    after = found(permuted(block, case.s, case.others), permuted(block, s1, case.others))
    order = case.others[0]
    by_agent = lambda x: block.own and jnp.ndim(x) and jnp.shape(x)[0] == order.size
    return _distance([x[order] if by_agent(x) else x for x in before], after)


def _transition(model, block, case):
    tomorrow = lambda s, w: move(model, s, _answers(model, block, s, case.answer), w)
    renumbered = tomorrow(permuted(block, case.s, case.orders), permuted(block, case.w, case.orders))
    before = permuted(block, tomorrow(case.s, case.w), case.orders)
    return _distance(jax.tree.leaves(before), jax.tree.leaves(renumbered))


def _shocks(model, block, case):
    """The largest change of all other agents if the first agent's shocks rise by one."""
    tomorrow = lambda w: move(model, case.s, _answers(model, block, case.s, case.answer), w)
    before, far = tomorrow(case.w), [jnp.zeros(())]
    for group in block.groups:
        after = tomorrow(case.w.replace(**{name: case.w[name].at[0].add(1.0) for name in group.shocks}))
        for other in block.groups:
            first = 1 if other is group else 0
            far += [_distance([before[name][first:]], [after[name][first:]]) for name in other.states]
    return jnp.max(jnp.stack(far))


def _network(model, block, case, policy):
    raw = policy(model.inputs(case.s))
    renumbered = policy(model.inputs(permuted(block, case.s, case.orders)))
    return _distance([raw[case.orders[0]] if block.own else raw], [renumbered])


def _distance(a: list[Array], b: list[Array]) -> Array:
    """The largest difference, relative to the size of what is compared."""
    size = lambda x: jnp.max(jnp.abs(x), initial=0.0) + 1e-3
    far = [jnp.max(jnp.abs(x - y), initial=0.0) / size(x) for x, y in zip(a, b, strict=True)]
    return jnp.max(jnp.stack(far))
