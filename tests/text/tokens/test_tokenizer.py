"""Tokenizers against transformers' own (tests/truth/tokens.py), training, batches, pieces, and what is refused."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ceteris.text.tokens import Tokenizer, train
from ceteris.text.tokens.encoded import padded

TRUTH = Path(__file__).parents[2] / "truth" / "tokens"
TEXTS = ["The central bank raised rates.", "Banks lend to firms; firms invest.", "¡Señor, 東京! \U0001f40d\n\ttabs"] * 4


@pytest.fixture(scope="module")
def bpe():
    return train(TEXTS, 320)


@pytest.mark.parametrize("family", ["bert", "gpt2", "roberta"])
def test_older_layouts_give_what_transformers_gives(family):
    truth = json.loads((TRUTH / family / "expected.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.load(TRUTH / family)
    rows = lambda encoded: [row[mask].tolist() for row, mask in zip(encoded.tokens, encoded.mask, strict=True)]
    encoded = tokenizer.encode(truth["texts"])
    assert rows(encoded) == truth["rows"]
    assert tokenizer.decode(truth["rows"]) == truth["decoded"]
    together = tokenizer.encode(truth["texts"], pairs=truth["pairs"])
    assert rows(together) == truth["together"]
    short = tokenizer.encode(truth["texts"], 9, pairs=truth["pairs"])
    assert rows(short) == truth["short"]
    assert short.cut.tolist() == [len(row) > 9 for row in truth["together"]]
    if family == "bert":  # the others have one segment
        segments = [row[mask].tolist() for row, mask in zip(together.segments, together.mask, strict=True)]
        assert segments == truth["segments"]
    assert {role: getattr(tokenizer, role) for role in truth["special"]} == truth["special"]


@pytest.mark.parametrize("kind", ["bpe", "wordpiece", "unigram"])
def test_a_trained_tokenizer_comes_back_from_its_folder(kind, tmp_path):
    tokenizer = train(TEXTS, 300 if kind == "bpe" else 60, kind, specials=["<extra_id_0>"])
    again = Tokenizer.load(tokenizer.save(tmp_path))
    assert again.digest == tokenizer.digest == Tokenizer.load(tmp_path / "tokenizer.json").digest
    assert (again.encode(TEXTS).tokens == tokenizer.encode(TEXTS).tokens).all()
    roles = ("pad", "bos", "eos", "mask", "cls", "sep", "unk")
    assert [getattr(again, role) for role in roles] == [getattr(tokenizer, role) for role in roles]
    assert again.number("<extra_id_0>") == again.vocabulary - 1  # further special tokens come last
    assert again.vocabulary - 1 in again.specials


def test_byte_pairs_write_any_text_and_read_it_back(bpe):
    texts = [bytes(range(256)).decode("latin-1"), "\U0001f40d" * 3, " a  b ", "ﬁ e\u0301", "\r\n\x00"]
    assert bpe.decode(bpe.encode(texts).tokens) == texts


def test_what_has_roles_is_found_by_name_where_no_file_says_so(bpe, tmp_path):
    bpe.save(tmp_path)
    (tmp_path / "tokenizer_config.json").unlink()
    alone = Tokenizer.load(tmp_path)
    assert (alone.bos, alone.eos, alone.pad) == (bpe.bos, bpe.eos, bpe.pad)


def test_a_length_of_ten_to_the_thirty_is_none(bpe, tmp_path):
    bpe.save(tmp_path)
    config = '{"model_max_length": 1000000000000000019884624838656, "eos_token": {"content": "<|endoftext|>"}}'
    (tmp_path / "tokenizer_config.json").write_text(config)
    assert (Tokenizer.load(tmp_path).length, Tokenizer.load(tmp_path).eos) == (None, bpe.eos)


# ------------------------------------------------------------------------------------------------ batches


def test_rows_are_filled_up_on_the_side_asked_for(bpe):
    right, left = (bpe.encode(["a", "Banks lend to firms"], side=side) for side in ("right", "left"))
    assert right.tokens.shape[1] % 8 == 0
    for one, two in ((right.tokens, left.tokens[:, ::-1]), (right.mask, left.mask[:, ::-1])):
        assert one.shape == two.shape
    assert right.mask[0].tolist() == left.mask[0, ::-1].tolist() == [True] + [False] * (right.mask.shape[1] - 1)
    assert (right.tokens[1][right.mask[1]] == left.tokens[1][left.mask[1]]).all()
    assert (right.tokens[~right.mask] == bpe.pad).all()


@pytest.mark.parametrize("side", ["right", "left"])
def test_batches_hold_every_row_once_and_no_more_than_they_need(bpe, side):
    texts = ["bank " * n for n in (1, 30, 3, 17, 9, 2, 25)]
    encoded = bpe.encode(texts, side=side)
    seen = []
    for rows, batch in encoded.batches(3):
        assert len(rows) == 3
        assert batch.tokens.shape[1] == -(-batch.lengths.max() // 8) * 8
        for row, tokens, mask in zip(rows, batch.tokens, batch.mask, strict=True):
            assert tokens[mask].tolist() == encoded.tokens[row][encoded.mask[row]].tolist()
        seen += rows.tolist()
    assert sorted(set(seen)) == list(range(7))
    assert len(seen) == 9


def test_offsets_and_words_point_back_into_the_text(bpe):
    text = "The Señor raised rates"
    encoded = bpe.encode(text, offsets=True)
    pieces = [text[a:b] for a, b in encoded.offsets[0][encoded.mask[0]]]
    assert "".join(pieces) == text or "ñ" in pieces  # a letter of two bytes may be two tokens of one place
    assert all(piece in text for piece in pieces)
    assert encoded.words[0][encoded.mask[0]].max() == 3
    split = bpe.encode([["The", "Señor", "raised"]], offsets=True)
    assert set(split.words[0][split.mask[0]].tolist()) == {0, 1, 2}


def test_pieces_of_a_long_text_overlap_and_lose_nothing():
    tokenizer = Tokenizer.load(TRUTH / "bert")
    texts = ["the bank lends to firms and firms lend", "x"]
    plain = [row[1:-1] for row in tokenizer.ragged(texts, special=True)]
    pieces = tokenizer.chunks(texts, length=8, overlap=2)
    for owner, whole in enumerate(plain):
        rows = [r[m].tolist() for r, m in zip(pieces.tokens, pieces.mask, strict=True)]
        rows = [row for row, own in zip(rows, pieces.owner, strict=True) if own == owner]
        assert all(row[0] == tokenizer.cls and row[-1] == tokenizer.sep and len(row) <= 8 for row in rows)
        joined = rows[0][1:-1] + [token for row in rows[1:] for token in row[1 + 2 : -1]]
        assert joined == whole
    assert pieces.owner.tolist() == sorted(pieces.owner.tolist())
    assert len(pieces) > 3


def test_padding_is_that_of_a_loop():
    rng = np.random.default_rng(0)
    rows = [rng.integers(1, 99, n).tolist() for n in (3, 1, 9)]
    for left in (False, True):
        found = padded(rows, pad=0, left=left)
        for row, tokens, mask in zip(rows, found.tokens, found.mask, strict=True):
            fill = [0] * (16 - len(row))
            assert tokens.tolist() == (fill + row if left else row + fill)
            assert mask.sum() == len(row)


# ------------------------------------------------------------------------------------------------ bad input

BAD = {
    "texts holds none": lambda t: t.encode([]),
    "texts: number 1 .* is None, but must be a text": lambda t: t.encode(["a", None]),
    "texts: number 1 .* but must be a list of words": lambda t: t.encode([["a"], "b"]),
    "texts: number 0 .* has no token at all, but must have at least one": lambda t: t.encode([""]),
    "texts: number 0 .* holds half of a surrogate pair, but must hold": lambda t: t.encode(["\ud800"]),
    "pairs holds 1, but must hold 2, one for each text": lambda t: t.encode(["a", "b"], pairs=["c"]),
    "length is 0, but must be a whole number of at least 1": lambda t: t.encode("a", 0),
    "side is 'lft', but must be one of right, left": lambda t: t.encode("a", side="lft"),
    "overlap is 8, but must be a whole number of at least 0 and at most 7": lambda t: t.chunks("a", 8, 8),
    "ids holds 99999, but must hold numbers from 0 to": lambda t: t.decode([99999]),
    "vocabulary is 316, but must be at most 100, the rows of the model's": lambda t: t.refuse_unfit(100),
    "vocabulary is 20, but must be a whole number of at least 259": lambda t: train(["a"], 20),
    "kind is 'bpee', but must be one of bpe": lambda t: train(["a"], 300, "bpee"),
    "texts holds no sign, but must hold text": lambda t: train(["", " "], 300),
    "texts: number 1 .* is 3, but must be a text": lambda t: train(["a", 3], 300),
    "one string was given, but a list of texts is needed": lambda t: train("abc", 300),
}


@pytest.mark.parametrize("sentence", BAD)
def test_a_wrong_input_is_answered_in_a_sentence(bpe, sentence):
    with pytest.raises((ValueError, TypeError), match=sentence):
        BAD[sentence](bpe)


def test_empty_texts_are_fine_where_special_tokens_stand_for_them():
    tokenizer = Tokenizer.load(TRUTH / "bert")
    assert tokenizer.encode(["", "x"]).lengths.tolist() == [2, 3]
    assert tokenizer.encode([""]).tokens[0, :2].tolist() == [tokenizer.cls, tokenizer.sep]


def test_a_file_that_is_no_tokenizer_is_refused_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        Tokenizer.load(tmp_path / "no")
    with pytest.raises(FileNotFoundError, match=r"holds no tokenizer\.json, no vocab\.txt"):
        Tokenizer.load(tmp_path)
    (tmp_path / "spiece.model").write_bytes(b"\0")
    with pytest.raises(FileNotFoundError, match=r"holds spiece\.model, but no tokenizer\.json"):
        Tokenizer.load(tmp_path)
    bad = {
        "{": "cannot be read", "[]": "holds a list", "{}": "is not a tokenizer that",
        '{"model": {"type": "BPE", "vocab": {"a": -1}, "merges": [["b", "c"]]}}': "is not a tokenizer that",
    }  # fmt: skip
    for text, sentence in bad.items():
        (tmp_path / "tokenizer.json").write_text(text)
        with pytest.raises(ValueError, match=sentence):
            Tokenizer.load(tmp_path)
    (tmp_path / "tokenizer.json").write_bytes(b"\xff\xfe{}")
    with pytest.raises(ValueError, match=r"is not in UTF-8 \(byte 0\)"):
        Tokenizer.load(tmp_path)


def test_damaged_vocabularies_are_refused_in_a_sentence(tmp_path):
    shutil.copytree(TRUTH / "gpt2", tmp_path / "gpt2")
    merges = tmp_path / "gpt2" / "merges.txt"
    merges.write_text(merges.read_text(encoding="utf-8") + "zz yy\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"joins 'zz yy' in line .*, but must join two tokens"):
        Tokenizer.load(tmp_path / "gpt2")
    (tmp_path / "vocab.txt").write_text("[UNK]\na\n")
    with pytest.raises(ValueError, match=r"does not hold \[CLS\], \[SEP\], but must hold"):
        Tokenizer.load(tmp_path)
