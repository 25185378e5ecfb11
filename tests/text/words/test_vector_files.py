"""Word vectors on disk: what is not one vector per word, all of numbers, is refused with a sentence."""

import numpy as np
import pytest

from ceteris.files import read_arrays, write_arrays
from ceteris.text import WordVectors, load_vectors

VECTORS = WordVectors(("a", "é", "new_york"), np.arange(6, dtype=np.float32).reshape(3, 2), np.array([3, 2, 1]))


FEW, BAD = "there is not one row of numbers and one count for each word", "are NaN, infinite or negative"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda f, a: f.update(words={"tuple": ["a", "a", "b"]}), "words: 'a' is given twice; give each word one vec"),
        (lambda f, a: f.update(words={"tuple": ["a", "b"]}), FEW),
        (lambda f, a: f.update(words={"tuple": ["a", "b", 3]}), "words of a WordVectors is a tuple, which it cannot"),
        (lambda f, a: f.update(words="abc"), "words of a WordVectors is a str, which it cannot be"),
        (lambda f, a: f.clear(), "WordVectors lacks 'words'"),
        (lambda f, a: f.pop("counts"), "WordVectors lacks 'counts'"),
        (lambda f, a: f.update(more=1), "WordVectors has no field 'more'"),
        (lambda f, a: a.update({"WordVectors.matrix": np.ones((3, 2), int)}), FEW),
        (lambda f, a: a.update({"WordVectors.matrix": np.ones((2, 2))}), r"matrix: shape \(2, 2\) was given, but 3 wo"),
        (lambda f, a: a["WordVectors.matrix"].fill(np.nan), BAD),
        (lambda f, a: a["WordVectors.counts"].fill(-1), BAD),
    ],
)
def test_an_edited_file_is_refused_though_its_checksum_fits(tmp_path, change, reason):
    path = tmp_path / "v.safetensors"
    VECTORS.save(path)
    held, facts = read_arrays(path, "object")
    change(facts["object"]["object"][1], held)
    write_arrays(path, "object", held, facts)
    with pytest.raises(ValueError, match=reason) as refused:
        load_vectors(path)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("2 2\na 1 2\n", "says that it holds 2 words and 2 numbers for each, but it holds 1 and 2; it was cut off"),
        ("1 3\na 1 2\n", "says that it holds 1 words and 3 numbers for each, but it holds 1 and 2"),
        ("a 1 2\na 3 4\n", "words: 'a' is given twice"),
        ("a 1 nan\n", "line 1 of .* is not a word and as many numbers"),
        ("a 1 1e999\n", "line 1 of .* is not a word and as many numbers"),
        (b"\xff\xfe 1 2\n", "is not text in UTF-8; give a file of word vectors"),
    ],
)
def test_text_that_holds_no_vectors_is_refused(tmp_path, text, reason):
    path = tmp_path / "v.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=reason):
        load_vectors(path)


def test_a_file_of_one_number_per_word_needs_no_header(tmp_path):
    (tmp_path / "v.txt").write_text("a 1.5\nb 2\n")
    assert load_vectors(tmp_path / "v.txt").matrix.tolist() == [[1.5], [2]]


@pytest.mark.parametrize("word", ["new york", "", "a\n", "\u00a0"])
def test_what_is_not_one_word_is_not_written_as_text(tmp_path, word):
    vectors = WordVectors((word, "b"), np.eye(2), np.ones(2))
    with pytest.raises(ValueError, match="is not one word, which the text format needs; use save instead"):
        vectors.save_text(tmp_path / "v.txt")
    assert list(tmp_path.iterdir()) == []
    vectors.save(tmp_path / "v.safetensors")
    assert load_vectors(tmp_path / "v.safetensors").words == (word, "b")
