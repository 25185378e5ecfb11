"""From folders of every kind of file to shards and batches: nothing lost, nothing silent, nothing half-written."""

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ceteris.files import replace as replacing
from ceteris.text.data import QUALITY, load_shards, prepare
from ceteris.text.data.documents import Reading, documents, sources_of
from ceteris.text.tokens import train

WORDS = "the bank and its firms have no more to say about this than what was in the news of a day".split()  # noqa: SIM905


def text(seed: int, words: int = 60) -> str:
    return " ".join(np.random.default_rng(seed).choice(WORDS, words))


TEXTS = [text(i) for i in range(60)]


@pytest.fixture(scope="module")
def tokenizer():
    return train(TEXTS, 300)


def write(folder: Path, texts=TEXTS, name="part") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps({"text": one}) + "\n" for one in texts)
    (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def shards(tokenizer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards") / "corpus"
    write(folder / "news", TEXTS[:40])
    write(folder / "speeches", TEXTS[40:])
    return prepare(folder, folder.parent / "out", tokenizer, test_size=0.2, shard=400)


# ------------------------------------------------------------------------------------------------ reading


def read(path: Path, **options):
    reading = Reading()
    return [d.text for d in documents(sources_of(path), reading, **options)], reading


def test_every_kind_of_file_gives_the_same_documents(tmp_path):
    texts = ['One line, with "quotes"; and; marks', "Zweite Zeile äöü €\U0001f40d", "third"]
    frame = pd.DataFrame({"n": range(3), "text": texts})
    (tmp_path / "a.txt").write_text("\n".join(texts) + "\n\n", encoding="utf-8")
    frame.to_csv(tmp_path / "b.csv", index=False)
    frame.to_csv(tmp_path / "c.tsv", index=False, sep="\t")
    frame.to_parquet(tmp_path / "d.parquet")
    (tmp_path / "e.jsonl").write_text("".join(json.dumps({"text": t}) + "\n" for t in texts), encoding="utf-8")
    for path in sorted(tmp_path.iterdir()):
        (tmp_path / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
    (tmp_path / "d.parquet.gz").unlink()  # which is compressed already
    for path in sorted(tmp_path.iterdir()):
        found, reading = read(path, unit="line")
        assert [one.strip("\n") for one in found] == texts, path
        assert reading.files == 1
        assert reading.size == path.stat().st_size


def test_what_a_document_is_in_plain_text(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbffirst\nsecond\n\n\nthird\n")
    assert read(tmp_path / "a.txt")[0] == ["first\nsecond\n\n\nthird\n"]
    assert read(tmp_path / "a.txt", unit="paragraph")[0][1] == "third\n"
    assert len(read(tmp_path / "a.txt", unit="line")[0]) == 3
    with pytest.raises(ValueError, match="unit is 'page', but must be one of file, paragraph, line"):
        read(tmp_path, unit="page")


def test_sources_are_folders_or_what_they_are_called(tmp_path):
    for name in ("news/2020/a.txt", "news/b.txt", "speeches/c.md", "d.txt", "news/x.png", ".hidden/e.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("words")
    found = {name: len(paths) for name, paths in sources_of(tmp_path).items()}
    assert found == {"news": 3, "speeches": 1, tmp_path.name: 1, ".hidden": 1}
    assert list(sources_of({"mine": tmp_path / "news", "b": tmp_path / "d.txt"})) == ["mine", "b"]
    _, reading = read(tmp_path / "news")
    assert reading.skipped == {".png": 1}


def test_bytes_that_are_not_utf8_are_counted_and_found(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(b'{"text": "good"}\n{"text": "b\xe9d\xff"}\n{"text": "\\ud800"}\n')
    (tmp_path / "b.csv").write_bytes(b"text,n\nfine,1\nM\xfcnchen,2\n")
    found, reading = read(tmp_path)
    assert found == ["good", "fine"]
    assert (reading.bad_bytes, reading.unread["bytes that are not UTF-8"]) == (3, 3)
    assert reading.first["bytes that are not UTF-8"] == f"{tmp_path / 'a.jsonl'}, byte 28"  # 17 in line 1, 11 in line 2
    assert b'{"text": "good"}\n{"text": "b\xe9d'[28] == 0xE9


def test_lines_that_cannot_be_read_are_counted(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"text": "good"}\n{"text": \n[1]\n{"text": 3}\n{"body": "x"}\n' + "[" * 10**5)
    found, reading = read(tmp_path / "a.jsonl")
    assert found == ["good"]
    assert reading.unread == {"lines that are not JSON": 2, "no text": 3}
    assert reading.first["no text"].endswith("line 3")


def test_files_that_cannot_be_read_are_refused_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="corpus: there is nothing at"):
        sources_of(tmp_path / "none")
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(ValueError, match=r"no file in it ends in one of \.txt, "):
        sources_of(tmp_path)
    with pytest.raises(ValueError, match="corpus holds no path, but must hold at least one"):
        sources_of([])
    (tmp_path / "b.csv").write_text("body,n\nx,1\n")
    with pytest.raises(ValueError, match=r"column is 'text', but must be one of .*b\.csv: body, n; say which"):
        read(tmp_path / "b.csv")
    (tmp_path / "c.jsonl").write_text('{"texts": "x"}\n')
    with pytest.raises(ValueError, match=r"column is 'text', but must be one of .*: texts; did you mean 'texts'\?"):
        read(tmp_path / "c.jsonl")
    whole = gzip.compress(b"words " * 10_000)
    (tmp_path / "d.txt.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"d\.txt\.gz cannot be unpacked"):
        read(tmp_path / "d.txt.gz")
    (tmp_path / "e.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        read(tmp_path / "e.parquet")


# ------------------------------------------------------------------------------------------------ preparing


def test_every_token_of_every_document_is_in_the_shards(shards, tokenizer):
    kept = []
    for split in ("train", "test"):
        for row in shards.rows(split):
            assert row.ends[-1] == len(row)
            for start, end in zip([0, *row.ends[:-1]], row.ends, strict=True):
                tokens = row.between(int(start), int(end)).tolist()
                assert tokens[-1] == tokenizer.eos
                kept.append(tokenizer.decode(tokens))
    assert Counter(kept) == Counter(TEXTS)
    assert sum(len(split["shards"]) for one in shards.manifest["sources"].values() for split in one.values()) > 4
    assert 3 < shards.manifest["sources"]["news"]["test"]["documents"] < 20


def test_a_second_time_gives_the_same_bytes(shards, tokenizer, tmp_path):
    again = prepare(Path(shards.folder).with_name("corpus"), tmp_path / "again", tokenizer, test_size=0.2, shard=400)
    files = lambda folder: {p.name: p.read_bytes() for p in Path(folder).glob("*.*")}
    assert files(again.folder) == files(shards.folder)


def test_what_is_left_out_and_replaced_is_counted(tokenizer, tmp_path):
    fresh = [text(100 + i) for i in range(20)]
    near = fresh[0].split()
    near[30] = "otherwise"
    german = (
        "Die Preise sind wieder gestiegen, weil die Unternehmen nicht genug Arbeitskräfte finden konnten und es so war."
    )
    bad = [fresh[1].upper(), " ".join(near), "too short", german, fresh[2] + " slur slur slur slur slur"]
    personal = text(200) + " mail jane@bank.org or DE89 3704 0044 0532 0130 00"
    shards = prepare(
        write(tmp_path / "c", [*fresh, *bad, personal]), tmp_path / "out", tokenizer, languages="en", unwanted=["slur"]
    )
    facts = shards.manifest["facts"]
    reasons = {"exact duplicate": 1, "near duplicate": 1, "too short": 1, "language de": 1, "unwanted words": 1}
    assert facts["dropped"] == {"c": reasons}
    assert (facts["read"], facts["kept"]) == ({"c": 26}, {"c": 21})
    assert facts["personal"] == {"email": 1, "iban": 1}
    joined = " ".join(shards.texts("train", 50) + (shards.texts("test", 50) if shards.tokens("test")["c"] else []))
    assert "<EMAIL> or <IBAN>" in joined
    assert "jane" not in joined
    by_hand = prepare(tmp_path / "c", tmp_path / "o2", tokenizer, unwanted=lambda t: "slur" in t, near=None, redact=())
    assert by_hand.manifest["facts"]["dropped"]["c"] == {"exact duplicate": 1, "too short": 1, "unwanted words": 1}


def test_a_tokenizer_is_trained_where_none_is_given(tmp_path):
    shards = prepare(write(tmp_path / "c"), tmp_path / "out", vocabulary=280)
    assert shards.vocabulary == shards.tokenizer.vocabulary == 280
    assert load_shards(tmp_path / "out", check=True).manifest == shards.manifest
    pieces = prepare(tmp_path / "c", tmp_path / "p", vocabulary=60, kind="wordpiece")
    row = pieces.rows()[0]
    first = row.between(0, int(row.ends[0]))
    assert (first[0], first[-1]) == (pieces.tokenizer.cls, pieces.tokenizer.sep)


def test_wide_vocabularies_take_four_bytes(tokenizer, tmp_path):
    many = [f"<special {i}>" for i in range(65_500)]
    wide = train(TEXTS, 300, specials=many)
    shards = prepare(write(tmp_path / "c"), tmp_path / "out", wide)
    assert shards.manifest["dtype"] == "uint32"
    assert shards.feed(16, 2)(0, 1)["tokens"].max() < wide.vocabulary


# ------------------------------------------------------------------------------------------------ batches


def test_batches_are_a_function_of_the_step(shards):
    feed = shards.feed(16, 4, weights={"news": 1, "speeches": 3}, seed=5)
    whole = feed(0, 40)
    for t, n in ((0, 1), (3, 5), (17, 23)):
        part = shards.feed(16, 4, weights={"news": 1, "speeches": 3}, seed=5)(t, n)
        assert all((part[name] == whole[name][t : t + n]).all() for name in whole)
    assert (shards.feed(16, 4, seed=6)(0, 40)["tokens"] != whole["tokens"]).any()
    assert whole["tokens"].dtype == whole["documents"].dtype == np.int32


def test_windows_are_the_tokens_of_their_place_and_know_their_documents(shards, tokenizer):
    batch = shards.feed(64, 8)(0, 5)
    tokens, owners = batch["tokens"].reshape(-1, 64), batch["documents"].reshape(-1, 64)
    assert (owners[:, 0] == 0).all()
    for row, own in zip(tokens, owners, strict=True):
        steps = np.diff(own)
        assert set(steps.tolist()) <= {0, 1}
        assert (np.flatnonzero(steps) == np.flatnonzero(row[:-1] == tokenizer.eos)).all()  # after each document's end


def test_one_pass_reads_every_window_once(shards):
    feed = shards.feed(16, 4, weights={"news": 1})
    windows = feed.windows(feed.used[0])
    steps = windows // 4
    seen = {tuple(row) for row in feed(0, steps)["tokens"].reshape(-1, 16)}
    assert len(seen) == 4 * steps
    assert feed.passes(steps)["news"] == pytest.approx(4 * steps / windows)


def test_mixtures_have_the_weights_that_were_asked_for(shards):
    feed = shards.feed(16, 8, weights={"news": 0.3, "speeches": 0.7})
    drawn = Counter(feed._where(i)[0].name for i in range(4 * 1024))
    assert drawn["news"] == pytest.approx(0.3 * 4096, abs=1)  # exact but for rounding, at the end of every block
    assert shards.feed(16, 8).shares[0] == shards.tokens()["news"] / sum(shards.tokens().values())


def test_what_is_set_aside_is_read_in_order(shards):
    held = shards.windows(16)
    assert held["tokens"].shape[1] == 16
    row = shards.rows("test")[0]
    first = held["tokens"][held["source"] == 0]
    assert (first.ravel() == row.between(0, first.size)).all()
    assert len(shards.windows(16, most=2)["tokens"]) == 4


FEEDS = {
    "corpus: it has .* tokens, but must have at least 64,000,000": lambda s: s.feed(1_000, 64_000),
    "source 'speeches' has .* tokens, but must have at least": lambda s: s.feed(1_000, 1),
    "weights: source is 'newz', but must be one of news, speeches; did you mean": lambda s: s.feed(8, 1, {"newz": 1}),
    "weights: news is -1, but must be a number of at least 0": lambda s: s.feed(8, 1, {"news": -1}),
    "weights are all 0, but at least one must be above 0": lambda s: s.feed(8, 1, {"news": 0}),
    "length is 1, but must be a whole number of at least 2": lambda s: s.feed(1, 1),
    "split is 'val', but must be one of train, test": lambda s: s.feed(8, 1, split="val"),
    "length is 100000, but no source of the split 'test'": lambda s: s.windows(100_000),
}


@pytest.mark.parametrize("sentence", FEEDS)
def test_a_feed_that_cannot_be_is_refused_in_a_sentence(shards, sentence):
    with pytest.raises(ValueError, match=sentence):
        FEEDS[sentence](shards)


# ------------------------------------------------------------------------------------------------ what goes wrong


def test_a_full_disk_leaves_nothing_that_is_taken_for_whole(tokenizer, tmp_path, monkeypatch):
    corpus = write(tmp_path / "c")

    real, calls = os.fsync, []

    def full(number):
        calls.append(number)
        if len(calls) == 4:  # in the middle of the shards
            raise OSError(28, "No space left on device")
        real(number)

    monkeypatch.setattr(replacing.os, "fsync", full)
    with pytest.raises(OSError, match="could not be written \\(No space left on device\\)"):
        prepare(corpus, tmp_path / "out", tokenizer, shard=400)
    monkeypatch.undo()
    with pytest.raises(FileNotFoundError, match=r"holds no finished shards \(an attempt to write them was stopped\)"):
        load_shards(tmp_path / "out")
    assert not list((tmp_path / "out").glob("*.part"))
    again = prepare(corpus, tmp_path / "out", tokenizer)  # what was left is removed, and it begins anew
    assert sum(len(row.parts) for row in again.rows()) == 1
    assert len(list((tmp_path / "out").glob("*.bin"))) == 2 + 2 * bool(again.tokens("test")["c"])


def test_a_killed_process_leaves_nothing_that_is_taken_for_whole(tokenizer, tmp_path):
    corpus = write(tmp_path / "c", [text(i) for i in range(3_000)])
    tokenizer.save(tmp_path / "t")
    paths = ", ".join(repr(str(path)) for path in (corpus, tmp_path / "out", tmp_path / "t"))
    code = f"from ceteris.text.data import prepare; prepare({paths}, shard=500)"
    process = subprocess.Popen([sys.executable, "-c", code])
    for _ in range(3_000):
        if list((tmp_path / "out").glob("*.bin")) or process.poll() is not None:
            break
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    with pytest.raises(FileNotFoundError, match="holds no finished shards"):
        load_shards(tmp_path / "out")
    assert prepare(corpus, tmp_path / "out", tokenizer).tokens()["c"] > 100_000


def test_folders_that_are_not_free_are_refused(shards, tokenizer, tmp_path):
    corpus = Path(shards.folder).with_name("corpus")
    with pytest.raises(ValueError, match=r"out: .* holds shards already; give another folder"):
        prepare(corpus, shards.folder, tokenizer)
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(ValueError, match="holds files that are no shards; give a new or an empty folder"):
        prepare(corpus, tmp_path, tokenizer)
    assert (tmp_path / "thesis.tex").exists()


def test_a_corpus_of_which_nothing_stays_is_refused_with_the_reasons(tokenizer, tmp_path):
    corpus = write(tmp_path / "c", ["short", "also short"])
    for given in (tokenizer, None):
        with pytest.raises(ValueError, match=r"of 2 documents none was kept \(too short 2\), but at least one must be"):
            prepare(corpus, tmp_path / "out", given)


def test_damaged_shards_are_refused_in_a_sentence(tokenizer, tmp_path):
    out = tmp_path / "out"
    prepare(write(tmp_path / "c"), out, tokenizer, test_size=0)
    data = out / "c-train-00000.bin"
    raw = data.read_bytes()
    data.write_bytes(raw[:-2])
    with pytest.raises(ValueError, match=r"a shard of 'c', has .* bytes where .* were written"):
        load_shards(out)
    data.write_bytes(raw[:200] + b"\xff\xff" + raw[202:])
    with pytest.raises(ValueError, match="is not what was written; restore it"):
        load_shards(out, check=True)
    feed = load_shards(out).feed(8, 4)
    with pytest.raises(ValueError, match="a shard holds 65535, but must hold numbers below"):
        feed(0, 400)
    data.write_bytes(raw)
    ends = out / "c-train-00000.ends.bin"
    kept = ends.read_bytes()
    ends.write_bytes(kept[8:] + kept[:8])
    with pytest.raises(ValueError, match="does not say where documents end"):
        load_shards(out).feed(8, 4)
    ends.unlink()
    with pytest.raises(ValueError, match="is missing; restore it"):
        load_shards(out)
    ends.write_bytes(kept)
    manifest = json.loads((out / "manifest.json").read_text())
    for spoil in ({"format": 9}, {"dtype": "f8"}, {"vocabulary": -1}, {"sources": {"c": {}}}, {"sources": 3}):
        (out / "manifest.json").write_text(json.dumps(manifest | spoil))
        with pytest.raises(ValueError, match="is no manifest of shards"):
            load_shards(out)
    manifest["sources"]["c"]["train"]["shards"][0]["file"] = "../../etc/passwd"
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ValueError, match="a shard is not what it was"):
        load_shards(out)


def test_the_screen_says_what_is_wrong(tokenizer, tmp_path):
    folder = write(tmp_path / "c", [*TEXTS[:9], *["short"] * 20])
    (folder / "bad.txt").write_bytes(b"caf\xe9 " * 20)
    (folder / "other.csv").write_text("a,b\n1,2\n")
    shards = prepare(folder, tmp_path / "out", tokenizer, test_size=0)
    verdicts = {check.name: check.verdict for check in shards.checks}
    assert verdicts == dict.fromkeys(
        ("all bytes are UTF-8", "most documents stay", "text is set aside", "all can be read"), "fail"
    )
    screen = shards.summary()
    assert "1 document with 20 bytes that UTF-8 does not know left out, the first in" in screen
    assert "'too short': look at that rule" in screen
    assert "tables without the column: 1, the first in" in screen
    assert set(shards.sections()[0].tables[1].frame["reason"]) == {"too short"}


def test_the_report_is_written_and_the_defaults_are_listed(shards, tmp_path):
    page = shards.report(tmp_path / "report").read_text(encoding="utf-8")
    assert all(name in page for name in QUALITY)
