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
import numpy as np
from jax import Array

from ceteris.engine import Fit, Status, precision
from ceteris.learners.lines import Lines, linear_answers
from ceteris.nets import AbstractNet, monotone, tabular_net, with_knots
from ceteris.recipe import KINDS, optimiser
from ceteris.training import (
    AbstractRowLoss,
    MemberRows,
    TrainingPlan,
    batch_for,
    evaluate,
    filled_rows,
    padded,
    size_class,
    split,
    train,
)

SETTLED = 0.1  # up to this share of the fall in held-out loss may come in the second half of the epochs
LARGE = 20_000  # rows from which on there are fewer nets
DECAYS = (0.1, 2.0)  # weight decays per unit of rate
RATE = 0.01
LOOKS = 12  # at rows set aside


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
    kept : which members of the run are among these
    rows : who learnt from which rows
    decays : the weight decays that were kept
    linear : whether linear answers are among the nets; they are the last ones
    """

    nets: Any
    run: Fit
    kept: np.ndarray
    rows: MemberRows
    decays: np.ndarray
    linear: bool


def learn(
    settings: Any,
    task: Task,
    data: Data,
    given: Data | None,
    strata: np.ndarray,
    seed: int,
    groups: Sequence[np.ndarray] | None,
    knots: tuple[np.ndarray, np.ndarray],
) -> list[Trained]:
    """Train a learner's ensemble on the rows of a table, one for each group of rows, all as one program.

    Where several weight decays are to be tried, there is a full set of members for each, on the same rows, and one of
    linear answers; the sets that do best on held-out rows are kept (`best_sets`).

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
    knots : (array, array)
        Low and slope; see `ceteris.tables.inputs.Inputs`.
    """
    n = len(data.x)
    count, size = (1, n) if groups is None else (len(groups), min(map(len, groups)))
    members, share = ensemble_of(settings, size)
    rows = split(strata, members, 0.0 if given is not None else share, np.random.default_rng(seed), groups)
    judged = given is not None or rows.heldout is not None
    decays = decays_to_try(settings, size, judged)
    sets = filled_rows(rows, n, size).take(np.tile(np.arange(len(rows.train)), len(decays)))
    differ = [(_decay, np.repeat(np.array(decays, np.float32), len(rows.train)))] if len(decays) > 1 else []
    run = train(
        type(settings).__name__,
        template(settings, data.x.shape[1], task, knots),
        HeadLoss(task.loss, task.head),
        padded(data._asdict(), size_class(n)[1]),
        sets,
        plan(settings, size, share if judged and given is None else 0.0, next(iter(decays))),
        seed,
        differ=differ,
        given=None if given is None else padded(given._asdict(), size_class(len(given.x))[1]),
        progress=settings.progress,
    )
    lines = linear_answers(task, data, given, rows) if judged and not any(task.signs) else None
    return [_kept(run, sets, np.array(decays), lines, (count, members), g) for g in range(count)]


def _kept(
    run: Fit, rows: MemberRows, decays: np.ndarray, lines: Lines | None, shape: tuple[int, int], group: int
) -> Trained:
    """Return the members of a group in the sets to keep; they count by decay, then group, then member."""
    own = np.arange(len(rows.train)).reshape(-1, *shape)[:, group]
    best, linear = np.ones(len(own), bool), False
    if "heldout" in run.metrics:
        losses = np.nanmin(run.metrics["heldout"], axis=0)[own]
        if lines is not None:
            losses = np.append(losses, lines.losses.reshape(shape)[None, group], axis=0)
        best = best_sets(losses)
        linear, best = lines is not None and bool(best[-1]), best[: len(own)]
    kept = own[best].ravel()
    trained = jax.tree.map(lambda a: np.asarray(a) if eqx.is_array(a) else a, run.model)  # to pick and join in NumPy
    parts = [chosen(trained, kept)] if len(kept) else []
    if lines is not None and linear:
        parts.append(as_nets(trained, own[0], lines, own[0] % len(lines.losses)))
    nets = jax.tree.map(lambda *a: jax.device_put(np.concatenate(a)) if eqx.is_array(a[0]) else a[0], *parts)
    return Trained(nets, run, kept, rows.take(np.append(kept, own[0] if linear else kept[:0])), decays[best], linear)


def as_nets(nets: Any, like: np.ndarray, lines: Lines, which: np.ndarray) -> Any:
    """Return linear answers as nets whose perceptron is silent."""
    nets = chosen(nets, like)
    slopes, constant = (a[which].astype(np.float32) for a in (lines.slopes, lines.constant))
    parts = lambda net: (net.slopes, net.constant, net.mlp.output.weight, net.mlp.output.bias)
    silent = np.zeros_like(nets.mlp.output.weight), np.zeros_like(nets.mlp.output.bias)
    return eqx.tree_at(parts, nets, (slopes.reshape(len(which), -1), constant, *silent))


def chosen(nets: Any, which: np.ndarray) -> Any:
    """Return some of the stacked nets, whose arrays are NumPy's."""
    return jax.tree.map(lambda a: a[which] if eqx.is_array(a) else a, nets)


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


def sentence(trained: Trained) -> str:
    """Return how the training ended, and whether the linear answer is as good as the nets, or better."""
    if not trained.linear:
        return trained.run.sentence
    if len(trained.kept):
        return f"{trained.run.sentence} Linear answers did as well on rows set aside and are averaged with them."
    return f"{trained.run.sentence} Linear answers did better on rows set aside, and take their place."


