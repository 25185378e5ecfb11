"""Is the model worth it? A classifier of texts beside TF-IDF and a logistic regression, on the same folds and texts."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import RidgeCV
from sklearn.metrics import log_loss
from sklearn.pipeline import Pipeline

from ceteris.arguments import a_whole_number, one_of, probability, require, whole
from ceteris.learners.candidates import looks_like_classes
from ceteris.learners.classical import BASELINE
from ceteris.learners.classifier import softmax
from ceteris.learners.comparing import compare
from ceteris.learners.comparison import Comparison
from ceteris.learners.target import classes
from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful
from ceteris.text.classify.classifier import TextClassifier
from ceteris.text.classify.encoder import DEFAULT, reading_model
from ceteris.text.classify.heads import fit_head
from ceteris.text.classify.reading import read_texts
from ceteris.text.classify.regressor import TextRegressor
from ceteris.text.classify.targets import read_classes

if TYPE_CHECKING:
    import matplotlib.figure

WORDS, MODEL = "TF-IDF", "frozen model"


class FirstColumn(BaseEstimator):
    """Takes the texts out of a table of one column."""

    def fit(self, X: Any, y: Any = None) -> FirstColumn:
        """Return itself: there is nothing to learn."""
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> list[str]:
        """Return the texts as a list."""
        return X.iloc[:, 0].tolist()


class WordCounts(ClassifierMixin, BaseEstimator):
    """TF-IDF of words and pairs of words, and a logistic regression: what a model has to beat.

    It takes lists of texts, as `TextClassifier` does, and its penalty and heat are chosen in the same way.

    Parameters
    ----------
    random_state : int
        Draws the folds.

    Examples
    --------
    >>> WordCounts().fit(["rates rise", "they won"] * 5, [1, 0] * 5).predict(["a rise"]).tolist()
    [1]
    """

    def __init__(self, random_state: int = 0):
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> WordCounts:
        """Learn from labelled texts."""
        texts = read_texts("X", X)
        target, columns = read_classes(y, len(texts))
        self.words_ = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
        x: Any = self.words_.fit_transform(texts)
        codes = target.coded(columns)
        self.head_ = fit_head(x, None, codes, target, np.ones(codes.shape), self.random_state)
        self.classes_ = target.tasks[0].labels
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n, classes)."""
        x: Any = self.words_.transform(read_texts("X", X))
        return softmax(self.head_(x))

    def predict(self, X: Any) -> np.ndarray:
        """Return the most probable class of each text."""
        most: Any = self.predict_proba(X).argmax(1)
        return self.classes_[most]


def _words(task: str, seed: int) -> Any:
    if task == "classification":
        return WordCounts(seed)
    penalties: Any = np.logspace(-2, 2, 9)
    words = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2))
    return Pipeline([("words", words), ("model", RidgeCV(penalties))])


def compare_texts(
    texts: Any,
    y: Any,
    model: Any = DEFAULT,
    *,
    learners: Mapping[str, Any] | None = None,
    task: str = "auto",
    test_size: float = 0.2,
    folds: Any = "auto",
    cache: Any = None,
    seed: int = 0,
) -> Comparison:
    """Compare learners of texts: the model's vectors beside words alone, on the same folds; see `ceteris.compare`.

    Parameters
    ----------
    texts : list of str, or Series
    y : array-like of shape (n,)
        Labels or numbers.
    model : str, path or Pretrained
        See `TextClassifier`.
    learners : mapping of str to estimator, optional
        Others that take lists of texts, beside TF-IDF with a penalised regression and the frozen model, such as
        ``{"trained": TextClassifier(train="all")}``.
    task : {"auto", "classification", "regression"}
    test_size : float
        Share of the texts in the test part.
    folds : int or splitter
        See `ceteris.compare`.
    cache : path, optional
        A folder for vectors; by default a temporary one, so that each text is read once.
    seed : int

    Returns
    -------
    Comparison
        With the verdict on each learner against the best.

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> found = compare_texts(CORPUS * 6, ["a", "a", "b", "b", "a", "b"] * 6, tiny_model())
    >>> sorted(found.table.index)
    ['TF-IDF', 'baseline', 'frozen model']
    """
    texts = read_texts("texts", texts)
    one_of("task", task, ("auto", "classification", "regression"))
    if task == "auto":
        task = "classification" if looks_like_classes(y) else "regression"
    with tempfile.TemporaryDirectory() as folder:
        kept = folder if cache is None else cache
        kind = TextClassifier if task == "classification" else TextRegressor
        constant = DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()
        own = kind(reading_model(model), cache=kept, random_state=seed)
        taking_part = {WORDS: _words(task, seed), MODEL: own, **dict(learners or {})}
        piped = {name: Pipeline([("texts", FirstColumn()), ("model", one)]) for name, one in taking_part.items()}
        frame = pd.DataFrame({"text": texts})
        found = compare(
            frame, y, task=task, learners={BASELINE: constant, **piped}, test_size=test_size, cv=folds, seed=seed
        )
        for fitted in found.fitted.values():
            last: Any = fitted[-1] if isinstance(fitted, Pipeline) else fitted
            if getattr(last, "cache", None) == folder:
                last.cache = None  # a folder that is gone
    return found


# ---------------------------------------------------------------------------------------------------- how many labels


