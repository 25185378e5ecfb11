"""Where attention looks, on two tasks of which it is known where the answer stands, and a worked example put right.

A translator of dates into ISO 8601 reads "March 3, 1987" letter by letter. Its decoder should look at the year, the
month and the day when it writes them: the maps say where it does. What to expect: the map is a record of when something
was fetched, not of why something was written, for once a year has been read its digits are in the decoder's state, and
the weight may rest anywhere. A transformer of one block and two heads reads monthly series that are those of a year
before and noise; what comes next stands eleven months before the last value, and a head finds it. The lecture's worked
example has weights that do not sum to one.

References
----------
Bahdanau, D., Cho, K. and Bengio, Y. (2015). Neural machine translation by jointly learning to align and translate.
ICLR. Jain, S. and Wallace, B. (2019). Attention is not explanation. NAACL.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.data import written_dates
from ceteris.engine import fit, precision
from ceteris.gallery._plots import panels
from ceteris.nets import Transformer, attention_weights
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.mlp import Dense
from ceteris.nets.positions import sinusoidal
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence import SequenceToSequence

if TYPE_CHECKING:
    import matplotlib.figure

FIELDS = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}  # of YYYY-MM-DD
TEXTS = 100  # maps that are averaged
SEASON, MONTHS, NOISE = 12, 36, 0.3
WIDTH, HEADS, BATCH, SERIES = 32, 2, 64, 6_400
SCORES, PRINTED = (0.9, 0.1, 1.0), (0.405, 0.182, 0.448)  # of the lecture's example, and the weights it prints


def places(text: str) -> dict[str, range]:
    """Return where year, month and day stand in a date written out, with the letter after each.

    A state of the encoder knows what was read up to it, so that a word is known when its end is read.

    Examples
    --------
    >>> places("the 24th of May 2027")
    {'year': range(16, 21), 'month': range(12, 16), 'day': range(4, 7)}
    """
    year = re.search(r"\d{4}$", text)
    month = re.search(r"(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*", text)
    day = re.search(r"(?<!\d)\d{1,2}(?!\d)", text)
    found = {"year": year, "month": month, "day": day}
    return {name: range(one.start(), one.end() + 1) for name, one in found.items() if one is not None}


def looked(weights: pd.DataFrame, text: str) -> dict[str, tuple[float, float]]:
    """Return by field the weight on the place where it stands: at the symbol where it is highest, and on average."""
    found = {}
    for name, at in places(text).items():
        own = weights.to_numpy()[FIELDS[name]][:, at.start : at.stop].sum(1)
        found[name] = (float(own.max()), float(own.mean()))
    return found


def _dates(pairs: int, settings: dict[str, Any], seed: int) -> Section:
    sources, targets = zip(*written_dates(pairs, seed), strict=True)
    translator = SequenceToSequence(random_state=seed, **settings).fit(sources, targets)
    texts = [str(text) for text in translator.judged_["source"].head(TEXTS)]
    maps = [looked(translator.align(text), text) for text in texts]
    share = [(len(at) / len(text)) for text in texts for at in places(text).values()]
    table = pd.DataFrame(
        [(name, *np.mean([one[name] for one in maps], axis=0)) for name in FIELDS],
        columns=pd.Index(["field", "weight where it stands, highest", "on average"]),
    )
    fetched = float(table["weight where it stands, highest"].to_numpy().min())
    shown = translator.align(texts[0])
    rows, columns = shown.shape
    long = pd.DataFrame({
        "row": np.repeat(np.arange(rows), columns), "column": np.tile(np.arange(columns), rows),
        "written": np.repeat(shown.index.astype(str), columns), "source": np.tile(shown.columns.astype(str), rows),
        "weight": shown.to_numpy().ravel(),
    })  # fmt: skip
    return Section(
        "Dates",
        f"A translator learnt from {pairs:,} dates, {translator.exact_:.1%} right on new ones. For each field of "
        f"{len(texts)} new dates: the weight on where it stands in the source, the letter after it included, at that "
        "of its digits where it is highest, and on average over them. Weights spread evenly would have "
        f"{np.mean(share):.0%} there.",
        (Table("Where fields are looked up", table),),
        (Figure("A date", "Rows are symbols that are written; dark is where the decoder looked in the source.", long,
                _draw_date, (7.0, 4.2)),),
        (
            Check("each field is looked up where it stands", fetched > 0.7,
                  f"At its best digit it has a weight of {fetched:.0%} there or more.", fetched, 0.7),
            Check("the translator can be believed", translator.exact_ > 0.95,
                  f"{translator.exact_:.1%} of new dates are right.", translator.exact_, 0.95),
        ),
    )  # fmt: skip


class NextMonth(eqx.Module):
    """One block of attention that predicts the next value at every month: (..., months) -> (..., months)."""

    transformer: Transformer
    head: Dense

    def __init__(self, *, key: Any):
        first, second = jr.split(key)
        self.transformer = Transformer(1, WIDTH, HEADS, depth=1, causal=True, key=first)
        self.head = Dense(WIDTH, 1, lecun_normal, key=second)

    def __call__(self, x: Any) -> Any:
        """Return forecasts."""
        return self.head(self.transformer(x[..., None]))[..., 0]

    def weights(self, x: Any) -> Any:
        """Return where each head looks from each month, (..., heads, months, months)."""
        block = jax.tree.map(lambda a: a[0] if eqx.is_array(a) else a, self.transformer.blocks)
        assert self.transformer.entrance is not None
        inner = self.transformer.entrance(x[..., None]) + sinusoidal(jnp.arange(x.shape[-1]), WIDTH)
        return block.attention.weights(block.norms[0](inner))


def squared_error(model: Any, x: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Mean squared error of forecasts, from the month on from which a year can be looked back."""
    return jnp.mean((model(x[:, :-1]) - x[:, 1:])[:, SEASON - 1 :] ** 2), {}


