"""Judge a language model: how well it foresees text, and which of several answers it finds likeliest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import as_many, whole
from ceteris.learners.metrics import ratio
from ceteris.programs import keep_programs
from ceteris.text.evaluate.evaluation import RELIABILITY, Evaluation, asked, judged, resampled
from ceteris.text.evaluate.labels import calibration_error, reliability
from ceteris.text.tokens.encoded import padded
from ceteris.text.write.likelihood import log_probabilities, score
from ceteris.text.write.prompts import Writer, token_rows, writer_of


def perplexity(
    model: Any,
    texts: str | Sequence[Any],
    *,
    window: int | None = None,
    stride: int | None = None,
    batch_size: int = 8,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
) -> Evaluation:
    """Say how well a model foresees texts: exp of minus the mean log probability of a token, and bits per byte.

    Perplexities of models with unlike tokenizers cannot be compared; bits per byte can. A text longer than the window
    is read in several, which move on by the stride, and each token is counted once, with as much before it as its
    window holds: a smaller stride sees more and costs more. A text begins behind the token that begins (else: ends)
    texts; where a tokenizer has none, its first token is not counted.

    Parameters
    ----------
    model : Pretrained or LanguageModel
        One that writes.
    texts : str or sequence of str
        Documents, or lists of tokens.
    window : int, optional
        Tokens that are read together; by default as many as the model has places for.
    stride : int, optional
        By default half the window.
    batch_size : int
        Windows at once.
    level, draws, seed
        Of the intervals: documents are drawn anew, or the windows where there is one document.

    References
    ----------
    004, section 10.3.

    Examples
    --------
    >>> import jax
    >>> from ceteris.text.models import Description, LanguageModel
    >>> tiny = Description(vocabulary=50, width=16, depth=1, heads=2, perceptron=32, length=16)
    >>> model = LanguageModel(tiny, key=jax.random.key(0))  # it knows nothing: all 50 tokens are about alike to it
    >>> found = perplexity(model, [np.arange(40), np.arange(30)], window=16)
    >>> 45 < found["perplexity"] < 55
    True
    """
    keep_programs()
    writer = writer_of(model)
    about = writer.model.description
    if about.kind != "decoder":
        raise ValueError(f"model is an {about.kind}, but must be a decoder, which foresees a text by itself; give one.")
    texts = [texts] if isinstance(texts, str) else list(texts)
    window = whole("window", window or min(about.length, 1024), least=2, most=about.length, such_as=about.length)
    stride = whole("stride", stride or max(window // 2, 1), most=window - 1, such_as=max(window // 2, 1))
    asked(draws, seed, level)
    rows, sizes, begun = _documents(writer, texts)
    cuts = [(d, a, b, first) for d, row in enumerate(rows) for a, b, first in windows_of(len(row), window, stride)]
    if not cuts:
        raise ValueError("texts holds no token that another precedes, but must hold one at least; give longer texts.")
    encoded = padded([rows[d][a:b] for d, a, b, _ in cuts], pad=about.pad or 0)
    log_p = log_probabilities(writer.model, encoded, batch_size)
    counted = np.arange(log_p.shape[1]) >= np.array([[first - a] for _, a, _, first in cuts])
    nats, tokens = -np.where(counted, log_p, 0).sum(1), (counted & encoded.mask).sum(1).astype(float)
    documents = np.array([d for d, *_ in cuts])
    by_token = np.divide(sizes, np.bincount(documents, tokens, len(rows)).clip(1)) if sizes is not None else None
    lengths = None if by_token is None else by_token[documents] * tokens  # bytes of the tokens that count

    def measures(w: np.ndarray) -> dict[str, Any]:
        mean = ratio(w @ nats, w @ tokens)
        found = {"perplexity": np.exp(mean), "bits per token": mean / np.log(2)}
        return found if lengths is None else found | {"bits per byte": ratio(w @ nats, w @ lengths) / np.log(2)}

    alone = len(rows) == 1
    drawn = resampled(measures, len(cuts), draws=draws, seed=seed, level=level, cluster=None if alone else documents)
    each = {"tokens": np.bincount(documents, tokens, len(rows)), "nats": np.bincount(documents, nats, len(rows))}
    own = np.exp(ratio(each["nats"], each["tokens"]))
    table = pd.DataFrame({"document": np.arange(len(rows)), **each, "perplexity": own})
    fact = f"{int(tokens.sum()):,} tokens in windows of {window:,}, which move on by {stride:,}."
    fact += "" if begun else " The first token of each text is not counted, as no token that begins texts is known."
    return judged(
        f"{len(rows):,} text{'s' * (not alone)} as the model {writer.name}".rstrip() + " foresees them.",
        measures(np.ones(len(cuts))), drawn, len(cuts) if alone else len(rows), level=level, seed=seed, facts=(fact,),
        parts={"Documents": table},
    )  # fmt: skip


def evaluate_choices(
    model: Any,
    questions: Sequence[Any],
    choices: Sequence[Sequence[Any]],
    answers: Sequence[int],
    *,
    batch_size: int = 8,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    cluster: Sequence | np.ndarray | None = None,
) -> Evaluation:
    """Let a model choose among answers by how likely it finds each behind the question; nothing is written or parsed.

    Parameters
    ----------
    model : Pretrained or LanguageModel
        One that writes.
    questions : sequence of str
        Prompts; end them so that an answer follows.
    choices : sequence of sequences of str
        For each question its answers, two or more; begin them with a space where the question ends without one.
    answers : sequence of int
        The place of the right answer, from 0.
    batch_size : int
        Pairs that are read at once.
    level, draws, seed, cluster
        As in `evaluate_texts`.

    Returns
    -------
    Evaluation
        "accuracy" by the log probability of an answer, "accuracy per token" and "per byte" by its mean, which does not
        favour short answers; "Brier" and "ECE" of the probabilities that answers have among themselves.

    Examples
    --------
    >>> import jax
    >>> from ceteris.text.models import Description, LanguageModel
    >>> tiny = Description(vocabulary=50, width=16, depth=1, heads=2, perceptron=32, length=16)
    >>> model = LanguageModel(tiny, key=jax.random.key(0))
    >>> found = evaluate_choices(model, [[1, 2]] * 40, [[[n % 7], [9, 8]] for n in range(40)], [0] * 40, draws=50)
    >>> found["accuracy"], sorted(found.table.index)  # one token is likelier than two
    (1.0, ['Brier', 'ECE', 'accuracy', 'accuracy per token'])
    """
    questions, choices, answers = list(questions), [list(one) for one in choices], list(answers)
    as_many("choices", choices, len(questions), of="question")
    as_many("answers", answers, len(questions), of="question")
    for i, (several, answer) in enumerate(zip(choices, answers, strict=True)):
        whole(f"choices: how many there are of number {i} (from 0)", len(several), least=2)
        whole(f"answers: number {i} (from 0)", answer, least=0, most=len(several) - 1)
    asked(draws, seed, level)
    owner = np.repeat(np.arange(len(questions)), [len(several) for several in choices])
    found = score(model, [questions[i] for i in owner], [one for several in choices for one in several],
                  batch_size=batch_size)  # fmt: skip
    n, most = len(questions), max(map(len, choices))
    place = np.concatenate([np.arange(len(several)) for several in choices])
    total = np.full((n, most), -np.inf)
    total[owner, place] = found["log_probability"]
    size = {"token": found["tokens"].to_numpy(float)}
    written = found["bytes"].to_numpy(float)
    size |= {"byte": written} if written.min() > 0 else {}
    right = {"accuracy": total.argmax(1) == answers}
    for unit, lengths in size.items():
        mean = np.full((n, most), -np.inf)
        mean[owner, place] = found["log_probability"] / lengths
        right[f"accuracy per {unit}"] = mean.argmax(1) == answers
    p = np.exp(total - total.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    off = ((p - np.eye(most)[answers]) ** 2).sum(1)
    given = p.max(1)

    def measures(w: np.ndarray) -> dict[str, Any]:
        shares = {name: ratio(w @ hit.astype(float), w.sum(-1)) for name, hit in right.items()}
        return shares | {"Brier": ratio(w @ off, w.sum(-1)), "ECE": calibration_error(right["accuracy"], given, w)}

    drawn = resampled(measures, n, draws=draws, seed=seed, level=level, cluster=cluster)
    chance = np.mean([1 / len(several) for several in choices])
    names = [str(several[i]) for several, i in zip(choices, total.argmax(1), strict=True)]
    table = {"question": [str(q) for q in questions], "chosen": names, "right": right["accuracy"], "probability": given}
    return judged(
        f"{n:,} questions, answered by the likeliest of several texts.",
        measures(np.ones(n)), drawn, n if cluster is None else len(set(cluster)), level=level, seed=seed,
        facts=(f"By chance, {chance:.0%} would be right.",),
        parts={"Questions": pd.DataFrame(table), RELIABILITY: reliability(right["accuracy"], given)},
    )  # fmt: skip


def windows_of(count: int, window: int, stride: int) -> list[tuple[int, int, int]]:
    """Return (begin, end, first that counts) of the windows over a text of so many tokens, each counted once.

    Examples
    --------
    >>> windows_of(10, window=6, stride=3)
    [(0, 6, 1), (3, 9, 6), (6, 10, 9)]
    """
    found, done = [], 1  # nothing precedes the first token
    for begin in range(0, count, stride):
        end = min(begin + window, count)
        if end <= done:
            break
        found.append((begin, end, done))
        done = end
    return found


def _documents(writer: Writer, texts: list[Any]) -> tuple[list[list[int]], np.ndarray | None, bool]:
    """Documents as tokens, the bytes of those that count, and whether each has a token before its first."""
    tokenizer = writer.tokenizer
    if not texts:
        raise ValueError("texts holds none, but must hold one at least; give what the model is to read.")
    if tokenizer is None or not all(isinstance(text, str) for text in texts):
        return token_rows("texts", texts, writer), None, False
    rows, sizes = tokenizer.ragged(texts), np.array([len(text.encode()) for text in texts], float)
    first = tokenizer.bos if tokenizer.bos is not None else tokenizer.eos
    if first is not None:
        return [[first, *row] for row in rows], sizes, True
    offsets = tokenizer.encode(texts, offsets=True, special=False, side="right").offsets
    assert offsets is not None
    lost = [len(text[:end].encode()) for text, end in zip(texts, offsets[:, 0, 1], strict=True)]
    return rows, sizes - lost, False
