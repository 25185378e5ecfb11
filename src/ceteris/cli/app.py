"""What the commands share: the application, and options that many of them take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
import typer.core

if TYPE_CHECKING:
    from ceteris.tables import Options

ORDER = (
    "demo", "fit", "effect", "impute", "pool", "forecast", "synthesize", "embed", "prepare", "pretrain", "solve",
    "models", "check", "gallery",
)  # fmt: skip


class InOrder(typer.core.TyperGroup):
    """The commands in the order of `ORDER`, others after them."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return their names."""
        return [*ORDER, *(name for name in self.commands if name not in ORDER)]


# Plain help: drawing it with rich would cost more than all the rest of `ceteris --help`.
app = typer.Typer(
    cls=InOrder, add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False
)

Out = Annotated[Path, typer.Option(help="Run folder to write; made if missing.")]
Seed = Annotated[int, typer.Option(help="Seed of all random numbers.")]
Types = Annotated[
    list[str] | None, typer.Option("--types", help="COLUMN=KIND: number, category, date, text or id; repeat it.")
]
Ignore = Annotated[list[str] | None, typer.Option("--ignore", help="A column to leave out; repeat it.")]
Id = Annotated[list[str] | None, typer.Option("--id", help="A column of identifiers, left out; repeat it.")]
Separator = Annotated[str | None, typer.Option(help="What separates fields, where that cannot be told.")]
Decimal = Annotated[str | None, typer.Option(help="Decimal mark, where it cannot be told: point or comma.")]


def reading(
    needed: tuple[str, ...],
    types: list[str] | None,
    ignore: list[str] | None,
    id_: list[str] | None,
    separator: str | None,
    decimal: str | None,
) -> Options:
    """What the command line says about a table."""
    from ceteris.tables import Options, parse_types

    return Options(parse_types(types or ()), tuple(ignore or ()), tuple(id_ or ()), needed, separator, decimal)
