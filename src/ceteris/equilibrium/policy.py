"""The hypothesis of an equilibrium model: a linear policy plus a network for what is not linear."""

from __future__ import annotations

from dataclasses import replace
from functools import wraps
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris import keys
from ceteris.equilibrium.expectation import E, Rule, successors
from ceteris.equilibrium.model import Model, actions, count_outputs, flat, move, on_host, residuals
from ceteris.equilibrium.point import Point, as_point
from ceteris.nets import MLP, Standardise
from ceteris.nets.net import AbstractConstants

# for what runs once: compiled fast rather than to run fast
compiled_quickly: Any = eqx.Partial(eqx.filter_jit, compiler_options={"xla_backend_optimization_level": 0})


FEW = 12  # numbers in a state up to which programs are so small that compiling them is most of the work


def compiled_by_size(f: Any) -> Any:
    """``f(model, policy, states, ...)`` compiled fast where a state has `FEW` numbers, else to run fast."""
    fast, well = compiled_quickly(f), eqx.filter_jit(f)

    def chosen(model: Any, policy: Any, states: Any, *more: Any) -> Any:
        small = sum(np.prod(np.shape(leaf)[1:]) for leaf in jax.tree.leaves(states)) <= FEW
        return (fast if small else well)(model, policy, states, *more)

    return wraps(f)(chosen)


class Linear(AbstractConstants):
    """raw = raw* + G (x - x*): the policy to first order around the steady state; not trained."""

    level: Array
    slope: Array
    at: Array

    def __call__(self, x: Array) -> Array:
        return self.level + (x - self.at) @ self.slope.T


class Size(AbstractConstants):
    """How large the network's contribution is expected to be, by output; not trained."""

    size: Array


class Policy(eqx.Module):
    """raw(x) = linear(x) + size · net((x - mean) / scale): from the model's inputs to raw outputs.

    Inputs are an array (..., inputs), or a dictionary of them for a network that keeps apart, say, an agent's own state
    and the set of all agents; there is no linear part then.

    A network that is to add a hundredth to a linear policy should not need weights of a hundredth: hidden layers would
    then hardly be seen by Levenberg-Marquardt, whose damping counts all weights alike (on growth, 60 steps end at a
    mean square of 2e-14 with ``size`` and at 8e-12 without).

    Parameters
    ----------
    net : module
        Batch-native, ``(..., inputs) -> (..., outputs)``; its last layer starts near zero.
    scaling : Standardise
        Estimated from simulated states.
    linear : Linear
        Zero where the model has no steady state.
    ahead : rule, optional
        Look one period ahead before acting, with this rule for E: see `looked_ahead`.
    """

    net: Any
    scaling: Any
    linear: Linear | None
    size: Size
    ahead: Rule | None = eqx.field(static=True, default=None)

    def __call__(self, x: Any) -> Array:
        scaled = jax.tree.map(lambda scaling, x: scaling(x), self.scaling, x, is_leaf=_is_scaling)
        beyond = self.size.size * self.net(scaled)
        return beyond if self.linear is None else self.linear(x) + beyond


def _is_scaling(node: Any) -> bool:
    return isinstance(node, Standardise)


def blank(model: Model, s: Point, hypothesis: Any, widths: tuple[int, ...], activation: str, key: Array) -> Policy:
    """A policy of the right size that answers almost zero everywhere, where the model's heads are centred.

    ``hypothesis`` is the recipe's: a class of networks, or None for a perceptron, or a deep set of exchangeable agents.
    """
    x = jax.eval_shape(model.inputs, s)
    n, m = jax.tree.map(lambda leaf: leaf.shape[-1], x), count_outputs(model)
    block = model.exchangeable()
    if hypothesis is not None:
        net = hypothesis(n, m, *widths, key=key)
    elif block is not None:
        net = block.network(n, m, widths, activation, key)
    else:
        net = MLP(n, m, widths, activation, key=key)
    scaling = jax.tree.map(lambda n: Standardise(jnp.zeros(n), jnp.ones(n)), n)
    zero = Linear(jnp.zeros(m), jnp.zeros((m, n)), jnp.zeros(n)) if isinstance(n, int) else None
    return Policy(net, scaling, zero, Size(jnp.full(m, 0.1)))


blank_compiled = compiled_quickly(blank)


def with_linear(policy: Policy, linear: Linear) -> Policy:
    """The policy with a linear part, to which the network starts by adding nothing."""
    nothing = jax.device_put(np.zeros_like(policy.size.size))
    return eqx.tree_at(lambda p: (p.linear, p.size.size), policy, (linear, nothing))


