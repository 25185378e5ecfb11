"""One encoder and decoder, trained on pairs of texts and judged on others; prints one JSON object.

python benchmarks/sequence_translation.py dates general      # or: reversal none, number transformer, corpus general
"""

from __future__ import annotations

import json
import sys
import time

import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import optax

from ceteris.data import number_words, reversals, small_corpus, written_dates
from ceteris.nets import EncoderDecoder, written
from ceteris.nets.encoder_decoder import END, START

TASKS = {
    "dates": (written_dates, list),
    "number": (number_words, list),
    "reversal": (lambda n, seed: reversals(n, seed, 4, 20), list),
    "corpus": (small_corpus, str.split),
}
ROWS, TESTED, BATCH, WIDTH, RATE = 20_000, 1_000, 64, 64, 4e-3


def coded(texts: list[list[str]], symbols: dict[str, int], length: int) -> tuple[np.ndarray, np.ndarray]:
    """Codes, filled up with END, and which there are."""
    codes, sizes = np.full((len(texts), length), END, np.int32), np.array([len(t) for t in texts])
    for row, text in zip(codes, texts, strict=True):
        row[: len(text)] = [symbols[symbol] for symbol in text]
    return codes, np.arange(length) < sizes[:, None]


def trained(net, source, mask, target, steps: int, key):
    """Weights after Adam on batches drawn at random, in programs of a hundred steps."""
    adam = optax.chain(optax.clip_by_global_norm(1.0), optax.adam(optax.cosine_decay_schedule(RATE, steps)))
    given = jnp.concatenate([jnp.full((len(target), 1), START), target[:, :-1]], 1)
    counts = jnp.concatenate([jnp.ones((len(target), 1), bool), target[:, :-1] != END], 1)  # END itself, once

    def loss(net, rows):
        logits = net(source[rows], given[rows], mask[rows])
        each = optax.softmax_cross_entropy_with_integer_labels(logits, target[rows])
        return jnp.sum(each * counts[rows]) / jnp.sum(counts[rows])

    @jax.jit
    def chunk(net, state, key):
        def step(carry, rows):
            net, state = carry
            moves, state = adam.update(jax.grad(loss)(net, rows), state)
            return (optax.apply_updates(net, moves), state), None

        return jax.lax.scan(step, (net, state), jr.randint(key, (100, BATCH), 0, len(source)))[0]

    state = adam.init(net)
    for i in range(steps // 100):
        net, state = chunk(net, state, jr.fold_in(key, i))
    return net


def judged(task: str, sort: str, steps: int) -> dict:
    draw, cut = TASKS[task]
    pairs, fresh = draw(ROWS, 0), draw(TESTED, 1)
    known = set(pairs)
    fresh = [pair for pair in fresh if pair not in known]
    sides = [[cut(pair[side]) for pair in pairs + fresh] for side in range(2)]
    symbols = [{s: i + 2 for i, s in enumerate(sorted({s for t in side for s in t}))} for side in sides]
    lengths = [max(map(len, side)) + extra for side, extra in zip(sides, (0, 1), strict=True)]
    (source, mask), (target, _) = (coded(*one) for one in zip(sides, symbols, lengths, strict=True))
    kind = {"kind": "transformer", "depth": 2} if sort == "transformer" else {"score": None if sort == "none" else sort}
    net = EncoderDecoder(len(symbols[0]) + 2, len(symbols[1]) + 2, WIDTH, key=jr.key(0), **kind)
    n, start = len(pairs), time.process_time()
    net = trained(net, *map(jnp.asarray, (source[:n], mask[:n], target[:n])), steps, jr.key(1))
    seconds = time.process_time() - start
    write = jax.jit(jax.vmap(lambda s, m: written(net, s, m, lengths[1])[0]))
    codes = np.asarray(write(source[n:], mask[n:]))
    exact, size = np.all(codes == target[n:], axis=1), mask[n:].sum(1)
    bins = range(8, 21, 4) if task == "reversal" else ()
    by_length = {k: round(float(exact[(size > k - 4) & (size <= k)].mean()), 3) for k in bins}
    return {"exact": float(exact.mean()), "by_length": by_length, "seconds": seconds}


if __name__ == "__main__":
    task, sort, steps = sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    print(json.dumps(judged(task, sort, steps)))
