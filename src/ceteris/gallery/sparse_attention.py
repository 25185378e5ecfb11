"""Full attention, a window and sparse attention: what each costs by the length of a text, and what each can recall.

Full attention compares every token with every other. A window is cheap and sees nothing beyond it. Sparse attention
that is trained as it is used (NSA) looks at averages of blocks, at all tokens of the few blocks that the averages point
to, and at a window; a query costs T/16 + 4 · 16 + 64 products in place of T with the settings here.

The task: one token of a text is marked and carries a digit; at the end the model is to say which digit it was. The mark
stands outside the window of the question.

References
----------
Yuan, J. et al. (2025). Native sparse attention: hardware-aligned and natively trainable sparse attention. ACL.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import fit, precision
from ceteris.nets.losses import categorical_cross_entropy
from ceteris.recipe import Descend, Draws, Loss, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.text.models import Description, LanguageModel, SparseRule

if TYPE_CHECKING:
    import matplotlib.figure

DIGITS, NOISE, BATCH, WINDOW = 8, 16, 32, 16
SMALL = Description(
    vocabulary=NOISE + DIGITS + 1, width=32, depth=1, heads=2, perceptron=64, length=8192, norm="rms",
    positions="rotary", gated=True, activation="silu", head="own",
)  # fmt: skip
KINDS = {
    "full": SMALL,
    "window": replace(SMALL, window=WINDOW),
    "sparse": replace(SMALL, sparse=SparseRule(block=8, chosen=3, window=WINDOW)),
}
COSTLY = replace(SMALL, width=128, heads=4, key_value_heads=2)
COSTS = {"full": COSTLY, "sparse": replace(COSTLY, sparse=SparseRule(block=16, chosen=4, window=64))}


def marked(length: int, key: Any) -> tuple[Any, Any]:
    """Draw texts of noise with one marked digit, out of the window's reach, and a question at the end."""
    one, two, three = jr.split(key, 3)
    digit = jr.randint(one, (BATCH,), 0, DIGITS)
    where = jr.randint(two, (BATCH,), 0, length - WINDOW - 1)
    text = jr.randint(three, (BATCH, length), 0, NOISE).at[jnp.arange(BATCH), where].set(NOISE + digit)
    return text.at[:, -1].set(NOISE + DIGITS), digit


