"""Label words against the model's own logits, one prompt at a time."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.classify import PromptClassifier
from ceteris.text.classify.examples import tiny_model

DECODER, ENCODER = tiny_model("decoder"), tiny_model()
WORDS = {"up": "rose again", "down": "fell"}
TEXTS = ["rates rise", "the bank raised its rate"]


@eqx.filter_jit
def log_probabilities(model, tokens):
    return jax.nn.log_softmax(model(tokens)[0])


def by_hand(text, word):
    """log P(word | text) as a product of conditional probabilities."""
    start = DECODER.tokenizer.ragged([f"prices: {text}"])[0]
    start = [DECODER.tokenizer.bos, *start]
    rest = DECODER.tokenizer.ragged([f" {word}"])[0]
    logs = np.asarray(log_probabilities(DECODER.model, jnp.array([start + rest])))
    return sum(logs[len(start) + k - 1, token] for k, token in enumerate(rest))


def test_a_decoder_s_classes_are_the_words_it_would_write():
    classifier = PromptClassifier(DECODER, WORDS, "prices: {text} {label}", calibrate=False).fit()
    z = np.array([[by_hand(text, word) for word in WORDS.values()] for text in TEXTS])
    truth = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert np.abs(classifier.predict_proba(TEXTS) - truth).max() < 1e-5


def test_calibration_makes_texts_without_content_even():
    plain = PromptClassifier(DECODER, WORDS, "prices: {text} {label}", calibrate=False).fit()
    even = PromptClassifier(DECODER, WORDS, "prices: {text} {label}").fit()
    odds = even.predict_proba(TEXTS) / plain.predict_proba(TEXTS) * even.prior_
    assert np.allclose(odds[:, 0], odds[:, 1])  # p / prior, then of sum one: the paper's rule
    assert np.abs(even.prior_ - 0.5).max() > 1e-3


def test_examples_stand_before_the_text_in_turns():
    texts, y = ["rates rise", "the team won", "prices rise"], ["up", "down", "up"]
    classifier = PromptClassifier(DECODER, WORDS, "{text} {label}", shots=3).fit(texts, y)
    assert classifier.examples_ == [
        ("rates rise", "rose again"),
        ("the team won", "fell"),
        ("prices rise", "rose again"),
    ]
    assert classifier.predict_proba(["the game"]).shape == (1, 2)


def test_masked_words_fill_the_gap():
    classifier = PromptClassifier(
        ENCODER, {"up": "rise", "down": "fell"}, "prices {label}: {text}", calibrate=False
    ).fit()
    mask = ENCODER.tokenizer.mask
    (row,) = ENCODER.tokenizer.ragged([f"prices [MASK]: {TEXTS[1]}"], special=True)
    logs = np.asarray(log_probabilities(ENCODER.model, jnp.array([row])))[row.index(mask)]
    z = logs[[ENCODER.tokenizer.number("rise"), ENCODER.tokenizer.number("fell")]]
    truth = np.exp(z) / np.exp(z).sum()
    assert np.abs(classifier.predict_proba(TEXTS[1:])[0] - truth).max() < 1e-5


def test_a_text_that_does_not_fit_loses_its_end():
    classifier = PromptClassifier(DECODER, WORDS, "prices: {text} {label}").fit()
    long = "rates rise " * 60
    assert classifier.predict_proba([long, *TEXTS]).shape == (3, 2)
    assert classifier.cut_ == 1


@pytest.mark.parametrize(
    ("settings", "data", "sentence"),
    [
        ({"labels": ["up"]}, (), "must say for two classes or more what the model is to write"),
        ({"template": "no place"}, (), "must hold {text} and once {label}"),
        ({"template": "{label}: {text}"}, (), "{label} stands before {text}, but a decoder must have read it"),
        ({"shots": 2}, (), "shots is 2, but fit was given no labelled texts"),
        ({"shots": 2}, (TEXTS, ["up", "left"]), "y holds 'left', which is no key of labels"),
        ({"shots": 3}, (TEXTS, ["up", "up"]), "shots is 3, but only 2 labelled texts were given"),
        ({"shots": 2}, (TEXTS, ["up"]), "y holds 1, but must hold 2, one for each text"),
    ],
)
def test_wrong_prompts_are_refused(settings, data, sentence):
    options = {"labels": WORDS, "template": "{text} {label}", **settings}
    with pytest.raises(ValueError, match=sentence):
        PromptClassifier(DECODER, **options).fit(*data)


def test_words_that_do_not_fit_the_gap_are_refused():
    with pytest.raises(ValueError, match="'unemployment rose' is 2 tokens of this model, but must be one"):
        PromptClassifier(ENCODER, {"a": "rise", "b": "unemployment rose"}, "{text} {label}").fit()
