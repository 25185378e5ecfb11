"""Log probabilities of continuations against a slow route that reads the whole text anew for every token."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ceteris.text.write import score
from ceteris.text.write.likelihood import AT_ONCE
from text.tiny import SORTS, slow_logits, tiny, with_tokenizer

PROMPTS, CONTINUATIONS = [[5, 6, 7], [8], [1, 2, 3, 4, 5, 6, 7, 8]], [[9, 2], [3, 3, 3, 1, 4], [11]]


@pytest.mark.parametrize("sort", SORTS)
def test_scores_are_sums_over_the_tokens_of_the_continuation(sort):
    model = tiny(sort)
    found, logits = score(model, PROMPTS, CONTINUATIONS, batch_size=2), slow_logits(model)
    slow = [sum(logits(a, b[:t])[0][b[t]] for t in range(len(b))) for a, b in zip(PROMPTS, CONTINUATIONS, strict=True)]
    np.testing.assert_allclose(found["log_probability"], slow, rtol=1e-4)  # single precision, sums of another order
    assert found["tokens"].tolist() == [2, 5, 1]


def test_probabilities_of_all_continuations_of_one_token_sum_to_one():
    found = score(tiny(), [[5, 6]] * 23, [[token] for token in range(23)])
    assert np.exp(found["log_probability"]).sum() == pytest.approx(1, abs=1e-5)


def test_a_long_text_is_taken_in_parts():
    """Longer than the places whose logits are made at once; 2 AT_ONCE has parts, 2 AT_ONCE - 8 is no multiple."""
    text = np.random.default_rng(0).integers(0, 23, size=2 * AT_ONCE).tolist()
    model = tiny(length=2 * AT_ONCE)
    all_, few = (score(model, [text[:1]], [text[1:n]]) for n in (2 * AT_ONCE, 2 * AT_ONCE - 8))
    rest = score(model, [text[: 2 * AT_ONCE - 8]], [text[2 * AT_ONCE - 8 :]])
    both = few["log_probability"][0] + rest["log_probability"][0]
    assert all_["log_probability"][0] == pytest.approx(both, rel=1e-5)


def test_a_token_that_reaches_into_the_continuation_counts():
    whole = with_tokenizer()
    prompts, continuations = ["the bank", "the bank ", "the bank raised its"], [" raised its", "raised its", " rate"]
    found = score(whole, prompts, continuations)
    ids = whole.tokenizer.ragged(["the bank raised its"])[0]
    spelled = score(whole.model, [ids[:2]], [ids[2:]])
    assert [whole.tokenizer.decode(ids[:2]), whole.tokenizer.decode(ids[2:])] == ["the bank", " raised its"]
    assert found["log_probability"][0] == pytest.approx(spelled["log_probability"][0], rel=1e-5)
    assert found["log_probability"][1] == pytest.approx(
        found["log_probability"][0], rel=1e-5
    )  # the space is a part of it
    assert found["tokens"].tolist() == [2, 2, 1]
    assert found["bytes"].tolist() == [11, 10, 5]


def test_a_target_of_a_source_is_scored():
    found = score(with_tokenizer("t5"), ["the bank raised", "prices"], ["prices fell", "the"])
    assert (found["log_probability"] < 0).all()


@pytest.mark.parametrize(
    ("prompts", "continuations", "message"),
    [
        ([[1]], [[1], [2]], "continuations holds 2, but must hold 1, one for each prompt"),
        ([], [], "prompts holds none, but must hold one at least"),
        ([[1]], [[]], r"continuations: number 0 \(from 0\) must hold one or more tokens from 0 to 22"),
        ([[1] * 40], [[1] * 9], r"number 0 \(from 0\) has 49 tokens with its continuation, but the model has"),
    ],
)  # fmt: skip
def test_what_cannot_be_scored_is_refused(prompts, continuations, message):
    with pytest.raises(ValueError, match=message):
        score(tiny(), prompts, continuations)


def test_texts_that_cannot_be_scored_are_refused():
    with pytest.raises(ValueError, match=r"continuations: number 1 \(from 0\) is '', but must be a text of one sign"):
        score(with_tokenizer(), ["the", "bank"], [" bank", ""])
    with pytest.raises(ValueError, match=r"prompts: number 0 \(from 0\) has no token before the continuation"):
        score(with_tokenizer(), [""], ["bank"])
    with pytest.raises(ArithmeticError, match="probabilities are not finite"):
        score(jax.tree.map(lambda a: a * jnp.nan, tiny()), PROMPTS, CONTINUATIONS)
