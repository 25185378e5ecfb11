"""Tables that do not fit into memory: a Parquet file is learnt from row group by row group, and completed so too.

The columns, their scales and the normal come from a sample of rows; a net then learns from batches that the host reads
while it trains. With that many rows parameters are known well, and members differ by the rows that they start from.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ceteris.arguments import whole
from ceteris.files import replacing
from ceteris.impute import neural
from ceteris.impute.base import generator
from ceteris.impute.columns import Column, Holes, complete, learn, read
from ceteris.impute.imputer import Imputer, cells_of, drawn, learn_scales, settings_of

SAMPLE = 50_000  # rows from which the columns and their scales are learnt
CHUNK = 50_000  # rows completed at a time
STEPS = 3_000  # batches that a net learns from
INTEGERS = tuple(pd.api.types.pandas_dtype(f"{sign}Int{bits}") for sign in ("", "U") for bits in (8, 16, 32, 64))


def impute_parquet(path: Any, out: Any, m: int = 10, imputer: Imputer | None = None) -> list[Path]:
    """Complete a Parquet file m times without ever holding it in memory.

    Parameters
    ----------
    path : path of a Parquet file
    out : path of a folder
        Gets ``1.parquet`` to ``m.parquet``, of the types of the file. A file appears under its name when it is whole.
    m : int
    imputer : Imputer, optional
        Not fitted; its parameters are used. Panels must fit into memory.

    Returns
    -------
    list of paths

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.data.missing import simulate_regression
    >>> folder = Path(tempfile.mkdtemp())
    >>> simulate_regression(400).to_parquet(folder / "table.parquet")
    >>> small = Imputer(members=2, width=16, depth=1, epochs=1, random_state=0)
    >>> done = impute_parquet(folder / "table.parquet", folder / "done", 2, small)
    >>> [path.name for path in done], int(pd.read_parquet(done[0]).isna().sum().sum())
    (['1.parquet', '2.parquet'], 0)
    """
    imputer = Imputer() if imputer is None else imputer
    whole("m", m)
    if imputer.group is not None:
        raise ValueError("group: a panel is completed in memory; read the file and use Imputer.fit.")
    source = open_parquet(path)
    fitted = fit_parquet(imputer, source)
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    return [_complete_file(source, folder / f"{i + 1}.parquet", fitted, i) for i in range(m)]


def open_parquet(path: Any) -> Any:
    """The file, or a sentence about why it cannot be read."""
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise ImportError("path: Parquet files need the package pyarrow; install it.") from None
    if not Path(path).is_file():
        raise FileNotFoundError(f"path: {path} was given, but there is no such file.")
    return pq.ParquetFile(path)


def fit_parquet(imputer: Imputer, source: Any) -> Imputer:
    """Fit an imputer on a file; as ``fit`` where the sample is the whole file."""
    rng = generator(imputer.random_state)
    sample = sample_rows(source, SAMPLE, rng)
    if len(sample) == source.metadata.num_rows:
        return imputer.fit(sample)
    rare = rare_rows(source, learn(sample, imputer.types, imputer.bounds).columns)
    _fit_streamed(imputer, source, pd.concat([sample, rare], ignore_index=True))
    return imputer


def sample_rows(source: Any, most: int, rng: np.random.Generator) -> pd.DataFrame:
    """Up to ``most`` rows from all row groups, in proportion."""
    share = min(1.0, most / source.metadata.num_rows)
    parts = []
    for group in range(source.num_row_groups):
        table = source.read_row_group(group).to_pandas()
        parts.append(table if share == 1 else table[rng.random(len(table)) < share])
    return pd.concat(parts, ignore_index=True)


def rare_rows(source: Any, columns: tuple[Column, ...]) -> pd.DataFrame:
    """A row of the file for every label that is not among those of the columns, as a sample may lack rare ones."""
    met = {column.name: set(column.levels) for column in columns if not column.continuous}
    parts = []
    for group in range(source.num_row_groups):
        table: Any = source.read_row_group(group).to_pandas()
        for name, levels in met.items():
            new = table[table[name].notna() & ~table[name].isin(levels)].drop_duplicates(name)
            levels.update(new[name])
            parts.append(new)
    return pd.concat(parts) if parts else pd.DataFrame()


def _fit_streamed(imputer: Imputer, source: Any, sample: pd.DataFrame) -> None:
    imputer.table_ = sample
    imputer.holes_ = learn(sample, imputer.types, imputer.bounds)
    imputer.seed_ = int(generator(imputer.random_state).integers(2**31))
    imputer.scales_, imputer.levels_ = learn_scales(imputer.holes_)
    imputer.clock_ = None
    settings = settings_of(imputer, source.metadata.num_rows)
    cells = cells_of(imputer, sample, imputer.holes_, imputer.scales_)
    feed = Feed(imputer, source, settings.plan.batch_size, imputer.seed_)
    steps = settings._replace(plan=settings.plan._replace(epochs=STEPS, patience=None))
    imputer._keep(neural.train(cells, imputer.levels_, imputer.members, steps, imputer.seed_, feed))


class Feed:
    """Batches of a file as a function of the step: row groups in a random order, rows of a group in a random order.

    ``feed(step, n)`` returns the cells of n batches; only one row group is held at a time.
    """

    def __init__(self, imputer: Imputer, source: Any, batch_size: int, seed: int):
        self.imputer, self.source, self.batch_size, self.seed = imputer, source, batch_size, seed
        rows = [source.metadata.row_group(g).num_rows for g in range(source.num_row_groups)]
        self.starts = np.concatenate([[0], np.cumsum(np.array(rows) // batch_size)])  # batches before each group
        if self.starts[-1] == 0:
            raise ValueError(f"batch_size is {batch_size}, but no row group of the file has that many rows; lower it.")
        self.held: tuple[int, int] = (-1, -1)
        self.cells: Any = None

    def __call__(self, step: int, n: int) -> Any:
        batches = [self.batch(t) for t in range(step, step + n)]
        return type(batches[0])(*(np.stack(parts) for parts in zip(*batches, strict=True)))

    def batch(self, step: int) -> Any:
        """The cells of one batch."""
        epoch, place = divmod(step, int(self.starts[-1]))
        group = int(np.searchsorted(self.starts, place, side="right") - 1)
        if self.held != (epoch, group):
            table = self.source.read_row_group(group).to_pandas()
            table = table.sample(frac=1, random_state=(self.seed + epoch * 7919 + group) % 2**32)
            holes = read(table, self.imputer.holes_.columns)
            self.cells, self.held = cells_of(self.imputer, table, holes, self.imputer.scales_), (epoch, group)
        at = (place - int(self.starts[group])) * self.batch_size
        return type(self.cells)(*(part[at : at + self.batch_size] for part in self.cells))


def _complete_file(source: Any, target: Path, imputer: Imputer, i: int) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with replacing(target) as fresh, pq.ParquetWriter(fresh, source.schema_arrow) as writer:
        for k, (table, holes) in enumerate(_chunks(source, imputer)):
            cells = cells_of(imputer, table, holes, imputer.scales_)
            values = drawn(
                imputer.nets_, i % imputer.members, cells, imputer.scales_, imputer.seed_ + i + 1_000_003 * k
            )
            done = complete(table, holes, values)
            writer.write_table(pa.Table.from_pandas(done, schema=source.schema_arrow))
    return target


def _chunks(source: Any, imputer: Imputer) -> Iterator[tuple[pd.DataFrame, Holes]]:
    import pyarrow as pa

    integers = {pa.type_for_alias(dtype.name.lower()): dtype for dtype in INTEGERS}
    for batch in source.iter_batches(batch_size=CHUNK):
        table = batch.to_pandas(types_mapper=integers.get)
        yield table, read(table, imputer.holes_.columns)
