"""Tables and figures of the literature that the package reproduces, each with its checks.

Every item is a module with one function, ``sections(quick, seed)``, and is imported only when asked for.
"""

from __future__ import annotations

import importlib

from ceteris.arguments import one_of, whole
from ceteris.results import Section

NAMES: tuple[str, ...] = (
    "genz", "double_descent", "bias_variance", "optimisers", "curves", "dropout", "causal_bias", "double_robustness",
    "regression_adjustment", "applications", "dedl", "heterogeneity", "policies", "symmetry", "missing",
    "word_vectors", "gan",
)  # fmt: skip
"""Names of the gallery's items."""


def sections(name: str, quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Compute one item of the gallery.

    Parameters
    ----------
    name : str
        One of `NAMES`.
    quick : bool
        A smaller version of a few seconds instead of one of up to a minute or two.
    seed : int
        Seed of everything random in it.

    Returns
    -------
    tuple of Section
        Text, tables, figures with the numbers behind them, and checks.

    Examples
    --------
    >>> [section.title for section in sections("bias_variance", quick=True)]
    ['Bias, variance and noise']
    """
    one_of("name", name, NAMES)
    whole("seed", seed, least=0)
    return importlib.import_module(f"ceteris.gallery.{name}").sections(quick=quick, seed=seed)
