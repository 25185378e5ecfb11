"""Texts as vectors: the mean of what a model makes of their tokens, of length one, so that cosines are products."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np

from ceteris.files import read_arrays, write_arrays
from ceteris.text.classify.encoder import DEFAULT, TextReader, most_tokens, pieces_of, reading_model
from ceteris.text.classify.packing import text_vectors
from ceteris.text.classify.reading import read_texts

MARK = 16  # bytes of a text's mark in the cache


def embed(
    texts: Any, model: Any = DEFAULT, *, length: int | None = None, long: str = "chunk", cache: str | Path | None = None
) -> np.ndarray:
    """Return a vector for each text.

    Parameters
    ----------
    texts : list of str, or Series
    model : str, path or Pretrained
        A name or folder for `ceteris.text.load`, or what it gave.
    length : int, optional
        Tokens read at once, at most; by default 256, or fewer where the model reads fewer.
    long : {"chunk", "cut"}
        What becomes of longer texts: all of it is read in pieces and the vector is their mean, by their tokens; or the
        end is left out.
    cache : path, optional
        A folder where vectors are kept by the text's content and the model's, so that no text is read twice. Nothing
        is kept by default: vectors tell a lot about their texts.

    Returns
    -------
    array, float32, shape (texts, width)
        Of length one each.

    References
    ----------
    Reimers, N. and Gurevych, I. (2019). Sentence-BERT. EMNLP.

    Examples
    --------
    >>> from ceteris.text.classify.examples import tiny_model
    >>> vectors = embed(["rates rise", "rates fall", "the game was lost"], tiny_model())
    >>> vectors.shape, bool(np.allclose((vectors**2).sum(1), 1))
    ((3, 16), True)
    """
    texts, model = read_texts("texts", texts), reading_model(model)
    reader, length = TextReader.of(model), most_tokens(model, length)
    fresh = lambda some: _embedded(some, reader, length, long)
    if cache is None:
        return fresh(texts)
    return _through_cache(Path(cache) / _mark(f"{reader.digest} {length} {long}").hex(), texts, fresh)


def unit(x: np.ndarray) -> np.ndarray:
    """Return rows of length one."""
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12)


def _embedded(texts: list[str], reader: TextReader, length: int, long: str) -> np.ndarray:
    pieces = pieces_of(reader.tokenizer, texts, length, long)
    means = text_vectors(reader.model, pieces.tokens, length, reader.pooling)
    if len(means) == len(texts):
        return unit(means)
    sums = np.zeros((len(texts), means.shape[1]))
    np.add.at(sums, pieces.owner, unit(means) * np.array([len(piece) for piece in pieces.tokens])[:, None])
    return unit(sums).astype(np.float32)


# --------------------------------------------------------------------------------------------------- kept vectors


def _through_cache(folder: Path, texts: list[str], fresh: Any) -> np.ndarray:
    """Return vectors, those that a folder has not are computed and put there, one file for each call that did."""
    marks = [_mark(text) for text in texts]
    known: dict[bytes, np.ndarray] = {}
    for path in sorted(folder.glob("*.safetensors")):
        arrays, _ = read_arrays(path, "weights")
        known.update(zip((bytes(mark) for mark in arrays["marks"]), arrays["vectors"], strict=True))
    new = {mark: text for mark, text in zip(marks, texts, strict=True) if mark not in known}
    if new:
        vectors = fresh(list(new.values()))
        found = {"marks": np.frombuffer(b"".join(new), np.uint8).reshape(-1, MARK), "vectors": vectors}
        write_arrays(folder / f"{_mark(b''.join(new)).hex()}.safetensors", "weights", found, {})
        known.update(zip(new, vectors, strict=True))
    return np.stack([known[mark] for mark in marks])


def _mark(content: str | bytes) -> bytes:
    content = content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content
    return hashlib.blake2b(content, digest_size=MARK).digest()


# ----------------------------------------------------------------------------------------------------- likeness


def similarity(vectors: Any, others: Any = None) -> np.ndarray:
    """Return the cosine between vectors, shape (n, m).

    Parameters
    ----------
    vectors : array, shape (n, width)
        From `embed`.
    others : array, shape (m, width), optional
        By default the same vectors.

    Examples
    --------
    >>> similarity([[1.0, 0.0], [3.0, 4.0]]).round(1).tolist()
    [[1.0, 0.6], [0.6, 1.0]]
    """
    a = unit(np.atleast_2d(np.asarray(vectors, float)))
    b = a if others is None else unit(np.atleast_2d(np.asarray(others, float)))
    if a.shape[1] != b.shape[1]:
        raise ValueError(
            f"others: vectors have {b.shape[1]} numbers, but must have {a.shape[1]}, as those they are compared with; "
            "embed both with one model."
        )
    return a @ b.T
