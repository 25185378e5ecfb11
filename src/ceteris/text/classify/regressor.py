"""Numbers of texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score

from ceteris.results import Check, Figure
from ceteris.text.classify.base import TextLearner
from ceteris.text.classify.figures import scatter
from ceteris.text.classify.inputs import SingleTexts
from ceteris.text.classify.targets import TextTarget, read_numbers


@dataclass(eq=False, repr=False)
class TextRegressor(RegressorMixin, TextLearner):
    """Predict numbers from texts: ratings, prices, scores of tone; several at once on the same layers.

    Parameters
    ----------
    model : str, path or Pretrained
        What reads; see `TextClassifier`.
    train : {"head", "last", "all"}
        What is learnt; see `TextClassifier`.
    depth : int
        With "last": how many layers.
    words : bool
        Whether the words of a text (TF-IDF) stand beside its vector, as far as they help in cross-validation.
    length : int, optional
        Tokens that are read at once; by default 256, or fewer where the model reads fewer.
    long : {"chunk", "cut"}
        What becomes of longer texts; see `TextClassifier`.
    members : int
        Nets that are trained, each with other texts set aside, and averaged.
    rate : float, optional
        Highest learning rate of the layers.
    epochs : int
        Passes over the texts, at most.
    batch_size : int
        Texts, or pieces of long ones, per update.
    patience : int, optional
        Epochs without improvement on the texts set aside after which a net stops.
    validation : float
        Share of the texts that are set aside.
    cache : path, optional
        A folder where vectors are kept, see `ceteris.text.embed`.
    random_state : int or RandomState, optional
        Decides everything random.
    progress : bool
        Whether to show the progress of layers that are trained.

    Attributes
    ----------
    head_, history_, cut_
        As for `TextClassifier`.

    Examples
    --------
    >>> from ceteris.text.classify.examples import CORPUS, tiny_model
    >>> y = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    >>> regressor = TextRegressor(tiny_model(), random_state=0).fit(CORPUS * 4, y * 4)
    >>> [bool(number > 0.5) for number in regressor.predict(["prices rise", "the game of the club"])]
    [True, False]
    """

    _inputs: ClassVar[SingleTexts] = SingleTexts()

    def predict(self, X: Any) -> np.ndarray:
        """Return numbers, shape (n,), or (n, several) where several were learnt.

        Parameters
        ----------
        X : list of str, or Series
        """
        found = self._in_units(self._outputs(X))
        return found[:, 0] if found.shape[1] == 1 else found

    def _in_units(self, z: np.ndarray) -> np.ndarray:
        return np.stack([task.mean + task.scale * z[:, k] for k, task in enumerate(self.target_.tasks)], axis=1)

    def _read_target(self, y: Any, rows: int) -> tuple[TextTarget, list[np.ndarray]]:
        target, self.answers_ = read_numbers(y, rows)
        return target, self.answers_

    def accuracy(self) -> pd.DataFrame:
        """Return R² and mean absolute error at texts that it did not learn from; columns question, r2 and mae."""
        at, z = self._seen_from_outside()
        found = self._in_units(z)
        rows = []
        for k, (task, y) in enumerate(zip(self.target_.tasks, self.answers_, strict=True)):
            enough = len(at) > 1
            r2 = float(r2_score(y[at], found[:, k])) if enough else np.nan
            rows.append((task.name, r2, float(np.abs(y[at] - found[:, k]).mean()) if enough else np.nan))
        return pd.DataFrame(rows, columns=pd.Index(["question", "r2", "mae"]))

    def _quality(self) -> list[Check]:
        found = []
        rows: Any = self.accuracy().itertuples()
        for row in rows:
            if np.isnan(row.r2):
                found.append(Check("better than the mean", None, "No texts were set aside."))
                continue
            of = f" of {row.question}" if len(self.target_.tasks) > 1 else ""
            said = f"At texts it did not learn from, R²{of} is {row.r2:.3f}; the mean absolute error is {row.mae:.3g}."
            found.append(Check(f"better than the mean{of}", row.r2 > 0, said, row.r2, 0.0))
        return found

    def _asked(self) -> str:
        count = len(self.target_.tasks)
        return "a number" if count == 1 else f"{count} numbers"

    def _figures(self) -> tuple[Figure, ...]:
        at, z = self._seen_from_outside()
        if not len(at):
            return ()
        return (scatter(pd.Series(self.answers_[0][at]), pd.Series(self._in_units(z)[:, 0])),)
