"""Test functions, generators with known truth, and small bundled tables."""

from ceteris.data.causal import (
    CausalDesign,
    DifferenceInDifferencesDesign,
    InteractiveDesign,
    InteractiveIVDesign,
    KangSchaferDesign,
    PartiallyLinearDesign,
    PartiallyLinearIVDesign,
    WeakOverlapDesign,
    simulate_difference_in_differences,
    simulate_interactive,
    simulate_interactive_iv,
    simulate_kang_schafer,
    simulate_partially_linear,
    simulate_partially_linear_iv,
    simulate_staggered,
    simulate_weak_overlap,
)
from ceteris.data.corpora import PlantedCorpus, simulate_corpus
from ceteris.data.factorial import factorial_truth, simulate_factorial, simulate_structural
from ceteris.data.genz import GENZ, GenzProblem, genz, genz_parameters, simulate_genz
from ceteris.data.heterogeneity import (
    EffectDesign,
    HillDesign,
    KuenzelDesign,
    NieWagerDesign,
    simulate_hill,
    simulate_kuenzel,
    simulate_nie_wager,
)
from ceteris.data.housing import housing_mean, simulate_housing
from ceteris.data.missing import (
    amputate,
    simulate_census,
    simulate_mixed,
    simulate_regression,
    simulate_trends,
)
from ceteris.data.programme import simulate_programme
from ceteris.data.tables import TABLES, load_table
from ceteris.data.translations import in_words, number_words, reversals, small_corpus, written_dates

__all__ = [
    "GENZ",
    "TABLES",
    "CausalDesign",
    "DifferenceInDifferencesDesign",
    "EffectDesign",
    "GenzProblem",
    "HillDesign",
    "InteractiveDesign",
    "InteractiveIVDesign",
    "KangSchaferDesign",
    "KuenzelDesign",
    "NieWagerDesign",
    "PartiallyLinearDesign",
    "PartiallyLinearIVDesign",
    "PlantedCorpus",
    "WeakOverlapDesign",
    "amputate",
    "factorial_truth",
    "genz",
    "genz_parameters",
    "housing_mean",
    "in_words",
    "load_table",
    "number_words",
    "reversals",
    "simulate_census",
    "simulate_corpus",
    "simulate_difference_in_differences",
    "simulate_factorial",
    "simulate_genz",
    "simulate_hill",
    "simulate_housing",
    "simulate_interactive",
    "simulate_interactive_iv",
    "simulate_kang_schafer",
    "simulate_kuenzel",
    "simulate_mixed",
    "simulate_nie_wager",
    "simulate_partially_linear",
    "simulate_partially_linear_iv",
    "simulate_programme",
    "simulate_regression",
    "simulate_staggered",
    "simulate_structural",
    "simulate_trends",
    "simulate_weak_overlap",
    "small_corpus",
    "written_dates",
]
