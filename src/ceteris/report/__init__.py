"""Run folders, figures, and one self-contained HTML page per run."""

from ceteris.report.html import report
from ceteris.report.run import Run, list_runs

__all__ = ["Run", "list_runs", "report"]
