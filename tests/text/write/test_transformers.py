"""What transformers writes with the same weights; its answers are in `truth/writing.npz`."""

from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.write import generate
from ceteris.text.write.choosing import threshold
from text.tiny import tiny
from truth.writing import END, LENGTH, NARROW

OURS = {  # our words for the settings there
    "greedy": {},
    "penalty": {"penalty": 1.7},
    "beams": {"beams": 4},
    "beams_sum": {"beams": 4, "length_penalty": 0.0},
    "beams_long": {"beams": 3, "length_penalty": 2.0},
    "beams_two": {"beams": 2, "length_penalty": 0.5},
}
TRUTH = np.load(Path(__file__).parents[2] / "truth" / "writing.npz")
PROMPTS = [row[there].tolist() for row, there in zip(TRUTH["tokens"], TRUTH["mask"], strict=True)]


def gpt2():
    """The tiny model with the weights of the file."""
    w = {name.removeprefix("weights/transformer."): TRUTH[name] for name in TRUTH.files if name.startswith("weights/")}
    pairs = lambda name: (w[f"{name}.weight"], w[f"{name}.bias"])
    arrays = [w["wte.weight"], w["wpe.weight"], *pairs("ln_f")]
    for l in range(2):
        W, b = pairs(f"h.{l}.attn.c_attn")
        for i in range(3):
            arrays += [W[:, 16 * i : 16 * (i + 1)], b[16 * i : 16 * (i + 1)]]
        for name in ("attn.c_proj", "mlp.c_fc", "mlp.c_proj", "ln_1", "ln_2"):
            arrays += pairs(f"h.{l}.{name}")
    return eqx.tree_at(places, tiny(end=(END,)), [jnp.asarray(array) for array in arrays])


def places(model):
    found = [model.tokens, model.places, model.decoder.norm.scale, model.decoder.norm.shift]
    for block in model.decoder.groups[0]:
        a, f = block.attention, block.forward
        found += [x for one in (a.query, a.key, a.value, a.output, f.up, f.down) for x in (one.weight, one.bias)]
        found += [x for norm in (block.attention_norm, block.forward_norm) for x in (norm.scale, norm.shift)]
    return found


@pytest.mark.parametrize("name", OURS)
def test_the_same_tokens_are_written(name):
    """Prompts of one to six tokens, filled up on the left; most texts end by themselves, at different places."""
    found = generate(gpt2(), PROMPTS, length=LENGTH, batch_size=24, **OURS[name])
    for tokens, why, truth in zip(found.tokens, found.ended, TRUTH[name], strict=True):
        ends = np.flatnonzero(truth == END)
        assert tokens.tolist() == truth[: ends[0] if len(ends) else LENGTH].tolist()
        assert why == ("end" if len(ends) else "length")


def test_the_same_tokens_may_be_drawn():
    for z, kept, (top_k, top_p, min_p, temperature) in zip(TRUTH["logits"], TRUTH["kept"], NARROW, strict=True):
        z = z / np.float32(temperature)
        np.testing.assert_array_equal(z >= threshold(jnp.asarray(z), top_k, top_p, min_p), kept)