def standardised_on(model: Model, policy: Policy, visited: Point) -> Policy:
    """The policy with inputs standardised on some states, and its network's size in proportion."""
    x = jax.device_get(_inputs(model, visited))
    size = np.asarray(policy.size.size)
    if policy.linear is not None:  # the network adds what is not linear: a fifth of its spread, to begin with
        spread = on_host(policy.linear)(x).reshape(-1, size.size).std(0)
        size = np.where(size > 0, size, np.maximum(0.2 * spread, 1e-3))
    found = jax.device_put((jax.tree.map(standardised, x), size))
    return eqx.tree_at(lambda p: (p.scaling, p.size.size), policy, found)


@compiled_quickly
def _inputs(model: Model, states: Point) -> Any:
    return jax.vmap(model.inputs)(states)


def standardised(x: Any) -> Standardise:
    """The standardisation of inputs over all axes but the last; what does not move is left in its own units."""
    x = x.reshape(-1, x.shape[-1])
    mean, spread = x.mean(0), x.std(0)
    scale: Any = np.where(spread > 1e-6 * (1 + np.abs(mean)), spread, 1.0)
    return Standardise(mean, scale)


def act(model: Model, policy: Any, s: Point) -> Point:
    """The actions a policy takes in one state."""
    raw = policy(model.inputs(s))
    if getattr(policy, "ahead", None) is not None:
        raw = looked_ahead(model, policy, s, raw)
    return actions(model, raw, s)


SWEEPS = 3  # of time iteration at one state,
STEP = 0.7  # each of which leaves a third or so of the distance, whether or not today moves tomorrow


def looked_ahead(model: Model, policy: Policy, s: Point, raw: Array) -> Array:
    """Raw outputs that solve today's equations, with what the network has learnt taken for tomorrow's policy.

    A few sweeps of time iteration at the state itself, without a regression: what the network rounds off, such as a
    kink where tomorrow's limit begins to bind, is rounded off one period later and weighed by its probability. Where E
    is a sample, its draws are the same everywhere.
    """
    learnt, rule = learnt_alone(policy), policy.ahead
    assert rule is not None

    def sweep(_, raw):
        a = actions(model, raw, s)
        return raw + STEP * (target(model, s, a, expectation(model, learnt, s, a, rule)) - raw)

    return jax.lax.fori_loop(0, SWEEPS, sweep, raw)


def target(model: Model, s: Point, a: Point, operator: E) -> Array:
    """What the model says its network should have answered in one state, as a flat vector."""
    wanted = as_point("raw output", model.target(s, a, operator))
    return jnp.concatenate([jnp.ravel(wanted[name]) for name in model.outputs()])


def finished(policy: Any, rule: Rule, looks_ahead: bool) -> Any:
    """The policy as it is used: it looks ahead if the recipe wants that."""
    return replace(policy, ahead=rule) if looks_ahead else policy


def learnt_alone(policy: Any) -> Any:
    """The policy as it is trained, without looking ahead."""
    return replace(policy, ahead=None) if getattr(policy, "ahead", None) is not None else policy


def advance(model: Model, policy: Any, s: Point, shock: Point) -> Point:
    """One period under a policy."""
    return move(model, s, act(model, policy, s), shock)


def expectation(
    model: Model, policy: Any, s: Point, a: Point, rule: Rule, key: Array | None = None, tomorrow: Any = None
) -> E:
    """The operator E at one state, with tomorrow's states and actions worked out once.

    Tomorrow's actions are those of the same policy, or of another one in ``tomorrow``.
    """
    ahead = policy if tomorrow is None else tomorrow
    shocks, weights = successors(model.shocks(), rule, s, key)
    s1 = jax.vmap(lambda shock: move(model, s, a, shock), axis_size=weights.size)(shocks)  # there may be no shocks
    a1 = jax.vmap(lambda s1: act(model, ahead, s1))(s1)
    return E(s1, a1, weights, policy, ahead)


def errors(model: Model, policy: Any, s: Point, rule: Rule, key: Array | None = None, tomorrow: Any = None) -> Point:
    """The residuals of all equations in one state."""
    a = act(model, policy, s)
    return residuals(model, s, a, expectation(model, policy, s, a, rule, key, tomorrow))


@compiled_by_size
def errors_at(model: Model, policy: Any, states: Point, rule: Rule) -> Point:
    """Residuals by equation at many states, leaves (n, ...), a few hundred states at a time."""
    n = jax.tree.leaves(states)[0].shape[0]
    return jax.lax.map(lambda s: errors(model, policy, s, rule, keys.key(0)), states, batch_size=min(n, 250))


class Residuals(eqx.Module):
    """``errors`` as the function of (policy, state, key) that an objective wants."""

    model: Model
    rule: Rule
    tomorrow: Any = None

    def __call__(self, policy: Any, s: Point, key: Array) -> Array:
        return flat(errors(self.model, policy, s, self.rule, key, self.tomorrow))
