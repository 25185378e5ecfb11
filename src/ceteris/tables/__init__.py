"""Tables: read one of any dialect, say what was recognised, and write one back in the same way; columns by role.

Names are imported when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "KINDS": "options",
    "Options": "options",
    "ReadTable": "table",
    "parse_types": "options",
    "plain": "table",
    "read_table": "reading",
    "split_target": "target",
    "survey_parquet": "columns",
}

__all__ = ["KINDS", "Options", "ReadTable", "parse_types", "plain", "read_table", "split_target", "survey_parquet"]

if TYPE_CHECKING:
    from ceteris.tables.columns import survey_parquet
    from ceteris.tables.options import KINDS, Options, parse_types
    from ceteris.tables.reading import read_table
    from ceteris.tables.table import ReadTable, plain
    from ceteris.tables.target import split_target


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"ceteris.tables.{_HOME[name]}"), name)
    raise AttributeError(f"module 'ceteris.tables' has no attribute {name!r}; it offers {', '.join(_HOME)}")
