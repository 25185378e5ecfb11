"""Convolution on digits: what weights that are shared over an image buy, and what is left when pixels change places.

The 1,797 digits of scikit-learn have 8 × 8 pixels. A small convolutional net, a perceptron and a logistic regression learn
from the same two thirds, the first two by the same loop. Then all images have their pixels permuted in one way: a linear
model and a perceptron see the same problem as before, a convolutional net loses the neighbourhoods that it looks at. What
to expect: the convolutional net has the fewest errors with fewer weights, and its lead is gone when pixels are permuted.

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
from ceteris.nets import MLP, ConvNet
from ceteris.nets.losses import categorical_cross_entropy
from ceteris.recipe import Descend, Loss, Minibatches, optimiser
from ceteris.results import Check, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure

LEARNT, SIDE, CLASSES, BATCH = 1_200, 8, 10, 48
CONV, PERCEPTRON, LOGISTIC = "convolutional net", "perceptron", "logistic regression"
PUBLISHED = {CONV: 0.0095, PERCEPTRON: 0.047, LOGISTIC: 0.12}  # LeNet-5, 300 hidden units, linear: MNIST, not these


class Digits(NamedTuple):
    """Images, shape (rows, 8, 8, 1) with values in [0, 1], and labels: to learn from, and to judge by."""

    x: np.ndarray
    y: np.ndarray
    x_new: np.ndarray
    y_new: np.ndarray


def digits(seed: int, permuted: bool = False) -> Digits:
    """Return scikit-learn's digits in a random split, with pixels in their places or permuted in one way for all."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    rng = np.random.default_rng(seed)
    rows, pixels = rng.permutation(len(X)), rng.permutation(SIDE**2)
    X = X[rows][:, pixels] if permuted else X[rows]
    x, y = (X / 16).astype(np.float32).reshape(-1, SIDE, SIDE, 1), y[rows]
    return Digits(x[:LEARNT], y[:LEARNT], x[LEARNT:], y[LEARNT:])


class Perceptron(eqx.Module):
    """A perceptron that reads pixels in a row: (..., 8, 8, 1) -> (..., classes)."""

    net: MLP

    def __init__(self, *, key: Any):
        self.net = MLP(SIDE**2, CLASSES, widths=(64, 64), activation="relu", key=key)

    def __call__(self, x: Any) -> Any:
        """Return logits."""
        return self.net(x.reshape(*x.shape[:-3], -1))


BUILD = {CONV: eqx.Partial(ConvNet, (SIDE, SIDE, 1), CLASSES, (8, 16), 3, (32,)), PERCEPTRON: Perceptron}


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


def learnt(name: str, data: Digits, epochs: int, starts: int, seed: int) -> tuple[pd.DataFrame, int]:
    """Train nets from several starts; the share of new digits that is wrong by epoch, and the number of weights."""
    x, y, x_new, y_new = map(jnp.asarray, data)
    rule = optimiser("adam", 3e-3, schedule="cosine", updates=epochs * (LEARNT // BATCH))
    one = Descend(BUILD[name], Loss(cross_entropy), Minibatches((x, y), batch_size=BATCH), rule,
                  heldout=WrongShare(x_new, y_new))  # fmt: skip
    metrics = fit(Ensemble(one, starts), jr.key(seed), steps=epochs, every=5, precision="single").metrics
    error: Any = np.asarray(metrics["error"], float)
    course = pd.DataFrame({"epoch": metrics["step"], "error": error.mean(1), "worst": error.max(1)})
    weights = sum(a.size for a in jax.tree.leaves(eqx.filter(BUILD[name](key=jr.key(0)), eqx.is_inexact_array)))
    return course, weights


def logistic(data: Digits) -> float:
    """Return the share of new digits that a multinomial logistic regression gets wrong, its penalty cross-validated."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV

    flat = lambda x: x.reshape(len(x), -1).astype(float)
    search = GridSearchCV(LogisticRegression(max_iter=2_000), {"C": [0.1, 1.0, 10.0]}, cv=3)
    return 1 - float(search.fit(flat(data.x), data.y).score(flat(data.x_new), data.y_new))


def compared(epochs: int, starts: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return errors of all models with pixels in place and permuted, and the courses of the nets."""
    rows, courses = [], []
    for pixels in ("in place", "permuted"):
        data = digits(seed, permuted=pixels == "permuted")
        for name in BUILD:
            course, weights = learnt(name, data, epochs, starts, seed)
            rows.append((pixels, name, weights, course["error"].iloc[-1], course["worst"].iloc[-1]))
            courses.append(course.assign(pixels=pixels, net=name))
        error = logistic(data)
        rows.append((pixels, LOGISTIC, (SIDE**2 + 1) * CLASSES, error, error))
    table = pd.DataFrame(rows, columns=pd.Index(["pixels", "model", "weights", "error", "worst start"]))
    return table, pd.concat(courses, ignore_index=True)
