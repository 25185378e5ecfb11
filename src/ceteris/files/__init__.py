"""How anything reaches the disk and comes back: replaced in one step, one owner per folder, refused where damaged.

This part imports nothing of the package but its version, and everything that writes or reads a file goes through it.
"""

from ceteris.files.arrays import read_arrays, refuse_non_finite, write_arrays
from ceteris.files.lock import folder_lock
from ceteris.files.log import GrowingFile, Log, forget, history_of, read_growing, read_log, refuse_foreign
from ceteris.files.replace import (
    LOCK,
    free_folder,
    is_empty,
    refuse_unwritable,
    remove_leftovers,
    replace_file,
    replacing,
    temporary,
)
from ceteris.files.text import parse_json, read_json

__all__ = [
    "LOCK", "GrowingFile", "Log", "folder_lock", "forget", "free_folder", "history_of", "is_empty", "parse_json",
    "read_arrays", "read_growing", "read_json", "read_log", "refuse_foreign", "refuse_non_finite", "refuse_unwritable",
    "remove_leftovers", "replace_file", "replacing", "temporary", "write_arrays",
]  # fmt: skip
