"""An ensemble on rows: each member descends on its own, stops by rows set aside, and keeps its best weights.

Everything that depends on the data is an array, and what is static is compared by value: a second training of the same
shapes compiles nothing.
"""

from __future__ import annotations

import abc
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array

from ceteris.engine import EarlyStopping, Ensemble, Fit, Progress, Status, fit, precision
from ceteris.nets import trainable, weighted_mean
from ceteris.recipe import AbstractObjective, Descend, Minibatches, Streamed
from ceteris.training.rows import MemberRows
from ceteris.training.shuffled import ShuffledRows

SIDE_BY_SIDE = 20_000  # weights up to which small batches of all members run faster together (measured, two cores)


class AbstractJudged(AbstractObjective):
    """An objective that also says how good a model is at rows that were set aside."""

    @abc.abstractmethod
    def judge(self, model: Any, batch: Any) -> Array:
        """Return the loss at rows set aside; what is random is the same every time, and nothing is dropped."""


class AbstractRowLoss(AbstractJudged):
    """The weighted mean of a loss per row; a batch is a mapping of columns, "w" among them (see `padded`)."""

    @abc.abstractmethod
    def losses(self, model: Any, batch: dict[str, Array], key: Any) -> tuple[Array, dict[str, Any]]:
        """Return the loss of each row, shape (rows,), and what an objective reports; without a key, rows judge."""

    def __call__(self, model, batch, key):
        losses, aux = self.losses(model, batch, key)
        return jnp.mean(batch["w"] * losses), aux

    def judge(self, model, batch):
        """Return the weighted mean of the losses."""
        return weighted_mean(self.losses(model, batch, None)[0], batch["w"])


class Judge(eqx.Module):
    """The loss at the rows set aside."""

    objective: AbstractJudged
    data: Any
    rows: Array

    def __call__(self, model, key):
        return {"heldout": self.objective.judge(model, jax.tree.map(lambda a: a[self.rows], self.data))}


class TrainingPlan(NamedTuple):
    """How an ensemble is trained.

    Attributes
    ----------
    epochs : int
        Passes over the rows, at most; steps, where batches are fed.
    batch_size : int
        Rows per update.
    optimiser : callable
        ``optimiser(updates=n)``, such as a ``functools.partial`` of `ceteris.recipe.optimiser`.
    patience : int, optional
        Epochs without improvement on the rows set aside after which a member stops, its best weights being kept; by
        default it takes all epochs and keeps the last ones.
    looks : int
        How often, at most, these rows are looked at.
    updates : int, optional
        Updates per epoch, where rows are filled up (`ceteris.training.filled_rows`); by default as many as they make.
    """

    epochs: int
    batch_size: int
    optimiser: Callable[..., Any]
    patience: int | None = None
    looks: int = 40
    updates: int | None = None


