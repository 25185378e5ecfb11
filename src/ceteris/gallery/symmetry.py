"""Symmetry in high-dimensional dynamic programming, table by table and figure by figure.

References
----------
Ebrahimi Kahou, M., Fernández-Villaverde, J., Perla, J. and Sood, A. (2025). Exploiting symmetry in high-dimensional
dynamic programming.
"""

from __future__ import annotations

from ceteris.gallery import symmetry_experiments, symmetry_regression, symmetry_tables
from ceteris.results import Section


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Table 1, the figures and experiments, and in full Tables 2 and 3; see `ceteris.gallery.sections`."""
    parts = (symmetry_regression, symmetry_experiments, *(() if quick else (symmetry_tables,)))
    return tuple(section for part in parts for section in part.sections(quick, seed))
