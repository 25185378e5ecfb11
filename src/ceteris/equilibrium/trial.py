"""One simulation that says whether an economy holds together under a policy, whatever its shocks are.

Small residuals alone do not say so: an explosive root, or a wrong branch, satisfies every Euler equation. Three groups
of paths are simulated side by side, and none is ever started again:

- some with shocks, which must stay finite and must not wander ever further;
- a twin of each, displaced by a thousandth and hit by the same shocks: the factor by which the distance grows a period
  is the largest eigenvalue of the law of motion where that is linear, and in general its mean over the states that are
  visited. It needs no resting point and no derivative, so that chains, kinks and thousands of agents make no
  difference; and a network's unevenness on a much smaller scale is no explosion;
- two without shocks, where all shocks can be zero: one from the steady state that the model names, one from a visited
  state. Both must come to rest near that steady state.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np

from ceteris.equilibrium.model import Model, on_host, steady_state
from ceteris.equilibrium.point import Point, names_of
from ceteris.equilibrium.shocks import Normal
from ceteris.equilibrium.simulate import SEGMENT, Luck, entries, follow, luck_of
from ceteris.equilibrium.symmetry import Idiosyncratic

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


def stability(measured: Measured, labels: list[str]) -> Stability:
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


def trial(model: Model, policy: Any, states: Point, seed: int = 0) -> Stability:
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
    return stability(found, names_of(jax.tree.map(lambda a: a[0], states)))


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
    """By entry of the continuous states, the mean size of the state that it belongs to."""
    size = lambda a: float(np.mean(np.abs(a))) or 1.0
    return _vectors(jax.tree.map(lambda a: np.full((1, *a.shape[1:]), size(a), a.dtype), states))[0]
