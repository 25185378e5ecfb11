"""One measurement of benchmarks/represent.py in a fresh process; prints one JSON object."""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("ignore")
EPOCHS = 5
MOST = 600_000  # words of real text


def planted():
    """The corpus with planted co-occurrence, and its documents as lists of words."""
    from ceteris.data.corpora import simulate_corpus

    corpus = simulate_corpus(documents=40_000, length=25, words=1_000, dimensions=8, seed=0)
    return corpus, corpus.documents


def real():
    """Documentation found on this machine, one document per line; read, and never kept."""
    import site

    from ceteris.text import tokenise

    folders = [Path(folder) for folder in (*site.getsitepackages(), "/usr/share/doc")]
    files = sorted(
        path
        for folder in folders
        for end in ("rst", "md", "txt")
        for path in folder.rglob(f"*.{end}")
        if path.is_file()
    )
    documents, words = [], 0
    for path in files:
        for line in path.read_text(encoding="utf-8", errors="ignore").splitlines():
            found = tokenise(line)
            if len(found) > 3:
                documents.append(found)
                words += len(found)
        if words > MOST:
            break
    return documents


def ours(documents, dimensions, least, combine=True, seed=0):
    """CPU seconds of learning (a first pass over few documents compiles), and the vectors."""
    from ceteris.text import SkipGram, build_corpus

    corpus = build_corpus(documents, least)
    model = SkipGram(dimensions, epochs=EPOCHS, combine=combine, seed=seed)
    model.fit(corpus.take(np.arange(100)))
    start = time.process_time()
    vectors = model.fit(corpus)
    return time.process_time() - start, EPOCHS * len(corpus.ids), vectors


def gensims(documents, dimensions, least, seed=1):
    """The same by gensim: one worker, same window, negative samples, subsampling and epochs."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        vector_size=dimensions, window=5, negative=5, sg=1, sample=1e-3, min_count=least, workers=1, seed=seed
    )
    model.build_vocab(documents)
    start = time.process_time()
    model.train(documents, total_examples=len(documents), epochs=EPOCHS)
    seconds = time.process_time() - start
    return seconds, EPOCHS * sum(model.wv.get_vecattr(word, "count") for word in model.wv.index_to_key), model.wv


def quality(unit, truth):
    """Spearman's correlation with planted cosines, and the share of the ten nearest that is found."""
    from scipy.stats import spearmanr

    found, upper = unit @ unit.T, np.triu_indices(len(unit), 1)
    near = lambda cosines: np.argsort(-cosines + 9 * np.eye(len(unit)), axis=1)[:, :10]
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(near(found), near(truth), strict=True)]
    return {"rho": float(spearmanr(found[upper], truth[upper])[0]), "recall": float(np.mean(shared))}


def words_planted(dimensions, repeats=3):
    """Speeds in turn, so that a busy machine slows both; medians over repeats."""
    corpus, documents = planted()
    speeds, said = {"ours": [], "gensim": []}, {}
    for seed in range(repeats):
        seconds, words, vectors = ours(documents, dimensions, 1, seed=seed)
        speeds["ours"].append(words / seconds)
        unit = vectors.unit[[vectors.place(word) for word in corpus.words]]
        said.setdefault("ours", []).append(quality(unit, corpus.cosines))
        seconds, words, peer = gensims(documents, dimensions, 1, seed=seed + 1)
        speeds["gensim"].append(words / seconds)
        matrix = np.stack([peer[word] for word in corpus.words])
        said.setdefault("gensim", []).append(
            quality(matrix / np.linalg.norm(matrix, axis=1, keepdims=True), corpus.cosines)
        )
    _, _, plain = ours(documents, dimensions, 1, combine=False)
    said["plain"] = [quality(plain.unit[[plain.place(word) for word in corpus.words]], corpus.cosines)]
    means = {who: {key: float(np.mean([one[key] for one in all_])) for key in all_[0]} for who, all_ in said.items()}
    return {"speed": {who: float(np.median(found)) for who, found in speeds.items()}, "quality": means}


def words_real(dimensions, repeats=3):
    documents = real()
    speeds, near = {"ours": [], "gensim": []}, []
    for seed in range(repeats):
        seconds, words, vectors = ours(documents, dimensions, 5, combine=False, seed=seed)
        speeds["ours"].append(words / seconds)
        seconds, words, peer = gensims(documents, dimensions, 5, seed=seed + 1)
        speeds["gensim"].append(words / seconds)
        near.append((_nearest(vectors.words, vectors.matrix), _nearest(peer.index_to_key, peer.vectors)))
    shared = lambda a, b: float(np.mean([len(a[word] & b[word]) / 10 for word in list(a)[200:1200] if word in b]))
    return {
        "speed": {who: float(np.median(found)) for who, found in speeds.items()},
        "words": int(words // EPOCHS),
        "ours and gensim": shared(near[0][0], near[0][1]),
        "gensim and gensim": shared(near[0][1], near[1][1]),
    }


def _nearest(words, matrix):
    unit = matrix / np.linalg.norm(matrix, axis=1, keepdims=True)
    found = {}
    for start in range(0, min(len(words), 1_500), 500):
        cosines = unit[start : start + 500] @ unit.T
        for i, row in enumerate(np.argpartition(-cosines, 11, axis=1)[:, :11]):
            found[words[start + i]] = {words[j] for j in row if j != start + i}
    return found


def table(rows):
    from ceteris.data.missing import simulate_mixed
    from ceteris.synthesis import TableGAN, compare_tables

    real_rows, heldout = simulate_mixed(rows, seed=1), simulate_mixed(rows, seed=2)
    start = time.process_time()
    gan = TableGAN(random_state=0).fit(real_rows)
    seconds = time.process_time() - start
    found = compare_tables(real_rows, gan.sample(rows, random_state=1), heldout)
    gap = (found.association["real"] - found.association["synthetic"]).abs()
    return {
        "seconds": seconds,
        "ratio": float(found.use["synthetic"].mean() / found.use["real"].mean()),
        "worst": float(found.use["ratio"].min()),
        "marginals": float(found.marginals["distance"].mean()),
        "association": float(gap.mean()),
        "association, most": float(gap.max()),
        **{name: float(value) for name, value in found.privacy.items()},
    }


def ring():
    from ceteris.gallery.gan import MODES, OBJECTIVES, play

    start = time.process_time()
    _, rows = play(list(OBJECTIVES)[-1], 10, (1_500,), 0)
    found = rows["modes found"]
    return {"runs": int((found == MODES).sum()), "mean": float(found.mean()), "seconds": time.process_time() - start}


if __name__ == "__main__":
    function, *given = sys.argv[1:]
    print(json.dumps(globals()[function](*(int(a) if a.isdigit() else a for a in given))))
