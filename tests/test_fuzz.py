"""The fuzzer on a small budget; ``benchmarks/trust.py`` runs the same one on a large budget."""

import pytest

import fuzz

CHEAP = (
    "weights",
    "word vectors",
    "word vectors as text",
    "run.json",
    "sections.json",
    "table",
    "drawing",
    "compiled program",
)


@pytest.mark.parametrize("kind", fuzz.KINDS)
def test_a_spoiled_file_gives_a_sentence_or_the_same_numbers(kind):
    examples = []
    counts = fuzz.fuzz(kind, 60 if kind in CHEAP else 30, seed=0, examples=examples)
    assert set(counts) <= set(fuzz.GOOD), "\n\n".join(examples)
    assert counts["a sentence"] > 5


def test_the_fuzzer_finds_what_it_looks_for(tmp_path):
    """A reader that believes everything is caught: it crashes, answers silently otherwise, runs what it finds."""
    import json
    import pickle

    def make(folder):
        (folder / "a.json").write_text(json.dumps({"numbers": [1, 2, 3], "name": "json"}))
        return folder / "a.json"

    def trusting(path):
        raw = path.read_bytes()
        if raw[:1] == b"\x80":
            return pickle.loads(raw)
        facts = json.loads(raw)
        __import__(facts["name"])
        return {"sum": sum(facts["numbers"])}

    fuzz.KINDS["trusting"] = lambda: fuzz.Kind(make, trusting, sealed=False)
    try:
        counts = fuzz.fuzz("trusting", 300)
    finally:
        del fuzz.KINDS["trusting"]
    assert counts["RAW"] > 50
    assert counts["RAN CODE"] >= 1
