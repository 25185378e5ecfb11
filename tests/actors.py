"""Proximal policy optimisation of a pole on a cart: in a jitted world, and in worlds of the host that are played by it.

A plain module, as `recipes` is. Both share the physics, the actor with its critic, the advantages and the objective.

References
----------
Barto, A. G., Sutton, R. S. and Anderson, C. W. (1983). Neuronlike adaptive elements that can solve difficult learning
control problems.
Schulman, J., Moritz, P., Levine, S., Jordan, M. and Abbeel, P. (2016). High-dimensional continuous control using
generalized advantage estimation.
Schulman, J., Wolski, F., Dhariwal, P., Radford, A. and Klimov, O. (2017). Proximal policy optimization algorithms.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris.recipe import AbstractObjective, Descend, Rollout, Streamed, optimiser

LIMIT, DISCOUNT, TRACE = 500, 0.98, 0.8

# ------------------------------------------------------------------------------------------------ the pole, one period


def moved(s, a, xp=jnp):
    """Push a cart of 1 kg, with a pole of .1 kg and 1 m, to the left (0) or the right (1) for .02 s by Euler's rule.

    States are (..., 4): place, speed, angle, spin. Returns the next one, and whether it is out of bounds.
    """
    _, speed, angle, spin = (s[..., i] for i in range(4))
    sin, cos = xp.sin(angle), xp.cos(angle)
    push = (20.0 * a - 10.0 + 0.05 * spin**2 * sin) / 1.1
    spins = (9.8 * sin - cos * push) / (0.5 * (4 / 3 - 0.1 * cos**2 / 1.1))
    speeds = push - 0.05 * spins * cos / 1.1
    s = s + 0.02 * xp.stack([speed, speeds, spin, spins], axis=-1)
    return s, (abs(s[..., 0]) > 2.4) | (abs(s[..., 2]) > np.pi / 15)


# ---------------------------------------------------------------------------------------------- what is learnt, and how


def actor_and_critic(key):
    a, b = jr.split(key)
    net = lambda outputs, key: eqx.nn.MLP(4, outputs, 64, 2, jnp.tanh, key=key)
    return {"actor": net(2, a), "critic": net("scalar", b)}


def log_chances(model, s):
    return jax.nn.log_softmax(jax.vmap(model["actor"])(s))


def advantages(model, last, played):
    """Return what is learnt from what was played, (periods, paths, ...).

    A fall ends the rewards, the limit of time only the episode: what would have followed is what the critic expects.
    """
    expected = jax.vmap(jax.vmap(model["critic"]))
    value, goes_on = expected(played["s"]), ~(played["terminal"] | played["truncated"])
    surprise = played["reward"] + DISCOUNT * ~played["terminal"] * expected(played["s1"]) - value

    def back(later, now):
        return (advantage := now[0] + DISCOUNT * TRACE * now[1] * later), advantage

    advantage = jax.lax.scan(back, jnp.zeros_like(value[0]), (surprise, goes_on), reverse=True)[1]
    kept = {name: played[name] for name in ("s", "a", "log_chance", "counts")}
    return kept | {"advantage": advantage, "value": advantage + value}


class Proximal(AbstractObjective):
    """Clipped gains of the actor and squared errors of the critic; stops where the policy has moved by ``far`` nats."""

    far: jax.Array
    clip: float = 0.2
    curiosity: float = 0.0

    def __call__(self, model, batch, key):
        mean = lambda a: jnp.sum(a * batch["counts"]) / jnp.sum(batch["counts"])
        chances = log_chances(model, batch["s"])
        moved = jnp.take_along_axis(chances, batch["a"][:, None], 1)[:, 0] - batch["log_chance"]
        A = batch["advantage"] - mean(batch["advantage"])
        A, ratio = A / (jnp.sqrt(mean(A**2)) + 1e-8), jnp.exp(moved)
        gain = mean(jnp.minimum(ratio * A, jnp.clip(ratio, 1 - self.clip, 1 + self.clip) * A))
        error = mean((jax.vmap(model["critic"])(batch["s"]) - batch["value"]) ** 2)
        entropy, divergence = -mean(jnp.sum(jnp.exp(chances) * chances, 1)), mean(ratio - 1 - moved)
        told = {"return": jnp.mean(batch["return"])} if "return" in batch else {}
        aux = {"divergence": divergence, "entropy": entropy, "stop": divergence > 1.5 * self.far, **told}
        return 0.5 * error - gain - self.curiosity * entropy, aux


# --------------------------------------------------------------------------------------------------- in a jitted world


def upright(key, paths):
    return jr.uniform(key, (paths, 4), minval=-0.05, maxval=0.05)


def begin(key, paths):
    return {"s": upright(key, paths), "periods": jnp.zeros(paths, int), "return": jnp.zeros(paths, int)}


def play(model, paths, key):
    """Play one period, and begin again where an episode has ended; its return, one a period, is remembered."""
    choose, again = jr.split(key)
    s, periods = paths["s"], paths["periods"] + 1
    chances = log_chances(model, s)
    a = jr.categorical(choose, chances)
    s1, terminal = moved(s, a)
    truncated = ~terminal & (periods == LIMIT)
    log_chance = jnp.take_along_axis(chances, a[:, None], 1)[:, 0]
    played = {"s": s, "a": a, "log_chance": log_chance, "s1": s1, "terminal": terminal, "truncated": truncated}
    played |= {"reward": jnp.ones(s.shape[:1]), "counts": jnp.ones(s.shape[:1], bool)}
    over = terminal | truncated
    paths = {
        "s": jnp.where(over[:, None], upright(again, s.shape[0]), s1),
        "periods": jnp.where(over, 0, periods),
        "return": jnp.where(over, periods, paths["return"]),
    }
    return paths, played


def last_returns(paths):
    return {"return": jnp.mean(paths["return"], where=paths["return"] > 0)}  # NaN before any episode has ended


def jitted(far=0.02, horizon=32, paths=8, updates=20):
    sampler = Rollout(begin, play, horizon, paths, updates, updates, finish=advantages, summary=last_returns)
    return Descend(actor_and_critic, Proximal(jnp.asarray(far)), sampler, optimiser("adam", 1e-3, clip=0.5))


# ------------------------------------------------------------------------------------------------ in worlds of the host


class Pole:
    """The pole in NumPy, with the protocol of gymnasium's environments."""

    def reset(self, *, seed=None, options=None):
        self.s, self.periods = np.random.default_rng(seed).uniform(-0.05, 0.05, 4), 0
        return self.s.astype(np.float32), {}

    def step(self, a):
        self.s, fallen = moved(self.s, a, np)
        self.periods += 1
        return self.s.astype(np.float32), 1.0, bool(fallen), self.periods == LIMIT, {}


