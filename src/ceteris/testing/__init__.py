"""Contract suites that anyone can run on their own classes."""

from ceteris.testing.algorithm import check_algorithm
from ceteris.testing.compilation import count_compilations

__all__ = ["check_algorithm", "count_compilations"]
