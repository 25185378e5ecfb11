"""Whether a path is that of a text, asked before anything is imported that reads one."""

from __future__ import annotations

from pathlib import Path


def text_file(path: str | Path) -> Path:
    """Return the path of a file that is there."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"path: there is no file {path}; give a text file with one document per line.")
    return path
