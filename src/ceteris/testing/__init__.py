"""Contract suites that anyone can run on their own classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ceteris.lazy import lazily
from ceteris.testing.algorithm import check_algorithm
from ceteris.testing.compilation import count_compilations

__all__ = ["check_algorithm", "check_model", "check_saved", "check_shown", "check_symmetry", "count_compilations"]

if TYPE_CHECKING:
    from ceteris.equilibrium.contract import check_model
    from ceteris.equilibrium.contract_symmetry import check_symmetry
    from ceteris.testing.saved import check_saved, check_shown

# imported when first used: a suite may need a whole domain
__getattr__, _ = lazily(__name__, __file__)
