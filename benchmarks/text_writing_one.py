"""Greedy decoding at the shape of GPT-2 small in a process of its own; prints one JSON object.

python benchmarks/text_writing_one.py ours                  # also as a peer, by an interpreter with transformers: torch
"""

from __future__ import annotations

import json
import statistics
import sys
import time

PROMPT, NEW, REPEATS = 64, 128, 3
SHAPE = {"vocabulary": 50257, "width": 768, "depth": 12, "heads": 12, "perceptron": 3072, "length": 1024}


def torch(batch: int) -> dict:
    """GPT-2 of transformers, random weights, its own `generate` with its cache."""
    import torch
    import transformers

    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = transformers.GPT2Config(bos_token_id=None, eos_token_id=None)
    model = transformers.GPT2LMHeadModel(config).eval()
    tokens = torch.randint(0, 50257, (batch, PROMPT))

    def run():
        with torch.inference_mode():
            model.generate(
                tokens, attention_mask=torch.ones_like(tokens), max_new_tokens=NEW, min_new_tokens=NEW, do_sample=False,
                pad_token_id=0,
            )  # fmt: skip

    run()
    versions = f"transformers {transformers.__version__}, torch {torch.__version__}"
    return {"rate": batch * NEW / measured(run), "versions": versions}


def ours(batch: int) -> dict:
    """`generate` on a model with layers apart, and the products of a token alone, below which nothing gets."""
    import jax
    import jax.numpy as jnp
    import jax.random as jr
    import numpy as np

    from ceteris.text.models import Description, LanguageModel
    from ceteris.text.write import generate

    model = LanguageModel(Description(**SHAPE), key=jr.key(0)).apart()
    prompts = np.random.default_rng(0).integers(0, SHAPE["vocabulary"], size=(batch, PROMPT)).tolist()
    run = lambda: generate(model, prompts, length=NEW, batch_size=batch)
    start = time.process_time()
    run()
    cold = time.process_time() - start
    compiled = count_compiled(run)
    matrices = [a for a in jax.tree.leaves(model.decoder) if a.ndim == 2]

    @jax.jit
    def products(matrices, table, x):
        def token(x, _):
            total = 0.0
            for a in matrices:
                total += (x[:, : a.shape[0]] @ a).sum()
            logits = jnp.einsum("vd,bd->bv", table, x[:, : table.shape[1]] + 1e-9 * total)
            return x + 1e-9 * logits.max(), None

        return jax.lax.scan(token, x, None, length=NEW)[0]

    x = jnp.ones((batch, SHAPE["perceptron"]))
    bare = lambda: products(matrices, model.tokens, x).block_until_ready()
    bare()
    return {
        "rate": batch * NEW / measured(run), "cold": cold, "compiled": compiled, "floor": batch * NEW / measured(bare)
    }  # fmt: skip


def count_compiled(run) -> int:
    """Return how many programs a run compiles or reads from the cache."""
    import jax

    seen = []
    jax.monitoring.register_event_duration_secs_listener(
        lambda name, *_, **__: seen.append(name) if name.endswith("backend_compile_duration") else None
    )
    run()
    return len(seen)


def measured(run) -> float:
    """Return the median of CPU seconds."""
    times = []
    for _ in range(REPEATS):
        start = time.process_time()
        run()
        times.append(time.process_time() - start)
    return statistics.median(times)


if __name__ == "__main__":
    print(json.dumps({"torch": torch, "ours": ours}[sys.argv[1]](int(sys.argv[2]))))
