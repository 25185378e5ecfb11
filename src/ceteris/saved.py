"""One door for all that was saved: learners, policies, imputers, estimates, vectors, solutions, language models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ceteris.files.objects import load_object

SOLUTION = "solution.safetensors"


def load(path: str | Path, kind: type | tuple[type, ...] = object) -> Any:
    """Return what ``thing.save(path)`` wrote.

    Nothing in a file can run: it is made of numbers, text, and names from lists. A file that was damaged, or written by
    something else or by a newer version, is refused in a sentence.

    Parameters
    ----------
    path : path
        A file, or the folder of a solution or of a language model.
    kind : class or tuple of classes, optional
        What it must be; another kind is refused.

    Examples
    --------
    >>> import tempfile
    >>> from ceteris import NeuralRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> net = NeuralRegressor(members=2, epochs=5, random_state=0).fit(X, y)
    >>> path = f"{tempfile.mkdtemp()}/net.safetensors"
    >>> _ = net.save(path)
    >>> bool((load(path, NeuralRegressor).predict(X) == net.predict(X)).all())
    True
    """
    path = Path(path)
    if (path / SOLUTION).is_file() or _holds_a_solution(path):
        from ceteris.equilibrium import load as load_solution

        return load_solution(path)
    if (path / "config.json").is_file() or (path / "modules.json").is_file():
        from ceteris.text.files import load as load_model

        return load_model(path)
    if path.is_dir():
        raise ValueError(
            f"path: {path} is a folder without a solution or a language model in it; give the file that save wrote."
        )
    return load_object(path, kind)


def _holds_a_solution(path: Path) -> bool:
    """Whether a file begins as one of a solution does; what is wrong with it is found by who reads it."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return rb"\"kind\": \"weights\", \"facts\": {\"model\": {\"name\"" in file.read(1_000)