class Episodes:
    """A feed: whole episodes of the model, one in each world, from seeds that are functions of the step.

    Batches keep their shape: after the end of an episode nothing counts. One that is longer than the horizon is cut,
    and the critic says what would have followed.
    """

    def __init__(self, world=Pole, paths=8, horizon=200):
        self.worlds, self.horizon = [world() for _ in range(paths)], horizon

    def __call__(self, step, n, model):
        paths = len(self.worlds)
        chance = np.random.default_rng([step, paths]).random((self.horizon, paths))
        s = np.stack([world.reset(seed=step * paths + i)[0] for i, world in enumerate(self.worlds)])
        each = {"a": np.int32, "log_chance": np.float32, "reward": np.float32}
        each |= dict.fromkeys(("terminal", "truncated", "counts"), bool)
        played = {name: np.zeros((self.horizon, paths), kind) for name, kind in each.items()}
        played |= {name: np.zeros((self.horizon, *s.shape), np.float32) for name in ("s", "s1")}
        going = np.arange(paths)
        for t in range(self.horizon):
            chances = np.asarray(_log_chances(model, s))
            for i in going:
                a = int(chance[t, i] < np.exp(chances[i, 1]))
                s1, reward, terminal, truncated, _ = self.worlds[i].step(a)
                row = s[i], a, chances[i, a], s1, reward, terminal, truncated, True
                names = "s", "a", "log_chance", "s1", "reward", "terminal", "truncated", "counts"
                for name, value in zip(names, row, strict=True):
                    played[name][t, i] = value
                s[i] = s1
            going = going[~(played["terminal"] | played["truncated"])[t, going]]
            if not going.size:
                break
        return _learnt(model, played) | {"return": played["reward"].sum(0)[None]}


_log_chances = eqx.filter_jit(log_chances)


@eqx.filter_jit
def _learnt(model, played):
    flat = lambda a: a.reshape(1, -1, *a.shape[2:])  # one step, its points in a row
    return jax.tree.map(flat, advantages(model, None, played))


def hosted(far=0.02, updates=20):
    rule = optimiser("adam", 1e-3, clip=0.5)
    return Descend(actor_and_critic, Proximal(jnp.asarray(far)), Streamed(updates), rule)
