"""Corpora, skip-gram and what word vectors answer, against planted meaning and a slow route."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from ceteris.data.corpora import simulate_corpus
from ceteris.text import (
    SkipGram,
    WordVectors,
    build_corpus,
    join_phrases,
    load_vectors,
    read_corpus,
    tokenise,
)
from ceteris.text.words import skip_gram


@pytest.fixture(scope="module")
def planted():
    return simulate_corpus(documents=10_000, length=25, words=300, dimensions=6, pairs=10, seed=1)


@pytest.fixture(scope="module")
def learnt(planted):
    return SkipGram(dimensions=24, seed=0).fit(build_corpus(planted.documents))


def agreement(vectors, planted):
    """Spearman's correlation of learnt and planted cosines, and the share of the ten nearest that is found."""
    unit = np.stack([vectors.unit[vectors.place(word)] for word in planted.words])
    found, truth = unit @ unit.T, planted.cosines
    upper = np.triu_indices(len(unit), 1)
    nearest = lambda cosines: np.argsort(-cosines + 9 * np.eye(len(unit)), axis=1)[:, :10]
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(nearest(found), nearest(truth), strict=True)]
    return spearmanr(found[upper], truth[upper])[0], np.mean(shared)


# --------------------------------------------------------------------------------------------------- corpora


def test_rare_words_go_and_documents_keep_their_ends():
    corpus = build_corpus(["a b a c", "", "b a d"], least=2)
    assert corpus.words == ("a", "b")
    assert corpus.ids.tolist() == [0, 1, 0, 1, 0]
    assert corpus.starts.tolist() == [0, 3, 3, 5]
    assert (corpus.counts.tolist(), corpus.raw) == ([3, 2], 7)
    again = corpus.take(np.array([2, 2]))
    assert again.ids.tolist() == [1, 0, 1, 0]
    assert again.starts.tolist() == [0, 2, 4]


def test_words_are_found_in_any_script():
    assert tokenise("L’État, c'est moi! Ökonomie_2020") == ["l’état", "c'est", "moi", "ökonomie", "2020"]


