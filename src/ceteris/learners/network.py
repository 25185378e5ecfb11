"""A table fills the four slots: a net, a weighted loss per row, shuffled rows, a named optimiser.

Everything here is a module-level function or class that is compared by value, and every number that depends on
the data is an array: a second fit of the same shapes compiles nothing. Row counts are rounded (`split`), so
that folds which differ by a row or two have the same shapes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import EarlyStopping, Ensemble, Fit, Progress, Status, fit, precision
from ceteris.nets import LinearPlus, linear_plus, trainable, weighted_mean
from ceteris.recipe import KINDS, AbstractObjective, Descend, Minibatches, optimiser

BLOCK = 512  # rows per compiled prediction: the last block is filled up, so that no number of rows compiles anew
ROUND = 32  # rows of a table are padded to a multiple of this
EPOCHS, LONG = 200, 2_000  # passes over a table of up to 2,000 rows
SETTLED = 0.1  # up to this share of the fall in held-out loss may come in the second half of the epochs
SIDE_BY_SIDE = 20_000  # weights up to which small batches of all members run faster together (measured, two cores)
CHUNKS = 40  # how often a run is judged on held-out rows
FEW, DECAYS = 5_000, (0.1, 1.0, 3.0)  # weight decays per unit of rate, tried on up to 5,000 rows
FEWEST = 20  # with fewer rows nothing is set aside for validation


class RowLoss(AbstractObjective):
    """The weighted mean of a loss per row; a batch is (x, y, w) with weights of mean one over the table."""

    loss: Callable[[Array, Array], Array]
    head: Callable[[Array], Array]

    def __call__(self, model, batch, key):
        x, y, w = batch
        raw, buffers = model.training(x, key)
        return jnp.mean(w * self.loss(self.head(raw), y)), {"buffers": buffers}


class Validation(eqx.Module):
    """The weighted mean loss on the rows set aside, the net evaluated rather than in training."""

    objective: RowLoss
    data: Any
    rows: Array

    def __call__(self, model, key):
        x, y, w = jax.tree.map(lambda a: a[self.rows], self.data)
        return {"heldout": weighted_mean(self.objective.loss(self.objective.head(model(x)), y), w)}


class Rows(NamedTuple):
    """Which rows each member learns from and which it is judged on, integer arrays (members, rows)."""

    train: np.ndarray
    heldout: np.ndarray | None


def split(strata: np.ndarray, members: int, share: float, rng: np.random.Generator) -> Rows:
    """Set rows aside, others for each member, each set spread evenly over the strata.

    Parameters
    ----------
    strata : array, shape (n,)
        Class labels, or the target itself: rows are dealt out in this order.
    members : int
        Members of the ensemble. Their held-out rows rotate through the table.
    share : float
        Share of rows to set aside.
    rng : Generator
        Breaks ties and shuffles.

    Returns
    -------
    Rows
        The number of rows to learn from is rounded down to a multiple of 8 (32, 128) from 64 (512, 4,096) rows
        on; what that leaves is held out as well. Held-out rows are padded with the index n, the first of the
        padded table's rows of weight zero.
    """
    n = len(strata)
    if n < FEWEST or share == 0:
        return Rows(np.tile(np.arange(n), (members, 1)), None)
    count = rounded(n - max(round(share * n), 1))
    parts = max(round(n / (n - count)), 2)
    held = np.full((members, -(-(n - count) // 8) * 8 + 8), n)
    train = np.empty((members, count), int)
    for i in range(members):
        if i % parts == 0:
            shuffled = rng.permutation(n)
            ordered = shuffled[np.argsort(strata[shuffled], kind="stable")]
            dealt = ordered[np.argsort(np.arange(n) // parts + rng.random(n))]  # neighbours change places
        order = np.concatenate([dealt[k::parts] for k in np.roll(np.arange(parts), -(i % parts))])
        held[i, : n - count], train[i] = np.sort(order[: n - count]), np.sort(order[n - count :])
    return Rows(train, held)


def rounded(n: int) -> int:
    """Round a number of rows down to steps of at most an eighth.

    Examples
    --------
    >>> [rounded(n) for n in (50, 100, 354, 1437)]
    [50, 96, 352, 1408]
    """
    unit = 128 if n >= 4096 else 32 if n >= 512 else 8 if n >= 64 else 1
    return n // unit * unit


def padded(data: Any, n: int) -> Any:
    """Append at least one row of zeros (so of weight zero), up to a multiple of `ROUND` rows."""
    extra = ROUND - n % ROUND
    return jax.tree.map(lambda a: np.concatenate([a, np.zeros((extra, *a.shape[1:]), a.dtype)]), data)


@eqx.filter_jit
def _outputs(nets: Any, head: Callable[[Array], Array], x: Array) -> Array:
    return eqx.filter_vmap(lambda net: head(net(x)))(nets)


def outputs(nets: Any, head: Callable[[Array], Array], x: np.ndarray) -> np.ndarray:
    """Return every member's output, shape (members, n, out_size), in blocks of one compiled shape."""
    n = len(x)
    blocks = np.concatenate([x, np.zeros((-n % BLOCK, x.shape[1]), x.dtype)]).reshape(-1, BLOCK, x.shape[1])
    return np.concatenate([np.asarray(_outputs(nets, head, jnp.asarray(block))) for block in blocks], axis=1)[:, :n]


