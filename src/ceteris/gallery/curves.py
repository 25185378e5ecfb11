"""Activations with their derivatives, and losses against what is predicted.

The nine activations are those of `ceteris.nets.activations`; their derivatives come from automatic
differentiation. The losses are drawn against the residual y - ŷ, and the two losses of a class against the
predicted probability, where cross-entropy is unbounded at a confident mistake and squared error is not.

What a loss estimates is a matter of its minimiser: the mean for squared error, the median for absolute
error, the τ-quantile for the pinball loss, and for Huber's loss something between mean and median.

References
----------
Nair and Hinton (2010) for ReLU, Maas et al. (2013) leaky ReLU, Clevert et al. (2016) ELU, Ramachandran et
al. (2017) swish, Hendrycks and Gimpel (2016) GELU, Misra (2019) mish. Huber, P. J. (1964). Robust
estimation of a location parameter. Annals of Mathematical Statistics 35. Koenker, R. and Bassett, G.
(1978). Regression quantiles. Econometrica 46.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd

from ceteris.gallery._plots import lines, panels
from ceteris.nets import (
    ACTIVATIONS,
    Huber,
    Pinball,
    absolute,
    binary_cross_entropy,
    squared,
)
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

WORDS = {"relu": "ReLU", "leaky_relu": "leaky ReLU", "elu": "ELU", "gelu": "GELU"}  # where the name is not the word
NINE = tuple(name for name in ACTIVATIONS if name != "identity")

# Lower end of the range and extremes of the derivative, to the digits in which the literature gives them.
MINIMA = {"swish": -0.28, "gelu": -0.17, "mish": -0.31, "elu": -1.0, "relu": 0.0, "sigmoid": 0.0, "tanh": -1.0}
SLOPES = {"swish": (-0.1, 1.1), "sigmoid": (0.0, 0.25), "tanh": (0.0, 1.0)}

LOSSES: dict[str, Callable[..., jax.Array]] = {
    "squared": squared,
    "absolute": absolute,
    "Huber, δ = 1": Huber(1.0),
    "pinball, τ = 0.9": Pinball(0.9),
}


def activation_curves(points: int) -> pd.DataFrame:
    """Value and derivative of the nine activations on [-10, 10], in long form."""
    z = jnp.linspace(-10, 10, points)
    parts = [
        pd.DataFrame({"activation": name, "z": z, "value": g(z), "derivative": jax.vmap(jax.grad(g))(z)})
        for name, g in ((name, ACTIVATIONS[name]) for name in NINE)
    ]
    return pd.concat(parts, ignore_index=True)


def loss_curves(points: int) -> pd.DataFrame:
    """Losses against the residual y - ŷ on [-3, 3], in long form."""
    r = jnp.linspace(-3, 3, points)
    return pd.concat(
        [
            pd.DataFrame({"loss": name, "residual": r, "value": loss(jnp.zeros((points, 1)), r)})
            for name, loss in LOSSES.items()
        ],
        ignore_index=True,
    )


def probability_curves(points: int) -> pd.DataFrame:
    """Cross-entropy and squared error of a probability p for either class, in long form."""
    p = jnp.linspace(0.005, 0.995, points)
    logit = (jnp.log(p) - jnp.log1p(-p))[:, None]
    parts = []
    for y in (1, 0):
        target = jnp.full((points,), float(y))
        for name, value in (
            ("cross-entropy", binary_cross_entropy(logit, target)),
            ("squared error", squared(p[:, None], target)),
        ):
            parts.append(pd.DataFrame({"class": y, "loss": name, "p": p, "value": value}))
    return pd.concat(parts, ignore_index=True)


def minimiser(loss: Callable[..., jax.Array], sample: np.ndarray) -> float:
    """Return the constant prediction with the smallest average loss on a sample of shape (n,), by grid search.

    The grid spans the sample in a thousand steps.
    """
    low, high = np.quantile(sample, [0.001, 0.999])
    grid = jnp.linspace(low, high, 1_001)
    shape = (grid.size, sample.size)
    losses = loss(jnp.broadcast_to(grid[:, None, None], (*shape, 1)), jnp.broadcast_to(sample, shape))
    return float(grid[jnp.argmin(losses.mean(axis=1))])


def estimated_quantities(n: int, seed: int) -> pd.DataFrame:
    """What each loss estimates on a skewed sample, beside the mean, median and quantile of that sample."""
    sample = np.exp(np.random.default_rng([seed, 2]).normal(scale=0.7, size=n))
    truth = {
        "squared": ("mean", sample.mean()),
        "absolute": ("median", np.median(sample)),
        "Huber, δ = 1": ("between median and mean", np.nan),
        "pinball, τ = 0.9": ("90 % quantile", np.quantile(sample, 0.9)),
    }
    rows = [
        {
            "loss": name,
            "minimiser": minimiser(loss, sample),
            "estimates": truth[name][0],
            "of the sample": truth[name][1],
        }
        for name, loss in LOSSES.items()
    ]
    return pd.DataFrame(rows)


def _summary(curves: pd.DataFrame) -> pd.DataFrame:
    table = curves.groupby("activation", sort=False).agg(
        lowest=("value", "min"),
        highest=("value", "max"),
        smallest_slope=("derivative", "min"),
        largest_slope=("derivative", "max"),
    )
    return table.rename(columns=lambda name: name.replace("_", " ")).reset_index()


def _in_words(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(activation=table["activation"].replace(WORDS))


def _draw_activations(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    shown = data[data["z"].abs() <= 4]
    grid = panels(figure, 3, 3, sharex=True)
    for axes, (name, part) in zip(grid, shown.groupby("activation", sort=False), strict=True):
        lines(axes, part, "z", "value", label="g(z)")
        lines(axes, part, "z", "derivative", linestyle="--", label="g'(z)")
        axes.set_title(WORDS.get(str(name), str(name)), fontsize="medium")
        axes.set_ylim(-1.2, 2.2)
    grid[0].legend(fontsize="small")


def _draw_losses(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    lines(axes, data, "residual", "value", by="loss")
    axes.set(ylim=(0, 4), xlabel="residual y - ŷ", ylabel="loss")
    axes.legend()


def _draw_probabilities(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 1, 2, sharey=True)
    for axes, (y, part) in zip(grid, data.groupby("class", sort=False), strict=True):
        lines(axes, part, "p", "value", by="loss")
        axes.set(title=f"true class y = {y}", xlabel="predicted probability of class 1", ylim=(0, 5))
    grid[0].set_ylabel("loss")
    grid[0].legend()


def against_published(summary: pd.DataFrame) -> pd.DataFrame:
    """Lower ends and extreme slopes of activations: as published, and ours on [-10, 10]."""
    measured = summary.set_index("activation").to_dict("index")
    known = [(name, "lowest value", low, "lowest") for name, low in MINIMA.items()]
    known += [(name, "smallest slope", low, "smallest slope") for name, (low, _) in SLOPES.items()]
    known += [(name, "largest slope", high, "largest slope") for name, (_, high) in SLOPES.items()]
    rows = [(name, what, published, measured[name][column]) for name, what, published, column in known]
    return pd.DataFrame(rows, columns=pd.Index(["activation", "what", "published", "ours"]))


def _range_check(summary: pd.DataFrame) -> Check:
    both = against_published(summary)
    worst = float(np.abs(both["ours"].to_numpy() - both["published"].to_numpy()).max())
    return Check(
        "ranges and slopes on record", worst <= 0.005,
        f"Lower ends and extreme slopes differ by at most {worst:.4f} from the values on record, which are "
        "rounded to two digits.", worst, 0.005,
    )  # fmt: skip


def _minimiser_checks(table: pd.DataFrame) -> tuple[Check, ...]:
    gap = float(np.nanmax(np.abs(table["minimiser"].to_numpy() - table["of the sample"].to_numpy())))
    at = dict(zip(table["loss"], table["minimiser"], strict=True))
    between = at["absolute"] < at["Huber, δ = 1"] < at["squared"]
    return (
        Check(
            "losses estimate what they should", gap < 0.02,
            f"Minimisers and the sample's mean, median and quantile differ by at most {gap:.4f}; "
            "0.02, two steps of the search, are allowed.", gap, 0.02,
        ),
        Check("Huber is a compromise", bool(between), "Its minimiser lies between the median and the mean."),
    )  # fmt: skip


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Draw activations, losses of a residual and losses of a probability; see `ceteris.gallery.sections`.

    It takes seconds, so that `quick` makes no difference.
    """
    points = 2_001
    activations = activation_curves(points)
    summary, estimates = _summary(activations), estimated_quantities(2_000, seed)
    return (
        Section(
            "Activation functions",
            "Sigmoid and tanh saturate: their slopes vanish for large |z|, and with them the gradients of "
            "early layers. ReLU does not saturate for z > 0 but is flat below; leaky ReLU and ELU repair "
            "that. Swish, GELU, mish and softplus are smooth everywhere, as second derivatives require.",
            (
                Table("Published (two digits), and ours on [-10, 10]", _in_words(against_published(summary))),
                Table("All nine on [-10, 10]", _in_words(summary)),
            ),
            (
                Figure(
                    "Nine activations and their derivatives",
                    "Solid: the function. Dashed: its derivative by automatic differentiation.",
                    activations, _draw_activations, (8.0, 6.4),
                ),
            ),
            (_range_check(summary),),
        ),
        Section(
            "Losses",
            "A loss decides what is estimated. On a skewed sample the four losses have four different "
            "minimisers.\n\n"
            "For a probability, cross-entropy grows without bound as a confident prediction turns out "
            "wrong; squared error stops at 1.",
            (Table("What each loss estimates", estimates, "Log-normal sample."),),
            (
                Figure(
                    "Losses of a residual",
                    "Huber's loss is quadratic in the middle and linear outside; the pinball loss is tilted.",
                    loss_curves(points), _draw_losses,
                ),
                Figure(
                    "Losses of a probability",
                    "Cross-entropy against squared error: the difference is at the confident mistakes.",
                    probability_curves(points), _draw_probabilities, (8.0, 3.6),
                ),
            ),
            _minimiser_checks(estimates),
        ),
    )  # fmt: skip
