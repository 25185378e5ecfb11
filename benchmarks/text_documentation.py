"""Real English text that every machine with this project has: docstrings of Python's library and of installed packages.

python benchmarks/text_documentation.py FOLDER
"""

from __future__ import annotations

import ast
import sys
import sysconfig
import warnings
from pathlib import Path

PACKAGES = ("numpy", "scipy", "sklearn", "pandas", "matplotlib", "jax", "optax", "statsmodels", "PIL", "rich")
SHORT = 200  # characters of a docstring below which it says too little


def docstrings(path: Path) -> str:
    """Return all docstrings of a module, the longer ones, one after the other."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old escapes in other people's strings
            tree = ast.parse(path.read_text("utf-8"))
    except (SyntaxError, UnicodeDecodeError):
        return ""
    holders = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = [ast.get_docstring(node) or "" for node in ast.walk(tree) if isinstance(node, holders)]
    return "\n\n".join(text for text in dict.fromkeys(found) if len(text) >= SHORT)


def write(folder: Path) -> int:
    """Write a file for each module that has docstrings, in a folder for each package; return how many bytes."""
    paths = {name: sysconfig.get_paths()[name] for name in ("stdlib", "purelib")}
    roots = {"python": Path(paths["stdlib"])} | {name: Path(paths["purelib"]) / name for name in PACKAGES}
    size = 0
    for name, root in roots.items():
        for path in sorted(root.rglob("*.py")):
            if {"site-packages", "test", "tests"} & set(path.relative_to(root).parts):
                continue
            if text := docstrings(path):
                out = folder / name / (".".join(path.relative_to(root).with_suffix("").parts) + ".txt")
                out.parent.mkdir(parents=True, exist_ok=True)
                size += out.write_text(text, "utf-8")
    return size


if __name__ == "__main__":
    print(f"{write(Path(sys.argv[1])) / 1e6:.1f} MB")
