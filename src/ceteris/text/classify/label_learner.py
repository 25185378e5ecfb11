"""What classifiers of texts and of pairs share: labels in, probabilities and labels out, how good they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import ClassifierMixin

from ceteris.learners.classifier import softmax
from ceteris.learners.target import class_weights
from ceteris.results import Check, Figure
from ceteris.text.classify.base import TextLearner
from ceteris.text.classify.figures import confusion
from ceteris.text.classify.targets import TextTarget, read_classes


@dataclass(eq=False, repr=False)
class LabelLearner(ClassifierMixin, TextLearner):
    """A learner of one class, of several labels, or of answers to several questions."""

    class_weight: Any = field(default=None, kw_only=True)
    classes_: Any = field(init=False)

    def predict_proba(self, X: Any) -> Any:
        """Return probabilities.

        Parameters
        ----------
        X : list of str, or Series

        Returns
        -------
        array, shape (n, classes), in the order of ``classes_``; with several labels (n, labels), of each to hold; with
        several questions a dict of the first kind by name.
        """
        return self._said([softmax(z) for z in self.target_.split(self._outputs(X))])

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each text, shape (n,); 0 or 1 for each label; a data frame of answers.

        Parameters
        ----------
        X : list of str, or Series
        """
        return self._chosen([softmax(z) for z in self.target_.split(self._outputs(X))])

    def _said(self, each: list[np.ndarray]) -> Any:
        if self.target_.kind == "classes":
            return each[0]
        if self.target_.kind == "labels":
            return np.stack([p[:, 1] for p in each], axis=1)
        return {task.name: p for task, p in zip(self.target_.tasks, each, strict=True)}

    def _chosen(self, each: list[np.ndarray]) -> Any:
        answers = [task.labels[p.argmax(1)] for task, p in zip(self.target_.tasks, each, strict=True)]
        if self.target_.kind == "classes":
            return answers[0]
        if self.target_.kind == "labels":
            return np.stack(answers, axis=1)
        return pd.DataFrame({task.name: answer for task, answer in zip(self.target_.tasks, answers, strict=True)})

    def _read_target(self, y: Any, rows: int) -> tuple[TextTarget, list[np.ndarray]]:
        target, self.answers_ = read_classes(y, rows)
        labels = [task.labels for task in target.tasks]
        self.classes_ = labels[0] if target.kind == "classes" else labels
        return target, self.answers_

    def _class_weights(self, column: np.ndarray) -> np.ndarray:
        return class_weights(self.class_weight, column)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts whose class is right, averaged over labels or questions.

        Parameters
        ----------
        X : list of str, or Series
        y : as in ``fit``
        sample_weight : array-like, optional
        """
        found = np.asarray(self.predict(X))
        right = found == np.asarray(y, found.dtype if found.dtype.kind != "U" else None)
        return float(np.average(right.reshape(len(right), -1).mean(1), weights=sample_weight))

    def accuracy(self) -> pd.DataFrame:
        """Return how good it is at texts that it did not learn from: the folds of the head, or those set aside.

        Columns: question, classes, accuracy, se (its standard error), largest (the share of the largest class) and
        log_loss.
        """
        at, z = self._seen_from_outside()
        rows = []
        for task, answers, own in zip(self.target_.tasks, self.answers_, self.target_.split(z), strict=True):
            y = task.coded(answers[at])
            p = softmax(own)
            right, n = own.argmax(1) == y, max(len(at), 1)
            share = right.mean() if len(at) else np.nan
            largest = np.bincount(task.coded(answers)).max() / self.texts_
            loss = -np.log(np.maximum(p[np.arange(len(at)), y], 1e-12)).mean() if len(at) else np.nan
            rows.append((task.name, len(task.labels), share, np.sqrt(share * (1 - share) / n), largest, loss))
        columns = pd.Index(["question", "classes", "accuracy", "se", "largest", "log_loss"])
        return pd.DataFrame(rows, columns=columns)

    def _quality(self) -> list[Check]:
        found = []
        rows: Any = self.accuracy().itertuples()
        for row in rows:
            of = "" if self.target_.kind == "classes" else f" of {row.question}"
            if np.isnan(row.accuracy):
                found.append(Check(f"better than the largest class{of}", None, "No texts were set aside."))
                continue
            said = (
                f"Of texts it did not learn from, {row.accuracy:.1%}{of} are right (standard error {row.se:.1%}); the "
                f"largest class alone would give {row.largest:.1%}."
            )
            good = bool(row.accuracy > row.largest + 2 * row.se)
            found.append(Check(f"better than the largest class{of}", good, said, row.accuracy, row.largest))
        return found

    def _asked(self) -> str:
        if self.target_.kind == "classes":
            return f"{len(self.classes_)} classes"
        return f"{len(self.classes_)} {'labels' if self.target_.kind == 'labels' else 'questions'}"

    def _figures(self) -> tuple[Figure, ...]:
        at, z = self._seen_from_outside()
        if not len(at):
            return ()
        own, task = self.target_.split(z)[0], self.target_.tasks[0]
        return (confusion(pd.Series(self.answers_[0][at]), pd.Series(task.labels[own.argmax(1)])),)
