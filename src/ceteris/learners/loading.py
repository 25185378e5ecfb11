"""Learners from files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ceteris.files.objects import load_object
from ceteris.learners.classifier import NeuralClassifier
from ceteris.learners.quantile import NeuralQuantileRegressor
from ceteris.learners.regressor import NeuralRegressor

KINDS = (NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor)


def load(path: str | Path) -> Any:
    """Return the learner in a file that ``learner.save(path)`` wrote.

    It is `ceteris.load` that takes nothing but a learner.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from ceteris.learners import NeuralRegressor
    >>> X, y = np.arange(6.0)[:, None], np.arange(6.0)
    >>> learner = NeuralRegressor(members=2, epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = learner.save(f"{folder}/learner.safetensors")
    ...     again = load(f"{folder}/learner.safetensors")
    >>> bool((again.predict(X) == learner.predict(X)).all())
    True
    """
    return load_object(path, KINDS)
