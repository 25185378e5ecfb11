"""An optimiser race: every named first-order rule on one small problem, with equal budgets.

The problem is a net of one hidden layer on 256 points of a smooth function without noise, so that the loss
can fall as far as an optimiser can take it. The budget is passes over the data. The methods that are meant
for the full batch (gradient descent, L-BFGS) make one update per pass, the others one per batch of 32;
L-BFGS needs a few more evaluations per update for its line search, which the count of passes does not show.

Rates decide such races. Each rule is run with its default rate and with a third and three times of it, from
the same kind of random start, and is judged at its best; the default's own result stands beside it.

References
----------
Robbins and Monro (1951) for stochastic gradient descent, Polyak (1964) momentum, Nesterov (1983), Duchi,
Hazan and Singer (2011) AdaGrad, Tieleman and Hinton (2012) RMSprop, Kingma and Ba (2015) Adam, Loshchilov
and Hutter (2019) AdamW, Jordan et al. (2024) Muon, Liu and Nocedal (1989) L-BFGS. All run through Optax.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import equinox as eqx
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.data.genz import simulate_genz
from ceteris.engine import Ensemble, fit
from ceteris.gallery._plots import lines, panels
from ceteris.nets import MLP, squared
from ceteris.recipe import KINDS, Descend, Fixed, HeldOut, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

FULL_BATCH = ("gradient_descent", "lbfgs")
FACTORS = (0.3, 1.0, 3.0, 10.0)
WORDS = {  # where the name is not the word
    **{"sgd": "stochastic gradient descent", "adagrad": "AdaGrad", "rmsprop": "RMSprop", "nesterov": "Nesterov"},
    **{"adam": "Adam", "adamw": "AdamW", "muon": "Muon", "soap": "SOAP", "lbfgs": "L-BFGS"},
}
QUICK = ("gradient_descent", "sgd", "adam")


def mean_squared_error(model, batch, key):
    """Loss of a batch of points (x, y)."""
    x, y = batch
    return jnp.mean(squared(model(x), y)), {}


def problem(seed: int) -> tuple[jnp.ndarray, jnp.ndarray]:
    """Return 256 points of Genz's Gaussian in two dimensions: inputs on [-1, 1], outputs standardised."""
    sample = simulate_genz("gaussian", d=2, n=256, seed=seed)
    return jnp.asarray(2 * sample.x - 1), jnp.asarray((sample.y - sample.y.mean()) / sample.y.std())


def race(name: str, data, passes: int, repeats: int, seed: int) -> pd.DataFrame:
    """Run one optimiser with every rate and several starts, all as one ensemble.

    Returns
    -------
    DataFrame
        Loss on all the data every ten passes, median over starts, in long form with the factor on the rate.
    """
    own = name == "lbfgs"  # its line search sets the rate
    factors = (1.0,) if own else FACTORS
    loss = Loss(mean_squared_error)
    sampler = Fixed(data) if name in FULL_BATCH else Minibatches(data, batch_size=32)
    one = Descend(
        eqx.Partial(MLP, 2, 1, widths=(32,), activation="tanh"),
        loss,
        sampler,
        optimiser(name, None if own else KINDS[name].rate, weight_decay=1e-4 if KINDS[name].decays else 0.0),
        heldout=HeldOut(loss, data),
    )
    rates = KINDS[name].rate * np.repeat(factors, repeats)
    members = Ensemble(one, len(rates), over=lambda a: a.optimiser.args[1], values=jnp.asarray(rates))
    metrics = fit(members, jr.key(seed), steps=passes, every=10).metrics
    losses = metrics["heldout"].astype(float).reshape(-1, len(factors), repeats)
    losses = np.where(np.isfinite(losses), losses, np.inf)  # a start that diverged comes last
    return pd.concat(
        [
            pd.DataFrame(
                {"optimiser": name, "factor": f, "passes": metrics["step"], "loss": np.median(losses[:, i], 1)}
            )
            for i, f in enumerate(factors)
        ],
        ignore_index=True,
    )


