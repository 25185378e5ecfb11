"""Vanishing and exploding gradients: how far back a gradient gets, by the cell, and what that does to learning.

From h_T to h_k a gradient is multiplied by T - k Jacobians. Where the net is linear its norm goes like the power of
the spectral radius, so that its logarithm has a slope of log ρ. At rest, all states and inputs zero, the radius of
each cell is known from the eigenvalues λ of its matrix W for the candidate:

    plain  λ,        GRU  k + (1 - k) λ/2,        LSTM  k + λ/4,        k = σ(b) the share that is kept at first

and gates decide it, which are set by a bias b at the start. Then nets are asked for the first symbol of a sequence
when all the distractors behind it have been read. What to expect: a net learns where its gradient arrives. A plain net
learns over 10 steps, mostly over 30 and not over 100; a GRU whose gates start half open forgets sooner than that; both
gated cells that start by keeping learn over 100.

References
----------
Hochreiter, S. and Schmidhuber, J. (1997). Long short-term memory. Neural Computation 9. Pascanu, R., Mikolov, T. and
Bengio, Y. (2013). On the difficulty of training recurrent neural networks. ICML. Jozefowicz, R., Zaremba, W. and
Sutskever, I. (2015). An empirical exploration of recurrent network architectures. ICML.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import Ensemble, fit, precision
from ceteris.gallery._plots import lines
from ceteris.nets import Recurrent
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.losses import categorical_cross_entropy
from ceteris.nets.mlp import Dense
from ceteris.recipe import Descend, Draws, Loss, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.scratch.recurrent import ReadingNet, reach

if TYPE_CHECKING:
    import matplotlib.figure

RADII, WIDTH, SYMBOLS, BATCH = (0.8, 0.95, 1.05, 1.25), 24, 4, 32
STARTS = {"elman": (0.9, 1.0), "gru": (0.0, 4.0), "lstm": (1.0, 4.0)}  # factors on W; biases of what keeps
NAMES = {
    ("elman", 0.9): "plain, radius .9", ("elman", 1.0): "plain, orthogonal", ("gru", 0.0): "GRU, half open",
    ("gru", 4.0): "GRU, keeping", ("lstm", 1.0): "LSTM, bias 1", ("lstm", 4.0): "LSTM, keeping",
}  # fmt: skip
SEQUENCES, FAR = 16, 100  # that gradients are averaged over; steps they go back


class FirstSymbol(eqx.Module):
    """A recurrent net that reads symbols, and says at the end which came first: (..., T, 2 symbols) -> (..., symbols).

    Parameters
    ----------
    cell : {"elman", "gru", "lstm"}
    start : array, shape ()
        What W of a plain cell is multiplied by, or the bias of the gate that keeps.
    key : PRNG key
    """

    recurrent: Recurrent
    head: Dense

    def __init__(self, cell: str, start: Any, *, key: Any):
        first, second = jr.split(key)
        net = Recurrent(2 * SYMBOLS, WIDTH, cell, key=first)  # pyright: ignore[reportArgumentType]
        self.recurrent = eqx.tree_at(lambda net: net.layers[0][0], net, started(net.layers[0][0], cell, start))
        self.head = Dense(WIDTH, SYMBOLS, lecun_normal, key=second)

    def __call__(self, x: Any) -> Any:
        """Return the logits of the first symbol."""
        return self.head(self.recurrent(x)[..., -1, :])


def started(cell: Any, kind: str, start: Any) -> Any:
    """Return a cell with W multiplied, or with the bias of the gate that keeps set."""
    if kind == "elman":
        return eqx.tree_at(lambda cell: cell.recurrent, cell, cell.recurrent * start)
    # an LSTM keeps by its second gate, a GRU by the complement of its second
    bias = cell.entrance.bias.at[WIDTH : 2 * WIDTH].set(start if kind == "lstm" else -start)
    return eqx.tree_at(lambda cell: cell.entrance.bias, cell, bias)


def symbols(batch_size: int, delay: int, key: Any) -> tuple[Any, Any]:
    """Draw sequences of one symbol and ``delay`` distractors from another alphabet, and which symbol it was."""
    one, two = jr.split(key)
    first, others = jr.randint(one, (batch_size,), 0, SYMBOLS), jr.randint(two, (batch_size, delay), 0, SYMBOLS)
    shown = jnp.concatenate([first[:, None], SYMBOLS + others], axis=1)
    return jax.nn.one_hot(shown, 2 * SYMBOLS), first


def says_first(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Cross-entropy of the first symbol, and the share that is right."""
    x, first = batch
    logits = model(x)
    return jnp.mean(categorical_cross_entropy(logits, first)), {"right": jnp.mean(jnp.argmax(logits, -1) == first)}