def late_fall(trained: Trained) -> float:
    """Return how much of the fall in held-out loss came in the second half of the epochs, in [0, 1].

    The rate falls to nothing, and with it every curve flattens at the end; what tells a short training from a long
    one is whether much was still learnt at half time.

    It is averaged over members that took all epochs; zero where most did not, or there are no rows to judge by. The
    fall counts from the loss in the first epoch or the first held-out loss, whichever is higher.
    """
    nets = trained.kept if len(trained.kept) else np.arange(trained.run.status.size)
    finished = nets[trained.run.status[nets] == Status.FINISHED]
    if "heldout" not in trained.run.metrics or 2 * len(finished) <= len(nets):
        return 0.0
    curve = trained.run.metrics["heldout"][:, finished].mean(1)
    fall = max(trained.run.history["loss"][0, finished].mean(), curve[0]) - curve.min()
    return float(np.clip((curve[(len(curve) - 1) // 2] - curve[-1]) / fall, 0, 1)) if fall > 0 else 0.0


def outputs(nets: Any, head: Callable[[Array], Array], x: np.ndarray) -> np.ndarray:
    """Return every member's output, shape (members, n, out_size)."""
    function, nets = eqx.Partial(_headed, head), jax.tree.map(lambda a: np.asarray(a) if eqx.is_array(a) else a, nets)
    members = len(next(iter(jax.tree.leaves(eqx.filter(nets, eqx.is_array)))))
    # one after the other: how many were kept is seen after the training, and would be a program of its own
    return np.concatenate([evaluate(function, chosen(nets, np.array([i])), [x])[0] for i in range(members)])


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
    n, members = len(judges.x), len(trained.rows.train)
    counts = np.ones((members, n + 1))
    if given is None:
        counts[:] = 0
        own = trained.rows.train if trained.rows.heldout is None else trained.rows.heldout
        np.put_along_axis(counts, own, 1.0, axis=1)
    used = np.flatnonzero(counts[:, :n].any(0))
    return outputs(trained.nets, task.head, judges.x[used]), judges.y[used], counts[:, used] * judges.w[used]


# ------------------------------------------------------------------------- from parameters to the four slots


def template(
    settings: Any, in_size: int, task: Task, knots: tuple[np.ndarray, np.ndarray]
) -> Callable[..., AbstractNet]:
    """Return a builder of the net."""
    widths = settings.widths if isinstance(settings.widths, int) else tuple(settings.widths)
    options = ("widths", widths), *((name, getattr(settings, name)) for name in ("activation", "normalise", "dropout"))
    low, slope = (jax.device_put(a.astype(np.float32)) for a in knots)
    builder: Callable[..., AbstractNet] = eqx.Partial(tabular_net, low, slope, in_size, task.outputs, options)
    if any(task.signs):
        directions = task.directions or (1,) * task.outputs
        signs = *task.signs, *np.repeat(task.signs[: len(low)], low.shape[1]).tolist()  # a step rises with its column
        net = eqx.Partial(monotone, in_size + low.size, task.outputs, signs, directions, options)
        builder = eqx.Partial(with_knots, low, slope, net)
    return builder


def ensemble_of(settings: Any, n: int) -> tuple[int, float]:
    """Return how many members learn from n rows for each weight decay, and which share each of them sets aside."""
    many = size_class(n)[1] <= LARGE
    members = settings.members if settings.members is not None else 3 if many else 2
    return members, settings.validation if settings.validation is not None else 0.2 if many else 0.1


def steps_between_knots(settings: Any, n: int) -> int:
    """Return into how many steps the values of a column are cut: one for 40 rows, at most."""
    return min(settings.knots, max(size_class(n)[1] // 40, 4))


def decays_to_try(settings: Any, n: int, judged: bool) -> tuple[float, ...]:
    """Return the weight decays of the sets of members; several only where held-out rows can tell them apart."""
    given: Any = settings.weight_decay
    if isinstance(given, tuple | list):
        return tuple(map(float, given if judged else given[:1]))
    if given is not None:
        return (float(given),)
    if not KINDS[settings.optimiser].decays:
        return (0.0,)
    few = size_class(n)[1] <= LARGE
    return DECAYS if judged and few else (DECAYS[1] if few else DECAYS[0],)


def plan(settings: Any, n: int, share: float, decay: float) -> TrainingPlan:
    """Return how a learner is trained on n rows, of which a member sets a share aside: the same for a size class.

    The rate falls along a half cosine over all updates; of L-BFGS the line search chooses it.
    """
    least, most = size_class(n)
    epochs = settings.epochs or int(np.clip(round(100_000 / most), 5, 40))
    patience = settings.patience or max(round(0.3 * epochs), 1)
    fewest = least - round(share * least) - 128 * (least >= 4096) - 32 * (64 <= least < 4096) if share else least
    if settings.optimiser == "lbfgs":
        return TrainingPlan(epochs, settings.batch_size or n, partial(optimiser, "lbfgs"), patience, LOOKS, 1)
    rate = settings.rate or (RATE if settings.optimiser == "adamw" else None)
    rule = partial(optimiser, settings.optimiser, rate, schedule="cosine", weight_decay=decay)
    batch = settings.batch_size or batch_for(most, 64, most=64 if most <= LARGE else 128)
    return TrainingPlan(epochs, batch, rule, patience, LOOKS, max(fewest // batch, 1))
