"""One measurement of pre-training in a process of its own; prints one JSON object as its last line.

python benchmarks/text_pretrain_one.py step ours        # also by an interpreter with torch and transformers: step torch
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from pathlib import Path

BATCH, LENGTH, VOCABULARY = 4, 128, 50257
STEPS = 6


def step_torch() -> dict:
    """GPT-2 small as transformers has it, AdamW as PyTorch has it; attention by its fused kernel."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.set_num_threads(1)
    torch.manual_seed(0)
    model = GPT2LMHeadModel(GPT2Config(resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0)).train()
    adam = torch.optim.AdamW(model.parameters(), 1e-4, weight_decay=0.1)
    tokens = torch.randint(0, VOCABULARY, (BATCH, LENGTH))

    def step() -> float:
        adam.zero_grad()
        loss = model(input_ids=tokens, labels=tokens).loss
        loss.backward()
        adam.step()
        return float(loss.detach())

    begun = time.process_time()
    step()
    times = [time.process_time()]
    for _ in range(STEPS):
        step()
        times.append(time.process_time())
    return result((times[-1] - times[0]) / STEPS, times[0] - begun)


def step_ours() -> dict:
    """The same shape by the loop, objective and step rule of `ceteris.text.pretrain.Pretraining`."""
    import equinox as eqx
    import jax
    import numpy as np

    from ceteris.engine import fit
    from ceteris.recipe import Descend, Streamed
    from ceteris.text.models import LanguageModel
    from ceteris.text.pretrain import NextToken, described, language_optimiser

    hypothesis = eqx.Partial(LanguageModel, described("gpt2", "decoder", VOCABULARY, 1024))
    rule = language_optimiser("adamw", 1e-4, 1000, clip=None)
    algorithm = Descend(hypothesis, NextToken(apart=False), Streamed(), rule)
    tokens = np.random.default_rng(0).integers(0, VOCABULARY, (1, BATCH, LENGTH + 1), np.int32)
    feed = lambda t, n: {"tokens": np.repeat(tokens, n, 0)}
    begun, times = time.process_time(), []
    fit(algorithm, jax.random.key(0), steps=1 + STEPS, every=1, feed=feed,
        monitors=[lambda run: times.append(time.process_time())])  # fmt: skip
    return result((times[-1] - times[0]) / STEPS, times[0] - begun)


def step_products() -> dict:
    """How fast this machine multiplies matrices of a layer's and the head's shapes: the floor of a step."""
    import jax
    import jax.numpy as jnp

    product = jax.jit(jnp.matmul)
    spent, done = 0.0, 0.0
    layers = [(768, 2304, 12), (768, 768, 12), (768, 3072, 12), (3072, 768, 12)]
    for inner, outer, share in [*layers, (768, VOCABULARY, 1)]:
        x, W = jnp.ones((BATCH * LENGTH, inner)), jnp.ones((inner, outer))
        product(x, W).block_until_ready()
        begun = time.process_time()
        for _ in range(5):
            product(x, W).block_until_ready()
        spent += share * (time.process_time() - begun) / 5
        done += share * 2 * BATCH * LENGTH * inner * outer
    return {"flops": done / spent}


