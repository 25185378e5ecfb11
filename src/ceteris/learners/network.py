"""A table fills the four slots: a net, a weighted loss per row, shuffled rows, a named optimiser.

`ceteris.training` trains; here is what a learner asks of it, which weight decays it tries, and what it says afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import Fit, Status, precision
from ceteris.nets import AbstractNet, linear_plus, monotone
from ceteris.recipe import KINDS, optimiser
from ceteris.training import (
    AbstractRowLoss,
    MemberRows,
    TrainingPlan,
    batch_for,
    evaluate,
    padded,
    passes_for,
    split,
    train,
)

SETTLED = 0.1  # up to this share of the fall in held-out loss may come in the second half of the epochs
FEW, DECAYS = 5_000, (0.1, 1.0, 3.0)  # weight decays per unit of rate, tried on up to 5,000 rows


class HeadLoss(AbstractRowLoss):
    """A loss of the head's outputs; a batch has columns x, y and w, weights of mean one over the table."""

    loss: Callable[[Array, Array], Array]
    head: Callable[[Array], Array]

    def losses(self, model, batch, key):
        """Return the loss of each row, and running statistics."""
        raw, buffers = (model(batch["x"]), None) if key is None else model.training(batch["x"], key)
        return self.loss(self.head(raw), batch["y"]), {"buffers": buffers}


class Data(NamedTuple):
    """Rows as the net sees them: inputs (n, columns), targets (n, outputs) or labels (n,), weights (n,)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


class Task(NamedTuple):
    """What is learnt: a loss per row, of the head's outputs; both hashable.

    Where an input has a sign, the net is a `Monotone` with these signs of the inputs and directions of the outputs.
    """

    loss: Callable[[Array, Array], Array]
    head: Callable[[Array], Array]
    outputs: int
    directions: tuple[int, ...] = ()
    signs: tuple[int, ...] = ()


class Trained(NamedTuple):
    """What training gave a group of rows.

    Attributes
    ----------
    nets : stacked nets, one per member
    run : the whole run, members of other weight decays and other groups included
    kept : which members of the run these are
    rows : who learnt from which rows
    decays : the weight decays that were kept
    """

    nets: Any
    run: Fit
    kept: np.ndarray
    rows: MemberRows
    decays: np.ndarray


def learn(
    settings: Any,
    task: Task,
    data: Data,
    given: Data | None,
    strata: np.ndarray,
    seed: int,
    groups: Sequence[np.ndarray] | None,
) -> list[Trained]:
    """Train a learner's ensemble on standardised rows, one for each group of rows, all as one program.

    Where several weight decays are to be tried, there is a full set of members for each, on the same rows; the sets
    that do best on held-out rows are kept (`best_sets`).

    Parameters
    ----------
    settings : the learner, for its parameters
    task : Task
    data : Data
    given : Data, optional
        Validation rows that were given; they take the place of rows set aside.
    strata : array, shape (n,)
        By what to spread rows set aside.
    seed : int
    groups : sequence of int arrays, optional
        The rows that each ensemble learns from; by default there is one, of all rows.
    """
    count, n = (1, len(data.x)) if groups is None else (len(groups), min(map(len, groups)))
    share = 0.0 if given is not None else settings.validation
    rows = split(strata, settings.members, share, np.random.default_rng(seed), groups)
    decays = decays_to_try(settings, n, given is not None or rows.heldout is not None)
    sets = rows.take(np.tile(np.arange(len(rows.train)), len(decays)))
    how = plan(settings, n, rows.train.shape[1], decays[0])
    differ = [(_decay, np.repeat(np.array(decays, np.float32), len(rows.train)))] if len(decays) > 1 else []
    run = train(
        type(settings).__name__,
        template(settings, data.x.shape[1], task),
        HeadLoss(task.loss, task.head),
        padded(data._asdict()),
        sets,
        how,
        seed,
        differ=differ,
        given=None if given is None else padded(given._asdict()),
        progress=settings.progress,
    )
    return [_kept(run, sets, np.array(decays), settings.members, g, count) for g in range(count)]


def _kept(run: Fit, rows: MemberRows, decays: np.ndarray, members: int, group: int, groups: int) -> Trained:
    """Return the members of a group in the sets to keep; they count by decay, then group, then member."""
    own = np.arange(len(rows.train)).reshape(len(decays), groups, members)[:, group]
    best = np.array([True])
    if len(decays) > 1:
        best = best_sets(np.nanmin(run.metrics["heldout"], axis=0)[own])
    kept = own[best].ravel()
    nets = jax.tree.map(lambda a: a[kept] if eqx.is_array(a) else a, run.model)
    return Trained(nets, run, kept, rows.take(kept), decays[best])


def _decay(a):
    return a.optimiser.args[2]  # of `ceteris.recipe.optimiser`: its name, its rate, its weight decay


def best_sets(losses: np.ndarray) -> np.ndarray:
    """Mark the sets of members to keep.

    They are the one with the lowest mean loss, and those within one standard error of it. The difference is paired:
    member i of every set learnt from the same rows.

    Parameters
    ----------
    losses : array, shape (sets, members)
        Best held-out losses.

    Examples
    --------
    >>> best_sets(np.array([[1.0, 2.0, 3.0], [1.1, 1.9, 3.1], [2.0, 3.0, 4.0]]))
    array([ True,  True, False])
    """
    gaps = losses - losses[losses.mean(1).argmin()]
    error = gaps.std(1, ddof=1) / np.sqrt(gaps.shape[1]) if gaps.shape[1] > 1 else 0.0
    return gaps.mean(1) <= error


def late_fall(trained: Trained) -> float:
    """Return how much of the fall in held-out loss came in the second half of the epochs, in [0, 1].

    The rate falls to nothing, and with it every curve flattens at the end; what tells a short training from a long
    one is whether much was still learnt at half time.

    It is averaged over members that took all epochs; zero where most did not, or there are no rows to judge by. The
    fall counts from the loss in the first epoch or the first held-out loss, whichever is higher.
    """
    finished = trained.kept[trained.run.status[trained.kept] == Status.FINISHED]
    if "heldout" not in trained.run.metrics or 2 * len(finished) <= len(trained.kept):
        return 0.0
    curve = trained.run.metrics["heldout"][:, finished].mean(1)
    fall = max(trained.run.history["loss"][0, finished].mean(), curve[0]) - curve.min()
    return float(np.clip((curve[(len(curve) - 1) // 2] - curve[-1]) / fall, 0, 1)) if fall > 0 else 0.0


def outputs(nets: Any, head: Callable[[Array], Array], x: np.ndarray) -> np.ndarray:
    """Return every member's output, shape (members, n, out_size)."""
    return evaluate(eqx.Partial(_headed, head), nets, [x])[0]


