"""What transformers writes with a tiny GPT-2 whose texts do end, and which tokens its filters leave, in `writing.npz`.

Neither torch nor transformers is in an extra of the project; ``python tests/truth/writing.py``, by an interpreter with
both, writes the file again. It was written with transformers 5.24.0 and torch 2.13.0.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILE = Path(__file__).with_name("writing.npz")
END, LENGTH = 18, 16
SETTINGS = {
    "greedy": {},
    "penalty": {"repetition_penalty": 1.7},
    "beams": {"num_beams": 4},
    "beams_sum": {"num_beams": 4, "length_penalty": 0.0},
    "beams_long": {"num_beams": 3, "length_penalty": 2.0},
    "beams_two": {"num_beams": 2, "length_penalty": 0.5},
}
NARROW = [(5, 1.0, 0.0, 1.0), (23, 0.7, 0.0, 0.6), (8, 0.9, 0.05, 1.4), (23, 1.0, 0.2, 1.0)]  # top-k, top-p, min-p, τ


def main() -> None:
    """Write the file."""
    import torch  # pyright: ignore[reportMissingImports]
    from transformers import GPT2Config, GPT2LMHeadModel  # pyright: ignore[reportMissingImports]
    from transformers.generation import logits_process as filters  # pyright: ignore[reportMissingImports]

    torch.manual_seed(0)
    config = GPT2Config(vocab_size=23, n_embd=16, n_layer=2, n_head=2, n_inner=24, n_positions=48, eos_token_id=END,
                        bos_token_id=None, resid_pdrop=0, embd_pdrop=0, attn_pdrop=0)  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    rng, found = np.random.default_rng(0), {}
    with torch.no_grad():
        for name, weight in model.named_parameters():
            scale, shift = ("ln_" in name and "weight" in name), name.endswith("bias")
            drawn = rng.normal(size=weight.shape) * (0.1 if scale or shift else 0.7) + scale
            found[f"weights/{name}"] = drawn.astype(np.float32)
            weight.copy_(torch.from_numpy(found[f"weights/{name}"]))
    lengths = rng.integers(1, 7, size=24)
    mask = np.arange(6) >= 6 - lengths[:, None]
    tokens = np.where(mask, rng.integers(5, 23, size=mask.shape), 0)
    found["tokens"], found["mask"] = tokens, mask
    both = {"input_ids": torch.from_numpy(tokens), "attention_mask": torch.from_numpy(mask.astype(int))}
    for name, settings in SETTINGS.items():
        one_by_one = name == "penalty"  # in a batch it would penalise the padding too
        rows = range(24) if one_by_one else [slice(None)]
        written = np.full((24, LENGTH), 0)
        for row in rows:
            given = {key: value[row][None] if one_by_one else value for key, value in both.items()}
            given = {key: value[:, 6 - lengths[row] :] for key, value in given.items()} if one_by_one else given
            out = model.generate(**given, max_new_tokens=LENGTH, do_sample=False, pad_token_id=0, **settings)
            out = out[:, given["input_ids"].shape[1] :].numpy()
            written[row, : out.shape[1]] = out[0] if one_by_one else out
        found[name] = written.astype(np.int16)
    z = torch.from_numpy(3 * rng.normal(size=(len(NARROW), 30, 23)).astype(np.float32))
    kept = []
    for part, (k, p, least, temperature) in zip(z, NARROW, strict=True):
        part = filters.TemperatureLogitsWarper(temperature)(None, part)
        part = filters.TopKLogitsWarper(k)(None, part)
        part = filters.TopPLogitsWarper(p)(None, part) if p < 1 else part
        part = filters.MinPLogitsWarper(least)(None, part) if least else part
        kept.append(torch.isfinite(part).numpy())
    found["logits"], found["kept"] = z.numpy(), np.stack(kept)
    np.savez_compressed(FILE, **found)
    ends = {name: [int((row == END).any()) for row in found[name]] for name in SETTINGS}
    print({name: sum(rows) for name, rows in ends.items()}, FILE.stat().st_size)


if __name__ == "__main__":
    main()