@dataclass(frozen=True, eq=False, repr=False)
class LearningCurve(AbstractResult):
    """How good learners of texts are with so many labels.

    Attributes
    ----------
    runs : DataFrame
        Columns learner, labels, draw, accuracy and log_loss; each draw is another sample of the labelled texts.
    tested : int
        Texts that judged each.
    classes : int
    """

    runs: pd.DataFrame
    tested: int
    classes: int

    def table(self) -> pd.DataFrame:
        """Return the mean accuracy over the draws, its standard error between draws, and the mean log loss."""
        grouped: Any = self.runs.groupby(["labels", "learner"])
        found = grouped[["accuracy", "log_loss"]].mean()
        found.insert(1, "se", grouped["accuracy"].sem())
        return found.reset_index()

    def summary(self) -> str:
        """Return one screen: accuracy by learner and number of labels."""
        means = self.runs.pivot_table(index="labels", columns="learner", values="accuracy").round(3)
        draws = self.runs["draw"].nunique()
        facts = [
            f"Accuracy at {self.tested:,} other texts of {self.classes} classes, mean of {draws} draws of the labels."
        ]
        return screenful("Learning curve", facts, means.reset_index(), self.checks)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether more labels would still help."""
        grouped: Any = self.runs.groupby(["labels", "learner"])
        means = grouped["accuracy"].mean().unstack()
        if len(means) < 2:
            return ()
        gains = (means.iloc[-1] - means.iloc[-2]).rename("gain")
        best = str(means.iloc[-1].idxmax())
        said = (
            f"{best} is best with {means.index[-1]} labels; from {means.index[-2]} on it gained {gains[best]:+.1%}, so "
            + ("that more labels would still help." if gains[best] > 0.01 else "that more labels would hardly help.")
        )
        return (Check("enough labels", None, said, float(gains[best])),)

    def sections(self) -> tuple[Section, ...]:
        """Return the curve as a part of a report."""
        figure = Figure(
            "Learning curve", "Accuracy by number of labels; bars are standard errors.", self.table(), _draw
        )
        return (
            Section(
                "Learning curve", self.summary().split("\n")[1], (Table("Runs", self.table()),), (figure,), self.checks
            ),
        )


def learning_curve(
    texts: Any,
    labels: Any,
    model: Any = DEFAULT,
    *,
    sizes: Sequence[int] = (50, 100, 200, 500),
    learners: Mapping[str, Any] | None = None,
    draws: int = 3,
    test_size: float = 0.3,
    cache: Any = None,
    seed: int = 0,
) -> LearningCurve:
    """Return how accuracy grows with the number of labels: whether to label more, and whether the model pays.

    Parameters
    ----------
    texts : list of str, or Series
    labels : array-like of shape (n,)
    model : str, path or Pretrained
        See `TextClassifier`.
    sizes : sequence of int
        Numbers of labels to learn from; those that are more than there are, are left out.
    learners : mapping of str to estimator, optional
        Others beside TF-IDF with logistic regression and the frozen model.
    draws : int
        Samples of labelled texts for each number.
    test_size : float
        Share of the texts that judge; the same for all.
    cache : path, optional
        A folder for vectors; by default a temporary one.
    seed : int

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> labels = ["a", "a", "b", "b", "a", "b"] * 12
    >>> curve = learning_curve(CORPUS * 12, labels, tiny_model(), sizes=(12, 40), draws=1)
    >>> curve.table()["labels"].tolist()
    [12, 12, 40, 40]
    """
    texts = read_texts("texts", texts)
    y = classes(labels, len(texts))
    probability("test_size", test_size, 0.3)
    whole("draws", draws)
    for size in sizes:
        require("sizes", size, a_whole_number(2), "give numbers of labels, such as (50, 200)")
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(texts))
    test, rest = np.split(order, [round(test_size * len(texts))])
    sizes = [size for size in sizes if size <= len(rest)]
    if not sizes:
        raise ValueError(f"sizes: none is at most {len(rest)}, the labels there are to learn from; give smaller ones.")
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        own = TextClassifier(reading_model(model), cache=folder if cache is None else cache, random_state=seed)
        taking_part = {WORDS: WordCounts(seed), MODEL: own, **dict(learners or {})}
        for draw in range(draws):
            rest = rng.permutation(rest)
            for size in sizes:
                for name, learner in taking_part.items():
                    fitted = _fitted(learner, texts, y, rest[:size])
                    rows.append((name, size, draw, *judged(fitted, [texts[i] for i in test], y[test])))
    columns = pd.Index(["learner", "labels", "draw", "accuracy", "log_loss"])
    return LearningCurve(pd.DataFrame(rows, columns=columns), len(test), len(np.unique(y)))


def _fitted(learner: Any, texts: list[str], y: np.ndarray, rows: np.ndarray) -> Any:
    fresh: Any = clone(learner)
    return fresh.fit([texts[i] for i in rows], y[rows])


def judged(learner: Any, texts: list[str], y: np.ndarray) -> tuple[float, float]:
    """Accuracy, and log loss with a class that was not learnt at next to no probability."""
    p, known = learner.predict_proba(texts), list(learner.classes_)
    everything = sorted({*known, *y.tolist()})
    wide = np.full((len(y), len(everything)), 1e-6)
    wide[:, [everything.index(label) for label in known]] = np.maximum(p, 1e-6)
    wide /= wide.sum(1, keepdims=True)
    chosen = np.asarray(known)[p.argmax(1)]
    return float((chosen == y).mean()), float(log_loss(y, wide, labels=everything))


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name, own in data.groupby("learner"):
        axes.errorbar(own["labels"], own["accuracy"], own["se"].fillna(0), marker="o", capsize=2, label=str(name))
    axes.set(xlabel="labels", ylabel="accuracy", xscale="log")
    axes.legend()
