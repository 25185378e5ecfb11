"""A deep ensemble for conditional quantiles, and value at risk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin

from ceteris.learners import network, target
from ceteris.learners.base import NeuralLearner
from ceteris.learners.families import weighted_quantiles
from ceteris.nets import Pinball, ascending, quantiles


@dataclass(eq=False, repr=False)
class NeuralQuantileRegressor(RegressorMixin, NeuralLearner):
    """Several conditional quantiles at once, which cannot cross.

    Each net gives the lowest quantile and positive distances from one quantile to the next, trained on the
    pinball loss averaged over levels; the ensemble's quantiles are the average of its members', moved so that below
    each lies the share of the rows set aside that its level says (conformalised quantile regression): nets that learn
    from few rows think that they know the tails better than they do. On the rows set aside nets must do better than a
    line moved to each level, else it takes their place.

    Parameters
    ----------
    levels : tuple of float
        Levels strictly between 0 and 1, ascending.
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
        From columns of numbers to -1, where all quantiles fall with them, or +1, where they rise: a guarantee, by how
        the net is built (see `ceteris.nets.Monotone`). Other columns are free.
    unseen : {"error", "ignore"}
        What to do with a label, or with a hole in a column, that was not there in training: raise, or let it count as
        none of those known.
    random_state : int, RandomState or None
        Decides everything random.
    progress : bool
        Whether to show progress.

    Attributes
    ----------
    history_, n_iter_, constant_columns_, copies_, weight_decays_, n_members_, late_fall_, status_
        As for `NeuralRegressor`.
    moves_ : array, shape (levels,)
        By how much the quantiles were moved, in distances between the lowest and the highest of them (in standard
        deviations of y with one level, or under a monotone constraint); zero where no rows were set aside.

    References
    ----------
    Romano, Y., Patterson, E. and Candès, E. (2019). Conformalized quantile regression. NeurIPS 32.
    Koenker, R. and Bassett, G. (1978). Regression quantiles. Econometrica 46.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> x = rng.uniform(1, 2, (1_000, 1))
    >>> y = x[:, 0] * rng.uniform(size=1_000)  # the quantile at level τ is τ x
    >>> learner = NeuralQuantileRegressor(levels=(0.1, 0.9), members=2, weight_decay=1.0, random_state=0).fit(x, y)
    >>> bool(np.abs(learner.predict_quantiles([[1.5]]) - [0.15, 1.35]).max() < 0.1)
    True
    """

    levels: Any = (0.05, 0.5, 0.95)
    units_: target.Units = field(init=False)
    moves_: np.ndarray = field(init=False)

    def predict(self, X: Any) -> np.ndarray:
        """Predict the median, shape (n,): the level nearest to 1/2 (exactly it where 0.5 is among the levels)."""
        return self.predict_quantiles(X)[:, np.argmin(np.abs(np.asarray(self.levels) - 0.5))]

    def predict_quantiles(self, X: Any) -> np.ndarray:
        """Predict all quantiles, shape (n, levels), non-decreasing along each row."""
        found = self._outputs(X).mean(0)
        found = np.sort(found + self._width(found) * self.moves_, axis=1)
        return self.units_.mean + self.units_.scale * found

    def value_at_risk(self, X: Any, level: float) -> np.ndarray:
        """Return the loss that is exceeded with probability ``level``, shape (n,).

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
        level : float
            One of ``levels``, such as 0.05; y is a gain, so that value at risk is minus its quantile.
        """
        levels = [float(known) for known in self.levels]
        if level not in levels:
            raise ValueError(
                f"value_at_risk: level is {level!r}, but this learner knows {', '.join(map(str, levels))}; give one of "
                "these, or fit with it among levels."
            )
        return -self.predict_quantiles(X)[:, levels.index(level)]

    def _read(self, y, rows):
        return target.numbers(y, rows, several=False)

    def _learn_target(self, y, w):
        self.units_ = target.units(y, w)
        return self._task(), y[:, 0]

    def _task(self):
        loss = Pinball(self.levels)
        return network.Task(loss, ascending if self.monotone else quantiles, len(loss.levels))

    def _scaled(self, y):
        return ((y - self.units_.mean) / self.units_.scale).astype(np.float32)

    def _width(self, found: np.ndarray) -> np.ndarray:
        """Return what moves are told in, shape (..., 1): the same everywhere where quantiles must stay monotone."""
        if self.monotone or found.shape[-1] == 1:
            return np.ones_like(found[..., :1])
        return found[..., -1:] - found[..., :1]

    def _finish(self, trained, data, given):
        """Move every level to where the rows set aside say; a row is predicted by nets that did not learn from it."""
        self.moves_ = np.zeros(len(self._task().loss.levels))
        if given is None and trained.rows.heldout is None:
            return
        outputs, y, counts = network.judged(trained, self._task(), data, given)
        share = counts / np.maximum(counts.sum(0), 1e-300)
        found = (share[..., None] * outputs).sum(0)
        surprise = (y.reshape(len(y), 1) - found) / np.maximum(self._width(found), 1e-9)
        levels = np.array(self._task().loss.levels)
        self.moves_ = np.array([
            weighted_quantiles(z, counts.max(0), level) for z, level in zip(surprise.T, levels, strict=True)
        ])  # fmt: skip

    def _check_loaded(self):
        super()._check_loaded()
        if self.moves_.shape != (len(self._task().loss.levels),) or not np.isfinite(self.moves_).all():
            raise ValueError("its levels and their moves do not fit together")
