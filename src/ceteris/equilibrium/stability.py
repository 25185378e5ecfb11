"""Whether an economy holds together under a policy: small residuals alone do not say so.

An explosive root, or a wrong branch, satisfies every Euler equation. One simulation (`stability`) gives it away,
whatever the shocks are. Three groups of paths are simulated side by side, and none is ever started again:

- some with shocks, which must stay finite and must not wander ever further;
- a twin of each, displaced by a thousandth and hit by the same shocks: the factor by which the distance grows a period
  is the largest eigenvalue of the law of motion where that is linear, and in general its mean over the states that are
  visited. It needs no resting point and no derivative, so that chains, kinks and thousands of agents make no
  difference; and a network's unevenness on a much smaller scale is no explosion;
- two without shocks, where all shocks can be zero: one from the steady state that the model names, one from a visited
  state. Both must come to rest near that steady state.

The checks of a solution also look for eigenvalues outside the unit circle at the resting point, and at long paths.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from ceteris.equilibrium.model import Model, on_host, steady_state
from ceteris.equilibrium.point import Point, continuous, names_of, with_continuous
from ceteris.equilibrium.policy import advance
from ceteris.equilibrium.shocks import Idiosyncratic, Normal
from ceteris.equilibrium.simulate import SEGMENT, Luck, Paths, entries, follow, luck_of
from ceteris.results import Check

LARGEST_JACOBIAN = 500  # states whose law of motion is taken apart into eigenvalues
GROWTH = 2.0  # the second half of a long path may spread at most so much wider than the first
PATHS, SEGMENTS = 8, 10
DISPLACED = 1e-3
IDLE = 1_000  # numbers a period: paths of no use that cost less than a program for as many as are needed
MOST = 2e7  # numbers that are drawn: fewer paths of many agents
EXPLOSIVE = 1.002  # growth of a displacement: what does not move at all, as a parameter that is a state, has 1
SPREAD = 3.0  # the last third of the paths may reach at most so many times as far as the second
NEAR, DEVIATIONS = 0.25, 2.0  # shares of the steady state, and standard deviations: precaution moves where one rests
LOST = 0.01  # share of visited states that the model does not admit


@dataclass(frozen=True)
class Stability:
    """Whether an economy holds together under a policy, and why not.

    Attributes
    ----------
    radius : float
        By which factor a small displacement grows in a period; below 1 it dies out.
    spread : float
        How many times as far as before the last third of the paths reaches.
    gap : float
        How far from the steady state that the model names the economy rests (where shocks cannot be zero: is on
        average), as a share of what is allowed; NaN where the model names none.
    reason : str
        Why the economy does not hold together; empty if it does.

    """

    radius: float
    spread: float
    gap: float
    reason: str


class Measured(NamedTuple):
    """What the simulation comes to; by entry of the continuous states, shape (d,), where not said."""

    growth: float  # of the distance of twins, a factor a period
    finite: bool
    lost: float  # share of states that the model does not admit
    mean: np.ndarray  # of the second third of the periods
    sd: np.ndarray
    reach: np.ndarray  # largest distance from that mean in the second third
    far: np.ndarray  # and in the last
    rests: np.ndarray  # where the paths without shocks end, (0 to 2, d)
    named: np.ndarray  # the steady state that the model names, (0 or 1, d)


def can_be_quiet(model: Model) -> bool:
    """Whether all shocks can be zero."""
    return all(isinstance(shock, Normal | Idiosyncratic) for shock in model.shocks().values())


def judged(measured: Measured, labels: list[str]) -> Stability:
    """What the figures of one economy say, in words; ``labels`` name the entries of its states."""
    m = measured
    if not m.finite:
        return Stability(np.inf, np.inf, np.nan, "the economy is explosive: simulated paths do not stay finite")
    radius = m.growth
    floor = 1e-3 * np.maximum(np.abs(m.mean), m.reach.max(initial=0.0)) + 1e-12
    wider = m.far / np.maximum(m.reach, floor)
    spread = float(wider.max(initial=0.0))
    gap, where = _from_the_named(m, labels)
    reasons = []
    if radius > EXPLOSIVE:
        reasons.append(f"the economy is explosive: a small displacement grows to {radius:.4g} times itself each period")
    elif spread > SPREAD:
        reasons.append(f"paths do not stay bounded: {labels[int(wider.argmax())]} wanders {spread:.3g} times as far "
                       "in the last third as before")  # fmt: skip
    elif gap > 1:
        reasons.append(where)
    if m.lost > LOST:
        reasons.append(f"{100 * float(m.lost):.0f} % of the states it comes to are outside what the model admits")
    return Stability(radius, spread, gap, "; ".join(reasons))


def _from_the_named(m: Measured, labels: list[str]) -> tuple[float, str]:
    """How far from the steady state the economy is, as a share of what is allowed, and in words."""
    if not m.named.size:
        return np.nan, ""
    quiet, named = len(m.rests) > 0, m.named[0]
    ends = m.rests if quiet else m.mean[None]
    # with a chain there is no rest to compare with, only a mean: twice as far is allowed
    allowed = (NEAR if quiet else 2 * NEAR) * np.abs(named) + DEVIATIONS * m.sd + 1e-3 * np.abs(named).max() + 1e-9
    off = np.nan_to_num(np.abs(ends - named) / allowed, nan=np.inf)
    which, entry = np.unravel_index(off.argmax(), off.shape)
    how = "without shocks the economy comes to rest" if quiet else "the economy is on average"
    return float(off.max()), (
        f"{how} at {labels[entry]} = {ends[which, entry]:.4g}, where the model names {named[entry]:.4g} as its steady "
        "state: either this is another branch, or an equation or steady_state() is wrong"
    )


def stability(model: Model, policy: Any, states: Point, seed: int = 0) -> Stability:
    """Whether an economy holds together under a policy; ``states``, leaves (n, ...), are some that it visits."""
    states = jax.tree.map(np.asarray, states)  # the host takes apart and adds up: nothing but the law is compiled
    all_, d = jax.tree.leaves(states)[0].shape[0], entries(states)
    n = int(np.clip(MOST / (SEGMENT * d), 1, min(PATHS, all_)))
    rng, first = np.random.default_rng(seed), jax.tree.map(lambda a: a[:1], states)
    named = _named(model, first)
    quiet = [*named, first] if can_be_quiet(model) else []
    paths = jax.tree.map(lambda a: a[:n], states)
    scale, kept, apart, lost = _scale(paths), [], [], 0
    idle = all_ - 2 * n - len(quiet)
    idle = idle if 0 < idle * d <= IDLE else 0
    at = _together([paths, _displaced(paths, rng), *quiet, *idle * [first]])
    between = lambda s: np.sqrt(np.mean(((_vectors(s)[n : 2 * n] - _vectors(s)[:n]) / scale) ** 2, 1))
    apart.append(between(at))
    throughout = np.asarray(SEGMENT), np.asarray(False)  # and no path is started again
    for _ in range(SEGMENTS):
        luck = shared(luck_of(model.shocks(), rng, (SEGMENT, n)), len(quiet) + idle)
        at, seen, outside = jax.device_get(follow(model, policy, at, luck, at, *throughout))
        part = jax.tree.map(lambda a: a[:, :n].reshape(-1, *a.shape[2:]), seen)
        kept.append(_vectors(part).reshape(SEGMENT, n, -1))
        apart.append(between(at))
        lost += int(np.sum(outside[:, :n]))
        if not (np.isfinite(kept[-1]).all() and np.isfinite(apart[-1]).all()):
            break
    rests = _vectors(at)[2 * n :][: len(quiet)]
    found = _added(np.concatenate(kept), np.array(apart), lost, rests, [_vectors(s)[0] for s in named])
    return judged(found, names_of(jax.tree.map(lambda a: a[0], states)))


def shared(luck: Luck, quiet: int) -> Luck:
    """The luck of paths, of their twins, and of some without any, leaves (periods, paths, ...)."""
    none = lambda a: np.zeros((len(a), quiet, *a.shape[2:]), a.dtype)
    return {name: np.concatenate([a, a, none(a)], 1) for name, a in luck.items()}


def _added(x: np.ndarray, apart: np.ndarray, lost: int, rests: np.ndarray, named: list[np.ndarray]) -> Measured:
    """What states (periods, paths, d) and distances (segments, paths) come to."""
    third, d = len(x) // 3, x.shape[2]
    middle, end = x[third : 2 * third].reshape(-1, d), x[2 * third :].reshape(-1, d)
    mean = middle.mean(0) if len(middle) else np.zeros(d)
    reach = lambda part: np.abs(part - mean).max(0, initial=0.0)
    return Measured(
        _growth(apart, np.finfo(x.dtype).eps), bool(np.isfinite(x).all() and np.isfinite(apart).all()),
        lost / (len(x) * x.shape[1]), mean, middle.std(0), reach(middle), reach(end), rests,
        np.array(named).reshape(-1, d),
    )  # fmt: skip


def _growth(apart: np.ndarray, eps: float) -> float:
    """The factor by which twins part in a period, from distances at the ends of segments, relative to states."""
    distance = np.median(apart, 1)
    told = np.flatnonzero(distance > 1e3 * eps)  # what is left of the others is rounding
    if not len(told):
        return 0.0
    # a first segment turns the displacement into the direction that grows most; where no more is left, it must do
    first, last = (1, told[-1]) if told[-1] > 1 else (0, max(told[-1], 1))
    factor = np.maximum(distance[last], eps) / distance[first]
    return float(factor ** (1 / (SEGMENT * (last - first))))


def _displaced(states: Point, rng: np.random.Generator) -> Point:
    """States whose continuous entries are a little larger or smaller."""
    tilt = lambda a: DISPLACED * rng.choice([-1.0, 1.0], a.shape) * np.where(a.any(), a, 1.0)
    moved = lambda a: (a + tilt(a)).astype(a.dtype) if np.issubdtype(a.dtype, np.floating) else a
    return jax.tree.map(moved, states)


def _vectors(states: Point) -> np.ndarray:
    """The continuous entries of many states, (n, d)."""
    flat = [v.reshape(len(v), -1) for _, v in states.items() if np.issubdtype(v.dtype, np.floating)]
    return np.concatenate(flat, 1) if flat else np.zeros((len(jax.tree.leaves(states)[0]), 0))


def _together(points: list[Point]) -> Point:
    return jax.tree.map(lambda *a: np.concatenate(a), *points)


def _named(model: Model, like: Point) -> list[Point]:
    """The steady state that the model names, none or one, with the shapes and types of a state, leaves (1, ...)."""
    rest = steady_state(on_host(model))
    if rest is None:
        return []
    cast = lambda name: np.broadcast_to(np.asarray(rest[name]), like[name].shape).astype(like[name].dtype)
    return [Point("state", {name: cast(name) if name in list(rest) else like[name] for name in like})]


def _scale(states: Point) -> np.ndarray:
    """The mean size of the state to which each entry of the continuous states belongs."""
    size = lambda a: float(np.mean(np.abs(a))) or 1.0
    return _vectors(jax.tree.map(lambda a: np.full((1, *a.shape[1:]), size(a), a.dtype), states))[0]


# ------------------------------------------------------------------------------------------- what a solution is asked


def bounded(paths: Paths) -> Check:
    """Whether simulated states stay finite and do not drift: the spread of the last third against the second."""
    worst, worst_name = 0.0, ""
    for name, value in paths.states.items():
        x = np.asarray(value, float)
        if not np.isfinite(x).all():
            t, *_ = np.argwhere(~np.isfinite(x))[0]
            sentence = f"State {name} is not finite from period {t} of the simulation on."
            return Check("paths stay bounded", False, sentence)
        x = x.reshape(x.shape[0], x.shape[1], -1)
        middle, end = x[len(x) // 3 : 2 * len(x) // 3], x[2 * len(x) // 3 :]
        centre = middle.mean((0, 1))
        reach = np.abs(middle - centre).max((0, 1))
        scale = np.maximum(reach, 1e-3 * np.maximum(np.abs(centre), reach.max()) + 1e-12)
        ratio = float((np.abs(end - centre).max((0, 1)) / scale).max())
        if ratio > worst:
            worst, worst_name = ratio, name
    good = worst <= GROWTH
    sentence = f"State {worst_name} wanders at most {worst:.2f} times as far in the last third of the paths as before."
    return Check("paths stay bounded", good, sentence, value=worst, bar=GROWTH)


def repaired(paths: Paths) -> Check:
    """Whether any path had to be started again."""
    n = int(paths.repairs)
    return Check("no repairs", n == 0, f"{n} simulated states were outside what the model admits.", value=n, bar=0)


def resting_point(model: Model, policy: Any, s: Point, periods: int = 5000) -> tuple[Point, float]:
    """Where the economy comes to rest without shocks, from ``s``, and how far it still moves per period there."""

    @eqx.filter_jit
    def rest(model, policy, s):
        zero = no_shocks(model)
        step = lambda _, s: advance(model, policy, s, zero)
        last = jax.lax.fori_loop(0, periods, step, s)
        return last, continuous(step(0, last)) - continuous(last)

    last, change = rest(model, policy, s)
    return last, float(jnp.max(jnp.abs(change) / (1 + jnp.abs(continuous(last)))))


def spectral_radius(model: Model, policy: Any, s: Point) -> tuple[float, np.ndarray]:
    """Largest eigenvalue, in modulus, of the law of motion under the policy at a resting point, and all of them."""

    @eqx.filter_jit
    def slope(model, policy, s):
        return jax.jacobian(lambda v: continuous(advance(model, policy, with_continuous(s, v), no_shocks(model))))(
            continuous(s)
        )

    values = np.linalg.eigvals(np.asarray(slope(model, policy, s)))
    return float(np.abs(values).max()), values


def at_rest(model: Model, policy: Any, start: Point) -> tuple[Check, ...]:
    """Whether the economy rests without shocks, where it should, with eigenvalues inside the unit circle."""
    if not model.shocks() or not can_be_quiet(model):
        return ()
    last, change = resting_point(model, policy, start)
    if not change < 1e-6:
        sentence = f"Without shocks the economy still moves by {change:.1e} a period."
        return (Check("rests without shocks", False, sentence),)
    rests = Check("rests without shocks", True, "Without shocks the economy comes to rest.", value=change, bar=1e-6)
    if continuous(last).size > LARGEST_JACOBIAN:
        return (rests,)
    radius, _ = spectral_radius(model, policy, last)
    sentence = f"The largest eigenvalue of the law of motion there is {radius:.4f}; below 1 is stable."
    return rests, Check("stable at rest", radius < 1, sentence, value=radius, bar=1.0)


def differences(held: Stability) -> Check:
    """Whether a small displacement dies out, be there chains, kinks or many agents."""
    verb = "shrinks" if held.radius < 1 else "grows"
    sentence = f"A small displacement {verb} to {held.radius:.4f} times itself each period; below 1 it dies out."
    return Check("small differences die out", held.radius <= EXPLOSIVE, sentence, value=held.radius, bar=EXPLOSIVE)


def near_the_named(held: Stability) -> tuple[Check, ...]:
    """Whether the economy rests, or is on average, near the steady state that the model names, if it names one."""
    if np.isnan(held.gap):
        return ()
    # with risk the resting point is not the steady state without risk: precautionary saving moves it a little
    sentence = f"{held.reason}."
    if good := held.gap <= 1:
        share = f"{100 * held.gap:.2g} % of what precaution may account for"
        sentence = f"It is off the steady state that the model names by {share}."
    return (Check("rests near the steady state", good, sentence, value=held.gap, bar=1.0),)


def no_shocks(model: Model) -> Point:
    """The shocks of a period in which none is different from zero."""
    return Point("shock", {name: jnp.zeros(getattr(shock, "shape", ())) for name, shock in model.shocks().items()})


def mean_radius(model: Model, policy: Any, s: Point) -> Array:
    """Tomorrow's mean state of all agents if each of them had a little more today, per unit of it: below 1 if stable.

    This is for an economy whose agents all follow ``policy`` without shocks; the state is the first of the first group.
    """
    block = model.exchangeable()
    assert block is not None
    name, still = block.groups[0].states[0], no_shocks(model)
    after = lambda more: jnp.mean(advance(model, policy, s.replace(**{name: s[name] + more}), still)[name])
    return jax.grad(after)(jnp.zeros((), s[name].dtype))
