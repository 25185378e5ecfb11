"""Tables and figures of the literature that the package reproduces, each with its checks.

What each item reproduces is said in `ceteris.gallery.items`. Every item is a module with one function,
``sections(quick, seed)``, and is imported only when asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from ceteris.arguments import one_of, whole
from ceteris.gallery.items import ITEMS

if TYPE_CHECKING:
    from ceteris.results import Section

NAMES: tuple[str, ...] = tuple(ITEMS)
"""Names of the gallery's items."""


def sections(name: str, quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Compute one item of the gallery.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    quick : bool
        A smaller version; the first section says what it leaves out. `ITEMS` has the seconds of both.
    seed : int
        Seed of everything random in it.

    Returns
    -------
    tuple of Section
        First what is reproduced: the source, and what was published beside what came out. Then text, tables, figures
        with the numbers behind them, and checks.

    Examples
    --------
    >>> [section.title for section in sections("bias_variance", quick=True)]
    ['What this reproduces', 'Bias, variance and noise']
    """
    one_of("name", name, NAMES)
    whole("seed", seed, least=0)
    from ceteris.gallery.about import about

    found = importlib.import_module(f"ceteris.gallery.{name}").sections(quick=quick, seed=seed)
    return (about(ITEMS[name], found, quick), *found)
