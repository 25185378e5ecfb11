"""Autoencoders, table GANs, and the comparison of tables."""

import functools
from typing import Any

import pandas as pd

from ceteris.data import load_table
from ceteris.data.missing import simulate_mixed
from ceteris.synthesis import Autoencoder, TableGAN, VariationalAutoencoder, compare_tables
from ceteris.synthesis.quality import TableComparison
from door.case import Case

NAMES = ["age", "income", "urban", "sector"]


@functools.cache
def people(seed: int = 1) -> pd.DataFrame:
    table: Any = simulate_mixed(60, seed=seed)[NAMES]
    return table.astype({"sector": "category", "urban": "boolean"})


def compared() -> TableComparison:
    return compare_tables(people(1), people(2), people(3), targets=["income"])


CASES = {
    Autoencoder: Case(
        lambda: Autoencoder(epochs=2, widths=(4,), random_state=0).fit(load_table("iris")[0]),
        lambda coder: coder.transform(load_table("iris")[0]),
    ),
    VariationalAutoencoder: Case(
        lambda: VariationalAutoencoder(epochs=2, widths=(4,), random_state=0).fit(load_table("iris")[0]),
        lambda coder: coder.sample(5, random_state=0),
    ),
    TableGAN: Case(
        lambda: TableGAN(steps=4, widths=(8,), batch_size=16, random_state=0).fit(people()),
        lambda gan: gan.sample(5, random_state=0),
    ),
    TableComparison: Case(compared, lambda c: [c.marginals, c.association, c.use, c.privacy]),
}
