"""Judge texts by references, labels by the truth, and raters by one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import as_many, one_of
from ceteris.learners.metrics import classification_measures, ratio
from ceteris.results import Check
from ceteris.stats.agreement import (
    SCALES,
    coded,
    cohen_kappa,
    counted,
    fleiss_kappa,
    krippendorff_alpha,
    observed_agreement,
)
from ceteris.stats.bootstrap import pairs
from ceteris.text.evaluate.evaluation import RELIABILITY, Evaluation, asked, judged, resampled
from ceteris.text.evaluate.labels import by_class, calibrated_by_chance, calibration_error, f_scores, reliability
from ceteris.text.evaluate.overlap import bleu_counts, bleu_of, chrf_counts, chrf_of, paired, rouge

OVERLAPS = ("bleu", "chrf", "chrf++", "rouge1", "rouge2", "rougeL")
FOREIGN = 0.01  # share of letters beyond a to z from which ROUGE is misled
RELIABLE, TENTATIVE = 0.8, 0.667  # Krippendorff's (2018) customary bars


def evaluate_texts(
    written: Sequence[str],
    references: Sequence[Any],
    measures: Sequence[str] = ("bleu", "chrf", "rouge1", "rouge2", "rougeL"),
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    cluster: Sequence | np.ndarray | None = None,
) -> Evaluation:
    """Compare texts with references, word by word and letter by letter.

    Parameters
    ----------
    written : sequence of str
        What is judged.
    references : sequence of str, or of sequences of str
        For each text the right one, or several.
    measures : sequence of {"bleu", "chrf", "chrf++", "rouge1", "rouge2", "rougeL"}
        BLEU and chrF are out of 100, ROUGE (its F, averaged over texts) is out of 1.
    level : float
        Of the intervals.
    draws : int
        Resamples.
    seed : int
        Of the resamples.
    cluster : sequence, optional
        What texts belong together, such as the document that a sentence is from; whole clusters are drawn.

    Examples
    --------
    >>> found = evaluate_texts(["prices rose by 2 %", "rates fell"], ["prices rose 2 %", "interest rates fell"])
    >>> found.table["value"].round(2).to_dict()
    {'bleu': 32.17, 'chrf': 62.37, 'rouge1': 0.83, 'rouge2': 0.53, 'rougeL': 0.83}
    """
    texts, several = paired(written, references)
    for measure in measures:
        one_of("measures", measure, OVERLAPS)
    asked(draws, seed, level)
    counts = {name: _counts(name, texts, several) for name in measures}
    scores = lambda w: {name: _score(name, w, rows) for name, rows in counts.items()}
    drawn = resampled(scores, len(texts), draws=draws, seed=seed, level=level, cluster=cluster)
    each = {name: _of_each(name, rows) for name, rows in counts.items()}
    return judged(
        f"{len(texts):,} texts beside their references.",
        scores(np.ones(len(texts))), drawn, _units(len(texts), cluster), level=level, seed=seed,
        facts=("BLEU and chrF are out of 100, ROUGE out of 1.",),
        parts={"Texts": pd.DataFrame({"written": texts, "reference": [own[0] for own in several], **each})},
        checks=_foreign(texts, several, measures),
    )  # fmt: skip


def evaluate_labels(
    y: Sequence | np.ndarray,
    prediction: Sequence | np.ndarray,
    probability: np.ndarray | None = None,
    classes: Sequence | None = None,
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    cluster: Sequence | np.ndarray | None = None,
) -> Evaluation:
    """Compare labels with the truth, and the probabilities given to them with how often they are right.

    Parameters
    ----------
    y : array, shape (n,), or (n, K) of zeros and ones
        The truth; with K columns a text may have several labels, or none.
    prediction : array of the same shape
    probability : array, shape (n, K), optional
        Of each class, for one label per text; adds log loss, Brier score and expected calibration error (ECE).
    classes : sequence of K labels, optional
        What the columns are; by default the labels that occur, in order.
    level, draws, seed, cluster
        As in `evaluate_texts`.

    Examples
    --------
    >>> p = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]] * 10)
    >>> found = evaluate_labels(["no", "no", "yes", "no"] * 10, ["no", "no", "yes", "yes"] * 10, p)
    >>> found.table["value"].round(3).to_dict()
    {'accuracy': 0.75, 'F1 macro': 0.733, 'F1 micro': 0.75, 'log loss': 0.511, 'Brier': 0.175, 'ECE': 0.35}
    """
    truth, given = np.asarray(y), np.asarray(prediction)
    if truth.shape != given.shape or truth.ndim not in (1, 2) or not truth.size:
        raise ValueError(
            f"prediction has shape {given.shape}, but must have that of y, {truth.shape}, with a row or more; give one "
            "for each label."
        )
    asked(draws, seed, level)
    n, several = len(truth), truth.ndim == 2
    names = list(classes) if classes is not None else _classes(truth, given, probability)
    true, predicted = (_indicators(*pair, names) for pair in (("y", truth), ("prediction", given)))
    hit = (true == predicted).all(axis=1)
    p = None if probability is None else _probabilities(probability, n, names, several)
    confidence = None if p is None else p[np.arange(n), predicted.argmax(1)]

    def measures(w: np.ndarray) -> dict[str, Any]:
        found = {"accuracy": ratio(w @ hit.astype(float), w.sum(-1)), **f_scores(true, predicted, w)}
        if p is not None and confidence is not None:
            proper = classification_measures(true.argmax(1), predicted.argmax(1), p, np.arange(len(names)), weight=w)
            found |= {"log loss": proper["log_loss"], "Brier": proper["brier"]}
            found["ECE"] = calibration_error(hit, confidence, w)
        return found

    drawn = resampled(measures, n, draws=draws, seed=seed, level=level, cluster=cluster)
    parts, facts, checks = {"Labels": by_class(true, predicted, names)}, (), ()
    if confidence is not None:
        parts[RELIABILITY] = reliability(hit, confidence)
        by_chance = calibrated_by_chance(confidence, 400, np.random.default_rng(seed))
        facts, checks = _calibrated(calibration_error(hit, confidence, np.ones(n)), by_chance)
    return judged(
        f"Labels of {n:,} texts ({len(names)} different ones{', several per text' if several else ''}).",
        measures(np.ones(n)), drawn, _units(n, cluster), level=level, seed=seed, facts=facts, parts=parts,
        checks=checks,
    )  # fmt: skip


def evaluate_raters(
    ratings: Any,
    scale: str = "nominal",
    *,
    level: float = 0.95,
    draws: int = 1000,
    seed: int = 0,
    cluster: Sequence | np.ndarray | None = None,
) -> Evaluation:
    """Say how far raters (people, models, or the same model asked again) agree beyond chance.

    Parameters
    ----------
    ratings : DataFrame or array, shape (units, raters)
        A row per text; None or NaN where a rater did not rate it.
    scale : {"nominal", "ordinal", "interval", "ratio"}
        Of the values, for Krippendorff's alpha.
    level, draws, seed, cluster
        As in `evaluate_texts`; units with fewer than two ratings are left out, in `cluster` too.

    Examples
    --------
    >>> found = evaluate_raters([["a", "a"], ["b", "b"], ["a", "b"], ["b", "b"]] * 10)
    >>> found.table["value"].round(3).to_dict()
    {'alpha': 0.473, 'observed agreement': 0.75, "Cohen's kappa": 0.5, "Fleiss' kappa": 0.467}
    """
    one_of("scale", scale, SCALES)
    asked(draws, seed, level)
    codes, values = coded(ratings, scale != "nominal")
    krippendorff_alpha(ratings, scale)  # refuses what it cannot judge
    kept = (codes >= 0).sum(1) > 1
    numbers = np.arange(float(len(values))) if scale == "nominal" else values.astype(float)
    rated = np.where(codes >= 0, numbers[codes], np.nan)[kept]
    statistics: dict[str, Any] = {"alpha": partial(krippendorff_alpha, scale=scale)}
    statistics["observed agreement"] = observed_agreement
    if rated.shape[1] == 2:
        statistics["Cohen's kappa"] = lambda rows: cohen_kappa(*rows.T)
    if len(set(counted(rated)[0].sum(1))) == 1:
        statistics["Fleiss' kappa"] = fleiss_kappa
    units = len(rated)
    if cluster is not None:
        as_many("cluster", cluster, len(codes), of="unit")
    blocks = None if cluster is None else np.asarray(cluster)[kept]
    all_of = lambda rows: np.array([statistic(rows) for statistic in statistics.values()])
    drawn = pd.DataFrame(pairs(all_of, rated, draws=draws, seed=seed, cluster=blocks), columns=list(statistics))
    found = dict(zip(statistics, all_of(rated), strict=True))
    left = f" Units with fewer than two ratings are left out: {len(codes) - units:,}." if units < len(codes) else ""
    return judged(
        f"{codes.shape[1]} raters of {units:,} units, on a scale that is {scale}.",
        found, drawn, _units(units, blocks), level=level, seed=seed, facts=(f"1 is agreement, 0 is chance.{left}",),
        parts={"Values": pd.DataFrame({"value": [str(v) for v in values], "times": counted(ratings)[0].sum(0)})},
        checks=(_reliable(found["alpha"]),),
    )  # fmt: skip


# ------------------------------------------------------------------------------------------------------- of texts


def _counts(name: str, texts: list[str], several: list[list[str]]) -> np.ndarray:
    if name == "bleu":
        return bleu_counts(texts, several)
    if name.startswith("chrf"):
        return chrf_counts(texts, several, words=2 if name == "chrf++" else 0)
    return rouge(texts, several, name)[:, 2]


def _score(name: str, w: np.ndarray, rows: np.ndarray) -> Any:
    if name.startswith("rouge"):
        return ratio(w @ rows, w.sum(-1))
    return (bleu_of if name == "bleu" else chrf_of)(w @ rows)


def _of_each(name: str, rows: np.ndarray) -> np.ndarray:
    if name.startswith("rouge"):
        return rows
    return bleu_of(rows, effective=True) if name == "bleu" else chrf_of(rows)


def _foreign(texts: list[str], several: list[list[str]], measures: Sequence[str]) -> tuple[Check, ...]:
    """Whether ROUGE, which reads a to z, and BLEU, which needs spaces between words, see these texts at all."""
    letters = [sign for text in (*texts, *(one for own in several for one in own)) for sign in text if sign.isalpha()]
    share = sum(not sign.isascii() for sign in letters) / max(len(letters), 1)
    if share <= FOREIGN or not any(name.startswith("rouge") for name in measures):
        return ()
    sentence = (
        f"{share:.0%} of the letters are none of a to z, at which ROUGE cuts words, as its reference package does; "
        "quote chrF instead."
    )
    return (Check("letters", False, sentence, share, FOREIGN),)


# ------------------------------------------------------------------------------------------------------ of labels


def _classes(truth: np.ndarray, given: np.ndarray, probability: Any) -> list[Any]:
    if truth.ndim == 2:
        return list(range(truth.shape[1]))
    names = sorted({*truth.tolist(), *given.tolist()}, key=lambda name: (str(type(name)), name))
    columns = None if probability is None else np.shape(probability)[-1]
    if columns not in (None, len(names)):
        raise ValueError(
            f"probability has {columns} columns, but {len(names)} labels occur; say in classes what the columns are."
        )
    return names


def _indicators(argument: str, labels: np.ndarray, names: list[Any]) -> np.ndarray:
    """Which of the classes each text has, (n, K)."""
    if labels.ndim == 2:
        if labels.shape[1] != len(names) or not np.isin(labels, (0, 1)).all():
            raise ValueError(
                f"{argument} holds other values than 0 and 1, or not a column for each of {len(names)} classes; give "
                "one column per label, 1 where a text has it."
            )
        return labels.astype(bool)
    place = {name: k for k, name in enumerate(names)}
    strangers = sorted({str(label) for label in labels.tolist() if label not in place})
    if strangers:
        raise ValueError(
            f"{argument} holds {', '.join(strangers[:3])}, but must hold some of the classes, "
            f"{', '.join(map(str, names))}; name all of them in classes."
        )
    return np.eye(len(names), dtype=bool)[[place[label] for label in labels.tolist()]]


def _probabilities(probability: Any, n: int, names: list[Any], several: bool) -> np.ndarray:
    p = np.asarray(probability, float)
    if several or p.shape != (n, len(names)):
        raise ValueError(
            f"probability has shape {p.shape}, but must have a row for each of {n} texts with one label each and a "
            f"column for each of {len(names)} classes; give such a table."
        )
    if not (np.isfinite(p).all() and (p >= 0).all() and np.allclose(p.sum(1), 1, atol=1e-4)):
        raise ValueError("probability: rows must hold numbers of at least 0 that sum to 1, but some do not; divide.")
    return np.minimum(p, 1)


def _calibrated(error: float, by_chance: np.ndarray) -> tuple[tuple[str, ...], tuple[Check, ...]]:
    most = float(np.quantile(by_chance, 0.95))
    fact = f"Were every probability right, the calibration error would be {by_chance.mean():.3f} on average."
    sentence = (
        f"The calibration error is {error:.3f}, above {most:.3f}, which right probabilities reach in one sample of 20; "
        "do not take these probabilities at their word, calibrate them on labels set aside."
    )
    return (fact,), (Check("calibrated", bool(error <= most), sentence, float(error), most),)


# ------------------------------------------------------------------------------------------------------ of raters


def _reliable(alpha: float) -> Check:
    if np.isnan(alpha):
        return Check("reliable", None, "All ratings are one value, so that agreement cannot be told from chance.")
    use = "draw tentative conclusions only" if alpha >= TENTATIVE else "do not draw conclusions from these ratings"
    sentence = f"Alpha is {alpha:.3f}, below {RELIABLE}; {use}, and sharpen the instructions to the raters."
    return Check("reliable", bool(alpha >= RELIABLE), sentence, alpha, RELIABLE)


def _units(rows: int, cluster: Any) -> int:
    return rows if cluster is None else len(np.unique(np.asarray(cluster)))
