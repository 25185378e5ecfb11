"""Run folders, figures, and one self-contained HTML page per run. Names are imported when first used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily

__all__ = ["Run", "command_line", "list_runs", "report", "runs_table"]

if TYPE_CHECKING:
    from ceteris.report.html import report
    from ceteris.report.listing import list_runs, runs_table
    from ceteris.report.run import Run, command_line

__getattr__, __dir__ = lazily(__name__, __file__)
