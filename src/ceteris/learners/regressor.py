"""A deep ensemble for the conditional mean, or median, of a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ceteris.learners import network, target
from ceteris.learners.base import NeuralLearner
from ceteris.nets import Huber, absolute, choose, identity, squared

LOSSES = {"squared": squared, "absolute": absolute, "huber": Huber(1.0)}


@dataclass(eq=False, repr=False)
class NeuralRegressor(RegressorMixin, NeuralLearner):
    """A few small nets, each a linear map plus a perceptron, averaged.

    The nets start from different weights and set different rows aside, by which each stops; they train side by
    side as one compiled program. Inputs and targets are standardised inside.

    Parameters
    ----------
    loss : {"squared", "absolute", "huber"}
        What is minimised: squared errors give the conditional mean, absolute errors the conditional median,
        Huber's loss (on the standardised target, linear beyond one standard deviation) a robust mean.
    widths : int or tuple of int
        Hidden layers of each perceptron.
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
        error of the lowest; by default 0.1, 1 and 3 are tried on tables of up to 5,000 rows, and 0.1 is taken on
        longer ones. Where nothing is set aside it is the first of those given, or 1.
    batch_size : int, optional
        Rows per update; by default a power of two that grows with the table.
    epochs : int, optional
        Passes over the table, at most; by default fewer for longer tables.
    patience : int
        Epochs without improvement on the rows set aside after which a net stops. Its best weights are kept.
    validation : float
        Share of rows each net sets aside. With 0 (and with fewer than 20 rows) nothing is set aside and every
        net takes all epochs.
    members : int
        Nets in the ensemble, for each weight decay.
    unseen : {"error", "ignore"}
        What to do with a label that was not there in training: raise, or let it count as none of those known.
    random_state : int, RandomState or None
        Decides everything random.
    progress : bool
        Whether to show progress.

    Attributes
    ----------
    history_ : DataFrame
        Loss by epoch and member, and the loss on the rows set aside where it was read.
    n_iter_ : int
        Epochs taken by the member that took the most.
    constant_columns_ : list of str
        Columns with one value only; they count for nothing.
    weight_decays_ : array
        The decays that were kept.
    n_members_ : int
        Nets that were kept: ``members`` for each of these decays.
    late_fall_ : float
        Share of the fall in held-out loss that came in the second half of the epochs.
    noise_ : array, shape (outputs,)
        Standard deviation of what the nets do not explain, from rows set aside.
    status_ : str
        How the training ended, in words.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty
    estimation using deep ensembles. NeurIPS 30. Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay
    regularization. ICLR.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.linspace(-2, 2, 200)[:, None]
    >>> y = np.sin(2 * x[:, 0])
    >>> learner = NeuralRegressor(random_state=0).fit(x, y)
    >>> bool(np.abs(learner.predict(x) - y).max() < 0.2)
    True
    """

    loss: str = "squared"
    units_: target.Units = field(init=False)
    noise_: np.ndarray = field(init=False)
    flat_: bool = field(init=False)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict.

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
        return_std : bool
            Whether to return the predictive standard deviation as well.

        Returns
        -------
        y : array, shape (n,), or (n, outputs) if the target had that shape
        std : array of the same shape, if asked for
            Standard deviation of a new observation around the prediction: √(spread² + noise²), where spread is
            the standard deviation over members, which grows away from the data, and noise is `noise_`.
        """
        outputs = self._outputs(X)
        y = self.units_.mean + self.units_.scale * outputs
        mean = self._shaped(y.mean(0))
        return (mean, self._shaped(np.sqrt(y.var(0) + self.noise_**2))) if return_std else mean

    def _shaped(self, y: np.ndarray) -> np.ndarray:
        return y[:, 0] if self.flat_ else y

    def _read(self, y, rows):
        self.flat_ = np.asarray(y).ndim == 1
        return target.numbers(y, rows, several=True)

    def _learn_target(self, y, w):
        self.units_ = target.units(y, w)
        return self._task(), y[:, 0]

    def _task(self):
        return network.Task(choose("loss", self.loss, LOSSES), identity, len(self.units_.mean))

    def _scaled(self, y):
        return ((y - self.units_.mean) / self.units_.scale).astype(np.float32)

    def _finish(self, trained, data, given):
        self.noise_ = self.units_.scale * noise(*network.judged(trained, self._task(), data, given))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def noise(outputs: np.ndarray, y: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the standard deviation of what the members leave unexplained on rows they did not learn from.

    Parameters
    ----------
    outputs : array, shape (members, n, outputs)
    y : array, shape (n, outputs)
    counts : array, shape (members, n)
        Weight with which a row judges a member.

    Returns
    -------
    array, shape (outputs,)
        √(mean squared error of a member - mean squared spread of the members), so that adding the spread back
        gives, on average, the error of a member.
    """
    share = (counts / counts.sum())[..., None]
    errors = (share * (outputs - y) ** 2).sum((0, 1))
    spread = (share.sum(0) * outputs.var(0)).sum(0)
    return np.sqrt(np.maximum(errors - spread, 0.0))
