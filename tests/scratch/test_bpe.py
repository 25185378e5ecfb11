"""Byte-pair encoding against the lecture's DNA and against the package's trainer."""

from collections import Counter

import numpy as np
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from ceteris.scratch import bpe


def packages_merges(words: dict[str, int], vocabulary: int) -> list[tuple[str, str]]:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False)
    made.train_from_iterator([" ".join([word] * count) for word, count in words.items()], trainer)
    import json

    return [tuple(merge) for merge in json.loads(made.to_str())["model"]["merges"]]


def test_the_dna_of_the_lecture():
    (_, first, letters), *_, (_, last, vocabulary) = bpe.history("AACGCACTATATA", merges=2)
    assert "".join(first) == "AACGCACTATATA"
    assert set(letters) == set("ATCG")
    assert " ".join(last) == "A AC G C AC TA TA TA"  # the last row of its table
    assert vocabulary[len(letters) :] == ["TA", "AC"]


@pytest.mark.parametrize("seed", range(5))
def test_the_package_learns_the_same_merges(seed):
    """Random words of five letters that are met up to nine times: ties between pairs are many."""
    rng = np.random.default_rng(seed)
    words = Counter(
        {"".join(rng.choice(list("abcde"), rng.integers(2, 9))): int(rng.integers(1, 10)) for _ in range(60)}
    )
    theirs = packages_merges(words, 45)
    assert len(theirs) > 30
    assert bpe.learn(words, merges=len(theirs)) == theirs


def test_the_package_learns_the_same_merges_of_the_dna_and_of_text():
    dna = {"AACGCACTATATA": 1}
    assert packages_merges(dna, 6) == bpe.learn(dna, 2) == [("T", "A"), ("A", "C")]
    words = Counter(bpe.__doc__.split())
    theirs = packages_merges(words, 150)
    assert bpe.learn(words, len(theirs)) == theirs


def test_the_package_splits_new_words_alike():
    words = Counter(bpe.__doc__.split())
    merges = bpe.learn(words, 80)
    signs = sorted({sign for word in words for sign in word})
    vocabulary = {token: i for i, token in enumerate(dict.fromkeys([*signs, *map("".join, merges)]))}
    theirs = Tokenizer(models.BPE(vocabulary, merges))
    for word in ("vocabularies", "pairing", "signed", "counting", "merge"):
        assert theirs.encode(word).tokens == bpe.split(word, merges)


def test_it_ends_where_no_pair_is_left_or_none_is_frequent():
    assert bpe.learn("abab", merges=9) == [("a", "b"), ("ab", "ab")]
    assert bpe.learn("abab", merges=9, least=2) == [("a", "b")]
    assert bpe.split("", [("a", "b")]) == []


def test_words_without_a_sign_are_refused():
    with pytest.raises(ValueError, match="words holds no sign, but must hold at least one word"):
        bpe.learn([], 3)
    with pytest.raises(ValueError, match="merges is -1, but must be a whole number of at least 0"):
        bpe.learn("ab", -1)
