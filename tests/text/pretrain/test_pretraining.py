"""Pre-training as a user calls it: from texts to a model; killed and resumed; asked for what cannot be."""

import os
import signal
import subprocess
import sys
import textwrap

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.data import prepare
from ceteris.text.files import load
from ceteris.text.models import Description
from ceteris.text.pretrain import Pretraining
from ceteris.text.tokens import train

SENTENCE = "the bank lent money to firms and households paid it back with interest over many a year"
OWN = {"width": 16, "depth": 2, "heads": 2, "perceptron": 32, "length": 32}


def texts(n=150):
    rng = np.random.default_rng(0)
    return [" ".join(rng.choice(SENTENCE.split(), 40)) for _ in range(n)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    (folder / "words.txt").write_text("\n\n".join(texts()), encoding="utf-8")
    rules = dict.fromkeys(("words", "commonest pair", "repeated phrases", "function words"))
    return prepare(
        folder / "words.txt", folder / "shards", vocabulary=300, unit="paragraph", test_size=0.2, near=None, rules=rules
    )


def settings(**others):
    size = Description(vocabulary=300, **OWN)
    return Pretraining(**{"size": size, "length": 16, "batch_size": 4, "steps": 40, "every": 4, "seed": 3, **others})


@pytest.fixture(scope="module")
def run(shards):
    return settings().fit(shards)


def test_a_run_says_what_it_learnt(run, shards):
    assert run.history["loss"].shape == (40,)
    assert run.metrics["step"].tolist() == list(range(4, 41, 4))
    assert run.metrics["heldout"][-1] < run.metrics["heldout"][0]
    assert run.perplexity == pytest.approx(np.exp(run.metrics["heldout"][-1]))
    aside = shards.windows(17, "test")["tokens"]
    text = shards.tokenizer.decode(aside[:, 1:])  # pure ASCII: a sign is a byte, and windows cut none in two
    ends = np.isin(aside[:, 1:], shards.tokenizer.specials).sum()
    assert ends > 0, "ends of documents are foretold, and are no text"
    rows = len(aside) // 4 * 4
    text = shards.tokenizer.decode(aside[:rows, 1:])
    assert run.bytes_per_token == pytest.approx(sum(map(len, text)) / aside[:rows, 1:].size)
    assert run.bits_per_byte == pytest.approx(run.loss / np.log(2) / run.bytes_per_token)
    said = str(run)
    assert said.startswith("PretrainedRun: decoder of ")
    assert "bits per byte" in said
    assert "The law of the first half" in said
    assert run.figures.titles == ("Loss curve and its law",)
    assert run.law(0.5)(40) != run.law()(40)


def test_the_model_leaves_in_the_layout_of_the_hub(run, tmp_path):
    read = load(run.export(tmp_path / "model"))
    tokens = jnp.arange(12)[None]
    np.testing.assert_array_equal(read.model(tokens), run.model(tokens))
    assert read.tokenizer is not None
    assert read.tokenizer.digest == run.tokenizer.digest


SLOW = [pytest.param(change, marks=pytest.mark.slow) for change in ({"accumulate": 2}, {"frugal": True})]


@pytest.mark.parametrize("change", [{"precision": "mixed"}, *SLOW])
def test_settings_that_change_how_and_not_what(change, run, shards):
    other = settings(**change).fit(shards)
    assert np.isfinite(other.history["loss"]).all()
    same = np.abs(other.history["loss"] - run.history["loss"]).max()
    if change == {"frugal": True}:
        assert same < 1e-4  # the same numbers in another order
    else:
        assert 0 < same < 0.5


def test_killed_and_called_again_it_ends_with_the_same_weights_to_the_bit(run, shards, tmp_path):
    script = textwrap.dedent(
        """
        import sys; sys.path.insert(0, sys.argv[1])
        import test_pretraining as here
        from ceteris.engine import Checkpoint
        from ceteris.text.data import load_shards
        from ceteris.text.pretrain import pretraining
        pretraining.SECONDS = 0
        record = Checkpoint.record
        Checkpoint.record = lambda self, run: (record(self, run), print(run.tick, flush=True))
        here.settings().fit(load_shards(sys.argv[2]), sys.argv[3])
        """
    )
    folder = tmp_path / "run"
    words = [sys.executable, "-c", script, os.path.dirname(__file__), shards.folder, str(folder)]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    ticks = [int(child.stdout.readline()) for _ in range(4)]
    child.send_signal(signal.SIGKILL)
    child.communicate()
    assert ticks == [4, 8, 12, 16]
    assert (folder / "checkpoint").exists()
    resumed = settings().fit(shards, folder)
    for a, b in zip(jax.tree.leaves(resumed.model), jax.tree.leaves(run.model), strict=True):
        assert np.array_equal(a, b)
    assert np.array_equal(resumed.history["loss"], run.history["loss"])
    with pytest.raises(ValueError, match="holds a run with another seed; give another folder"):
        settings(seed=4).fit(shards, folder)


@pytest.mark.slow  # four programs; their losses are tested quickly in test_objectives.py
@pytest.mark.parametrize("objective", ["masked", "joint", "next_sentence", "spans"])
def test_every_objective_learns_from_texts(objective):
    kind = {"spans": "encoder-decoder"}.get(objective, "encoder")
    own = {"masked": {}, "spans": {"start": 0, "positions": "buckets"}}.get(
        objective, {"pooler": True, "next_sentence": True}
    )
    head = "tied" if kind == "encoder-decoder" else "masked"
    size = Description(vocabulary=300, kind=kind, head=head, segments=2 * (kind == "encoder"), **OWN, **own)
    run = settings(size=size, objective=objective, steps=8, length=19).fit(texts())
    assert np.isfinite(run.history["loss"]).all()
    assert np.isnan(run.bits_per_byte)
    assert "foretold right" in str(run)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"objective": "casual"}, "Pretraining: objective is 'casual', but must be one of"),
        ({"optimiser": "adam"}, "Pretraining: optimiser is 'adam', but must be one of"),
        ({"size": "large"}, "Pretraining: size is 'large', but must be one of"),
        ({"objective": "masked"}, "size describes a model of kind 'decoder', but must describe one of kind 'encoder'"),
        ({"steps": 0}, "Pretraining: steps is 0, but must be a whole number of at least 1"),
        ({"size": "tiny", "objective": "joint", "batch_size": 1}, "batch_size is 1, but must be at least 2"),
        ({"length": 64}, "Pretraining: length is 64, but must be None or a whole number of at least 8 and at most 32"),
        ({"precision": "quarter"}, "precision: 'quarter' was given"),
    ],
)
def test_settings_are_refused_at_once(change, sentence):
    with pytest.raises(ValueError, match=sentence):
        settings(**change)


