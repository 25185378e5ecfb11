"""Five shapes of learning, each small and with a known answer, shared by the tests of the engine.

Importable as a plain module because tests/conftest.py puts this folder on the path.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

from ceteris.recipe import (
    Descend,
    Draws,
    Fixed,
    HeldOut,
    LevenbergMarquardt,
    Loss,
    Minibatches,
    Play,
    PointResiduals,
    Replay,
    Rollout,
    Streamed,
    optimiser,
)


def mlp(inputs, outputs, width=16, depth=2):
    return eqx.Partial(eqx.nn.MLP, inputs, outputs, width, depth, jax.nn.tanh)


# ------------------------------------------------------------------ (a) supervised: y = sin(x0) + x1 x2, no noise


def table(key, n=512):
    x = jr.normal(key, (n, 3))
    return x, jnp.sin(x[:, 0]) + x[:, 1] * x[:, 2]


def squared_error(model, batch, key):
    x, y = batch
    return jnp.mean((jax.vmap(model)(x)[:, 0] - y) ** 2), {}


def supervised(key=None, rate=1e-2, heldout=True, batch=64):
    xy = table(jr.key(0) if key is None else key)
    extra = {"heldout": HeldOut(Loss(squared_error), table(jr.key(99), 256))} if heldout else {}
    return Descend(mlp(3, 1, 32), Loss(squared_error), Minibatches(xy, batch), optimiser("adam", rate), **extra)


# --------------------------------------- (b) deep equilibrium net: growth, full depreciation, saving rate αβ (truth)


class Growth(eqx.Module):
    """Log utility and full depreciation: the optimal saving rate is αβ whatever the state (Brock and Mirman 1972)."""

    alpha: jax.Array
    beta: jax.Array
    rho: float = 0.9
    sigma: float = 0.04

    def move(self, s, a, shock):
        k, z = s
        return jnp.stack([a * jnp.exp(z) * k**self.alpha, self.rho * z + self.sigma * shock])

    def consumption(self, s, a):
        return (1 - a) * jnp.exp(s[1]) * s[0] ** self.alpha

    def euler(self, s, a, policy):
        nodes, weights = np.polynomial.hermite_e.hermegauss(5)
        following = jax.vmap(lambda shock: self.move(s, a, shock))(jnp.asarray(nodes, s.dtype))
        gross = lambda s1: self.alpha * jnp.exp(s1[1]) * s1[0] ** (self.alpha - 1)
        value = jax.vmap(lambda s1: gross(s1) / self.consumption(s1, policy(s1)))(following)
        return 1 - self.consumption(s, a) * self.beta * (jnp.asarray(weights / weights.sum(), s.dtype) @ value)


def saving(model, s):
    return jax.nn.sigmoid(model(jnp.array([jnp.log(s[0]), s[1]]))[0])


class Euler(eqx.Module):
    economy: Growth

    def __call__(self, model, s, key):
        policy = lambda s: saving(model, s)
        return self.economy.euler(s, policy(s), policy)


class Visit(eqx.Module):
    economy: Growth

    def __call__(self, model, states, key):
        actions = jax.vmap(lambda s: saving(model, s))(states)
        return jax.vmap(self.economy.move)(states, actions, jr.normal(key, (states.shape[0],))), states


def start_states(key, n):
    return jnp.stack([jr.uniform(key, (n,), minval=0.05, maxval=0.3), jnp.zeros(n)], axis=1)


def equilibrium(rule="adam", alpha=0.36, beta=0.96):
    economy = Growth(jnp.asarray(alpha), jnp.asarray(beta))
    if rule == "adam":
        sampler = Rollout(start_states, Visit(economy), horizon=20, paths=32, updates=5)
        rule = optimiser("adam", 5e-3, schedule="cosine", updates=2000)
        return Descend(mlp(2, 1), PointResiduals(Euler(economy)), sampler, rule)
    sampler = Rollout(start_states, Visit(economy), horizon=10, paths=10)
    return LevenbergMarquardt(mlp(2, 1), PointResiduals(Euler(economy)), sampler)


def saving_error(model, truth):
    states = start_states(jr.key(9), 200).at[:, 1].set(jr.normal(jr.key(10), (200,)) * 0.09)
    return float(jnp.mean(jnp.abs(jax.vmap(lambda s: saving(model, s))(states) - truth)))


# ------------------------------------------------------------------------ (c) a GAN that learns N(2, 0.5²) by Play


def two_nets(key):
    a, b = jr.split(key)
    return {"generator": mlp(2, 1, 32)(key=a), "critic": mlp(1, 1, 32)(key=b)}


def generate(model, key, n):
    return jax.vmap(model["generator"])(jr.normal(key, (n, 2)))


def critic_loss(model, real, key):
    fake, D = generate(model, key, real.shape[0]), jax.vmap(model["critic"])
    return jnp.mean(jax.nn.softplus(-D(real))) + jnp.mean(jax.nn.softplus(D(fake))), {}


def generator_loss(model, real, key):
    return jnp.mean(jax.nn.softplus(-jax.vmap(model["critic"])(generate(model, key, real.shape[0])))), {}


def normal_points(key):
    return 2 + 0.5 * jr.normal(key, (256, 1))


def gan():
    return Play(
        two_nets,
        {"generator": Loss(generator_loss), "critic": Loss(critic_loss)},
        {
            "generator": optimiser("rmsprop", 1e-3, schedule="cosine", updates=2000),
            "critic": optimiser("rmsprop", 1e-3, schedule="cosine", updates=10_000, floor=0.1),
        },
        Draws(normal_points),
        turns=("critic",) * 5 + ("generator",),
    )


# ------------------- (d) Q-learning on a chain of 8 states, reward 1 on reaching the right end: Q*(s, right) = γ^(6-s)

N, GAMMA = 8, 0.9


def one_hot(s):
    return jax.nn.one_hot(s, N)


def explore(model, s, key):
    choose, act = jr.split(key)
    q = jax.vmap(model["online"])(one_hot(s))
    a = jnp.where(jr.uniform(choose, s.shape) < 0.2, jr.randint(act, s.shape, 0, 2), q.argmax(1))
    s1 = jnp.clip(s + 2 * a - 1, 0, N - 1)
    done = s1 == N - 1
    return jnp.where(done, 0, s1), {"s": s, "a": a, "r": done.astype(float), "s1": s1, "done": done}


def temporal_difference(model, b, key):
    q = jnp.take_along_axis(jax.vmap(model["online"])(one_hot(b["s"])), b["a"][:, None], 1)[:, 0]
    following = jax.lax.stop_gradient(jax.vmap(model["target"])(one_hot(b["s1"])).max(1))
    return jnp.mean((q - (b["r"] + GAMMA * (1 - b["done"]) * following)) ** 2), {"reward": b["r"].mean()}


def online_and_target(key):
    net = eqx.nn.MLP(N, 2, 32, 1, key=key)
    return {"online": net, "target": net}


def online_only(model):
    return {
        "online": jax.tree.map(eqx.is_inexact_array, model["online"]),
        "target": jax.tree.map(lambda _: False, model["target"]),
    }


def follow_slowly(model, updates):
    mix = lambda t, o: 0.98 * t + 0.02 * o if eqx.is_inexact_array(t) else t
    return {**model, "target": jax.tree.map(mix, model["target"], model["online"])}


def anywhere(key, n):
    return jr.randint(key, (n,), 0, N - 1)


def q_learning():
    sampler = Replay(Rollout(anywhere, explore, horizon=4, paths=16), capacity=4096, batch_size=64)
    return Descend(
        online_and_target,
        Loss(temporal_difference),
        sampler,
        optimiser("adam", 3e-3),
        trainable=online_only,
        project=follow_slowly,
    )


# -------------------------- (e) next token of a stream with period 5 and random phase: predictable, so the floor is 0

VOCABULARY, LENGTH = 8, 16


class TinyLanguageModel(eqx.Module):
    """A GRU over token embeddings."""

    embed: jax.Array
    cell: eqx.nn.GRUCell
    out: eqx.nn.Linear

    def __init__(self, key):
        a, b, c = jr.split(key, 3)
        self.embed = jr.normal(a, (VOCABULARY, 16))
        self.cell = eqx.nn.GRUCell(16, 32, key=b)
        self.out = eqx.nn.Linear(32, VOCABULARY, key=c)

    def __call__(self, tokens):
        def step(hidden, token):
            hidden = self.cell(self.embed[token], hidden)
            return hidden, self.out(hidden)

        return jax.lax.scan(step, jnp.zeros(32), tokens)[1]


def next_token(model, batch, key):
    logits = jax.vmap(model)(batch[:, :-1])
    return optax.softmax_cross_entropy_with_integer_labels(logits, batch[:, 1:]).mean(), {}


def tokens(step, n, rows=16):
    phase = np.stack([np.random.default_rng(step + i).integers(0, 5, (rows, 1)) for i in range(n)])
    return (np.arange(LENGTH + 1) + phase) % 5


def language():
    return Descend(TinyLanguageModel, Loss(next_token), Streamed(), optimiser("adamw", 1e-2))


# ----------------------------------------------------------------------------------------- least squares, full batch


def residual(model, point, key):
    x, y = point
    return model(x)[0] - y


def least_squares(n=200, **options):
    return LevenbergMarquardt(mlp(3, 1, 8, 1), PointResiduals(residual), Fixed(table(jr.key(0), n)), **options)
