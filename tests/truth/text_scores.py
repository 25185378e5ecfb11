"""BLEU and chrF by sacrebleu, ROUGE by rouge-score, of texts with all that is awkward, in `text_scores.json`.

Neither package is in an extra of the project; ``pip install sacrebleu rouge-score`` and ``python
tests/truth/text_scores.py`` write the file again. It was written with sacrebleu 2.6.0 and rouge-score 0.1.2.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

FILE = Path(__file__).with_name("text_scores.json")
KINDS = ("rouge1", "rouge2", "rouge3", "rougeL")
SENTENCE = "the bank raised its rate by 2.5 % in May , and prices fell ; inflation was 3,400 basis points - not low"
WORDS = SENTENCE.split()
AWKWARD = [  # written, references
    ("The bank raised rates by 2.5%, to $1,200.", ["The bank raised its rates by 2.5 %, to $1,200!"]),
    ("the the the the the the the", ["the cat is on the mat", "there is a cat on the mat"]),
    ("", ["nothing was written"]),
    ("something was written", [""]),
    ("one", ["one"]),
    (
        "Sie sagte: \u201eNa\u00efve \u00d6konomen!\u201c &quot;so&quot; &amp; anders",
        ["Sie sagte, na\u00efve \u00d6konomen."],
    ),
    ("\u592e\u884c\u63d0\u9ad8\u4e86\u5229\u7387\u3002", ["\u592e\u884c\u4e0a\u8c03\u4e86\u5229\u7387\u3002"]),
    ("line one\nline two-\nthree  spaces\t", ["line one line two three spaces"]),
    (
        "(hi) well-known 1999-2000 e.g. U.S. 'quoted' a/b x=y",
        ["(hi) well known 1999 - 2000 e.g. US 'quoted' a / b x=y"],
    ),
    ("police killed the gunman", ["the gunman police killed", "police kill the gunman"]),
]


def texts() -> list[tuple[str, list[str]]]:
    """The awkward ones, and forty whose words were dropped, doubled and moved at random."""
    rng, found = random.Random(3), list(AWKWARD)
    for _ in range(40):
        first = rng.choices(WORDS, k=rng.randint(1, 18))
        others = []
        for _ in range(rng.randint(1, 3)):
            other = [w for w in first if rng.random() > 0.2] + rng.choices(WORDS, k=rng.randint(0, 3))
            rng.shuffle(other) if rng.random() < 0.2 else None
            others.append(" ".join(other))
        found.append((" ".join(first), others))
    return found


def main() -> None:
    """Write the file."""
    from rouge_score.rouge_scorer import RougeScorer  # pyright: ignore[reportMissingImports]
    from sacrebleu.metrics import BLEU, CHRF  # pyright: ignore[reportMissingImports]

    found = texts()
    written = [text for text, _ in found]
    most = max(len(several) for _, several in found)
    columns = [[several[i] if i < len(several) else None for _, several in found] for i in range(most)]
    scorer = RougeScorer(list(KINDS))
    rouge = [scorer.score_multi(several, text) for text, several in found]
    truth = {
        "written": written,
        "references": [several for _, several in found],
        "bleu": BLEU().corpus_score(written, columns).score,
        "bleu_of_each": [BLEU(effective_order=True).sentence_score(t, s).score for t, s in found],
        "bleu_without_match": BLEU().corpus_score(["a b c"], [["x y z"]]).score,
        "bleu_of_short": BLEU().corpus_score(["a b"], [["a b"]]).score,
        "chrf": CHRF().corpus_score(written, columns).score,
        "chrf_of_each": [CHRF().sentence_score(t, s).score for t, s in found],
        "chrf++": CHRF(word_order=2).corpus_score(written, columns).score,
        "chrf++_of_each": [CHRF(word_order=2).sentence_score(t, s).score for t, s in found],
    }
    truth |= {kind: [[one[kind].precision, one[kind].recall, one[kind].fmeasure] for one in rouge] for kind in KINDS}
    FILE.write_text(json.dumps(truth, indent=None, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
