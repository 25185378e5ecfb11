"""Nets as nuisance learners that are quick: of the public learners, with the settings of a small net."""

from __future__ import annotations

from typing import Any

import numpy as np

from ceteris.learners import NeuralClassifier, NeuralRegressor
from ceteris.training import Net, passes_for


def small_net(n: int, members: int = 1, weight_decay: float = 0.3) -> Net:
    """Return the net that learns a nuisance from n rows if none is given: 32 units, and about 700 updates.

    On 10,000 rows of the partially linear and the interactive design larger nets, and twice the updates, predict no
    better.

    Examples
    --------
    >>> small_net(1600).epochs, small_net(8000).epochs
    (60, 26)
    """
    epochs = passes_for(n, 60, 1_600, least=20, highest=100)
    return Net(widths=(32,), rate=0.01, members=members, epochs=epochs, weight_decay=weight_decay)


def net_regressor(n: int, members: int = 1, seed: int = 0, weight_decay: float = 0.3) -> NeuralRegressor:
    """Return a `ceteris.NeuralRegressor` that is quick on n rows: `small_net` with a few knots and fewer epochs.

    Estimators train the nets of all folds side by side.

    Examples
    --------
    >>> from ceteris.causal import PartiallyLinear
    >>> from ceteris.data import simulate_partially_linear
    >>> data = simulate_partially_linear(2000, p=3)
    >>> nets = net_regressor(2000)
    >>> estimate = PartiallyLinear(nets, nets).fit(data, y="y", d="d", x=["x0", "x1", "x2"])
    >>> bool(abs(estimate.point[0] - 0.5) < 3 * estimate.se[0])
    True
    """
    return NeuralRegressor(**_small(n, members, seed, weight_decay))


def net_classifier(n: int, members: int = 1, seed: int = 0) -> NeuralClassifier:
    """Return a `ceteris.NeuralClassifier` that is quick on n rows, as ``net_regressor``."""
    return NeuralClassifier(**_small(n, members, seed, 0.3))


def _small(n: int, members: int, seed: int, weight_decay: float) -> dict[str, Any]:
    """Four knots bring a net as far in 300 updates, on thousands of rows, as 1,300 without them; on curves further."""
    net = small_net(n, members, weight_decay)
    epochs = int(np.clip(round(48_000 / max(n, 1)), 4, 50))
    return {
        "widths": net.widths, "knots": 4, "dropout": 0.0, "rate": net.rate, "weight_decay": net.weight_decay,
        "batch_size": min(net.plan(n).batch_size, 128), "epochs": epochs, "patience": max(epochs // 2, 2),
        "validation": net.validation, "members": net.members, "random_state": seed,
    }  # fmt: skip
