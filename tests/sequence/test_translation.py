"""Translators: tasks with a known truth, what they refuse, and what they show."""

import numpy as np
import pytest

from ceteris.data import reversals, small_corpus, written_dates
from ceteris.sequence import SequenceToSequence


def halves(pairs):
    return [list(side) for side in zip(*pairs, strict=True)]


@pytest.fixture(scope="module")
def turner():
    """A translator of two-letter words, which it turns round: small enough to be learnt in seconds."""
    words = [a + b for a in "abcdef" for b in "abcdef"]
    sources = words * 20
    return SequenceToSequence(width=16, epochs=40, rate=1e-2).fit(sources, [w[::-1] for w in sources])


def test_it_translates_what_it_has_not_seen(turner):
    # three of the 36 words are set aside, twenty times each
    assert len(set(turner.judged_["source"])) == 3
    learnt = [a + b for a in "abcdef" for b in "abcdef" if a + b not in set(turner.judged_["source"])]
    assert turner.score(learnt, [w[::-1] for w in learnt]) == 1.0
    assert turner.exact_ == turner.judged_["exact"].mean()
    assert turner.predict(["ab", "fe"], beams=3) == ["ba", "ef"]


def test_it_looks_at_the_letter_that_it_writes(turner):
    weights = turner.align("ab")
    assert list(weights.columns) == ["a", "b"]
    assert list(weights.index) == ["b", "a", "end"]
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-5)


def test_a_pair_is_never_on_both_sides():
    X, y = halves(reversals(60, longest=3) * 3)
    model = SequenceToSequence(width=4, epochs=1).fit(X, y)
    aside = set(model.judged_["source"])
    assert len(model.judged_) == sum(x in aside for x in X)


def test_words_and_transformers_go_the_same_way():
    X, y = halves(small_corpus(100))
    model = SequenceToSequence(kind="transformer", tokens="words", width=8, heads=2, epochs=1).fit(X, y)
    assert set(" ".join(model.predict(X[:3])).split()) <= set(" ".join(y).split())
    assert "a transformer" in model.summary()


def test_wrong_inputs_are_answered_in_a_sentence(turner):
    with pytest.raises(ValueError, match="X holds 'z', but must be made of letters that were seen in fit"):
        turner.predict(["az"])
    with pytest.raises(ValueError, match="X is 'ab', but must be a list of one or more texts"):
        turner.predict("ab")
    with pytest.raises(ValueError, match="X holds '' at place 1, but must hold texts with something in"):
        turner.predict(["ab", ""])
    with pytest.raises(ValueError, match="y holds 1, but must hold 2, one for each text of X"):
        SequenceToSequence().fit(["a", "b"], ["a"])
    with pytest.raises(ValueError, match="tokens is 'letter', but must be one of letters, words"):
        SequenceToSequence(tokens="letter").fit(["a"], ["a"])
    with pytest.raises(ValueError, match="attention is 'dots', but must be one of"):
        SequenceToSequence(attention="dots").fit(["a"], ["a"])
    with pytest.raises(ValueError, match="beams is 0, but must be a whole number of at least 1"):
        turner.predict(["ab"], beams=0)


@pytest.mark.slow
def test_dates_are_translated_to_the_last_digit():
    model = SequenceToSequence().fit(*halves(written_dates(10_000)))
    seen = {text for text, _ in written_dates(10_000)}
    fresh = [pair for pair in written_dates(2_000, 1) if pair[0] not in seen]
    assert model.score(*halves(fresh)) >= 0.99
