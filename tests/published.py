"""Tiny models of every family with what transformers makes of them, from truth/language.npz."""

import functools
from pathlib import Path
from typing import Any

import numpy as np

FILE = Path(__file__).parent / "truth" / "language.npz"


@functools.cache
def _all() -> dict[str, Any]:
    with np.load(FILE) as kept:
        return dict(kept)


def every() -> list[str]:
    """Names of the models."""
    return list(dict.fromkeys(name.split("/")[0] for name in _all() if not name.startswith("minilm")))


def kept(model: str, part: str) -> np.ndarray | None:
    """Return what was kept of a model: tokens, mask, logits, loss, …; None if there is none."""
    return _all().get(f"{model}/{part}")


def truth(model: str, part: str) -> np.ndarray:
    """Return what was kept of a model, which must be there."""
    return _all()[f"{model}/{part}"]


def folder_of(model: str, root: Path) -> Path:
    """Write a model's files below a folder, as its publisher would."""
    folder = root / model
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(str(truth(model, "config")))
    (folder / "model.safetensors").write_bytes(truth(model, "weights").tobytes())
    return folder
