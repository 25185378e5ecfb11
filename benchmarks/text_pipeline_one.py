"""One measurement of the text pipeline, in a process of its own: ``python text_pipeline_one.py FUNCTION ARGUMENTS``.

The corpus is made of documentation found on this machine: every document is a run of paragraphs drawn from all of it,
in which every sixth word is another one, so that no two are alike. Into a source of its own go documents that were
there before, changed so that they have a known Jaccard similarity with the first one: what is found of them is recall,
and what is called a duplicate elsewhere is wrong.
"""

import json
import re
import resource
import shutil
import site
import sys
import time
from pathlib import Path

import numpy as np

DOCUMENT, PLANTED, SHARE = 250, 0.8, 0.03  # words at least, similarity, and how many of all documents are planted
POOL = 12_000_000  # characters of documentation
FILE = 20_000  # documents of a file


def paragraphs() -> list[str]:
    """Prose found on this machine; read, and never kept."""
    found, held = [], 0
    folders = [Path(folder) for folder in (*site.getsitepackages(), "/usr/share/doc")]
    for path in sorted(p for folder in folders for end in ("rst", "md", "txt") for p in folder.rglob(f"*.{end}")):
        if not path.is_file():
            continue
        for text in re.split(r"\n\s*\n", path.read_text(encoding="utf-8", errors="ignore")):
            words = text.split()
            if len(words) > 12 and sum(word.isalpha() for word in words) > 0.7 * len(words):
                found.append(" ".join(words))
                held += len(found[-1])
        if held > POOL:
            break
    return found


def shingles(words) -> set:
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def jaccard(one: str, other: str) -> float:
    a, b = (shingles(re.findall(r"\w+", text.lower())) for text in (one, other))
    return len(a & b) / max(len(a | b), 1)