def test_corpora_are_refused_in_a_sentence(shards, tmp_path):
    other = train(texts(), 290)
    pairs = Description(vocabulary=300, kind="encoder", head="masked", pooler=True, next_sentence=True, **OWN)
    both = Description(vocabulary=300, kind="encoder-decoder", start=0, positions="buckets", **OWN)
    with pytest.raises(ValueError, match="tokenizer is not the one that wrote the shards"):
        settings().fit(shards, tokenizer=other)
    with pytest.raises(ValueError, match="tokenizer: it has no cls_token"):
        settings(size=pairs, objective="joint").fit(shards)
    with pytest.raises(ValueError, match="one batch of 100000 windows of 17; give more text"):
        settings(batch_size=100_000).fit(shards)
    with pytest.raises(TypeError, match=r"corpus: number 1 \(from 0\) is 3, but must be a text"):
        settings().fit(["one", 3])
    with pytest.raises(ValueError, match="corpus holds no sign"):
        settings().fit([" "])
    with pytest.raises(ValueError, match="tokenizer: its vocabulary is 300, but must be at most 50"):
        settings(size=Description(vocabulary=50, **OWN)).fit(shards)
    with pytest.raises(ValueError, match="tokenizer: it has 0 sentinels such as <extra_id_0>, but must have"):
        settings(size=both, objective="spans").fit(shards)
    with pytest.raises(ValueError, match="tokenizer is None, but must be one with sentinels"):
        settings(size=both, objective="spans").fit(tmp_path)
