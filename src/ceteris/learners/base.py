"""What the neural learners share: from a checked table to a trained ensemble."""

from __future__ import annotations

import abc
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.engine import Fit, Status
from ceteris.learners import files, network, settings, target
from ceteris.results import Section
from ceteris.tables import coding


class NeuralLearner(BaseEstimator, abc.ABC):
    """An ensemble of nets on a table. A learner adds its parameters, how it reads y, and how it predicts."""

    members: int
    random_state: Any
    rate: float | None
    unseen: str

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
        settings.check(self)
        frame, y, w = self._rows(X, y, sample_weight, reset=True)
        if len(y) < 2:
            raise ValueError(
                f"X: {frame.rows} sample(s) with weight (n_samples=1) cannot be learnt from, at least 2 are needed; "
                "give more rows."
            )
        encoding, constant = coding.encode(frame, w)
        task, strata = self._pose(y, w)
        data = network.Data(encoding(frame), self._scaled(y), self._emphasis(y, w))
        held = self._held(validation_data, encoding)
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        trained = network.train(self, task, normalised(data), held, strata, seed)
        run = trained.run
        self.encoding_, self.constant_columns_, self.nets_ = encoding, list(constant), trained.nets
        self.history_, self.n_iter_, self.status_ = history(trained), run.tick, run.sentence
        self.weight_decays_, self.late_fall_ = trained.decays, network.late_fall(trained)
        self.n_members_ = len(trained.kept)
        warn_if_cut_short(self, run)
        self._finish(network.judged(self.nets_, task, data, held, trained.rows))
        return self

    def save(self, path: Any) -> None:
        """Save to one file that holds arrays and facts, nothing that could run; see `ceteris.learners.load`."""
        check_is_fitted(self)
        files.save(self, path)

    def sections(self) -> tuple[Section, ...]:
        """Return the training as a part of a report: settings, learning curve, checks."""
        from ceteris.learners.sections import training

        check_is_fitted(self)
        return (training(self),)

    # A learner says how its target is read, scaled and predicted.

    @abc.abstractmethod
    def _read(self, y: Any, rows: int) -> np.ndarray:
        """Return the checked target."""

    @abc.abstractmethod
    def _pose(self, y: np.ndarray, w: np.ndarray) -> tuple[network.Task, np.ndarray]:
        """Remember what the target looks like; return the task, and by what to spread held-out rows."""

    @abc.abstractmethod
    def _task(self) -> network.Task:
        """Return the task of the fitted learner."""

    @abc.abstractmethod
    def _scaled(self, y: np.ndarray) -> np.ndarray:
        """Return the target as the loss takes it."""

    def _emphasis(self, y: np.ndarray, w: np.ndarray) -> np.ndarray:
        """Return the weights that the loss takes."""
        return w

    def _finish(self, judged: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
        """Learn what the rows set aside say about the trained nets; see `network.judged`."""

    def _rows(
        self, X: Any, y: Any, sample_weight: Any = None, *, reset: bool
    ) -> tuple[coding.Frame, np.ndarray, np.ndarray]:
        """Return the rows of positive weight, checked."""
        frame = self._frame(X, reset)
        y, w = self._read(y, frame.rows), target.weights(sample_weight, frame.rows)
        return frame.take(w > 0), y[w > 0], w[w > 0]

    def _frame(self, X: Any, reset: bool) -> coding.Frame:
        frame = coding.read(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return frame

    def _held(self, validation_data: Any, encoding: coding.Encoding) -> network.Data | None:
        if validation_data is None:
            return None
        if not isinstance(validation_data, tuple | list) or len(validation_data) not in (2, 3):
            raise ValueError(
                "validation_data: it must be (X, y) or (X, y, sample_weight), with the columns of X; give such a tuple."
            )
        frame, y, w = self._rows(*validation_data, reset=False)
        return network.Data(encoding(frame, self.unseen), self._scaled(y), self._emphasis(y, w).astype(np.float32))

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of each member, on the scale of the loss, float64 (members, n, outputs)."""
        check_is_fitted(self)
        x = self.encoding_(self._frame(X, reset=False), self.unseen)
        return network.outputs(self.nets_, self._task().head, x).astype(np.float64)


def normalised(data: network.Data) -> network.Data:
    """Return the rows with weights of mean one, in single precision."""
    return data._replace(w=(data.w / data.w.mean()).astype(np.float32))


def history(trained: network.Trained) -> pd.DataFrame:
    """Return what happened in training, one row per epoch and member.

    Columns: epoch (from 1), member, loss, and heldout where it was read.
    """
    loss, metrics = trained.run.history["loss"][:, trained.kept].astype(float), trained.run.metrics
    epoch, member = np.meshgrid(np.arange(1, len(loss) + 1), np.arange(loss.shape[1]), indexing="ij")
    heldout = np.full(loss.shape, np.nan)
    if "heldout" in metrics:
        heldout[metrics["step"] - 1] = metrics["heldout"][:, trained.kept]
    columns = {"epoch": epoch, "member": member, "loss": loss, "heldout": heldout}
    return pd.DataFrame({name: a.ravel() for name, a in columns.items()}).dropna(subset="loss", ignore_index=True)


def warn_if_cut_short(learner: Any, run: Fit) -> None:
    """Warn if the training was interrupted, or had not settled after all epochs."""
    name = type(learner).__name__
    if np.any(run.status == Status.INTERRUPTED):
        warnings.warn(f"{name}: {run.sentence}", ConvergenceWarning, stacklevel=3)
    elif learner.late_fall_ > network.SETTLED:
        warnings.warn(
            f"{name}: {run.tick} epochs were too few, since {learner.late_fall_:.0%} of the fall in held-out loss "
            "came in their second half; raise epochs, or rate.",
            ConvergenceWarning,
            stacklevel=3,
        )
