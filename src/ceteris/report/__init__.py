"""Run folders, figures, and one self-contained HTML page per run."""

from ceteris.report.html import report
from ceteris.report.run import Run, command_line, list_runs

__all__ = ["Run", "command_line", "list_runs", "report"]
