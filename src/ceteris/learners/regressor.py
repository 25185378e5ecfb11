"""A deep ensemble for the conditional mean, or median, of a target."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ceteris.arguments import choose, one_of, probability
from ceteris.learners import families, network, target
from ceteris.learners.base import NeuralLearner
from ceteris.learners.families import FAMILIES
from ceteris.nets import Huber, Tweedie, absolute, identity, squared

LOSSES = {"squared": squared, "absolute": absolute, "huber": Huber(1.0)}
GRID = np.linspace(0, 1, 1001)  # levels at which the errors on rows set aside are kept


@dataclass(eq=False, repr=False)
class NeuralRegressor(RegressorMixin, NeuralLearner):
    """A few small nets, each a linear map plus a perceptron, averaged.

    The nets start from different weights and set different rows aside, by which each stops. Inputs and targets are
    standardised inside; the perceptron also sees between which knots each number lies, so that it learns thresholds as
    well as slopes. Values may be missing. On the rows set aside nets must do better than a linear answer (a ridge
    regression, a lasso on wide tables), else it takes their place. All tables of a size class, such as those of 424 to
    512 rows, share one compiled program.

    Parameters
    ----------
    loss : {"squared", "absolute", "huber", "gaussian", "poisson", "negative binomial", "gamma", "tweedie"}
        What is minimised: squared errors give the conditional mean, absolute errors the conditional median,
        Huber's loss (on the standardised target, linear beyond one standard deviation) a robust mean. The others are
        likelihoods of the distribution they are named after, and give its mean: "gaussian" has a mean and a variance
        for each row, "poisson" counts or amounts of at least zero, "negative binomial" counts with a mean and a
        dispersion for each row, "gamma" positive amounts, "tweedie" amounts of which many are zero. All but the first
        have the logarithm of the mean as output of the net. Counts over an exposure e are fitted as rates, y / e with
        e as ``sample_weight`` and "poisson", which is the same likelihood.
    power : float
        Of "tweedie" only: its variance is proportional to mean^power; between 1 and 2.
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
        From columns of numbers to -1, where predictions fall with them, or +1, where they rise: a guarantee, by how
        the net is built (see `ceteris.nets.Monotone`). Other columns are free, and so are variances and dispersions.
    unseen : {"error", "ignore"}
        What to do with a label, or with a hole in a column, that was not there in training: raise, or let it count as
        none of those known.
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
    copies_ : list of str
        Columns that are the target itself.
    weight_decays_ : array
        The decays that were kept.
    n_members_ : int
        Nets that were kept: ``members`` for each of these decays, and as many linear answers where they are kept.
    late_fall_ : float
        Share of the fall in held-out loss that came in the second half of the epochs.
    noise_ : array, shape (outputs,)
        Standard deviation of what the nets do not explain, from rows set aside; not with a likelihood.
    scores_ : array, shape (1001, outputs)
        Quantiles of (y - prediction) / standard deviation on rows set aside; not with a likelihood.
    dispersion_ : float
        Factor of the variance that the distribution implies, from rows set aside; at least 1 of counts.
    status_ : str
        How the training ended, in words, and whether the linear answer was taken.

    References
    ----------
    Lakshminarayanan, B., Pritzel, A. and Blundell, C. (2017). Simple and scalable predictive uncertainty
    estimation using deep ensembles. NeurIPS 30. Gorishniy, Y., Rubachev, I. and Babenko, A. (2022). On embeddings for
    numerical features in tabular deep learning. NeurIPS 35.
    Loshchilov, I. and Hutter, F. (2019). Decoupled weight decay
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
    power: float = field(default=1.5, kw_only=True)
    units_: target.Units = field(init=False)
    noise_: np.ndarray = field(init=False)
    scores_: np.ndarray = field(init=False)
    dispersion_: float = field(init=False)
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
            the standard deviation over members, which grows away from the data, and noise is `noise_`, or what the
            distribution implies that the loss is named after.
        """
        means, variances = self._moments(self._outputs(X))
        mean = self._shaped(means.mean(0))
        return (mean, self._shaped(np.sqrt(means.var(0) + variances.mean(0)))) if return_std else mean

    def predict_quantiles(self, X: Any, levels: Any = (0.05, 0.5, 0.95)) -> np.ndarray:
        """Return quantiles of a new observation, shape (n, levels), or (n, outputs, levels).

        Where the loss is named after a distribution they are those of the mixture of the members'. Otherwise they are
        the prediction plus its standard deviation times the quantiles of (y - prediction) / std on rows set aside.

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
        levels : sequence of float
            Strictly between 0 and 1.
        """
        levels = np.array([probability("levels", level) for level in np.ravel(levels)], float)
        outputs = self._outputs(X)
        if self.loss in FAMILIES:
            mu, s = families.parameters(self.loss, outputs, self.units_)
            return families.mixture_quantiles(self.loss, mu, s, self.dispersion_, self.power, levels)
        means, variances = self._moments(outputs)
        std = np.sqrt(means.var(0) + variances.mean(0))
        scores = np.array([np.interp(levels, GRID, column) for column in self.scores_.T])
        found = means.mean(0)[..., None] + std[..., None] * scores
        return found[:, 0] if self.flat_ else found

    def predict_interval(self, X: Any, level: float = 0.9) -> np.ndarray:
        """Return the interval that holds a new observation with probability ``level``, shape (n, 2).

        Both tails have the same probability, as far as there are rows set aside to tell; of counts, which leave gaps,
        it may hold more. Of several outputs the shape is (n, outputs, 2).

        Examples
        --------
        >>> x = np.linspace(0, 1, 400)[:, None]
        >>> y = x[:, 0] + np.random.default_rng(0).normal(size=400)
        >>> learner = NeuralRegressor(members=2, weight_decay=1.0, random_state=0).fit(x, y)
        >>> low, high = learner.predict_interval(x, level=0.8).T
        >>> bool(0.7 < ((low < y) & (y < high)).mean() < 0.9)
        True
        """
        tail = (1 - probability("level", level)) / 2
        return self.predict_quantiles(X, (tail, 1 - tail))

    def _moments(self, outputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return each member's mean and variance, shape (members, n, outputs)."""
        if self.loss in FAMILIES:
            mu, s = families.parameters(self.loss, outputs, self.units_)
            variance = self.dispersion_ * FAMILIES[self.loss].variance(mu, s, self.power)
            return mu[..., None], variance[..., None]
        means = self.units_.mean + self.units_.scale * outputs
        return means, np.broadcast_to(self.noise_**2, means.shape)

    def _shaped(self, y: np.ndarray) -> np.ndarray:
        return y[:, 0] if self.flat_ else y

    def _read(self, y, rows):
        one_of("loss", self.loss, [*LOSSES, *FAMILIES])
        family = self.loss in FAMILIES
        self.flat_ = family or np.asarray(y).ndim == 1
        y = target.numbers(y, rows, several=not family)
        target.refuse_outside(y, self.loss)
        return y

    def _learn_target(self, y, w):
        self.units_ = target.units(y, w) if self.loss in (*LOSSES, "gaussian") else target.share_units(y, w, self.loss)
        return self._task(), y[:, 0]

    def _task(self):
        if self.loss not in FAMILIES:
            return network.Task(choose("loss", self.loss, LOSSES), identity, len(self.units_.mean))
        loss, outputs = FAMILIES[self.loss][:2]
        directions = (1, 0)[:outputs]  # the second one, how the target is spread, is free
        return network.Task(Tweedie(self.power) if self.loss == "tweedie" else loss, identity, outputs, directions)

    def _scaled(self, y):
        if self.loss == "negative binomial":  # in its own units; its mean is an exposure
            return np.column_stack([y, np.broadcast_to(self.units_.scale, y.shape)]).astype(np.float32)
        return ((y - self.units_.mean) / self.units_.scale).astype(np.float32)

    def _finish(self, trained, data, given):
        outputs, y, counts = network.judged(trained, self._task(), data, given)
        if self.loss in FAMILIES:
            mu, s = families.parameters(self.loss, np.asarray(outputs, float), self.units_)
            counted = self.loss == "negative binomial"  # which keeps its units
            y = y[:, 0] if counted else self.units_.mean[0] + self.units_.scale[0] * y[:, 0]
            self.dispersion_ = families.dispersion(self.loss, mu, s, y, counts, self.power)
            return
        left = noise(outputs, y, counts)
        self.noise_, self.scores_ = self.units_.scale * left, families.scores(outputs, y, counts, left, GRID)

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