def seasonal(series: int, seed: int) -> np.ndarray:
    """Return series of which each month is that of the year before and noise: (series, months + 1)."""
    x = np.random.default_rng(seed).normal(size=(series, MONTHS + 1))
    for t in range(SEASON, MONTHS + 1):
        x[:, t] = x[:, t - SEASON] + NOISE * x[:, t]
    return x.astype(np.float32)


def by_lag(weights: np.ndarray) -> np.ndarray:
    """Return the mean weight of each head on the month so many before, (heads, lags), from months with all lags."""
    lags, months = np.arange(MONTHS - SEASON), np.arange(MONTHS - SEASON, MONTHS)
    return weights.mean(0)[:, months[:, None], months[:, None] - lags].mean(1)


def _months(epochs: int, seed: int) -> Section:
    with precision("single"):
        data = jnp.asarray(seasonal(SERIES, seed))
        rule = optimiser("adam", 5e-3, schedule="cosine", updates=epochs * (SERIES // BATCH))
        descend = Descend(NextMonth, Loss(squared_error), Minibatches(data, batch_size=BATCH), rule)
        model = fit(descend, jr.key(seed), steps=epochs, every=epochs).model
    new = jnp.asarray(seasonal(500, seed + 1))
    before, after = (
        by_lag(np.asarray(eqx.filter_jit(NextMonth.weights)(one, new[:, :-1])))
        for one in (NextMonth(key=jr.key(seed)), model)
    )
    error = float(squared_error(model, new, None)[0]) / NOISE**2
    heads = [f"head {k + 1}" for k in range(HEADS)]
    table = pd.DataFrame({"months before": np.arange(after.shape[1]), **dict(zip(heads, after, strict=True))})
    table["untrained, mean"] = before.mean(0)
    there = float(after[:, SEASON - 1].max())
    return Section(
        "Months",
        f"{SERIES:,} series of {MONTHS} months, {epochs} passes. The next month is that of a year before, eleven "
        "months before the last that is known, and noise. Weights are means over new series.",
        (Table("Weight by lag", table.iloc[[0, 1, SEASON - 2, SEASON - 1, SEASON, SEASON * 2 - 1]]),),
        (Figure("Heads", "Mean weight on the month so many before, from the third year on.", table, _draw_heads),),
        (
            Check("a head finds the same month of the year before", there > 0.8,
                  f"It has {there:.0%} of its weight there; untrained heads have {before[:, SEASON - 1].mean():.0%}.",
                  there, 0.8),
            Check("forecasts are nearly as good as can be", error < 1.1,
                  f"Their squared error is {error:.3f} times the variance of the noise.", error, 1.1),
        ),
    )  # fmt: skip


def _example() -> Section:
    ours = np.asarray(attention_weights(jnp.array(SCORES)), float)
    table = pd.DataFrame({"shelf": [1, 2, 3], "score": SCORES, "printed": PRINTED, "softmax": ours.round(4)})
    gap = float(abs(np.array(PRINTED) - ours).max())
    return Section(
        "The worked example",
        "Three shelves, their scores, and the weights. Those printed sum to "
        f"{sum(PRINTED):.3f}, so that they are no weights.",
        (Table("Weights", table),),
        (Figure("Weights", "Softmax of the scores, and what is printed.", table, _draw_example, (4.6, 3.2)),),
        (
            Check("weights of the example", bool(abs(ours.sum() - 1) < 1e-6 and gap < 0.02),
                  f"They are {', '.join(f'{w:.3f}' for w in ours)}; those printed differ by {gap:.3f} at most.", gap,
                  0.02),
        ),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Learn dates and months, and look where attention looks; see `ceteris.gallery.sections`."""
    small = {"width": 32, "epochs": 15}
    dates = _dates(6_000, small, seed) if quick else _dates(20_000, {}, seed)
    return (dates, _months(12 if quick else 30, seed), _example())


def _draw_date(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    rows, columns = data["row"].to_numpy().max() + 1, data["column"].to_numpy().max() + 1
    axes.grid(False)
    axes.imshow(data["weight"].to_numpy().reshape(rows, columns), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    axes.set_xticks(range(columns), data["source"][:columns].tolist())
    axes.set_yticks(range(rows), data["written"][::columns].tolist())
    axes.set(xlabel="read", ylabel="written")


def _draw_heads(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    names = [name for name in data.columns if name != "months before"]
    for axes, name in zip(panels(figure, 1, len(names), sharey=True), names, strict=True):
        axes.bar(data["months before"], data[name])
        axes.set(title=name, xlabel="months before", ylim=(0, 1))


def _draw_example(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.bar(data["shelf"] - 0.2, data["softmax"], 0.4, label="softmax")
    axes.bar(data["shelf"] + 0.2, data["printed"], 0.4, label="printed")
    axes.set_xticks(data["shelf"].tolist())
    axes.set(xlabel="shelf", ylabel="weight")
    axes.legend()
