"""Convolution on digits: what weights that are shared over an image buy, and what is left when pixels change places.

The 1,797 digits of scikit-learn have 8 × 8 pixels. A small convolutional net, a perceptron and a logistic regression
learn from the same two thirds, the first two by the same loop. Then all images have their pixels permuted in one way:
a linear model and a perceptron see the same problem as before, a convolutional net loses the neighbourhoods that it
looks at. What to expect: the convolutional net has fewer errors than a perceptron with as many weights, and its lead
is gone when pixels are permuted.

References
----------
LeCun, Y., Bottou, L., Bengio, Y. and Haffner, P. (1998). Gradient-based learning applied to document recognition.
Proceedings of the IEEE 86.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd

from ceteris.engine import Ensemble, fit
from ceteris.gallery._plots import lines, panels
from ceteris.nets import MLP, ConvNet
from ceteris.nets.losses import categorical_cross_entropy
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

FOLDS, JUDGED, SIDE, CLASSES, BATCH = 3, 599, 8, 10, 48  # a third of 1,797 digits is judged by
CONV, PERCEPTRON, LOGISTIC = "convolutional net", "perceptron", "logistic regression"
PUBLISHED = {CONV: 0.0095, PERCEPTRON: 0.047, LOGISTIC: 0.12}  # LeNet-5, 300 hidden units, linear: MNIST, not these


class DigitImages(NamedTuple):
    """Images, shape (rows, 8, 8, 1) with values in [0, 1], and labels: to learn from, and to judge by."""

    x: np.ndarray
    y: np.ndarray
    x_new: np.ndarray
    y_new: np.ndarray


def digits(seed: int, fold: int = 0, permuted: bool = False) -> DigitImages:
    """Return scikit-learn's digits, a third of them to judge by, perhaps with all pixels permuted in one way."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    rows, pixels = rng.permutation(len(X)), rng.permutation(SIDE**2)
    X = X[rows][:, pixels] if permuted else X[rows]
    x, y = (X / 16).astype(np.float32).reshape(-1, SIDE, SIDE, 1), np.asarray(y)[rows]
    new = np.arange(len(y)) // JUDGED == fold
    return DigitImages(x[~new], y[~new], x[new], y[new])


class PixelPerceptron(eqx.Module):
    """A perceptron that reads pixels in a row: (..., 8, 8, 1) -> (..., classes)."""

    net: MLP

    def __init__(self, *, key: Any):
        self.net = MLP(SIDE**2, CLASSES, widths=(256, 64), activation="relu", key=key)

    def __call__(self, x: Any) -> Any:
        """Return logits."""
        return self.net(x.reshape(*x.shape[:-3], -1))


BUILD = {CONV: eqx.Partial(ConvNet, (SIDE, SIDE, 1), CLASSES, (32,), 3, (64,)), PERCEPTRON: PixelPerceptron}


def cross_entropy(model: Any, batch: Any, key: Any) -> tuple[Any, dict[str, Any]]:
    """Mean cross-entropy of a batch."""
    x, y = batch
    return jnp.mean(categorical_cross_entropy(model(x), y)), {}


class WrongShare(eqx.Module):
    """The share of new digits that a net gets wrong."""

    x: Any
    y: Any

    def __call__(self, model: Any, key: Any) -> dict[str, Any]:
        """Evaluate one net."""
        return {"error": jnp.mean(jnp.argmax(model(self.x), -1) != self.y)}


def weights_of(name: str) -> int:
    """Return the number of weights of a net.

    Examples
    --------
    >>> weights_of(CONV), weights_of(PERCEPTRON)
    (33802, 33738)
    """
    return sum(a.size for a in jax.tree.leaves(eqx.filter(BUILD[name](key=jr.key(0)), eqx.is_inexact_array)))