def refuse_misfit(nets: Any, head: Callable[[Array], Array], inputs: int, shape: tuple[int, ...]) -> None:
    """Raise unless nets from a file take so many inputs and give outputs of this shape, (members, out_size)."""
    each = lambda net: head(net(jnp.zeros((1, inputs), jnp.float32)))
    with precision("single"):
        found = eqx.filter_eval_shape(lambda nets: eqx.filter_vmap(each)(nets), nets)
    if found.shape != (shape[0], 1, *shape[1:]):
        raise ValueError(f"its nets give outputs of shape {found.shape}, not {shape[0]} members of {shape[1]} outputs")


def _headed(head, net, x):
    return head(net(x))


def judged(trained: Trained, task: Task, data: Data, given: Data | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each member's outputs, the targets, and the weight with which a row judges a member.

    These are the rows given for validation, else those set aside, else (for lack of any) the rows learnt from.
    """
    judges = data if given is None else given
    n, members = len(judges.x), len(trained.kept)
    counts = np.ones((members, n + 1))
    if given is None:
        counts[:] = 0
        own = trained.rows.train if trained.rows.heldout is None else trained.rows.heldout
        np.put_along_axis(counts, own, 1.0, axis=1)
    used = np.flatnonzero(counts[:, :n].any(0))
    return outputs(trained.nets, task.head, judges.x[used]), judges.y[used], counts[:, used] * judges.w[used]


# ------------------------------------------------------------------------- from parameters to the four slots


def template(settings: Any, in_size: int, task: Task) -> Callable[..., AbstractNet]:
    """Return a builder of the net, after building its shapes once: a wrong option is refused here."""
    widths = settings.widths if isinstance(settings.widths, int) else tuple(settings.widths)
    options = ("widths", widths), *((name, getattr(settings, name)) for name in ("activation", "normalise", "dropout"))
    builder: Callable[..., AbstractNet] = eqx.Partial(linear_plus, in_size, task.outputs, options)
    if any(task.signs):
        directions = task.directions or (1,) * task.outputs
        builder = eqx.Partial(monotone, in_size, task.outputs, task.signs, directions, options)
    eqx.filter_eval_shape(builder, key=jr.key(0))
    return builder


def decays_to_try(settings: Any, n: int, judged: bool) -> tuple[float, ...]:
    """Return the weight decays of the sets of members; several only where held-out rows can tell them apart."""
    given: Any = settings.weight_decay
    if isinstance(given, tuple | list):
        return tuple(map(float, given if judged else given[:1]))
    if given is not None:
        return (float(given),)
    if not KINDS[settings.optimiser].decays:
        return (0.0,)
    return DECAYS if judged and n <= FEW else (DECAYS[1] if n <= FEW else DECAYS[0],)


def plan(settings: Any, n: int, count: int, decay: float) -> TrainingPlan:
    """Return how a learner is trained on a table of n rows, of which a member learns from ``count``.

    The rate falls along a half cosine over all updates; of L-BFGS the line search chooses it.
    """
    epochs = settings.epochs or passes_for(n, 200, 2_000, least=20)
    if settings.optimiser == "lbfgs":
        return TrainingPlan(epochs, settings.batch_size or count, partial(optimiser, "lbfgs"), settings.patience)
    rule = partial(optimiser, settings.optimiser, settings.rate, schedule="cosine", weight_decay=decay)
    return TrainingPlan(epochs, settings.batch_size or batch_for(count, 32), rule, settings.patience)
