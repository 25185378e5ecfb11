"""Learners from files: what they say is checked in `ceteris.learners.files`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ceteris.files import read_arrays, refuse_non_finite
from ceteris.files.trees import filled
from ceteris.learners.classifier import NeuralClassifier
from ceteris.learners.files import template, unfilled
from ceteris.learners.quantile import NeuralQuantileRegressor
from ceteris.learners.regressor import NeuralRegressor

# the learners that a file may name
KINDS = {kind.__name__: kind for kind in (NeuralClassifier, NeuralQuantileRegressor, NeuralRegressor)}


def load(path: str | Path) -> Any:
    """Return the learner in a file that ``learner.save(path)`` wrote.

    Opening a file runs nothing that it holds: it is made of numbers, names from a list, and text.

    Examples
    --------
    >>> import tempfile, numpy as np
    >>> from ceteris.learners import NeuralRegressor
    >>> X, y = np.arange(6.0)[:, None], np.arange(6.0)
    >>> learner = NeuralRegressor(members=2, epochs=5, random_state=0).fit(X, y)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     learner.save(f"{folder}/learner.safetensors")
    ...     again = load(f"{folder}/learner.safetensors")
    >>> bool((again.predict(X) == learner.predict(X)).all())
    True
    """
    arrays, facts = read_arrays(path, "weights")
    if "learner" not in facts:
        raise ValueError(f"path: {path} holds weights, but no learner; read it with ceteris.engine.load_weights.")
    refuse_non_finite(path, arrays)
    try:
        learner = unfilled(facts, KINDS)
        nets = template(learner, arrays)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"path: {path} holds no learner that can be used: {str(error).rstrip('.')}; use an earlier copy or fit "
            "again."
        ) from None
    learner.nets_ = filled(path, arrays, model=nets)["model"]
    return learner