def train(
    who: str,
    hypothesis: Callable[..., Any],
    objective: Any,
    data: Any,
    rows: MemberRows,
    plan: TrainingPlan,
    seed: int,
    *,
    differ: Sequence[tuple[Callable[[Any], Any], Any]] = (),
    given: Any = None,
    start: Callable[[Array], Any] | None = None,
    feed: Any = None,
    how: Any = None,
    progress: bool = False,
) -> Fit:
    """Train one member for each row of ``rows``, side by side where that is faster, in single precision.

    Parameters
    ----------
    who : str
        For messages.
    hypothesis : callable
        ``hypothesis(key=key)`` builds a model.
    objective : AbstractJudged
        Or any `AbstractObjective` of `ceteris.recipe`, where no rows judge.
    data : pytree of arrays with a leading axis of rows
    rows : MemberRows
        As from `split` (for data from `padded`) or `bootstrap`.
    plan : TrainingPlan
    seed : int
        Decides everything random.
    differ : sequence of (callable, arrays)
        Further leaves of the algorithm (`ceteris.recipe.Descend`) that differ by member, such as
        ``lambda a: a.objective.constant``, with their values, leading axis of members.
    given : pytree, optional
        Rows that judge all members, in place of rows set aside.
    start : callable, optional
        Takes the key of the training to the models to start from, stacked.
    feed : callable, optional
        Batches that the host reads, in place of rows of ``data``, which then only judge; see `ceteris.engine.fit`.
    how : {"vmap", "loop", "auto"}, optional
        Of the `ceteris.engine.Ensemble`; by default several nets of up to `SIDE_BY_SIDE` weights are batched.
    progress : bool
        Whether to show progress.

    Returns
    -------
    Fit
        ``model`` holds the nets, stacked, and ``metrics["heldout"]`` the course of the held-out loss. A member that
        met a number that is not finite raises; a training that Ctrl-C or SIGTERM ended warns.

    Examples
    --------
    >>> from ceteris.recipe import optimiser
    >>> from ceteris.training import Net, padded, split
    >>> class Squared(AbstractRowLoss):
    ...     def losses(self, model, batch, key):
    ...         return (model(batch["x"])[:, 0] - batch["y"]) ** 2, {}
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> rows, net = split(x[:, 0], 3, 0.2, np.random.default_rng(0)), Net(widths=(8,), epochs=200, rate=0.02)
    >>> data = padded({"x": x, "y": 2 * x[:, 0]})
    >>> run = train("lines", net.builder(1, 1), Squared(), data, rows, net.plan(80), seed=0)
    >>> run.metrics["heldout"].shape[1], bool(run.metrics["heldout"].min() < 0.01)
    (3, True)
    """
    every, key = max(1, plan.epochs // plan.looks), jr.key(seed)
    with precision("single"):
        data = in_single(who, data)
        sampler = Streamed() if feed is not None else _sampler(data, rows, plan)
        rule = plan.optimiser(updates=plan.epochs * sampler.updates)
        places: list[Any] = [(_training_rows, rows.train)] if feed is None else []
        parts: dict[str, Any] = {"trainable": trainable}
        monitors: list[Any] = [Progress(who)] if progress else []
        if given is not None:
            given = in_single(who, given)
            parts["heldout"] = Judge(objective, given, jnp.arange(len(jax.tree.leaves(given)[0])))
        elif rows.heldout is not None:
            parts["heldout"] = Judge(objective, data, jax.device_put(rows.heldout[0]))
            places.append((_heldout_rows, rows.heldout))
        if "heldout" in parts and plan.patience is not None:
            monitors.append(EarlyStopping("heldout", patience=-(-plan.patience // every)))
        places += differ
        ensemble = Ensemble(
            Descend(hypothesis, objective, sampler, rule, **parts),
            len(rows.train),
            over=(lambda a: tuple(leaf(a) for leaf, _ in places)) if places else None,
            values=tuple(values for _, values in places) or None,
            how=how or _how(len(rows.train), hypothesis),
        )
        models = None if start is None else start(key)
        run = fit(ensemble, key, steps=plan.epochs, every=every, monitors=monitors, model=models, feed=feed)
    refuse_non_finite(who, run, rate_of(rule))
    warn_if_interrupted(who, run)
    return run


def _sampler(data: Any, rows: MemberRows, plan: TrainingPlan) -> Any:
    """Shuffled rows; where they are filled up, an epoch is as many batches as the smallest table of the class makes."""
    own = jax.device_put(rows.train[0])
    if rows.count is None:
        return Minibatches(data, plan.batch_size, rows=own)
    batch = min(plan.batch_size, rows.count)
    updates = min(plan.updates or rows.count, rows.count // batch)
    return ShuffledRows(data, own, jax.device_put(np.asarray(rows.count)), batch, updates)


def _how(members: int, hypothesis: Callable[..., Any]) -> Any:
    if members == 1:
        return "loop"  # batching one compiles for longer
    return "vmap" if weights_of(hypothesis) <= SIDE_BY_SIDE else "auto"


def _training_rows(a):
    return a.sampler.rows


def _heldout_rows(a):
    return a.heldout.rows


def rate_of(rule: Any) -> float:
    """Return the highest rate of an optimiser of `ceteris.recipe.optimiser`."""
    rate = rule.args[1]
    return float(getattr(rate, "rate", rate))


def weights_of(hypothesis: Callable[..., Any]) -> int:
    """Return the number of weights of the model that a builder builds."""
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter_eval_shape(hypothesis, key=jr.key(0))))


def in_single(who: str, data: Any) -> Any:
    """Return rows as arrays of single precision; raise where that is not finite: rows set aside would judge nobody."""

    def one(a: Any) -> Array:
        with np.errstate(over="ignore"):
            a = np.asarray(a, np.float32 if np.issubdtype(np.asarray(a).dtype, np.floating) else None)
        bad = ~np.isfinite(a).reshape(len(a), -1).all(1)
        if bad.any():
            raise FloatingPointError(
                f"{who}: {bad.sum()} of {len(a)} rows hold numbers that are not finite in single precision; look for "
                "extreme values in the data."
            )
        return jax.device_put(a)  # jnp.asarray would compile a program for each shape

    return jax.tree.map(one, data)


def refuse_non_finite(who: str, run: Fit, rate: float) -> None:
    """Raise if a member's loss or weights became non-finite."""
    if np.any(run.status == Status.NONFINITE):
        raise FloatingPointError(
            f"{who}: {run.sentence} Lower rate (now {rate:.3g}), or look for extreme values in the data."
        )


def warn_if_interrupted(who: str, run: Fit) -> None:
    """Warn if a signal ended the training: `fit` returns what there is, and whoever asked for nets would not know."""
    if np.any(run.status == Status.INTERRUPTED):
        from sklearn.exceptions import ConvergenceWarning

        warnings.warn(f"{who}: {run.sentence}", ConvergenceWarning, stacklevel=3)


def history(run: Fit, kept: np.ndarray | None = None) -> pd.DataFrame:
    """Return what happened in training, one row per epoch and member (all, or those in ``kept``, in this order).

    Columns: epoch (from 1), member, loss, and heldout where it was read.
    """
    kept = np.arange(run.status.size) if kept is None else kept
    loss, metrics = run.history["loss"][:, kept].astype(float), run.metrics
    epoch, member = np.meshgrid(np.arange(1, len(loss) + 1), np.arange(loss.shape[1]), indexing="ij")
    heldout = np.full(loss.shape, np.nan)
    if "heldout" in metrics:
        heldout[metrics["step"] - 1] = metrics["heldout"][:, kept]
    columns = {"epoch": epoch, "member": member, "loss": loss, "heldout": heldout}
    return pd.DataFrame({name: a.ravel() for name, a in columns.items()}).dropna(subset="loss", ignore_index=True)
