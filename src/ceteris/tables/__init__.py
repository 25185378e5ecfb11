"""Tables: read one of any dialect, say what was recognised, and write one back in the same way."""

from ceteris.tables.columns import survey_parquet
from ceteris.tables.options import KINDS, Options, parse_types
from ceteris.tables.reading import read_table
from ceteris.tables.table import ReadTable, plain
from ceteris.tables.target import split_target