def planted(text: str, rng, vocabulary) -> str:
    """Change single words, so far apart that each breaks five runs of five, until the similarity is that asked for."""
    words = text.split(" ")
    n = len(words) - 4
    share = n * (1 - PLANTED) / (1 + PLANTED) / 5
    count = int(share) + (rng.random() < share - int(share))
    for place in rng.choice(np.arange(1, len(words) // 6), min(count, len(words) // 6 - 1), replace=False) * 6:
        words[place] = f"{vocabulary[rng.integers(len(vocabulary))]}x"
    return " ".join(words)


def corpus(megabytes, folder):
    """Write a corpus of so many megabytes; returns what is in it."""
    folder = Path(folder)
    shutil.rmtree(folder, ignore_errors=True)
    rng, pool = np.random.default_rng(0), [text.split(" ") for text in paragraphs()]
    vocabulary = np.array(
        sorted({word for words in pool for word in words if word.isalpha() and len(word) > 3}), object
    )
    written, documents, pairs, similar = 0, 0, [], []
    for source in ("base", "planted"):
        (folder / source).mkdir(parents=True)
    target, number = megabytes * 1e6, 0
    while written < target:
        base, copies = [], []
        for _ in range(FILE):
            text: list[str] = []
            while len(text) < DOCUMENT:
                words = list(pool[rng.integers(len(pool))])
                for place in np.flatnonzero(rng.random(len(words)) < 1 / 6):
                    words[place] = vocabulary[rng.integers(len(vocabulary))]
                text += words
            base.append(" ".join(text))
            written += len(base[-1])
            if rng.random() < SHARE:
                copies.append(planted(base[-1], rng, vocabulary))
                written += len(copies[-1])
                if len(pairs) < 2_000:
                    pairs.append(jaccard(base[-1], copies[-1]))
            if written >= target:
                break
        for source, texts in (("base", base), ("planted", copies)):
            lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
            (folder / source / f"{number:04d}.jsonl").write_text(lines, encoding="utf-8")
        documents, number = documents + len(base), number + 1
        similar.append(len(copies))
    about = {"documents": documents, "planted": sum(similar), "jaccard": float(np.mean(pairs)), "MB": written / 1e6}
    (folder / "about.json").write_text(json.dumps(about))
    return about


def ours(folder):
    """Prepare it; CPU seconds, wall seconds, peak memory, recall and precision."""
    from ceteris.text.data import prepare
    from ceteris.text.tokens import train

    folder, out = Path(folder), Path(f"{folder}-out")
    shutil.rmtree(out, ignore_errors=True)
    about = json.loads((folder / "about.json").read_text())
    with (folder / "base" / "0000.jsonl").open() as file:
        texts = [json.loads(line)["text"] for _, line in zip(range(10_000), file, strict=False)]
    tokenizer = train(texts, 32_000)
    warm(tokenizer)
    cpu, wall = time.process_time(), time.perf_counter()
    shards = prepare({"base": folder / "base", "planted": folder / "planted"}, out, tokenizer)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    dropped = shards.manifest["facts"]["dropped"]
    near = {name: dropped[name].get("near duplicate", 0) for name in dropped}
    others = sum(count for reason, count in dropped["planted"].items() if reason != "near duplicate")
    asked = about["planted"] - others  # those that a rule left out before were never compared
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    size = sum(path.stat().st_size for path in out.glob("*.bin")) / 1e6
    tokens = sum(shards.tokens(split)[name] for split in ("train", "test") for name in shards.sources)
    print(shards, file=sys.stderr)
    shutil.rmtree(out)
    return about | {
        "cpu": cpu, "wall": wall, "memory": memory, "recall": near["planted"] / asked, "shards": size, "tokens": tokens,
        "precision": near["planted"] / max(sum(near.values()), 1), "false": near["base"], "left_out": others,
    }  # fmt: skip


def filters(folder):
    """Filters, duplicates and personal data alone, without tokens: CPU seconds, peak memory, recall and precision."""
    from ceteris.text.data.cleaning import Counts, Filters, cleaned
    from ceteris.text.data.documents import Document, Reading, documents, sources_of
    from ceteris.text.data.personal import PERSONAL
    from ceteris.text.data.quality import QUALITY

    folder = Path(folder)
    about = json.loads((folder / "about.json").read_text())
    asked = Filters(QUALITY, redact=tuple(PERSONAL))
    list(cleaned([Document("a few words that make it compile", "a")], asked, Counts()))
    counts, cpu = Counts(), time.process_time()
    for _ in cleaned(documents(sources_of([folder / "base", folder / "planted"]), Reading()), asked, counts):
        pass
    cpu, memory = time.process_time() - cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    near = {name: counts.dropped[name, "near duplicate"] for name in ("base", "planted")}
    others = sum(n for (name, why), n in counts.dropped.items() if name == "planted" and why != "near duplicate")
    return about | {
        "cpu": cpu, "memory": memory, "recall": near["planted"] / (about["planted"] - others), "false": near["base"],
        "precision": near["planted"] / max(sum(near.values()), 1), "kept": dict(counts.kept),
    }  # fmt: skip


def warm(tokenizer):
    """Compile what compiles."""
    import tempfile

    from ceteris.text.data import prepare

    with tempfile.TemporaryDirectory() as folder:
        words = re.findall(r"\w+", "the bank and its firms have no more to say about this than what was in the news")
        for i in range(20):
            text = " ".join(np.random.default_rng(i).choice(words, 60))
            Path(folder, f"{i}.txt").write_text(text, encoding="utf-8")
        prepare(folder, Path(folder, "out"), tokenizer)


def stages(folder):
    """CPU seconds of each stage alone, on the first file."""
    from ceteris.text.data.cleaning import Counts, Filters, cleaned
    from ceteris.text.data.documents import Document, Reading, documents
    from ceteris.text.data.duplicates import NearDuplicates, fingerprint_of
    from ceteris.text.data.personal import redacted
    from ceteris.text.data.scan import laid_out, scan
    from ceteris.text.tokens import train

    path = Path(folder) / "base" / "0000.jsonl"
    read = lambda: [d.text for d in documents({"base": [path]}, Reading())]
    texts = read()[:10_000]
    size, found = sum(map(len, texts)) / 1e6, {}
    tokenizer = train(texts[:2_000], 32_000)
    scan(*laid_out(texts[:2])), NearDuplicates().seen(*laid_out(texts[:2]))
    work = {
        "reading JSON": lambda: [json.loads(json.dumps(text)) for text in texts] and None,
        "measuring": lambda: [scan(*laid_out(texts[i : i + 1_000])) for i in range(0, len(texts), 1_000)] and None,
        "exact duplicates": lambda: [fingerprint_of(text) for text in texts] and None,
        "near duplicates": lambda: NearDuplicates().seen(*laid_out(texts)) is None,
        "personal data": lambda: [redacted(text) for text in texts] and None,
        "all filters": lambda: list(cleaned((Document(t, "a") for t in texts), Filters({}), Counts())) and None,
        "tokenising": lambda: tokenizer.ragged(texts) and None,
    }
    for name, each in work.items():
        start = time.process_time()
        each()
        found[name] = size / (time.process_time() - start)
    return found


def languages(folder):
    """How often the language of messages of software is recognised: single ones of 5 words or more, ten together."""
    from ceteris.text.data import languages_of
    from ceteris.text.data.words import LANGUAGES

    same = {"nb": "no", "nn": "no", "zh_Hans": "zh", "zh_Hant": "zh"}
    texts: dict[str, set[str]] = {}
    for path in sorted(Path(folder).rglob("*.po")):
        local = path.parts[-3]
        texts.setdefault(same.get(local, local.split("_")[0]), set()).update(_messages(path))
    right, count, others, taken = {}, {}, 0, 0
    for name, least, together in (("single messages", 5, 1), ("ten messages", 3, 10)):
        good = every = 0
        for language, messages in sorted(texts.items()):
            spaced = language not in ("zh", "ja", "th", "ko", "km")
            kept = sorted(m for m in messages if (len(m.split()) >= least if spaced else len(m) >= 8))
            np.random.default_rng(0).shuffle(kept)
            joined = [" ".join(kept[i : i + together]) for i in range(0, len(kept) - together + 1, together)]
            found = languages_of(joined) if joined else []
            if language in LANGUAGES:
                good, every = good + sum(one == language for one in found), every + len(found)
            elif together > 1:
                others, taken = others + len(found), taken + sum(one != "?" for one in found)
        right[name], count[name] = good / every, every
    return {"right": right, "count": count, "others": others, "taken": taken / others}


def _messages(path):
    """Return translated messages of a .po file without their placeholders."""
    pair = re.compile(r'msgid ((?:"(?:[^"\\]|\\.)*"\s*)+)msgstr ((?:"(?:[^"\\]|\\.)*"\s*)+)')
    plain = lambda quoted: re.sub(r"\\.", " ", "".join(re.findall(r'"((?:[^"\\]|\\.)*)"', quoted)))
    for match in pair.finditer(path.read_text(encoding="utf-8")):
        message, translated = map(plain, match.groups())
        if message and translated and message != translated:
            yield re.sub(r"%\(?\w*\)?[sd]|\{\w*\}|<[^>]*>", "", translated)


if __name__ == "__main__":
    function, *given = sys.argv[1:]
    print(json.dumps(globals()[function](*(int(a) if a.isdigit() else a for a in given))))