def radius(cell: Any, kind: str) -> float:
    """Return the spectral radius of a cell's Jacobian at rest, by hand."""
    W = np.asarray(cell.recurrent, float)
    if kind == "elman":
        return float(np.abs(np.linalg.eigvals(W)).max())
    eigenvalues = np.linalg.eigvals(W[:, 2 * WIDTH : 3 * WIDTH])
    gate = 1 / (1 + np.exp(-float(cell.entrance.bias[WIDTH])))
    keeps, gain = (gate, 0.25) if kind == "lstm" else (1 - gate, gate / 2)
    return float(np.abs(keeps + gain * eigenvalues).max())


def norms(cell: Any, x: np.ndarray) -> np.ndarray:
    """Return the norm of ∂s_T/∂s_k of a cell's whole state s, k = T, ..., 0, for inputs of shape (T, in_size)."""
    product, found = np.eye(WIDTH * len(cell.start())), [1.0]
    for J in np.asarray(_jacobians(cell, x), float)[::-1]:
        product = product @ J
        found.append(float(np.linalg.norm(product, 2)))
    return np.array(found)


@eqx.filter_jit
def _jacobians(cell: Any, x: Any) -> Any:
    flat = lambda state: jnp.concatenate(state)
    parts = len(cell.start())
    step = lambda s, x: flat(cell.step(tuple(jnp.split(s, parts)), cell.enter(x)))
    both = lambda s, x: (step(s, x), jax.jacfwd(step)(s, x))
    return jax.lax.scan(both, flat(cell.start()), x)[1]


def slope(of: np.ndarray) -> float:
    """Return the slope of log norms in the distance, over the farther half."""
    half = len(of) // 2
    return float(np.polyfit(np.arange(half, len(of)), np.log(of[half:]), 1)[0])


def linear_net(seed: int) -> pd.DataFrame:
    """Return slopes of a linear net for random matrices, and the logarithm of their radius."""
    rng, rows = np.random.default_rng(seed), []
    for target in RADII:
        W = rng.normal(size=(WIDTH, WIDTH))
        W *= target / np.abs(np.linalg.eigvals(W)).max()
        net = ReadingNet(np.zeros((WIDTH, 1)), W, np.zeros(WIDTH), np.zeros((1, WIDTH)), np.zeros(1))
        found = reach(net, np.zeros((2 * FAR, 1)))[::-1]
        rows.append((target, float(np.linalg.norm(W, 2)), np.log(target), slope(found)))
    table = pd.DataFrame(rows, columns=pd.Index(["radius", "norm of W", "log radius", "slope"]))
    return table.assign(**{"off by": table["slope"] / table["log radius"] - 1})


