"""Test functions, generators with known truth, and small bundled tables."""

from ceteris.data.genz import GENZ, GenzProblem, genz, genz_parameters, simulate_genz
from ceteris.data.housing import housing_mean, simulate_housing
from ceteris.data.tables import TABLES, load_table

__all__ = [
    "GENZ",
    "TABLES",
    "GenzProblem",
    "genz",
    "genz_parameters",
    "housing_mean",
    "load_table",
    "simulate_genz",
    "simulate_housing",
]
