"""One measurement of pre-training in a process of its own; prints one JSON object as its last line.

python benchmarks/text_pretrain_one.py step ours        # also by an interpreter with torch and transformers: step torch
"""

from __future__ import annotations

import json
import resource
import sys
import time

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
        return float(loss)

    return timed(step, lambda: [step() for _ in range(STEPS)])


def step_ours() -> dict:
    """The same shape by the loop of the library, as `Pretraining` calls it."""
    import jax
    import jax.random as jr
    import numpy as np

    from ceteris.engine import fit
    from ceteris.text.pretrain.rules import ...


def timed(first, more) -> dict:
    """Tokens per CPU-second after a first call, and the highest memory."""
    begun = time.process_time()
    first()
    cold = time.process_time() - begun
    begun = time.process_time()
    more()
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {"rate": STEPS * BATCH * LENGTH / seconds, "cold": cold, "gib": peak}


if __name__ == "__main__":
    print(json.dumps(globals()["_".join(sys.argv[1:3])](*sys.argv[3:])))
