"""In-context learning: a transformer trained on autoregressions forecasts new ones, and is not trained on them.

Every series has a ρ of its own, so that the net can only do well by working out ρ from what it is shown: it learns
to estimate. It reads x_t and x_{t-1} at each t, looks back only, and is trained to predict x_{t+1} at all t at once by
the mean squared error, on series that are drawn anew at each update. The least error that can be had is that of the
Bayes predictor (`ceteris.sequence.context.predictors`).

References
----------
Garg, S., Tsipras, D., Liang, P. and Valiant, G. (2022). What can transformers learn in-context? NeurIPS 35. Von Oswald,
J. et al. (2023). Transformers learn in-context by gradient descent. ICML.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.arguments import INSIDE, a_whole_number, check, whole
from ceteris.engine import Progress, fit, precision
from ceteris.nets import Transformer
from ceteris.nets.initialisers import lecun_normal
from ceteris.nets.mlp import Dense
from ceteris.recipe import Descend, Draws, Loss, optimiser
from ceteris.results import Check, Figure, Section, Table
from ceteris.sequence.context.predictors import (
    bayes_forecasts,
    descent_forecasts,
    least_squares_forecasts,
    simulate_autoregressions,
)
from ceteris.showing import AbstractResult, screenful
from ceteris.training import refuse_non_finite

if TYPE_CHECKING:
    import matplotlib.figure

CLOSE = 1.01  # times the error of the Bayes predictor that the net should have at most
SHORT = 12  # contexts up to which it should be better than least squares
JUDGED = 20_000  # series to judge by
BLOCK = 2_000  # of them at once


class InContextNet(eqx.Module):
    """A causal transformer on values and the ones before them, and a linear map: (..., T) to (..., T).

    Parameters
    ----------
    width : int
        Numbers in an element inside.
    depth : int
        Blocks.
    heads : int
        Of each attention.
    key : PRNG key
        For the weights.
    """

    blocks: Transformer
    read: Dense

    def __init__(self, width: int, depth: int, heads: int, *, key: Any) -> None:
        own, read = jr.split(key)
        self.blocks = Transformer(2, width, heads, depth, perceptron=2 * width, causal=True, key=own)
        self.read = Dense(width, 1, lecun_normal, key=read)

    def __call__(self, x):
        """Return forecasts of the next value at each t."""
        before = jnp.concatenate([jnp.zeros_like(x[..., :1]), x[..., :-1]], axis=-1)
        return self.read(self.blocks(jnp.stack([x, before], axis=-1) / 2))[..., 0]


def _drawn(limit, counts, key):
    """Draw a batch of series of unit innovations."""
    series, length = counts
    own, noise = jr.split(key)
    rho = jr.uniform(own, (series,), minval=-limit, maxval=limit)
    e = jr.normal(noise, (length, series))
    first = e[0] / jnp.sqrt(1 - rho**2)

    def step(x, e):
        x = rho * x + e
        return x, x

    return jnp.concatenate([first[None], jax.lax.scan(step, first, e[1:])[1]]).T


def _error(net, x, key):
    return jnp.mean((net(x[:, :-1]) - x[:, 1:]) ** 2), {}


@dataclass(frozen=True)
class InContextLearner:
    """A transformer that learns to forecast autoregressions of the first order from what it is shown of them.

    Parameters
    ----------
    context : int
        Values that it is shown in training, at most.
    limit : float
        ρ is uniform on (-limit, limit), and innovations have variance one.
    width : int
        Numbers in an element of the transformer.
    depth : int
        Blocks.
    heads : int
        Of each attention.
    steps : int
        Updates.
    batch_size : int
        Series per update, drawn anew.
    rate : float
        Highest learning rate; it rises in the first tenth of the updates and falls along a half cosine.
    progress : bool
        Whether to show it.
    seed : int

    Examples
    --------
    >>> from ceteris.sequence import InContextLearner, simulate_autoregressions
    >>> learner = InContextLearner(context=8, width=8, depth=1, heads=1, steps=20, batch_size=16)
    >>> x, _ = simulate_autoregressions(5, 8)
    >>> learner.fit(judged=200).predict(x).shape
    (5, 8)
    """

    context: int = 32
    limit: float = 0.95
    _: KW_ONLY
    width: int = 32
    depth: int = 2
    heads: int = 4
    steps: int = 3_000
    batch_size: int = 128
    rate: float = 3e-3
    progress: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, limit=INSIDE, context=a_whole_number(2), heads=a_whole_number(1))
        whole("InContextLearner: seed", self.seed, least=0)
        if self.width % self.heads:
            raise ValueError(
                f"InContextLearner: heads is {self.heads}, but must divide width, which is {self.width}; give one that "
                "does."
            )

    def fit(self, judged: int = JUDGED) -> InContextFit:
        """Train on series drawn anew at each update, and judge on others.

        Parameters
        ----------
        judged : int
            Series to judge by, of twice the length of those learnt from.
        """
        whole("judged", judged, least=100, such_as=JUDGED)
        with precision("single"):
            build = eqx.Partial(InContextNet, self.width, self.depth, self.heads)
            draw = eqx.Partial(_drawn, jax.device_put(np.float32(self.limit)), (self.batch_size, self.context + 1))
            rule = optimiser("adam", self.rate, schedule="warmup_cosine", updates=self.steps, clip=1.0)
            monitors: list[Any] = [Progress("InContextLearner")] if self.progress else []
            descend = Descend(build, Loss(_error), Draws(draw), rule)
            every = max(1, self.steps // 20)
            run = fit(descend, jr.key(self.seed), steps=self.steps, every=every, monitors=monitors)
        refuse_non_finite("InContextLearner", run, self.rate)
        loss = run.history["loss"].astype(float)
        course = pd.DataFrame({"step": np.arange(1, len(loss) + 1), "loss": loss})
        x, rho = simulate_autoregressions(judged, 2 * self.context + 1, self.limit, seed=self.seed + 1)
        return InContextFit(self, run.model, course, compared(run.model, x, rho, self.limit))


def compared(net: Any, x: np.ndarray, rho: np.ndarray, limit: float) -> pd.DataFrame:
    """Return mean squared errors by context, one column per predictor.

    The innovation that nobody knows is taken out and its variance of one added, which leaves less chance in the means.
    """
    best = rho[:, None] * x[:, :-1]
    error = lambda forecast: 1 + ((forecast - best) ** 2).mean(0)
    frame = pd.DataFrame({"context": np.arange(1, x.shape[1])})
    frame["net"], frame["Bayes"] = error(_forecasts(net, x[:, :-1])), error(bayes_forecasts(x, limit))
    frame["least squares"] = error(least_squares_forecasts(x))
    frame["one step of descent"] = error(descent_forecasts(x))
    return frame.assign(ratio=frame["net"] / frame["Bayes"])


def _forecasts(net: Any, x: np.ndarray) -> np.ndarray:
    """Evaluate a net in blocks of one shape."""
    rows = np.zeros((-(-len(x) // BLOCK) * BLOCK, x.shape[1]), np.float32)
    rows[: len(x)] = x
    with precision("single"):
        parts = [np.asarray(_evaluated(net, jax.device_put(rows[i : i + BLOCK]))) for i in range(0, len(rows), BLOCK)]
    return np.concatenate(parts)[: len(x)].astype(float)


@eqx.filter_jit
def _evaluated(net: Any, x: Any) -> Any:
    return net(x)


@dataclass(frozen=True, eq=False, repr=False)
class InContextFit(AbstractResult):
    """A transformer that forecasts autoregressions that it is shown.

    Attributes
    ----------
    settings : InContextLearner
    net : InContextNet
    course : DataFrame
        Loss by update.
    table : DataFrame
        Mean squared error by context on new series, up to twice the context of the training: of the net, of the Bayes
        predictor, of least squares, of one step of gradient descent at the best rate, and the ratio of the first two.
    """

    settings: InContextLearner
    net: Any
    course: pd.DataFrame
    table: pd.DataFrame

    def predict(self, x: Any) -> np.ndarray:
        """Return forecasts of the value after each, given those up to it.

        Parameters
        ----------
        x : array, shape (series, values)
            Series with innovations of variance one. More values than it was shown in training are allowed, and it does
            worse there.
        """
        from ceteris.tables.frames import finite

        return _forecasts(self.net, finite("x", x, (None, None)))

    @property
    def within(self) -> pd.DataFrame:
        """The table up to the context of the training."""
        return self.table.iloc[: self.settings.context]

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether it forecasts nearly as well as can be, and better than a regression from short contexts."""
        within: Any = self.within
        worst = float(within["ratio"].max())
        where = int(within["context"].iloc[within["ratio"].argmax()])
        short = within[(within["context"] > 1) & (within["context"] <= SHORT)]
        below = bool((short["net"] < short["least squares"]).all())
        beyond: Any = self.table["ratio"].iloc[-1]
        return (
            Check("nearly as good as can be", worst <= CLOSE,
                  f"At worst, from {where} values, its error is {worst:.4f} times that of the Bayes predictor.", worst,
                  CLOSE),
            Check("better than least squares from short contexts", below,
                  f"From 2 to {min(SHORT, self.settings.context)} values its error is "
                  f"{'lower everywhere' if below else 'not lower everywhere'}."),
            Check("beyond what it was trained on", None,
                  f"From {self.table['context'].iloc[-1]} values, twice as many as in training, its error is "
                  f"{beyond:.3f} times that of the Bayes predictor."),
        )  # fmt: skip

    def summary(self) -> str:
        """Return one screen: errors by context against Bayes and least squares."""
        T = self.settings.context
        shown = [t for t in sorted({1, 2, 3, 4, 6, 8, 12, 16, 24, T, 3 * T // 2, 2 * T}) if t <= 2 * T]
        facts = [f"Trained on {self.settings.steps:,} × {self.settings.batch_size} series of {T + 1} values, none of "
                 "which it is shown again. Mean squared errors; that of whoever knows ρ is 1.",
                 *(check.sentence for check in self.checks if check.passed is not False)]  # fmt: skip
        table = self.table.iloc[[t - 1 for t in shown]].reset_index(drop=True)
        return screenful("A transformer that learns autoregressions in context", facts, table, self.checks)

    def sections(self) -> tuple[Section, ...]:
        """Return errors by context and the course of the training as a part of a report."""
        marked = self.table.assign(trained=self.settings.context)
        courses: Any = self.course.groupby((self.course["step"] - 1) // max(1, len(self.course) // 100))
        figures = (
            Figure("Error by context", "Excess mean squared error over that of whoever knows ρ. The line marks the "
                   "longest context of the training.", marked, _draw_errors, (6.4, 4.4)),
            Figure("Training", "Mean squared error of the next value, averaged over neighbouring updates.",
                   courses.mean(), _draw_course),
        )  # fmt: skip
        text = " ".join(check.sentence for check in self.checks)
        return (Section("In-context learning", text, (Table("Errors", self.table),), figures, self.checks),)


def _draw_errors(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    for name in ("net", "Bayes", "least squares", "one step of descent"):
        shown = data if name != "least squares" else data[data["context"] > 3]  # its error has no mean before
        axes.plot(shown["context"], shown[name] - 1, label=name, linestyle=":" if name == "Bayes" else "-")
    axes.axvline(data["trained"].iloc[0], color="0.5", linewidth=0.8)
    axes.set(xlabel="values in the context", ylabel="excess error", yscale="log", xscale="log")
    axes.legend()


def _draw_course(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot(data["step"], data["loss"])
    axes.set(xlabel="update", ylabel="mean squared error")
