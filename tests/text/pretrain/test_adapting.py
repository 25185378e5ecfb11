"""Reading on in a field: the head stays, the body moves, and hidden tokens of the field are guessed better."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from ceteris.text.classify.examples import CORPUS, tiny_model
from ceteris.text.files import Pretrained
from ceteris.text.models import Description, LanguageModel
from ceteris.text.pretrain import adapt

OPENINGS = np.random.default_rng(0).choice(" ".join(CORPUS).split(), (200, 4))  # no text is there twice
RULE = [
    " ".join([*opening, *(["bank", "rate", "prices", "team"][(i + k) % 4] for k in range(28))])
    for i, opening in enumerate(OPENINGS)
]


def test_hidden_words_of_a_field_are_learnt_and_the_classes_keep_their_head():
    before = tiny_model(head="class", outputs=2, read_at="first")
    after, run = adapt(before, RULE, steps=150, length=16, batch_size=8, rate=3e-3)
    assert np.array_equal(after.model.head.out.weight, before.model.head.out.weight)
    assert not np.array_equal(after.model.tokens, before.model.tokens)
    assert after.model.description == before.model.description
    # It began with log 123 = 4.8 nats, all tokens alike; most hidden ones are one of four words, log 4 = 1.4 of chance.
    assert run.loss < 2.0
    assert after.digest != before.digest


def test_a_decoder_reads_on_with_its_own_head():
    before = tiny_model("decoder")
    after, run = adapt(before, RULE, steps=2, length=8, batch_size=4)
    assert run.settings.objective == "causal"
    assert after.model.description == before.model.description
    assert not np.array_equal(after.model.tokens, before.model.tokens)


def test_what_cannot_read_on_is_refused():
    without = replace(tiny_model(), tokenizer=None)
    with pytest.raises(ValueError, match="model has no tokenizer, but must have one"):
        adapt(without, RULE)
    both = Description(
        vocabulary=400, width=16, depth=1, heads=2, perceptron=16, length=16, kind="encoder-decoder", start=0
    )
    model = Pretrained(LanguageModel(both, key=jax.random.key(0)), tiny_model().tokenizer)
    with pytest.raises(ValueError, match="model is an encoder-decoder, but must be an encoder or a decoder"):
        adapt(model, RULE)