def standings(runs: pd.DataFrame) -> pd.DataFrame:
    """Final loss of every optimiser at its best factor and at its default, best first."""
    last = runs[runs["passes"] == runs["passes"].max()]
    rows = []
    for name, part in last.groupby("optimiser", sort=False):
        losses = dict(zip(part["factor"], part["loss"], strict=True))
        best = min(losses, key=losses.__getitem__)
        rate = "line search" if name == "lbfgs" else f"{KINDS[str(name)].rate * best:.2g}"
        rows.append(
            {
                "optimiser": name,
                "updates per pass": 1 if name in FULL_BATCH else 8,
                "best rate": rate,
                "final loss": losses[best],
                "final loss, default rate": losses[1.0],
                "factor": best,
            }
        )
    return pd.DataFrame(rows).sort_values("final loss", ignore_index=True)


def in_words(name: str) -> str:
    """Return a rule's name as it is spoken.

    Examples
    --------
    >>> in_words("gradient_descent"), in_words("lbfgs"), in_words("adam")
    ('gradient descent', 'L-BFGS', 'Adam')
    """
    return WORDS.get(name, name.replace("_", " "))


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    (axes,) = panels(figure)
    for name, part in data.groupby("optimiser", sort=False):
        lines(axes, part, "passes", "loss", label=in_words(str(name)))
    axes.set(yscale="log", xlabel="passes over the data", ylabel="loss on all the data")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), title="best first")


def _shown(table: pd.DataFrame) -> pd.DataFrame:
    return table.drop(columns="factor").assign(optimiser=table["optimiser"].map(in_words))


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    final = dict(zip(table["optimiser"], table["final loss"], strict=True))
    batch, worst = final["gradient_descent"], max(final.values())
    checks = (
        Check(
            "every rule learns", worst < 0.9,
            f"The largest final loss is {worst:.2g}; predicting the mean gives 1.", worst, 0.9,
        ),
        Check(
            "batches beat full-batch descent", final["sgd"] < batch,
            "After equal passes the loss of stochastic gradient descent is "
            f"{final['sgd']:.2g}, that of gradient descent {batch:.2g}.", final["sgd"], batch,
        ),
    )  # fmt: skip
    if "lbfgs" not in final:
        return checks
    gain = batch / final["lbfgs"]
    curvature = Check(
        "curvature pays", gain > 10,
        f"With all points at once, the loss of gradient descent is {gain:.0f} times that of L-BFGS; ten "
        "times or more is expected.", gain, 10.0,
    )  # fmt: skip
    return (*checks, curvature)


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Race all named optimisers, or three of them; see `ceteris.gallery.sections`."""
    data = problem(seed)
    passes, repeats = (100, 2) if quick else (500, 5)
    runs = pd.concat(
        [race(name, data, passes, repeats, seed) for name in (QUICK if quick else KINDS)], ignore_index=True
    )
    table = standings(runs)
    drawn = table[["optimiser", "factor"]].merge(runs, on=["optimiser", "factor"])
    return (
        Section(
            "An optimiser race",
            f"Every rule gets {passes} passes over 256 points of a smooth function, with {repeats} random "
            "starts for each rate. Gradient descent and L-BFGS use all points at once, the others batches "
            "of 32, and so make eight updates per pass.\n\n"
            "A race says as much about the track as about the runners: with noise-free data and a small "
            "net, rules that use curvature win. With noisy data they would win by less, or not at all.",
            (Table("Standings", _shown(table), "Median over starts of the loss on all the data."),),
            (
                Figure(
                    "Loss against passes over the data",
                    "Every rule at the best of its rates; medians over random starts.",
                    drawn, _draw, (8.0, 4.4),
                ),
            ),
            _checks(table),
        ),
    )  # fmt: skip