# ---------------------------------------------------------------------------------------------- training


class Data(NamedTuple):
    """Rows as the net sees them: inputs (n, columns), targets (n, outputs) or labels (n,), weights (n,)."""

    x: np.ndarray
    y: np.ndarray
    w: np.ndarray


class Task(NamedTuple):
    """What is learnt: a loss per row, of the head's outputs; both hashable."""

    loss: Callable[[Array, Array], Array]
    head: Callable[[Array], Array]
    outputs: int


class Trained(NamedTuple):
    """What training gave.

    Attributes
    ----------
    nets : stacked nets, one per member
    run : the whole run, members of other weight decays included
    kept : which members of the run these are
    rows : who learnt from which rows
    decays : the weight decays that were kept
    """

    nets: Any
    run: Fit
    kept: np.ndarray
    rows: Rows
    decays: np.ndarray


def train(settings: Any, task: Task, data: Data, held: Data | None, strata: np.ndarray, seed: int) -> Trained:
    """Train the ensemble of a learner on standardised rows.

    Where several weight decays are to be tried, there is a full set of members for each, on the same rows; all train
    side by side in one program, and the sets that do best on held-out rows are kept (`best_sets`).
    """
    share = 0.0 if held is not None else settings.validation
    with precision("single"):
        rows = split(strata, settings.members, share, np.random.default_rng(seed))
        judged = held is not None or rows.heldout is not None
        decays = decays_to_try(settings, len(data.x), judged)
        total = epochs(settings, len(data.x))
        every = max(1, total // CHUNKS)
        monitors: list[Any] = [Progress(type(settings).__name__)] if settings.progress else []
        if judged:
            monitors.append(EarlyStopping("heldout", patience=-(-settings.patience // every)))
        ensemble = algorithm(settings, task, data, rows, held, decays)
        run = fit(ensemble, jr.key(seed), steps=total, every=every, monitors=monitors)
        refuse_non_finite(settings, run)
        best = np.array([True])
        if len(decays) > 1:
            best = best_sets(np.nanmin(run.metrics["heldout"], axis=0).reshape(len(decays), -1))
        kept = np.flatnonzero(np.repeat(best, settings.members))
        nets = jax.tree.map(lambda a: a[kept] if eqx.is_array(a) else a, run.model)
    members = kept % settings.members
    own = Rows(rows.train[members], None if rows.heldout is None else rows.heldout[members])
    return Trained(nets, run, kept, own, np.array(decays)[best])


def algorithm(
    settings: Any, task: Task, data: Data, rows: Rows, held: Data | None, decays: tuple[float, ...]
) -> Ensemble:
    """Return the ensemble: a net, a weighted loss, each member's shuffled rows, a named optimiser.

    Parameters
    ----------
    settings : the learner, for its parameters
    task : Task
    data : Data
        Rows of the table.
    rows : Rows
        As `split` gave them.
    held : Data, optional
        Validation rows that were given; they take the place of rows set aside.
    decays : tuple of float
        Weight decays; one set of members each.
    """
    n, in_size = data.x.shape
    sets, objective = len(decays), RowLoss(task.loss, task.head)
    batches = jax.tree.map(jnp.asarray, padded(data, n))
    sampler = Minibatches(batches, batch_size(settings, rows.train.shape[1]), rows=jnp.asarray(rows.train[0]))
    rule = step_rule(settings, epochs(settings, n) * sampler.updates, decays[0])
    parts: dict[str, Any] = {"trainable": trainable}
    differ: list[tuple[Callable[[Any], Any], np.ndarray]] = [(_training_rows, np.tile(rows.train, (sets, 1)))]
    if held is not None:
        given = jax.tree.map(jnp.asarray, padded(held, len(held.x)))
        parts["heldout"] = Validation(objective, given, jnp.arange(len(given.x)))
    elif rows.heldout is not None:
        parts["heldout"] = Validation(objective, batches, jnp.asarray(rows.heldout[0]))
        differ.append((_heldout_rows, np.tile(rows.heldout, (sets, 1))))
    if sets > 1:
        differ.append((_decay, np.repeat(np.array(decays, np.float32), settings.members)))
    builder = template(settings, in_size, task)
    one = Descend(builder, objective, sampler, rule, **parts)
    over, values = (lambda a: tuple(leaf(a) for leaf, _ in differ)), tuple(values for _, values in differ)
    how = "vmap" if weights_of(builder) <= SIDE_BY_SIDE else "auto"
    return Ensemble(one, settings.members * sets, over=over, values=values, how=how)


def _training_rows(a):
    return a.sampler.rows


def _heldout_rows(a):
    return a.heldout.rows


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


def refuse_non_finite(settings: Any, run: Fit) -> None:
    """Raise if a member's loss or weights became non-finite."""
    if np.any(run.status == Status.NONFINITE):
        raise FloatingPointError(
            f"{type(settings).__name__}: {run.sentence} Lower rate (now {settings.rate}), or look for extreme values "
            "in X and y."
        )


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


def judged(
    nets: Any, task: Task, data: Data, held: Data | None, rows: Rows
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each member's outputs, the targets, and the weight with which a row judges a member.

    These are the rows given for validation, else those set aside, else (for lack of any) all rows.
    """
    judges = data if held is None else held
    n, members = len(judges.x), len(rows.train)
    counts = np.ones((members, n + 1))
    if held is None and rows.heldout is not None:
        counts[:] = 0
        np.put_along_axis(counts, rows.heldout, 1.0, axis=1)
    return outputs(nets, task.head, judges.x), judges.y, counts[:, :n] * judges.w


# ------------------------------------------------------------------------- from parameters to the four slots


def template(settings: Any, in_size: int, task: Task) -> Callable[..., LinearPlus]:
    """Return a builder of the net, after building its shapes once: a wrong option is refused here."""
    widths = settings.widths if isinstance(settings.widths, int) else tuple(settings.widths)
    options = (
        ("widths", widths),
        ("activation", settings.activation),
        ("normalise", settings.normalise),
        ("dropout", settings.dropout),
    )
    builder = eqx.Partial(linear_plus, in_size, task.outputs, options)
    eqx.filter_eval_shape(builder, key=jr.key(0))
    return builder


def weights_of(builder: Callable[..., LinearPlus]) -> int:
    """Return the number of weights of the net that a builder builds."""
    return sum(leaf.size for leaf in jax.tree.leaves(eqx.filter_eval_shape(builder, key=jr.key(0))))


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


def step_rule(settings: Any, updates: int, decay: float) -> Any:
    """Return the optimiser of a learner: its rate falls along a half cosine over all updates."""
    if settings.optimiser == "lbfgs":
        return optimiser("lbfgs")  # its line search chooses the rate
    return optimiser(settings.optimiser, settings.rate, schedule="cosine", updates=updates, weight_decay=decay)


def epochs(settings: Any, n: int) -> int:
    """Return the number of epochs; left open, fewer for longer tables."""
    return settings.epochs or int(np.clip(EPOCHS * (LONG / n) ** 0.5, EPOCHS // 10, EPOCHS))


def batch_size(settings: Any, n: int) -> int:
    """Return the number of rows per batch; left open, a power of two that grows with the table."""
    if settings.batch_size is not None:
        return min(settings.batch_size, n)
    return n if settings.optimiser == "lbfgs" else min(n, int(2 ** np.clip(np.round(np.log2(n / 32)), 5, 8)))
