"""A deep ensemble for class probabilities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.metaestimators import available_if

from ceteris.arguments import one_of
from ceteris.learners import network, target
from ceteris.learners.base import NeuralLearner
from ceteris.nets import SmoothedCrossEntropy, categorical_cross_entropy, hinge, identity

LOSSES = ("log", "hinge")


def _gives_probabilities(learner: Any) -> bool:
    if learner.loss == "hinge":
        raise AttributeError(
            "NeuralClassifier: loss is 'hinge', but must be 'log' for predict_proba; take decision_function, or fit "
            "with loss='log'."
        )
    return True


@dataclass(eq=False, repr=False)
class NeuralClassifier(ClassifierMixin, NeuralLearner):
    """A few small nets, each a linear map plus a perceptron; their probabilities are averaged.

    Parameters
    ----------
    class_weight : None, "balanced" or dict
        Weight of each class in the loss; "balanced" gives all classes the same total weight.
    loss : {"log", "hinge"}
        What is minimised: the cross-entropy, which gives probabilities, or the hinge loss of Crammer and Singer, which
        gives scores whose order is all that they say (``decision_function``, no ``predict_proba``).
    label_smoothing : float
        Share of each label that is spread evenly over all classes in the cross-entropy; it draws probabilities
        towards each other, so that few wrong labels cost less.
    widths : int or tuple of int
        Hidden layers of each perceptron.
    knots : int
        Into how many steps, at most, the values of each column of numbers are cut: the perceptron sees how far a
        number has come in each. There are fewer on short and on wide tables; with 0 there are none.
    activation : str
        See `ceteris.nets.ACTIVATIONS`.
    normalise : {None, "batch", "layer", "group", "rms"}
        Normalisation of the hidden layers.
    dropout : float
        Share of the hidden activations dropped in training.
    optimiser : str
        See `ceteris.recipe.optimiser`.
    rate : float, optional
        Highest learning rate; it falls along a half cosine. The default depends on the optimiser.
    weight_decay : float or tuple of float, optional
        Decoupled decay, per unit of learning rate, of the weight matrices ("adamw" and "muon" only). With several
        there is an ensemble for each, and those are kept whose loss on the rows set aside is within one standard
        error of the lowest; by default 0.1 and 2 are tried on tables of up to 20,000 rows or so, and 0.1 is taken on
        longer ones. Where nothing is set aside it is the first of those given, or 2.
    batch_size : int, optional
        Rows per update; by default a power of two that grows with the table.
    epochs : int, optional
        Passes over the table, at most; by default fewer for longer tables. Of a table that is not the shortest of its
        size class a pass may leave out up to a quarter of the rows, others each time.
    patience : int, optional
        Epochs without improvement on the rows set aside after which a net stops, by default a third of them. Its best
        weights are kept.
    validation : float, optional
        Share of rows each net sets aside, by default 0.2, and 0.1 on long tables. With 0 (and with fewer than 20
        rows) nothing is set aside and every net takes all epochs.
    members : int, optional
        Nets in the ensemble, for each weight decay; by default 3, and 2 on tables of more than 20,000 rows or so.
    monotone : mapping, optional
        From columns of numbers to -1, where the log odds of the second of two classes fall with them, or +1, where
        they rise: a guarantee, by how the net is built (see `ceteris.nets.Monotone`). Other columns are free.
    unseen : {"error", "ignore"}
        What to do with a label, or with a hole in a column, that was not there in training: raise, or let it count as
        none of those known.
    random_state : int, RandomState or None
        Decides everything random.
    progress : bool
        Whether to show progress.

    Attributes
    ----------
    classes_ : array, shape (classes,)
        The labels, in order.
    history_, n_iter_, constant_columns_, copies_, weight_decays_, n_members_, late_fall_, status_
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
    loss: str = field(default="log", kw_only=True)
    label_smoothing: float = field(default=0.0, kw_only=True)
    classes_: np.ndarray = field(init=False)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the class of the highest probability or score, shape (n,)."""
        most = self._scores(X).argmax(1)
        return self.classes_[most]

    def decision_function(self, X: Any) -> np.ndarray:
        """Return what decides: of two classes the score of the second minus that of the first, shape (n,).

        Of more classes it is the score of each, shape (n, classes). Scores are logarithms of probabilities, or with
        the hinge loss the mean outputs of the nets.
        """
        scores = self._scores(X)
        return scores[:, 1] - scores[:, 0] if len(self.classes_) == 2 else scores

    @available_if(_gives_probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each class, shape (n, classes), in the order of ``classes_``."""
        logits = self._outputs(X)
        return softmax(logits).mean(0)

    def _scores(self, X: Any) -> np.ndarray:
        if self.loss == "hinge":
            return self._outputs(X).mean(0)
        return np.log(np.maximum(self.predict_proba(X), np.finfo(float).tiny))

    def _read(self, y, rows):
        return target.classes(y, rows)

    def _learn_target(self, y, w):
        self.classes_, labels = np.unique(y, return_inverse=True)
        target.refuse_one_class(self.classes_)
        _check(self)
        return self._task(), labels

    def _task(self):
        smoothed = SmoothedCrossEntropy(self.label_smoothing) if self.label_smoothing else categorical_cross_entropy
        chosen = hinge if self.loss == "hinge" else smoothed
        return network.Task(chosen, identity, len(self.classes_), (-1, 1) if self.monotone else ())

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


def _check(learner: NeuralClassifier) -> None:
    """Raise on settings that do not go together, or with so many classes."""
    one_of("NeuralClassifier: loss", learner.loss, LOSSES)
    if learner.loss == "hinge" and learner.label_smoothing:
        raise ValueError(
            f"NeuralClassifier: label_smoothing is {learner.label_smoothing}, but must be 0 with loss='hinge'; take "
            "loss='log'."
        )
    if learner.monotone and len(learner.classes_) > 2:
        raise ValueError(
            f"monotone: y has {len(learner.classes_)} classes, but must have 2, whose odds rise or fall; leave it out, "
            "or fit one class against the rest."
        )


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities that sum to one over the last axis, in double precision."""
    odds = np.exp(logits - logits.max(-1, keepdims=True))
    return odds / odds.sum(-1, keepdims=True)