def learn_ours(folder: str, corpus: str, steps: str) -> dict:
    """A model of a million weights on real text; leaves its first weights and its batches for the other side."""
    import jax
    import numpy as np

    from ceteris.engine import fit
    from ceteris.text.data import load_shards
    from ceteris.text.files import Pretrained
    from ceteris.text.pretrain import Pretraining

    settings, place = Pretraining("tiny", steps=int(steps), apart=False, every=max(int(steps) // 20, 1)), Path(folder)
    shards = load_shards(corpus)
    algorithm, feed, aside = settings.slots(shards)
    Pretrained(fit(algorithm, jax.random.key(settings.seed), steps=0).model).save(place / "first")
    np.save(place / "batches.npy", feed(0, settings.steps)["tokens"])
    np.save(place / "aside.npy", aside["tokens"])
    run = settings.fit(shards, place / "run", progress=True)
    run.save(place / "run.safetensors")
    curve = {int(t): float(loss) for t, loss in zip(run.metrics["step"], run.metrics["heldout"], strict=True)}
    return {"curve": curve, "seconds": run.seconds, "bytes_per_token": run.bytes_per_token, "weights": run.weights}


def learn_torch(folder: str, steps: str) -> dict:
    """The plain loop: the same first weights, batches, AdamW, clipping and schedule."""
    import numpy as np
    import torch
    from transformers import GPT2LMHeadModel

    torch.set_num_threads(1)
    place, total = Path(folder), int(steps)
    model = GPT2LMHeadModel.from_pretrained(place / "first", dtype=torch.float32).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    adam = torch.optim.AdamW(groups, 3e-3, betas=(0.9, 0.95))
    schedule = torch.optim.lr_scheduler.LambdaLR(adam, lambda t: rate_share(t / total))
    batches = np.load(place / "batches.npy", mmap_mode="r")
    aside = torch.from_numpy(np.load(place / "aside.npy").astype(np.int64))

    def loss_of(tokens):
        logits = model(input_ids=tokens[:, :-1]).logits
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())

    def heldout() -> float:
        with torch.no_grad():
            return float(np.mean([float(loss_of(part)) for part in aside.split(16)]))

    begun, curve = time.process_time(), {}
    for t in range(total):
        adam.zero_grad()
        loss_of(torch.from_numpy(batches[t].astype(np.int64))).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        adam.step()
        schedule.step()
        if (t + 1) % max(total // 20, 1) == 0:
            curve[t + 1] = heldout()
            print(t + 1, curve[t + 1], time.process_time() - begun, file=sys.stderr, flush=True)
    return {"curve": curve, "seconds": time.process_time() - begun}


def learn_masked(folder: str, corpus: str, steps: str) -> dict:
    """A BERT of a million weights that fills in hidden words of real text, beside tables of counts."""
    import jax
    import numpy as np

    from ceteris.text.data import load_shards
    from ceteris.text.pretrain import Pretraining
    from ceteris.text.pretrain.corruption import masked

    every = max(int(steps) // 20, 1)
    settings = Pretraining("tiny", "masked", length=128, batch_size=16, steps=int(steps), every=every)
    shards = load_shards(corpus)
    algorithm, _, _ = settings.slots(shards)
    run = settings.fit(shards, Path(folder) / "masked", progress=True)
    batches = algorithm.heldout.batches["tokens"]
    keys = jax.random.split(jax.random.key(0), len(batches))  # as `HeldOutWindows` hides them
    hide = lambda key, batch: masked(jax.random.split(key)[0], jax.numpy.asarray(batch), algorithm.objective.rule)
    spoilt = [hide(key, batch) for key, batch in zip(keys, batches, strict=True)]
    learnt = np.concatenate([row.between(0, len(row)) for row in shards.rows("train")]).astype(np.int64)
    right = counted(learnt, [[np.asarray(part) for part in one] for one in spoilt], shards.vocabulary)
    return {"model": float(run.metrics["heldout_accuracy"][-1]), "seconds": run.seconds, **right}


def counted(learnt, spoilt, vocabulary: int) -> dict:
    """Share of hidden tokens that the commonest token is, and that the commonest between the same two neighbours is."""
    import numpy as np

    common = np.bincount(learnt, minlength=vocabulary)
    top = common.argmax()
    left, middle, right = learnt[:-2], learnt[1:-1], learnt[2:]

    def table(context):  # context -> its commonest middle
        each, counts = np.unique(context * vocabulary + middle, return_counts=True)
        order = np.lexsort((counts, each // vocabulary))
        context, best = each[order] // vocabulary, each[order] % vocabulary
        last = np.append(context[1:] != context[:-1], True)
        return context[last], best[last]

    both, before = table(left * vocabulary + right), table(left)
    hits = {"unigram": 0.0, "trigram": 0.0}
    total = 0
    for tokens, at, targets, weights in spoilt:
        rows = np.arange(len(tokens))[:, None]
        padded = np.pad(tokens.astype(np.int64), ((0, 0), (1, 1)))
        a, b = padded[rows, at], padded[rows, at + 2]
        guess = np.full(at.shape, top)
        for (contexts, best), asked in ((before, a), (both, a * vocabulary + b)):  # the longer one has the last word
            place = np.minimum(np.searchsorted(contexts, asked), len(contexts) - 1)
            guess = np.where(contexts[place] == asked, best[place], guess)
        hits["unigram"] += float((weights * (targets == top)).sum())
        hits["trigram"] += float((weights * (targets == guess)).sum())
        total += float(weights.sum())
    return {name: hit / total for name, hit in hits.items()}


def rate_share(done: float) -> float:
    """Warm-up and cosine, as `ceteris.recipe.Schedule` has them."""
    if done < 0.1:
        return done / 0.1
    return 0.1 + 0.9 * 0.5 * (1 + math.cos(math.pi * min((done - 0.1) / 0.9, 1)))


def result(seconds: float, cold: float) -> dict:
    """Tokens per CPU-second of a step, CPU seconds until the first was done, and the highest memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rate": BATCH * LENGTH / seconds, "cold": cold, "gib": peak}


if __name__ == "__main__":
    print(json.dumps(globals()["_".join(sys.argv[1:3])](*sys.argv[3:])))
