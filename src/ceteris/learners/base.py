"""What the neural learners share: from a checked table to a trained ensemble."""

from __future__ import annotations

import abc
import copy
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.engine import Fit, Status
from ceteris.fitted import AbstractFitted
from ceteris.learners import network, settings, target
from ceteris.results import Check, Section
from ceteris.tables import coding, inputs
from ceteris.training import history


# a dataclass, so that a learner is its settings: scikit-learn reads them off the __init__ that this writes
@dataclass(kw_only=True, eq=False, repr=False)
class NeuralLearner(AbstractFitted):
    """An ensemble of nets on a table. A learner adds its parameters, how it reads y, and how it predicts."""

    widths: Any = (64, 64)
    knots: int = 24
    activation: Any = "swish"
    normalise: str | None = None
    dropout: float = 0.1
    optimiser: str = "adamw"
    rate: float | None = None
    weight_decay: Any = None
    batch_size: int | None = None
    epochs: int | None = None
    patience: int | None = None
    validation: float | None = None
    members: int | None = None
    monotone: Any = None
    unseen: str = "error"
    random_state: Any = None
    progress: bool = False
    n_features_in_: int = field(init=False)
    n_members_: int = field(init=False)
    encoding_: inputs.Inputs = field(init=False)
    nets_: Any = field(init=False)
    late_fall_: float = field(init=False)

    def fit(self, X: Any, y: Any, sample_weight: Any = None, validation_data: Any = None):
        """Train.

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
            Numbers, booleans and labels; see `ceteris.tables.coding`.
        y : array-like of shape (n,), or (n, outputs) where several outputs are possible
            Target.
        sample_weight : array-like of shape (n,), optional
            Weight of each row; rows of weight zero are left out.
        validation_data : tuple (X, y) or (X, y, sample_weight), optional
            Rows to judge the training by, in place of rows set aside.

        Returns
        -------
        self
        """
        self._learn(X, y, sample_weight, validation_data)
        return self

    def fit_folds(self, X: Any, y: Any, folds: Sequence[np.ndarray], sample_weight: Any = None) -> list[Any]:
        """Train a copy of the learner on each of several sets of rows, all of them side by side in one program.

        This is what cross-fitting asks for. Columns and target are standardised by all rows that are in a set; nothing
        else passes from one set to another.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        folds : sequence of int arrays
            Numbers of the rows that each copy learns from.

        Returns
        -------
        list of fitted learners, one for each set of rows

        Examples
        --------
        >>> from ceteris.learners import NeuralRegressor
        >>> x = np.linspace(-1, 1, 90)[:, None]
        >>> folds = [np.flatnonzero(np.arange(90) % 3 != k) for k in range(3)]
        >>> learners = NeuralRegressor(members=2, random_state=0).fit_folds(x, 2 * x[:, 0], folds)
        >>> [bool(abs(learner.predict([[0.5]])[0] - 1) < 0.1) for learner in learners]
        [True, True, True]
        """
        w = target.weights(sample_weight, len(y))
        used = np.zeros(len(w))
        used[np.concatenate(folds)] = 1
        kept = w * used > 0
        place = np.cumsum(kept) - 1
        fresh: Any = clone(self)
        return fresh._learn(X, y, w * used, None, [place[rows[kept[rows]]] for rows in folds])

    def _learn(self, X: Any, y: Any, sample_weight: Any, validation_data: Any, groups: Any = None) -> list[Any]:
        """Train; return the learner itself or, where rows of weight are in groups, a copy for each group."""
        settings.check(self)
        frame, y, w = self._rows(X, y, sample_weight, reset=True)
        if len(y) < 2:
            raise ValueError(
                f"X: {frame.rows} sample(s) with weight (n_samples=1) cannot be learnt from, at least 2 are needed; "
                "give more rows."
            )
        size = len(y) if groups is None else min(map(len, groups))
        encoding, constant = inputs.learn_inputs(frame, w, network.steps_between_knots(self, size))
        signs = settings.signs_of(self.monotone, encoding)
        task, strata = self._learn_target(y, w)
        task = task._replace(signs=signs)
        data = network.Data(encoding(frame), self._scaled(y), self._loss_weights(y, w))
        given = self._held(validation_data, encoding)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        learners: list[Any] = [self] if groups is None else [copy.copy(self) for _ in groups]
        knots = encoding.low, encoding.slope
        trained = network.learn(self, task, normalised(data), given, strata, seed, groups, knots)
        for learner, own in zip(learners, trained, strict=True):
            learner.encoding_, learner.constant_columns_, learner.nets_ = encoding, list(constant), own.nets
            learner.copies_ = copies_of(frame, y)
            learner.history_, learner.n_iter_ = history(own.run, own.kept if len(own.kept) else None), own.run.tick
            learner.status_, learner.late_fall_ = network.sentence(own), network.late_fall(own)
            learner.weight_decays_, learner.n_members_ = own.decays, len(own.rows.train)
            learner._finish(own, data, given)
        late = learners[0].late_fall_ if groups is None else 0.0  # out of fold it shows how good they are
        warn_if_unsettled(type(self).__name__, trained[0].run, late)
        return learners

    def summary(self) -> str:
        """Return one screen: what was trained on what, how it ended, the loss, failed checks."""
        from ceteris.learners.sections import described

        check_is_fitted(self)
        return described(self)

    def _check_loaded(self) -> None:
        """Raise unless what a file says fits together."""
        settings.check(self)
        encoding, named = self.encoding_, getattr(self, "feature_names_in_", None)
        if len(encoding.names) != self.n_features_in_ or (named is not None and list(named) != list(encoding.names)):
            raise ValueError("its columns and their encoding do not fit together")
        task = self._task()
        network.refuse_misfit(self.nets_, task.head, encoding.width, (self.n_members_, task.outputs))
        noise = getattr(self, "noise_", np.zeros(task.outputs))
        if np.shape(noise) != (task.outputs,) or not np.isfinite(noise).all():
            raise ValueError("its outputs and their noise do not fit together")

    def sections(self) -> tuple[Section, ...]:
        """Return the training as a part of a report: settings, learning curve, checks."""
        from ceteris.learners.sections import training

        check_is_fitted(self)
        return (training(self),)

    def glance(self) -> Section:
        """Return what a notebook shows: losses, learning curve, checks."""
        from ceteris.learners.sections import glance

        check_is_fitted(self)
        return glance(self)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether the training had settled."""
        from ceteris.learners.sections import settled

        check_is_fitted(self)
        return (settled(self.late_fall_),)

    # A learner says how its target is read, scaled and predicted.

    @abc.abstractmethod
    def _read(self, y: Any, rows: int) -> np.ndarray:
        """Return the checked target."""

    @abc.abstractmethod
    def _learn_target(self, y: np.ndarray, w: np.ndarray) -> tuple[network.Task, np.ndarray]:
        """Remember what the target looks like; return the task, and by what to spread held-out rows."""

    @abc.abstractmethod
    def _task(self) -> network.Task:
        """Return the task of the fitted learner."""

    @abc.abstractmethod
    def _scaled(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the loss takes it."""

    def _loss_weights(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the weights that the loss takes."""
        return w

    def _finish(self, trained: network.Trained, data: network.Data, given: network.Data | None) -> None:
        """Learn what the rows set aside say about the trained nets; see `network.judged`."""

    def _rows(
        self, X: Any, y: Any, sample_weight: Any = None, *, reset: bool
    ) -> tuple[coding.Frame, np.ndarray, np.ndarray]:
        """Return the rows of positive weight, checked."""
        frame = self._frame(X, reset)
        y, w = self._read(y, frame.rows), target.weights(sample_weight, frame.rows)
        return frame.take(w > 0), y[w > 0], w[w > 0]

    def _frame(self, X: Any, reset: bool) -> coding.Frame:
        frame = coding.read(X, missing=True)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return frame

    def _held(self, validation_data: Any, encoding: inputs.Inputs) -> network.Data | None:
        if validation_data is None:
            return None
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise ValueError(
                "validation_data: it must be (X, y) or (X, y, sample_weight), with the columns of X; give such a tuple."
            )
        frame, y, w = self._rows(*validation_data, reset=False)
        return network.Data(encoding(frame, self.unseen), self._scaled(y), self._loss_weights(y, w).astype(np.float32))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of each member, on the scale of the loss, float64 (members, n, outputs)."""
        check_is_fitted(self)
        x = self.encoding_(self._frame(X, reset=False), self.unseen)
        return network.outputs(self.nets_, self._task().head, x).astype(np.float64)


def normalised(data: network.Data) -> network.Data:
    """Return the rows with weights of mean one, in single precision."""
    return data._replace(w=(data.w / data.w.mean()).astype(np.float32))


def copies_of(frame: coding.Frame, y: np.ndarray) -> list[str]:
    """Return the columns that are the target itself: predictions are then perfect, until they are needed."""
    if y.size > len(y):
        return []
    numeric = y.dtype.kind in "iufb"
    values = y.ravel().astype(float) if numeric else y.ravel().astype(str)
    return [
        name for name, column in zip(frame.names, frame.columns, strict=True)
        if (column.dtype != object) == numeric and np.array_equal(column, values)
    ]  # fmt: skip


def warn_if_unsettled(name: str, run: Fit, late_fall: float) -> None:
    """Warn if the training had not settled after all epochs; that it was interrupted has been said."""
    if late_fall > network.SETTLED and not np.any(run.status == Status.INTERRUPTED):
        warnings.warn(
            f"{name}: {run.tick} epochs were too few, since {late_fall:.0%} of the fall in held-out loss "
            "came in their second half; raise epochs, or rate.",
            ConvergenceWarning,
            stacklevel=4,
        )
