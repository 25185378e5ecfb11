"""Tables: read one of any dialect, say what was recognised, and write one back in the same way; columns by role.

Names are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = [
    "KINDS", "Options", "ReadTable", "columns_of", "parse_types", "parts_of", "plain", "read_table", "split_target",
    "survey_parquet", "table_file",
]  # fmt: skip

if TYPE_CHECKING:
    from ceteris.tables.columns import survey_parquet
    from ceteris.tables.file import table_file
    from ceteris.tables.options import KINDS, Options, columns_of, parse_types, parts_of
    from ceteris.tables.reading import read_table
    from ceteris.tables.table import ReadTable, plain
    from ceteris.tables.target import split_target

__getattr__, __dir__ = lazily(__name__, __file__)