def says_digit(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Cross-entropy of the digit after the question, and the share that is right."""
    text, digit = batch
    logits = model(text)[:, -1, NOISE : NOISE + DIGITS]
    return jnp.mean(categorical_cross_entropy(logits, digit)), {"right": jnp.mean(jnp.argmax(logits, -1) == digit)}


def recalled(length: int, updates: int, seed: int) -> pd.DataFrame:
    """Train a model of each kind, and return the share of digits each got right in each twentieth of its updates."""
    courses = []
    for kind, about in KINDS.items():
        with precision("single"):
            algorithm = Descend(
                eqx.Partial(LanguageModel, about), Loss(says_digit), Draws(eqx.Partial(marked, length)),
                optimiser("adam", 3e-3, clip=1.0),
            )  # fmt: skip
            right = fit(algorithm, jr.key(seed), steps=updates, every=updates).history["right"]
        parts = np.array_split(np.asarray(right, float).ravel(), 20)
        updates_of = np.cumsum([len(part) for part in parts])
        courses.append(pd.DataFrame({"model": kind, "update": updates_of, "right": [part.mean() for part in parts]}))
    return pd.concat(courses, ignore_index=True)


def costs(lengths: tuple[int, ...], seed: int) -> pd.DataFrame:
    """Return CPU-seconds of a pass through one layer by the length of the text."""
    rows = []
    for length in lengths:
        tokens = jr.randint(jr.key(seed), (1, length), 0, NOISE)
        for kind, about in COSTS.items():
            model = LanguageModel(about, key=jr.key(seed))
            jax.block_until_ready(_last(model, tokens))  # compiled before it is timed
            spent = []
            for _ in range(3):
                start = time.process_time()
                jax.block_until_ready(_last(model, tokens))
                spent.append(time.process_time() - start)
            rows.append((kind, length, float(np.median(spent))))
    return pd.DataFrame(rows, columns=pd.Index(["attention", "length", "CPU-seconds"]))


@eqx.filter_jit
def _last(model: Any, tokens: Any) -> Any:
    return model.hidden(tokens)


def growth(table: pd.DataFrame, kind: str) -> float:
    """Return the power of the length that the cost grows with, from the two longest texts."""
    some: Any = table[table["attention"] == kind].tail(2)
    return float(np.diff(np.log(some["CPU-seconds"]))[0] / np.diff(np.log(some["length"]))[0])


def _costs(lengths: tuple[int, ...], seed: int) -> Section:
    table = costs(lengths, seed)
    powers = {kind: growth(table, kind) for kind in COSTS}
    longest: Any = table[table["length"] == lengths[-1]].set_index("attention")["CPU-seconds"]
    ratio = float(longest["full"] / longest["sparse"])
    return Section(
        "What a pass costs",
        f"One layer of 128 numbers and 4 heads, {lengths[0]} to {lengths[-1]:,} tokens, on this machine's "
        f"processor. From the two longest texts the cost of full attention grows like T^{powers['full']:.1f}, that of "
        f"sparse attention like T^{powers['sparse']:.1f}; its averages of blocks still "
        "grow with the square, divided by 16.",
        (Table("Seconds by length", table.pivot(index="length", columns="attention", values="CPU-seconds")
               .reset_index()),),
        (Figure("Seconds by length", "Medians of three passes.", table, _draw_costs),),
        (
            Check("sparse attention is cheaper in long texts", ratio > 2,
                  f"At {lengths[-1]:,} tokens full attention takes {ratio:.1f} times as long.", ratio, 2),
        ),
    )  # fmt: skip


def _recall(length: int, updates: int, seed: int) -> Section:
    course = recalled(length, updates, seed)
    last: Any = course.groupby("model", sort=False)["right"].last()
    chance = 1 / DIGITS
    return Section(
        "What is recalled",
        f"Texts of {length} tokens, {updates} updates on {BATCH} new ones each; one layer, and a window of "
        f"{WINDOW} tokens that the mark is out of reach of. Whoever guesses is right in {chance:.1%}.",
        (Table("Share right in the last twentieth of the updates", last.rename("share right").reset_index()),),
        (Figure("Share right while learning", "Means over twentieths of the updates.", course, _draw_course),),
        (
            Check("a window cannot recall what it does not see", bool(last["window"] < 2 * chance),
                  f"It is right in {last['window']:.1%}, and guessing in {chance:.1%}.",
                  float(last["window"]), 2 * chance),
            Check("sparse attention recalls as full attention does", bool(last["sparse"] > 0.95),
                  f"It is right in {last['sparse']:.1%}, full attention in {last['full']:.1%}.",
                  float(last["sparse"]), 0.95),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Time, train, and ask for the mark; see `ceteris.gallery.sections`."""
    lengths = (256, 512, 1024, 2048) if quick else (256, 512, 1024, 2048, 4096, 8192)
    return (_costs(lengths, seed), _recall(*((96, 450) if quick else (192, 600)), seed))


def _draw_costs(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for kind, marker in zip(COSTS, "os", strict=True):
        some: Any = data[data["attention"] == kind]
        axes.plot(some["length"], some["CPU-seconds"], f"{marker}-", label=kind)
    axes.set(xlabel="tokens", ylabel="CPU-seconds of a pass", xscale="log", yscale="log")
    axes.legend()


def _draw_course(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for kind, marker in zip(KINDS, "o^s", strict=True):
        some: Any = data[data["model"] == kind]
        axes.plot(some["update"], some["right"], f"{marker}-", label=kind)
    axes.axhline(1 / DIGITS, color="0.5", linewidth=0.8, label="guessing")
    axes.set(xlabel="update", ylabel="share right", ylim=(0, 1.02))
    axes.legend()
