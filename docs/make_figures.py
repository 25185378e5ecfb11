"""Run the examples of pages of the documentation, put what they print under them, and keep the pictures they save.

    python docs/make_figures.py docs/tutorials/*.md      those pages
    python docs/make_figures.py --demo                   the figures of the README, as `ceteris demo` draws them

A block of ``python`` or ``sh`` that is followed by a block of ``text`` has its output there. Blocks of one page run one
after the other in one folder, each in a namespace of its own, those of ``sh`` where their output is shown. A picture
that a page shows from ``images/`` and that a block saved under this name is copied. Sentences of progress go to the
error stream and are not in the pages.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DOCS = Path(__file__).resolve().parent
IMAGES = DOCS / "images"
SHOWN = ("economy", "effect")  # parts of the demonstration whose figures the README shows

BLOCK = re.compile(r"^```(python|sh)\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)
PICTURE = re.compile(r"!\[[^]]*\]\([./]*images/([\w.-]+)\)")


def printed(language: str, source: str, where: str) -> str:
    """Run one block in the working folder and return what it prints."""
    if language == "sh":
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        run = subprocess.run(
            ["sh", "-e", "-c", source], capture_output=True, text=True, env={**os.environ, "PATH": path}
        )
        if run.returncode:
            raise RuntimeError(f"{where}: {run.stderr}")
        return run.stdout
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(compile(source, where, "exec", dont_inherit=True), {"__name__": "documentation"})
    return out.getvalue()


def outputs(text: str, where: str) -> list[tuple[str, str | None]]:
    """Run the blocks of a page in the working folder; what each prints, and what the page says it prints."""
    found = []
    for number, (language, source, said) in enumerate(BLOCK.findall(text), 1):
        is_shown = bool(said) or f"{source}```\n\n```text\n" in text
        got = printed(language, source, f"{where}, block {number}") if is_shown or language == "python" else ""
        lines = "".join(f"{line.rstrip()}\n" for line in got.splitlines())
        found.append((lines, said if is_shown else None))
    return found


def make_page(page: Path) -> None:
    """Bring the outputs and pictures of one page up to date."""
    text = page.read_text(encoding="utf-8")
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            found = iter(outputs(text, page.name))
        finally:
            os.chdir(home)
        for name in dict.fromkeys(PICTURE.findall(text)):
            if (Path(folder) / name).exists():
                IMAGES.mkdir(exist_ok=True)
                shutil.copy(Path(folder) / name, IMAGES / name)

    def filled(match: re.Match[str]) -> str:
        got, said = next(found)
        block = f"```{match[1]}\n{match[2]}```\n"
        return block if said is None else f"{block}\n```text\n{got}```\n"

    page.write_text(BLOCK.sub(filled, text), encoding="utf-8")


def make_demo() -> None:
    """Draw the figures of the README, with their numbers beside them."""
    import importlib

    from ceteris.drawing import svg
    from ceteris.outlets import data_csv

    IMAGES.mkdir(exist_ok=True)
    for name in SHOWN:
        figure = importlib.import_module(f"ceteris.demo.{name}").part(0).figure
        data_csv(figure.data, IMAGES / f"demo-{name}.csv")
        for scheme in ("light", "dark"):
            (IMAGES / f"demo-{name}-{scheme}.svg").write_text(svg(figure, scheme), encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Make what is asked for."""
    for argument in arguments:
        make_demo() if argument == "--demo" else make_page(Path(argument).resolve())


if __name__ == "__main__":
    main(sys.argv[1:])