def learnt(name: str, data: DigitImages, epochs: int, starts: int, seed: int) -> pd.DataFrame:
    """Train nets from several starts; the share of new digits that is wrong by epoch, on average and at worst."""
    x, y, x_new, y_new = map(jnp.asarray, data)
    rule = optimiser("adam", 3e-3, schedule="cosine", updates=epochs * (len(y) // BATCH))
    one = Descend(BUILD[name], Loss(cross_entropy), Minibatches((x, y), batch_size=BATCH), rule,
                  heldout=WrongShare(x_new, y_new))  # fmt: skip
    metrics = fit(Ensemble(one, starts), jr.key(seed), steps=epochs, every=5, precision="single").metrics
    error: Any = np.asarray(metrics["error"], float)
    return pd.DataFrame({"epoch": metrics["step"], "error": error.mean(1), "worst": error.max(1)})


def logistic(data: DigitImages) -> float:
    """Return the share of new digits that a multinomial logistic regression gets wrong."""
    from sklearn.linear_model import LogisticRegression

    flat = lambda x: x.reshape(len(x), -1).astype(float)
    model = LogisticRegression(max_iter=2_000).fit(flat(data.x), data.y)
    return 1 - float(model.score(flat(data.x_new), data.y_new))


def compared(epochs: int, starts: int, folds: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return errors of all models with pixels in place and permuted, and the courses of the nets, means over folds."""
    rows, courses = [], []
    for pixels in ("in place", "permuted"):
        for fold in range(folds):
            data = digits(seed, fold, pixels == "permuted")
            for name in BUILD:
                course = learnt(name, data, epochs, starts, seed)
                rows.append((pixels, name, weights_of(name), *course[["error", "worst"]].iloc[-1]))
                courses.append(course.assign(pixels=pixels, net=name))
            error = logistic(data)
            rows.append((pixels, LOGISTIC, (SIDE**2 + 1) * CLASSES, error, error))
    table: Any = pd.DataFrame(rows, columns=pd.Index(["pixels", "model", "weights", "error", "worst start"]))
    every: Any = pd.concat(courses)
    means = table.groupby(["pixels", "model", "weights"], sort=False, as_index=False).mean()
    return means, every.groupby(["pixels", "net", "epoch"], sort=False, as_index=False)["error"].mean()


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Learn digits with pixels in place and permuted; see `ceteris.gallery.sections`."""
    epochs, starts, folds = (20, 1, 1) if quick else (40, 3, FOLDS)
    table, courses = compared(epochs, starts, folds, seed)
    context = pd.DataFrame({"model": list(PUBLISHED), "error on MNIST": list(PUBLISHED.values())})
    return (
        Section(
            "Digits, and digits with permuted pixels",
            f"Two thirds of the images to learn from, {folds * JUDGED:,} judged in {folds} fold{'s' * (folds > 1)}, "
            f"{epochs} epochs, {starts} start{'s' * (starts > 1)}. "
            "A convolution of 32 channels, pooled, and a layer of 64; the perceptron has layers of 256 and 64, which "
            "are as many weights. The standard error of a share of two percent is a third of a percent among all 1,797 "
            "digits.\n\nPermuting the pixels of all images in one way takes nothing from a model that does not know "
            "which pixels are neighbours.",
            (
                Table("Share of new digits that is wrong", table, "Mean over starts, and the worst."),
                Table("For context", context, "LeCun et al. (1998), other images: LeNet-5, 300 hidden units, linear."),
            ),
            (
                Figure("Errors by epoch", "Share of new digits that is wrong, mean over starts.", courses, _draw,
                       (8.0, 3.6)),
            ),
            _checks(table),
        ),
    )  # fmt: skip


def _checks(table: pd.DataFrame) -> tuple[Check, ...]:
    errors: Any = table.set_index(["pixels", "model"])["error"]
    place, mixed = errors["in place"], errors["permuted"]
    rival = float(min(place[PERCEPTRON], place[LOGISTIC]))
    moved = float(abs(mixed[PERCEPTRON] - place[PERCEPTRON]))
    return (
        Check("the convolutional net has the fewest errors", bool(place[CONV] < rival),
              f"It gets {place[CONV]:.1%} wrong, the perceptron {place[PERCEPTRON]:.1%}, the logistic regression "
              f"{place[LOGISTIC]:.1%}.", float(place[CONV]), rival),
        Check("convolution needs neighbours", bool(mixed[CONV] > 1.3 * place[CONV]),
              f"With permuted pixels it gets {mixed[CONV]:.1%} wrong.", float(mixed[CONV] / place[CONV]), 1.3),
        Check("a perceptron does not", moved <= 0.015,
              f"Its error changes by {moved:.1%} as pixels are permuted, which is chance.", moved, 0.015),
        Check("a linear model is invariant", bool(abs(mixed[LOGISTIC] - place[LOGISTIC]) < 0.002),
              "Its error is the same in both tables, up to one digit.",
              float(abs(mixed[LOGISTIC] - place[LOGISTIC])), 0.002),
    )  # fmt: skip


def _draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    grid = panels(figure, 1, 2, sharey=True)
    for axes, (pixels, part) in zip(grid, data.groupby("pixels", sort=False), strict=True):
        lines(axes, part, "epoch", "error", by="net")
        axes.set(title=f"pixels {pixels}", xlabel="epoch")
    grid[0].set_ylim(bottom=0)  # last, so that it holds both panels
    grid[0].set_ylabel("share wrong")
    grid[0].legend()
