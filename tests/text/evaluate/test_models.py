"""Perplexity against what it is by definition, window by window; choices by scores that are known."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.evaluate import evaluate_choices, perplexity
from ceteris.text.evaluate.models import windows_of
from ceteris.text.tokens import Tokenizer
from ceteris.text.write import score
from text.tiny import slow_logits, tiny, with_tokenizer


def test_a_model_that_knows_nothing_has_the_perplexity_of_the_vocabulary():
    model = jax.tree.map(jnp.zeros_like, tiny())
    found = perplexity(model, [list(range(20)), [3, 1, 4, 1, 5]], window=8)
    assert found["perplexity"] == pytest.approx(23, rel=1e-5)
    assert found["bits per token"] == pytest.approx(np.log2(23), rel=1e-5)
    np.testing.assert_allclose(found.table.loc["perplexity", ["low", "high"]].to_numpy(float), 23, rtol=1e-5)


@pytest.mark.parametrize(("window", "stride"), [(8, 4), (8, 1), (16, 15)])
def test_each_token_is_foreseen_from_what_its_window_holds(window, stride):
    model, text = tiny(), np.random.default_rng(0).integers(0, 23, size=21).tolist()
    logits, nats, count, done = slow_logits(model), 0.0, 0, 1
    for begin in range(0, len(text), stride):  # as the documentation of transformers describes it
        end = min(begin + window, len(text))
        for t in range(max(done, begin + 1), end):
            nats, count = nats - logits(text[begin:t], [])[0][text[t]], count + 1
        done = max(done, end)
        if end == len(text):
            break
    found = perplexity(model, [text], window=window, stride=stride)
    assert count == 20
    assert found["perplexity"] == pytest.approx(np.exp(nats / count), rel=1e-4)


def test_windows_count_every_token_but_the_first_once():
    for count in range(2, 40):
        for window, stride in ((2, 1), (5, 3), (8, 7), (64, 32)):
            counted = [t for a, b, first in windows_of(count, window, stride) for t in range(first, b)]
            assert counted == list(range(1, count))
            assert all(a < first and b - a <= window for a, b, first in windows_of(count, window, stride))
    assert windows_of(1, 8, 4) == []


def test_bits_per_byte_count_the_bytes_of_texts_behind_the_token_that_begins_them():
    whole, texts = with_tokenizer(), ["the bank raised its rate", "Zölle und Preise", "prices fell in May"]
    found = perplexity(whole, texts, window=48, draws=50)
    first = whole.tokenizer.bos
    ids = whole.tokenizer.ragged(texts)
    log_p = score(whole.model, [[first]] * 3, ids)["log_probability"]
    size = sum(len(text.encode()) for text in texts)
    assert found["bits per byte"] == pytest.approx(-log_p.sum() / np.log(2) / size, rel=1e-5)
    assert found.parts["Documents"]["tokens"].tolist() == [len(row) for row in ids]


def test_without_a_token_that_begins_texts_the_first_and_its_bytes_do_not_count():
    whole, texts = with_tokenizer(), ["the bank raised its rate", "prices fell in May"]
    bare = replace(whole, tokenizer=Tokenizer(whole.tokenizer.definition, {}))
    found = perplexity(bare, texts, window=48, draws=50)
    ids = bare.tokenizer.ragged(texts)
    log_p = score(whole.model, [row[:1] for row in ids], [row[1:] for row in ids])["log_probability"]
    size = len(" bank raised its rate") + len(texts[1]) - len(bare.tokenizer.decode(ids[1][:1]))
    assert found["bits per byte"] == pytest.approx(-log_p.sum() / np.log(2) / size, rel=1e-5)
    assert "The first token of each text is not counted" in found.summary()


def test_the_likeliest_answer_is_chosen_and_short_ones_are_not_favoured_per_token():
    model = tiny()
    questions, choices = [[1, 2]] * 40, [[[n % 23], [(n + 1) % 23, 7], [3, n % 5, 9]] for n in range(40)]
    answers = [n % 3 for n in range(40)]
    found = evaluate_choices(model, questions, choices, answers, draws=50)
    logits, right, mean_right = slow_logits(model), [], []
    for question, several, answer in zip(questions, choices, answers, strict=True):
        sums = [sum(logits(question, one[:t])[0][one[t]] for t in range(len(one))) for one in several]
        right.append(int(np.argmax(sums)) == answer)
        mean_right.append(int(np.argmax([s / len(one) for s, one in zip(sums, several, strict=True)])) == answer)
    assert found["accuracy"] == pytest.approx(np.mean(right))
    assert found["accuracy per token"] == pytest.approx(np.mean(mean_right))
    assert "By chance, 33% would be right." in found.summary()
    assert "accuracy per byte" not in found.table.index  # tokens have none


def test_questions_may_have_unequally_many_answers_as_texts():
    found = evaluate_choices(
        with_tokenizer(), ["the bank", "prices"], [[" raised", " fell"], [" fell", " in", " May"]], [0, 2]
    )
    assert {"accuracy per byte", "Brier", "ECE"} < set(found.table.index)
    assert found.parts["Questions"]["chosen"].iloc[1] in (" fell", " in", " May")


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: perplexity(tiny(), []), "texts holds none, but must hold one at least"),
        (lambda: perplexity(tiny(), [[3]]), "texts holds no token that another precedes"),
        (lambda: perplexity(tiny(), [[3, 4]], window=99), "window is 99, but must be a whole number of .* at most 48"),
        (lambda: perplexity(tiny(), [[3, 4]], window=8, stride=8), "stride is 8, but must be .* at most 7"),
        (lambda: perplexity(tiny("t5"), [[3, 4]]), "model is an encoder-decoder, but must be a decoder"),
        (lambda: perplexity(tiny(), [[3, 4]], draws=0), "draws is 0, but must be a whole number of at least 2"),
        (lambda: evaluate_choices(tiny(), [[1]], [[[2]]], [0]), r"how many there are of number 0 \(from 0\) is 1"),
        (lambda: evaluate_choices(tiny(), [[1]], [[[2], [3]]], [2]), r"answers: number 0 \(from 0\) is 2, but must be"),
        (lambda: evaluate_choices(tiny(), [[1]], [], [0]), "choices holds 0, but must hold 1, one for each question"),
    ],
)  # fmt: skip
def test_what_cannot_be_judged_is_refused(act, message):
    with pytest.raises(ValueError, match=message):
        act()