def test_phrases_do_not_reach_over_documents_and_do_not_overlap():
    corpus = build_corpus([["new", "york", "new"], ["york", "times"], ["a", "b", "c"]] * 10, least=1)
    joined = join_phrases(corpus, threshold=1.5, least=1)
    texts = [[joined.words[i] for i in joined.ids[a:b]] for a, b in zip(joined.starts, joined.starts[1:], strict=False)]
    # "york new" is a phrase of the first document only after "new york" has taken its york; "b c" after "a b" its b
    assert texts[:3] == [["new_york", "new"], ["york_times"], ["a_b", "c"]]


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda p: build_corpus("one text"), TypeError, "documents: one string was given, but a list of documents"),
        (lambda p: build_corpus(["a b c"]), ValueError, "documents: 3 words were read and 0 different ones occur at"),
        (lambda p: build_corpus(["a"], least=0), ValueError, "least is 0, but must be a whole number of at least 1"),
        (lambda p: build_corpus([]), ValueError, "documents: 0 words were read"),
        (
            lambda p: build_corpus(["a b", float("nan")]),
            TypeError,
            r"documents: number 1 \(from 0\) is nan, but each must be a text or a list of words; drop it",
        ),
        (lambda p: read_corpus(p / "no.txt"), FileNotFoundError, r"path: there is no file .*no\.txt; give a text file"),
        (lambda p: read_corpus(latin(p)), ValueError, "is not a text in UTF-8"),
        (
            lambda p: SkipGram(window=5).fit(build_corpus(["a b c d"] * 9)),
            ValueError,
            "SkipGram: window is 5, but the longest document has 4 words .*; give longer documents or a smaller window",
        ),
        (lambda p: SkipGram(window=0), ValueError, "SkipGram: window is 0, but must be a whole number of at least 1"),
        (lambda p: SkipGram(rate=0), ValueError, "SkipGram: rate is 0, but must be a number above 0"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(act, error, message, tmp_path):
    with pytest.raises(error, match=message):
        act(tmp_path)


def latin(folder):
    (folder / "latin.txt").write_bytes("Ökonomie\n".encode("latin-1"))
    return folder / "latin.txt"


# ------------------------------------------------------------------------------------------------- skip-gram


def test_cosines_are_those_that_were_planted(planted, learnt):
    rho, recall = agreement(learnt, planted)
    # half the corpus of the benchmark, which asks for 0.91; 0.93 and 0.68 are measured here
    assert rho > 0.9
    assert recall > 0.55


def test_adding_both_vectors_and_centring_them_helps(planted, learnt):
    plain = SkipGram(dimensions=24, combine=False, seed=0).fit(build_corpus(planted.documents))
    assert agreement(plain, planted)[0] < agreement(learnt, planted)[0] - 0.01


def test_the_same_seed_gives_the_same_vectors_and_another_gives_others(planted, learnt):
    corpus = build_corpus(planted.documents)
    few = corpus.take(np.arange(500))
    one, two, other = (SkipGram(dimensions=8, epochs=1, seed=seed).fit(few).matrix for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 0.01


def test_one_step_is_that_of_the_formula():
    """A corpus of two words and no subsampling: one pair at a time, with the draws of the kernel read off by hand."""
    counts = np.array([1, 1])
    v, u = skip_gram.start_vectors(2, 3, np.random.default_rng(0))
    u[:, :3] = [[0.5, -0.3, 0.2], [0.1, 0.4, -0.6]]
    V, U = v.astype(float), u.astype(float)
    own, other = skip_gram.alias_table(np.array([1e-12, 1.0]))  # every negative sample is word 1
    keep = skip_gram.keep_chances(counts, 0)
    ids, starts = np.array([0, 1], np.int32), np.array([0, 2])
    loss, pairs, _ = skip_gram.learn_epoch(
        v,
        u,
        ids,
        starts,
        keep,
        own,
        other,
        skip_gram.SIGMOID,
        skip_gram.LOG_SIGMOID,
        1,
        2,
        0.5,
        0.0,
        0.0,
        np.uint64(77),
    )
    expected = 0.0
    for w, c in ((0, 1), (1, 0)):  # the centre is predicted from its neighbour; word 1 is no negative of itself
        move = np.zeros(V.shape[1])
        for target, label in [(w, 1.0)] + [(1, 0.0)] * 2 * (w != 1):
            p = 1 / (1 + np.exp(-V[c] @ U[target]))
            expected -= np.log(p if label else 1 - p)
            move += 0.5 * (label - p) * U[target]
            U[target] += 0.5 * (label - p) * V[c]
        V[c] += move
    # the logistic function is read from a table with cells of 16 / 4096: off by at most 0.25 · 0.002
    assert pairs == 2
    assert loss == pytest.approx(expected, abs=2e-3)
    np.testing.assert_allclose(u, U, atol=1e-3)
    np.testing.assert_allclose(v, V, atol=1e-3)


def test_negative_samples_follow_their_weights():
    weights = np.array([5.0, 1.0, 0.5, 3.0])
    own, other = skip_gram.alias_table(weights)
    chances = np.zeros(4)
    np.add.at(chances, np.arange(4), own / 2**24 / 4)
    np.add.at(chances, other, (1 - own / 2**24) / 4)
    np.testing.assert_allclose(chances, weights / weights.sum(), atol=1e-6)  # chances are kept in 24 bits


def test_frequent_words_are_skipped_as_announced():
    counts = np.array([900, 100])
    odds = 0.01 / 0.9
    assert skip_gram.keep_chances(counts, 0.01)[0] / 2**24 == pytest.approx(np.sqrt(odds) + odds, abs=1e-6)
    assert (skip_gram.keep_chances(counts, 0) == 2**24).all()


# --------------------------------------------------------------------------------------------- what they answer


def test_analogies_along_a_planted_direction(learnt):
    ranks = []
    for i in range(5):
        found = learnt.analogy(f"low{i}", f"high{i}", f"low{i + 5}", n=300)["word"].tolist()
        ranks.append(found.index(f"high{i + 5}"))
    # by chance the median rank would be 148 of 297
    assert np.median(ranks) < 15


def test_the_poles_of_a_scale_lie_at_its_ends(learnt):
    poles = {"high": [f"high{i}" for i in range(5)], "low": [f"low{i}" for i in range(5)]}
    rest = learnt.project([f"{end}{i}" for i in range(5, 10) for end in ("low", "high")], **poles)
    assert (rest.iloc[1::2].to_numpy() > rest.iloc[::2].to_numpy()).all()
    middle = learnt.unit[[learnt.place(w) for pole in poles.values() for w in pole]].mean(0)
    assert learnt.project(middle[None], **poles).abs().item() < 1 + 1e-9


def test_neighbours_and_similarities_by_hand():
    vectors = WordVectors(("a", "b", "c"), np.array([[1.0, 0], [1, 1], [0, -1]]), np.ones(3))
    assert vectors.similarity("a", "b") == pytest.approx(np.sqrt(0.5))
    found = vectors.most_similar("a", 2)
    assert found["word"].tolist() == ["b", "c"]
    assert vectors.most_similar(np.array([0.0, -3.0]), 1)["word"].item() == "c"
    corpus = build_corpus([["a", "b"], ["z"], ["c", "z"]], least=1)
    weights = 1e-3 / (1e-3 + 0.2)  # a and b are one word of five each
    expected = (vectors.unit[0] + vectors.unit[1]) * weights / (2 * weights)
    np.testing.assert_allclose(vectors.documents(corpus)[0], expected)
    np.testing.assert_allclose(vectors.documents(corpus)[1:], [[0, 0], [0, -1]])


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda v: v["kong"], KeyError, "word: 'kong' is not among the 2 words of the vocabulary; did you mean 'king'"),
        (lambda v: v.most_similar("king", 0), ValueError, "n is 0, but must be a whole number of at least 1"),
        (lambda v: v.project(high="king", low=["man"]), TypeError, "high, low: a string was given, but each pole is a"),
        (
            lambda v: v.project(high=["king"], low=["king"]),
            ValueError,
            "each pole needs a word that the other does not",
        ),
        (lambda v: WordVectors(("a",), np.ones((2, 2)), np.ones(1)), ValueError, r"matrix: shape \(2, 2\) was given"),
    ],
)
def test_questions_that_make_no_sense_are_refused(act, error, message):
    with pytest.raises(error, match=message):
        act(WordVectors(("king", "man"), np.eye(2), np.ones(2)))


