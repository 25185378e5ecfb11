"""Learners of texts on a tiny model with random weights: shapes, weights, sentences, what is saved."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.metrics import log_loss

import ceteris
from ceteris.text.classify import PairClassifier, TextClassifier, TextRegressor, TokenClassifier
from ceteris.text.classify.embedding import embed
from ceteris.text.classify.encoder import TextReader
from ceteris.text.classify.examples import CORPUS, tiny_model
from ceteris.text.classify.targets import TextTarget, TextTask
from ceteris.text.classify.tuning import TextLoss, TunedText, divided

MODEL = tiny_model()
TEXTS = list(CORPUS) * 4
Y = np.array(["economy", "economy", "sport", "sport", "economy", "sport"] * 4)
NEW = ["prices rise", "the game of the club"]


def test_probabilities_are_those_of_the_head_on_vectors():
    classifier = TextClassifier(MODEL, words=False, random_state=0).fit(TEXTS, Y)
    z = embed(NEW, MODEL) @ classifier.head_.weight + classifier.head_.bias
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    assert np.allclose(classifier.predict_proba(NEW), p, atol=1e-6)
    assert classifier.predict(NEW).tolist() == ["economy", "sport"]
    assert classifier.score(TEXTS, Y) == 1.0


def test_forms_of_texts_and_the_seed_decide_nothing():
    options = {"random_state": 3}
    a = TextClassifier(MODEL, **options).fit(TEXTS, Y)
    b = clone(a).fit(pd.Series(TEXTS, index=range(5, 29)), pd.Series(Y))
    assert (a.predict_proba(NEW) == b.predict_proba(pd.DataFrame({"text": NEW}))).all()


def test_texts_of_weight_zero_are_left_out():
    w = np.r_[np.ones(18), np.zeros(6)]
    weighted = TextClassifier(MODEL, words=False, random_state=0).fit(TEXTS, Y, sample_weight=w)
    fewer = TextClassifier(MODEL, words=False, random_state=0).fit(TEXTS[:18], Y[:18])
    assert np.allclose(weighted.predict_proba(NEW), fewer.predict_proba(NEW), atol=1e-12)


def test_classes_of_equal_weight_move_the_rare_one_up():
    y = np.where(np.arange(24) % 6 == 2, "rare", "common")
    same = [TEXTS[0]] * 24  # nothing to tell them by: what is left is the share of each class
    plain = TextClassifier(MODEL, words=False, random_state=0).fit(same, y)
    even = TextClassifier(MODEL, words=False, class_weight="balanced", random_state=0).fit(same, y)
    assert plain.predict_proba(same[:1])[0, 1] == pytest.approx(1 / 6, abs=0.02)
    assert even.predict_proba(same[:1])[0, 1] == pytest.approx(0.5, abs=0.02)


def test_several_labels_and_several_questions():
    labels = np.stack([np.char.equal(Y, "sport"), np.arange(24) % 6 < 2], axis=1).astype(int)
    several = TextClassifier(MODEL, random_state=0).fit(TEXTS, labels)
    assert several.predict_proba(NEW).shape == (2, 2)
    assert (several.predict(TEXTS) == labels).mean() > 0.9
    single = TextClassifier(MODEL, random_state=0).fit(TEXTS, labels[:, 0])
    assert np.allclose(several.predict_proba(NEW)[:, 0], single.predict_proba(NEW)[:, 1])
    frame = pd.DataFrame({"topic": Y, "first": np.where(labels[:, 1], "yes", "no")})
    tasks = TextClassifier(MODEL, random_state=0).fit(TEXTS, frame)
    found = tasks.predict(NEW)
    assert list(found) == ["topic", "first"]
    assert found["topic"].tolist() == ["economy", "sport"]
    assert tasks.predict_proba(NEW)["topic"].shape == (2, 2)
    assert tasks.score(TEXTS, frame) > 0.9
    assert "2 questions" in str(tasks)


def test_numbers_come_back_in_their_units():
    y = np.where(Y == "economy", 1_000.0, 2_000.0)
    both = TextRegressor(MODEL, random_state=0).fit(TEXTS, np.stack([y, -y], axis=1)).predict(NEW)
    assert both.shape == (2, 2)
    assert both[0, 0] < 1_500 < both[1, 0]
    assert np.allclose(both[:, 0], -both[:, 1], rtol=1e-6)


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
def test_layers_taken_apart_and_trained_begin_as_the_model(kind):
    loaded = tiny_model(kind)
    below, above = divided(TextReader.of(loaded).model, 1)
    batch = loaded.tokenizer.encode(TEXTS[:6])
    tokens, mask = jnp.asarray(batch.tokens), jnp.asarray(batch.mask)

    @eqx.filter_jit
    def both(model, below, above):
        vectors = below.hidden(tokens, mask)
        return model.hidden(tokens, mask), above.hidden(tokens, mask, entering=vectors)

    whole, parts = both(loaded.model, below, above)
    assert np.abs(np.where(mask[..., None], whole - parts, 0)).max() < 1e-6


def test_the_loss_of_layers_is_that_of_their_outputs():
    _, above = divided(TextReader.of(MODEL).model, None)
    rng = np.random.default_rng(0)
    net = TunedText(above, jnp.asarray(rng.normal(size=(16, 5)), jnp.float32), jnp.zeros(5), "mean")
    batch = MODEL.tokenizer.encode(TEXTS[:6])
    y = np.array([[0, 2], [1, 0], [0, 1], [1, 1], [0, 2], [1, 0]])
    data = {"tokens": batch.tokens, "mask": batch.mask, "y": y.astype(np.float32), "known": np.ones((6, 2), np.float32)}
    found, _ = eqx.filter_jit(TextLoss((2, 3), False).losses)(net, {k: jnp.asarray(a) for k, a in data.items()}, None)
    z = embed(TEXTS[:6], MODEL).astype(float) @ np.asarray(net.weight, float)
    p = [np.exp(part) / np.exp(part).sum(1, keepdims=True) for part in (z[:, :2], z[:, 2:])]
    truth = np.mean([log_loss(y[:, k], p[k], labels=range(p[k].shape[1])) for k in (0, 1)])
    assert float(found.mean()) == pytest.approx(truth, rel=1e-5)


@pytest.fixture(scope="module")
def trained():
    options = {"epochs": 12, "rate": 5e-3, "batch_size": 8, "members": 2, "random_state": 0, "validation": 0.25}
    return TextClassifier(MODEL, train="last", depth=1, **options).fit(TEXTS, Y)


def test_layers_learn(trained):
    course = trained.history_.groupby("epoch")["loss"].mean()
    assert course.iloc[-1] < 0.95 * course.iloc[0]  # what the head left: it starts at 98 % certainty
    assert trained.predict(NEW).tolist() == ["economy", "sport"]
    assert len(trained.figures) == 2
    assert "Its last 1 layers" in str(trained)


def test_texts_set_aside_were_not_learnt_from(trained):
    at, z = trained._seen_from_outside()
    assert len(at) == len(z)
    assert set(np.bincount(at, minlength=24)) <= {0, 1, 2}
    assert len(at) < 24 * 2


def test_long_texts_are_trained_on_in_pieces():
    long = [" ".join([text] * 3) for text in TEXTS]
    options = {"train": "all", "epochs": 2, "length": 16, "batch_size": 8, "random_state": 0}
    read = TextClassifier(MODEL, **options).fit(long, Y)
    assert read.cut_ == 0
    assert read.predict_proba(long[:3]).shape == (3, 2)
    count = sum(len(row) > 16 for row in MODEL.tokenizer.ragged(long, special=True))
    assert 0 < count < 24
    cut = TextClassifier(MODEL, long="cut", length=16, random_state=0).fit(long, Y)
    assert cut.cut_ == count
    assert f"{count} of 24 texts are longer than 16 tokens" in str(cut)


def test_what_was_trained_is_saved(trained, tmp_path):
    trained.save(tmp_path / "trained")
    again = ceteris.load(tmp_path / "trained", TextClassifier)
    assert (again.predict_proba(NEW) == trained.predict_proba(NEW)).all()


def test_pairs_read_at_once():
    pairs = [(a, b) for a in CORPUS[:4] for b in CORPUS[:4]] * 2
    y = [a == b for a, b in pairs]
    options = {"train": "last", "depth": 1, "epochs": 2, "random_state": 0}
    classifier = PairClassifier(MODEL, **options).fit(pairs, y)
    frame = pd.DataFrame(pairs, columns=["a", "b"])
    assert np.allclose(classifier.predict_proba(frame), classifier.predict_proba(pairs))
    swapped = classifier.predict_proba([(b, a) for a, b in pairs])
    assert np.abs(swapped - classifier.predict_proba(pairs)).max() > 1e-6  # the order counts where layers are trained


def test_words_keep_their_number_and_their_pieces():
    texts = [text.split() for text in CORPUS] * 4
    labels = [["noun" if word in ("bank", "team", "prices") else "other" for word in text] for text in texts]
    classifier = TokenClassifier(MODEL, class_weight="balanced", random_state=0).fit(texts, labels)
    assert [len(found) for found in classifier.predict(texts)] == [len(text) for text in texts]
    assert classifier.score(texts, labels) > 0.9
    long = [texts[0] * 12]  # more tokens than the model reads at once: no word is left out
    assert [len(p) for p in classifier.predict_proba(long)] == [12 * len(texts[0])]
    layers = TokenClassifier(MODEL, train="last", depth=1, epochs=2, rate=1e-3, random_state=0).fit(texts, labels)
    assert layers.predict_proba(texts[:2])[0].shape == (len(texts[0]), 2)


@pytest.mark.parametrize(
    ("learner", "X", "y", "kind", "sentence"),
    [
        (TextClassifier, TEXTS, Y[:5], ValueError, "y: it has 5 entries but X has 24 rows"),
        (TextClassifier, TEXTS, ["a"] * 24, ValueError, "y: all rows that count are of one class, 'a'"),
        (TextClassifier, [*TEXTS[:23], ""], Y, ValueError, r"X: number 23 \(from 0\) is empty"),
        (TextRegressor, TEXTS, [1.0] * 23 + [np.nan], ValueError, "y"),
        (PairClassifier, TEXTS, Y, TypeError, r"X: number 0 \(from 0\) is 'the bank .*, but must be a pair of texts"),
        (TokenClassifier, TEXTS, [["a"]] * 24, TypeError, "but must be a list of words; split it"),
        (TokenClassifier, [["a", "b"]], [["x"]], ValueError, "holds 1 labels, but must hold 2, one for each word"),
        (TokenClassifier, [["a", ""]], [["x", "y"]], ValueError, "holds the word '', but must hold words"),
    ],
)
def test_what_cannot_be_learnt_is_refused(learner, X, y, kind, sentence):
    with pytest.raises(kind, match=sentence):
        learner(MODEL).fit(X, y)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"train": "heads"},
            "TextClassifier: train is 'heads', but must be one of head, last, all; did you mean 'head'",
        ),
        ({"long": "cat"}, "TextClassifier: long is 'cat', but must be one of chunk, cut"),
        ({"depth": 0}, "TextClassifier: depth is 0, but must be a whole number of at least 1"),
        ({"train": "last", "depth": 2}, "depth is 2, but must be below 2, the layers of the model"),
        ({"rate": -1.0}, "TextClassifier: rate is -1.0, but must be None or a number above 0"),
        ({"class_weight": {"politics": 2.0}}, "class_weight: 'politics' is not a class of y"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, sentence):
    with pytest.raises(ValueError, match=sentence):
        TextClassifier(MODEL, **settings).fit(TEXTS, Y)


def test_a_target_takes_outputs_apart():
    target = TextTarget((TextTask("a", np.array([0, 1])), TextTask("b", None)), "tasks")
    assert [part.shape for part in target.split(np.zeros((4, 3)))] == [(4, 2), (4, 1)]
