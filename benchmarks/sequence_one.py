"""One measurement of a recurrent net's training step in a process of its own; prints one JSON object.

python benchmarks/sequence_one.py ours lstm 64 64 64        # also as a peer, by an interpreter with torch: torch
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import time

STEPS, REPEATS = 20, 7


def measured(run) -> float:
    """Return the median of CPU milliseconds of a step; `run` takes STEPS of them."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append((time.process_time() - start) / STEPS * 1e3)
    return statistics.median(times)


def torch(kind: str, width: int, length: int, batch: int) -> dict:
    """A layer, a linear head, the squared error at every t, Adam."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = {"gru": torch.nn.GRU, "lstm": torch.nn.LSTM}[kind](width, width, batch_first=True)
    head = torch.nn.Linear(width, 1)
    adam = torch.optim.Adam([*net.parameters(), *head.parameters()], 1e-3)
    x, y = torch.randn(batch, length, width), torch.randn(batch, length, 1)

    def run():
        for _ in range(STEPS):
            adam.zero_grad()
            ((head(net(x)[0]) - y) ** 2).mean().backward()
            adam.step()

    run()
    return {"ms": measured(run), "version": torch.__version__}


def ours(kind: str, width: int, length: int, batch: int) -> dict:
    """The same, steps in one program as the loop has them; the floor is the products that no way of counting saves."""
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import optax

    from ceteris.nets import MLP, Recurrent

    net = Recurrent(width, width, kind, key=jr.key(0)), MLP(width, 1, (), key=jr.key(1))
    x, y = jr.normal(jr.key(2), (batch, length, width)), jr.normal(jr.key(3), (batch, length, 1))
    adam = optax.adam(1e-3)

    def loss(net, x, y):
        return jnp.mean((net[1](net[0](x)) - y) ** 2)

    def step(carry, _):
        net, state, x, y = carry
        moves, state = adam.update(jax.grad(loss)(net, x, y), state)
        return (optax.apply_updates(net, moves), state, x, y), None

    steps = jax.jit(lambda carry: jax.lax.scan(step, carry, None, length=STEPS)[0])
    carry = (net, adam.init(net), x, y)
    start = time.process_time()
    compiled = steps.lower(carry).compile()
    cold = time.process_time() - start
    run = lambda: jax.block_until_ready(compiled(carry))
    run()
    gates = {"gru": 3, "lstm": 4}[kind] * width
    products = 5  # W_x x, W_h h; backwards d h, d W_x, d W_h
    rows, weights = jnp.ones((batch, width)), jnp.ones((width, gates))

    def bare(rows, weights):
        one = lambda rows, _: ((rows @ weights)[:, :width] * 1e-3, None)
        return jax.lax.scan(one, rows, None, length=STEPS * products * length)[0]

    bare = jax.jit(bare)
    bare(rows, weights).block_until_ready()
    floor = measured(lambda: bare(rows, weights).block_until_ready())
    flops = products * 2 * batch * length * width * gates
    return {"ms": measured(run), "cold": cold, "floor": floor, "flops": flops, "device": jax.devices()[0].platform}


if __name__ == "__main__":
    side, kind, *sizes = sys.argv[1:]
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[0]})
    print(json.dumps({"ours": ours, "torch": torch}[side](kind, *map(int, sizes))))
