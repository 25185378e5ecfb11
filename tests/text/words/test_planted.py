"""The planted corpus speaks as its law says, and the gallery counts modes and ranks as it should."""

import numpy as np
import pytest

from ceteris.data.corpora import simulate_corpus
from ceteris.gallery import gan, word_vectors
from ceteris.text import WordVectors


def test_words_meet_as_often_as_their_vectors_say():
    corpus = simulate_corpus(documents=40_000, length=10, words=30, dimensions=4, strength=0.8, seed=1)
    counts = np.zeros((len(corpus.tokens), 30))
    np.add.at(counts, (np.arange(len(corpus.tokens))[:, None], corpus.tokens), 1.0)
    share = counts.sum(0) / counts.sum()
    together = counts.T @ counts - np.diag(counts.sum(0))  # ordered pairs of places in one document
    information = np.log(together / together.sum() / np.outer(share, share))
    products = corpus.vectors @ corpus.vectors.T
    # log E exp((v + v') c) / Z(c)² is v · v' up to terms of higher order in the vectors, which strength 0.8 keeps small
    upper = np.triu_indices(30, 1)
    centred = products - products.mean(0) - products.mean(1)[:, None] + products.mean()
    assert np.corrcoef(information[upper], centred[upper])[0, 1] > 0.95


def test_pairs_differ_along_one_direction_and_a_word_turns_by_its_angle():
    corpus = simulate_corpus(documents=10, words=40, dimensions=5, pairs=3, seed=0)
    steps = corpus.vectors[1:6:2] - corpus.vectors[:6:2]
    np.testing.assert_allclose(steps, np.tile(steps[0], (3, 1)), atol=1e-12)
    assert corpus.words[6] == "w0"
    again = simulate_corpus(documents=10, words=40, dimensions=5, pairs=3, seed=0)
    np.testing.assert_array_equal(corpus.tokens, again.tokens)
    assert (corpus.tokens != simulate_corpus(documents=10, words=40, dimensions=5, pairs=3, seed=1).tokens).any()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"documents": 0}, "documents is 0, but must be a whole number of at least 1"),
        ({"length": 1}, "length is 1, but must be a whole number of at least 2"),
        ({"words": 9, "pairs": 4}, "words is 9, but must be a whole number of at least 10"),
    ],
)
def test_sizes_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        simulate_corpus(**options)


def test_modes_are_counted():
    angle = 2 * np.pi * np.arange(8) / 8
    centres = gan.RADIUS * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    assert gan.modes_found(np.repeat(centres, 10, axis=0)) == (8, 1.0)
    assert gan.modes_found(np.repeat(centres[:3], 10, axis=0)) == (3, 1.0)
    assert gan.modes_found(np.concatenate([np.repeat(centres[:1], 50, axis=0), np.zeros((50, 2))])) == (1, 0.5)
    rare = np.concatenate([np.repeat(centres[:1], 99, axis=0), centres[1:2]])  # one point of a hundred is an accident
    assert gan.modes_found(rare)[0] == 1


def test_a_perfect_analogy_has_rank_one():
    rng = np.random.default_rng(0)
    middle, step = rng.normal(size=(word_vectors.PAIRS, 40)), 0.5 * rng.normal(size=40)
    pairs = np.stack([middle - step, middle + step], axis=1).reshape(-1, 40)
    words = tuple(f"{end}{k}" for k in range(word_vectors.PAIRS) for end in ("low", "high"))
    assert np.median(word_vectors.analogy_ranks(WordVectors(words, pairs, np.ones(len(words))))) == 1
