"""BLEU, chrF and ROUGE against the reference packages, whose answers are in `truth/text_scores.json`."""

import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest

from ceteris.text.evaluate.overlap import bleu, bleu_counts, bleu_of, chrf, chrf_counts, chrf_of, longest_common, rouge

TRUTH = json.loads((Path(__file__).parents[2] / "truth" / "text_scores.json").read_text())
WRITTEN, REFERENCES = TRUTH["written"], TRUTH["references"]
# The same sums of the same whole numbers: what is left is the rounding of a logarithm. 1e-9 is promised.
EXACT = {"rtol": 0, "atol": 1e-9}


def test_corpus_scores_are_those_of_sacrebleu():
    assert bleu(WRITTEN, REFERENCES) == pytest.approx(TRUTH["bleu"], abs=1e-9)
    assert chrf(WRITTEN, REFERENCES) == pytest.approx(TRUTH["chrf"], abs=1e-9)
    assert chrf(WRITTEN, REFERENCES, words=2) == pytest.approx(TRUTH["chrf++"], abs=1e-9)
    assert bleu(["a b c"], ["x y z"]) == TRUTH["bleu_without_match"] == 0
    assert bleu(["a b"], ["a b"]) == TRUTH["bleu_of_short"] == 0  # it has no n-gram of length 3


def test_scores_of_single_texts_are_those_of_sacrebleu():
    np.testing.assert_allclose(bleu_of(bleu_counts(WRITTEN, REFERENCES), True), TRUTH["bleu_of_each"], **EXACT)
    np.testing.assert_allclose(chrf_of(chrf_counts(WRITTEN, REFERENCES)), TRUTH["chrf_of_each"], **EXACT)
    np.testing.assert_allclose(chrf_of(chrf_counts(WRITTEN, REFERENCES, 2)), TRUTH["chrf++_of_each"], **EXACT)


@pytest.mark.parametrize("kind", ["rouge1", "rouge2", "rouge3", "rougeL"])
def test_rouge_is_that_of_rouge_score(kind):
    np.testing.assert_allclose(rouge(WRITTEN, REFERENCES, kind), TRUTH[kind], **EXACT)


def test_the_longest_common_subsequence_is_that_of_all_subsequences():
    """A slow route: every subsequence of the one is looked for in the other."""
    rng = np.random.default_rng(0)

    def within(short, long):
        rest = iter(long)
        return all(x in rest for x in short)

    for _ in range(50):
        a, b = rng.integers(0, 4, size=8).tolist(), rng.integers(0, 4, size=rng.integers(1, 9)).tolist()
        slow = max(k for k in range(9) if any(within(part, b) for part in combinations(a, k)))
        assert longest_common(a, b) == slow


def test_a_text_drawn_twice_counts_twice():
    S, weights = bleu_counts(WRITTEN, REFERENCES), np.zeros(len(WRITTEN))
    weights[[0, 3, 9]] = [2, 1, 1]
    rows = [0, 0, 3, 9]
    slow = bleu([WRITTEN[i] for i in rows], [REFERENCES[i] for i in rows])
    assert float(bleu_of(weights @ S)) == pytest.approx(slow, abs=1e-12)


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (lambda: bleu("a text", ["a"]), TypeError, "must be sequences of texts, but one is a text"),
        (lambda: bleu(["a"], ["a", "b"]), ValueError, "references holds 2, but must hold 1, one for each text"),
        (lambda: chrf([], []), ValueError, "written holds no text, but must hold one at least"),
        (lambda: chrf(["a", None], ["a", "b"]), TypeError, r"number 1 \(from 0\) is not a text with one reference"),
        (lambda: chrf(["a"], [[]]), TypeError, r"number 0 \(from 0\) is not a text with one reference"),
        (lambda: rouge(["a"], ["a"], "rougeS"), ValueError, "kind is 'rougeS', but must be rouge1 to rouge9 or rougeL"),
    ],
)
def test_what_cannot_be_compared_is_refused(act, error, message):
    with pytest.raises(error, match=message):
        act()