def test_vectors_survive_the_disk_and_damage_is_said(tmp_path, learnt):
    learnt.save(tmp_path / "v.safetensors")
    again = load_vectors(tmp_path / "v.safetensors")
    assert again.words == learnt.words
    np.testing.assert_array_equal(again.matrix, learnt.matrix)
    learnt.save_text(tmp_path / "v.txt")
    np.testing.assert_allclose(load_vectors(tmp_path / "v.txt").matrix, learnt.matrix, rtol=1e-5, atol=1e-7)
    text = (tmp_path / "v.txt").read_text()
    (tmp_path / "cut.txt").write_text(text[: len(text) // 2].rstrip().rpartition(" ")[0])
    with pytest.raises(ValueError, match=r"path: line \d+ of .*cut.txt is not a word and as many numbers"):
        load_vectors(tmp_path / "cut.txt")
    with pytest.raises(FileNotFoundError, match="give a file of word vectors"):
        load_vectors(tmp_path / "none.txt")
    for text in ("", "5 3\n"):
        (tmp_path / "empty.txt").write_text(text)
        with pytest.raises(ValueError, match=r"path: .*empty.txt is empty but for a header at most; give a file with"):
            load_vectors(tmp_path / "empty.txt")
    from ceteris.engine import save_weights

    save_weights(tmp_path / "w", np.ones(2))
    with pytest.raises(ValueError, match="holds weights, not object; read it with load_weights"):
        load_vectors(tmp_path / "w")


def test_a_killed_writer_leaves_the_file_of_before(tmp_path):
    """A process that saves again and again is killed at an arbitrary moment: what is there is whole."""
    script = (
        "import sys, numpy as np\nfrom ceteris.text import WordVectors\n"
        "v = WordVectors(tuple(map(str, range(20_000))), np.ones((20_000, 50), np.float32), np.ones(20_000))\n"
        "while True:\n    v.save(sys.argv[1] + '/v.safetensors')\n    v.save_text(sys.argv[1] + '/v.txt')\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    deadline = time.monotonic() + 60
    while not (tmp_path / "v.txt").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(0.4)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert load_vectors(tmp_path / "v.safetensors").matrix.shape == (20_000, 50)
    assert load_vectors(tmp_path / "v.txt").matrix.shape == (20_000, 50)
