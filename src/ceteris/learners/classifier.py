"""A deep ensemble for class probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from ceteris.learners import network, target
from ceteris.learners.base import NeuralLearner
from ceteris.nets import categorical_cross_entropy, identity


@dataclass(eq=False, repr=False)
class NeuralClassifier(ClassifierMixin, NeuralLearner):
    """A few small nets, each a linear map plus a perceptron; their probabilities are averaged.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        Weight of each class in the loss; "balanced" gives all classes the same total weight.
    widths, activation, normalise, dropout, optimiser, rate, weight_decay, batch_size, epochs, patience, \
validation, members, unseen, random_state, progress
        As for `NeuralRegressor`.

    Attributes
    ----------
    classes_ : array, shape (classes,)
        The labels, in order.
    history_, n_iter_, constant_columns_, weight_decays_, n_members_, late_fall_, status_
        As for `NeuralRegressor`.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty
    estimation using deep ensembles. NeurIPS 30.

    Examples
    --------
    >>> from ceteris.data import load_table
    >>> X, y = load_table("iris")
    >>> learner = NeuralClassifier(random_state=0).fit(X, y)
    >>> learner.predict_proba(X[:1]).round(1)
    array([[1., 0., 0.]])
    """

    class_weight: Any = None
    classes_: np.ndarray = field(init=False)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the most probable class, shape (n,)."""
        most = self.predict_proba(X).argmax(1)
        return self.classes_[most]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n, classes), in the order of ``classes_``."""
        logits = self._outputs(X)
        return softmax(logits).mean(0)

    def _read(self, y, rows):
        return target.classes(y, rows)

    def _learn_target(self, y, w):
        self.classes_, labels = np.unique(y, return_inverse=True)
        target.refuse_one_class(self.classes_)
        return self._task(), labels

    def _task(self):
        return network.Task(categorical_cross_entropy, identity, len(self.classes_))

    def _scaled(self, y):
        position = {label: k for k, label in enumerate(self.classes_.tolist())}
        fresh = sorted({str(label) for label in y.tolist() if label not in position})
        if fresh:
            raise ValueError(
                f"validation_data: the class {fresh[0]!r} is not among the training rows; drop these rows."
            )
        return np.array([position[label] for label in y.tolist()], np.int32)

    def _loss_weights(self, y, w):
        return w * target.class_weights(self.class_weight, y)


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities that sum to one over the last axis, in double precision."""
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)