def cells(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return slopes of each cell at rest and while it reads, and the norms by distance while it reads."""
    with precision("single"):
        x = np.asarray(symbols(SEQUENCES, FAR - 1, jr.key(seed))[0])
    rows, courses = [], []
    for (kind, start), name in NAMES.items():
        with precision("single"):
            cell: Any = FirstSymbol(kind, start, key=jr.key(seed)).recurrent.layers[0][0]
            rest = norms(cell, np.zeros_like(x[0]))
            reading = np.exp(np.mean([np.log(norms(cell, one)) for one in x], axis=0))
        rho = radius(cell, kind)
        rows.append((name, rho, np.log(rho), slope(rest), slope(reading), reading[-1]))
        courses.append(pd.DataFrame({"cell": name, "distance": np.arange(FAR + 1), "norm": reading}))
    names = ["cell", "radius at rest", "log radius", "slope at rest", "slope, reading", f"norm, {FAR} steps back"]
    return pd.DataFrame(rows, columns=pd.Index(names)), pd.concat(courses, ignore_index=True)


def learnt(kind: str, delay: int, updates: int, repeats: int, seed: int) -> pd.DataFrame:
    """Train nets of one cell, from both starts; the share of the last tenth of all sequences that each got right."""
    starts = np.repeat(np.asarray(STARTS[kind], np.float32), repeats)
    with precision("single"):
        one = Descend(
            eqx.Partial(FirstSymbol, kind, jnp.asarray(starts[0])), Loss(says_first),
            Draws(eqx.Partial(symbols, BATCH, delay)), optimiser("adam", 3e-3, clip=1.0),
        )  # fmt: skip
        members = Ensemble(one, len(starts), over=lambda a: a.hypothesis.args[1], values=jnp.asarray(starts))
        right = fit(members, jr.key(seed), steps=updates, every=updates).history["right"]
    last = right[-(updates // 10) :].astype(float).mean(axis=0)
    names = [NAMES[kind, round(float(start), 6)] for start in starts]
    return pd.DataFrame({"cell": names, "delay": delay, "right": last})


def _flow(seed: int) -> Section:
    linear: Any = linear_net(seed)
    table, courses = cells(seed)
    worst = float(linear["off by"].abs().max())
    off: Any = (table["slope at rest"] - table["log radius"]).abs().max()
    far: Any = table.set_index("cell")[f"norm, {FAR} steps back"]
    kept, lost = float(far["LSTM, keeping"]), float(far["plain, orthogonal"])
    return Section(
        "How far a gradient gets",
        f"The norm of ∂h_T/∂h_k by the distance T - k. Below a linear net with random matrices, of which the norm is "
        f"larger than the radius: first it may grow, in the end the radius decides. Then cells of {WIDTH} units, at "
        "rest, where theory is exact, and while they read symbols.\n\nWhile they read, the plain net does worse "
        "than at rest, since tanh is flatter away from zero.",
        (Table("A linear net", linear), Table("Cells as they start", table, "Slopes of log norms, farther half.")),
        (
            Figure("Gradients by distance", "Norm of the derivative of the last state in an earlier one, reading.",
                   courses, _draw_norms, (7.0, 4.2)),
        ),
        (
            Check("the slope is the log of the spectral radius", worst <= 0.05,
                  f"In a linear net the two differ by {worst:.1%} at most, in four matrices.", worst, 0.05),
            Check("gates decide the radius", bool(off <= 0.002),
                  f"Slopes of cells at rest differ from the radius by hand by {off:.1e} at most.", float(off), 0.002),
            Check("the memory lane keeps gradients", kept > 1e3 * lost,
                  f"{FAR} steps back the norm is {kept:.1e} in an LSTM that keeps, {lost:.1e} in the plain net.",
                  kept / lost, 1e3),
        ),
    )  # fmt: skip


def _copies(kinds: Sequence[str], delays: Sequence[int], updates: int, repeats: int, seed: int) -> Section:
    runs = pd.concat([learnt(kind, d, updates, repeats, seed) for kind in kinds for d in delays], ignore_index=True)
    table: Any = runs.groupby(["cell", "delay"], sort=False)["right"].agg(["mean", "min", "max"]).reset_index()
    at: Any = table[table["delay"] == FAR].set_index("cell")
    gated = float(at.loc[[name for name in at.index if name.endswith("keeping")], "min"].min())
    plain = float(at.loc[[name for name in at.index if name.startswith("plain")], "mean"].max())
    return Section(
        "The first symbol after many others",
        f"One of {SYMBOLS} symbols is shown, then distractors, and the net is to name the symbol at the end. Whoever "
        f"guesses is right in a quarter. {updates:,} updates on {BATCH} new sequences each, {repeats} "
        f"start{'s' * (repeats > 1)}; shares are of the sequences of the last tenth.\n\nNo cell is a remedy by "
        "its name: a GRU whose gates start half open keeps half of a state at each step.",
        (Table("Share that is right", table),),
        (Figure("Share right by delay", "Mean over starts.", table, _draw_right, (7.0, 4.2)),),
        (
            Check("gated nets that keep learn over 100 steps", gated >= 0.99,
                  f"They are right in {gated:.1%} or more, whatever the start.", gated, 0.99),
            Check("the plain net fails over 100 steps", plain < 0.5,
                  f"It is right in {plain:.1%} on average; a guess is in 25%.", plain, 0.5),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Measure gradients, then learn; see `ceteris.gallery.sections`."""
    copies = (("elman", "lstm"), (FAR,), 300, 1) if quick else (tuple(STARTS), (10, 30, FAR), 600, 3)
    return (_flow(seed), _copies(*copies, seed))


def _draw_norms(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    lines(axes, data, "distance", "norm", by="cell")
    axes.set(xlabel="distance T - k", ylabel="norm of ∂s_T/∂s_k", yscale="log", ylim=(1e-16, None))
    figure.legend(loc="outside right upper")


def _draw_right(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    lines(axes, data, "delay", "mean", by="cell", marker="o")
    axes.axhline(1 / SYMBOLS, color="0.5", linewidth=0.8, linestyle=":")
    axes.set(xlabel="delay", ylabel="share right", ylim=(0, 1.05))
    figure.legend(loc="outside right upper")
