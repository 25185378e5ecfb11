"""How good synthetic rows are: whether they look alike, are of use, and whom they give away.

Three tables are compared: the rows learnt from, as many synthetic rows, and rows that were held out.

- Marginals: the Kolmogorov-Smirnov distance of numbers, the total variation distance of labels.
- Dependence: the association of any two columns, real against synthetic: |Spearman| of numbers, Cramér's V of labels,
  the correlation ratio of a number's rank given a label.
- Use: learners trained on synthetic rows predict each column of the rows held out, against learners trained on real
  rows.
- Privacy: exact copies; whether synthetic rows lie nearer to rows learnt from than to rows held out; and how well an
  attacker who holds a row tells from its distance to the nearest synthetic row whether it was learnt from (0.5 is a
  coin).

References
----------
Esteban, C., Hyland, S. L. and Rätsch, G. (2017). Real-valued (medical) time series generation with recurrent
conditional GANs (train on synthetic, test on real). Hayes, J., Melis, L., Danezis, G. and De Cristofaro, E. (2019).
LOGAN: membership inference attacks against generative models. Proceedings on Privacy Enhancing Technologies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp, norm, rankdata
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from ceteris.results import Check, Figure, Section, Table
from ceteris.showing import AbstractResult, screenful
from ceteris.synthesis.columns import FEW
from ceteris.tables import coding

USEFUL = 0.9  # share of the score of real rows that synthetic rows should reach
SAFE = 0.55  # area under the attacker's curve up to which little is given away


@dataclass(frozen=True, eq=False, repr=False)
class TableComparison(AbstractResult):
    """Synthetic rows against real ones.

    Attributes
    ----------
    marginals : DataFrame
        Per column: kind, distance.
    association : DataFrame
        Per pair of columns: real, synthetic.
    use : DataFrame
        Per target: score when trained on real and on synthetic rows, and their ratio. R² of a number, on the scale of a
        normal distribution; accuracy of a label.
    privacy : Series
        copies (synthetic rows that are rows learnt from), copies drawn and copies held out (the same for equal numbers
        of rows learnt from and rows held out, which tells what chance gives), nearer (share of synthetic rows nearer to
        rows learnt from), attack (area under the attacker's curve). All but the first compare equal numbers of rows,
        drawn where there are more.
    """

    marginals: pd.DataFrame
    association: pd.DataFrame
    use: pd.DataFrame
    privacy: pd.Series

    @property
    def checks(self) -> tuple[Check, ...]:
        """Use, copies and the attacker, judged."""
        facts: Any = self.privacy
        attack, drawn, chance = float(facts["attack"]), int(facts["copies drawn"]), int(facts["copies held out"])
        return (
            _judge_use(*np.asarray(self.use[["synthetic", "real"]], float).mean(0).tolist()),
            Check("no copies", drawn <= 2 * chance,
                  f"{facts['copies']:.0f} synthetic rows are exactly rows learnt from. Of equal numbers of "
                  f"rows, {drawn} are exactly rows learnt from, and {chance} exactly rows held out, by chance.",
                  drawn, 2 * chance),
            Check("an attacker learns little", attack <= SAFE,
                  f"Whether a row was learnt from can be told with an area under the curve of {attack:.3f}; 0.5 is a "
                  "coin.",
                  attack, SAFE),
        )  # fmt: skip

    def summary(self) -> str:
        """Return one screen: how alike the tables are, the checks, scores by target."""
        fine = [f"{check.name}: {check.sentence}" for check in self.checks if check.passed]
        return screenful("Synthetic rows against real ones", [self._alike(), *fine], self.use, self.checks)

    def _alike(self) -> str:
        gap = (self.association["real"] - self.association["synthetic"]).abs()
        return (
            f"The mean distance of marginals is {self.marginals['distance'].mean():.3f}; associations of two columns "
            f"differ by {gap.mean():.3f} on average and {gap.max():.3f} at most."
        )

    def sections(self) -> tuple[Section, ...]:
        """Return the comparison as a part of a report."""
        text = (
            f"{self._alike()} A good score on these says nothing about privacy, and nothing here is a guarantee of it."
        )
        facts = self.privacy.rename_axis("quantity").reset_index(name="value")
        tables = (Table("Marginals", self.marginals), Table("Use", self.use, "Scores on rows held out."),
                  Table("Privacy", facts))  # fmt: skip
        figures = (
            Figure("Association of two columns", "One point per pair of columns; on the line both agree.",
                   self.association, _draw_association, (5.0, 4.6)),
            Figure("Use", "Score per target, trained on real and on synthetic rows.", self.use.reset_index(),
                   _draw_use),
        )  # fmt: skip
        return (Section("Synthetic rows against real ones", text, tables, figures, self.checks),)


def compare_tables(
    real: pd.DataFrame,
    synthetic: pd.DataFrame,
    heldout: pd.DataFrame,
    targets: Sequence[str] | None = None,
    seed: int = 0,
) -> TableComparison:
    """Compare synthetic rows with the rows they were learnt from, and with rows held out.

    Parameters
    ----------
    real, synthetic, heldout : DataFrame
        With the same columns; best of the same length.
    targets : sequence of str, optional
        Columns to be predicted from all others; all by default.
    seed : int

    Examples
    --------
    >>> from ceteris.data import load_table
    >>> X, _ = load_table("iris")
    >>> rows = X.sample(frac=1, random_state=0)
    >>> again = compare_tables(rows[:75], rows[:75], rows[75:], targets=[rows.columns[2]])  # the table itself
    >>> [check.verdict for check in again.checks]
    ['pass', 'fail', 'fail']
    """
    for name, frame in (("synthetic", synthetic), ("heldout", heldout)):
        if list(frame) != list(real):
            raise ValueError(f"{name}: its columns are {list(frame)}, but must be those of real, {list(real)}.")
    targets = list(real) if targets is None else list(targets)
    if not targets or not set(targets) <= set(real):
        raise ValueError(f"targets: {targets} was given, but columns of the table are needed: {list(real)}.")
    own, made, other = (_codes(frame, real) for frame in (real, synthetic, heldout))
    labelled = np.array([_is_label(real[name]) for name in real])
    return TableComparison(
        _marginals(own, made, labelled, list(real)),
        _associations(own, made, labelled, list(real)),
        pd.DataFrame(
            [_use(own, made, other, labelled, list(real).index(t), seed) for t in targets],
            pd.Index(targets, name="target"),
        ),
        _privacy(own, made, other, labelled, seed),
    )


def _judge_use(synthetic: float, real: float) -> Check:
    """Compare mean scores: ratios of single targets are wild where little can be predicted."""
    if not real > 0:
        sentence = (
            f"Trained on real rows, learners score {real:.3f} on average, no better than a constant; there is nothing "
            "that synthetic rows could teach. Choose targets that other columns predict."
        )
        return Check("useful for training", None, sentence, bar=USEFUL)
    ratio = synthetic / real
    sentence = f"Trained on synthetic rows, learners reach {ratio:.0%} of the score of those trained on real rows."
    return Check("useful for training", ratio >= USEFUL, sentence, ratio, USEFUL)


def _is_label(column: Any) -> bool:
    return not pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column) or column.nunique() <= FEW


def _codes(frame: pd.DataFrame, real: pd.DataFrame) -> np.ndarray:
    """Return numbers as they are and labels by their number among those of the real table, float (rows, columns)."""
    columns = coding.read(frame).columns
    known = coding.read(real).columns
    code = lambda mine, theirs: coding.codes_of("synthetic", "", mine, sorted(set(theirs)), unseen="ignore")
    return np.column_stack(
        [code(a, b) if b.dtype == object else a.astype(float) for a, b in zip(columns, known, strict=True)]
    )


def _marginals(real: np.ndarray, synthetic: np.ndarray, labelled: np.ndarray, names: list) -> pd.DataFrame:
    rows = []
    for j, name in enumerate(names):
        if labelled[j]:
            values = np.union1d(real[:, j], synthetic[:, j])
            shares = [(x[:, [j]] == values).mean(0) for x in (real, synthetic)]
            rows.append((name, "labels", np.abs(shares[0] - shares[1]).sum() / 2))
        else:
            rows.append((name, "numbers", np.asarray(ks_2samp(real[:, j], synthetic[:, j]))[0]))
    return pd.DataFrame(rows, columns=["column", "kind", "distance"])


def _associations(real: np.ndarray, synthetic: np.ndarray, labelled: np.ndarray, names: list) -> pd.DataFrame:
    rows = []
    for i in range(len(names)):
        for j in range(i):
            found = [association(x[:, i], x[:, j], labelled[i], labelled[j]) for x in (real, synthetic)]
            rows.append((names[j], names[i], *found))
    return pd.DataFrame(rows, columns=["first", "second", "real", "synthetic"])


def association(a: np.ndarray, b: np.ndarray, a_labelled: bool, b_labelled: bool) -> float:
    """Return how strongly two columns go together, in [0, 1].

    Examples
    --------
    >>> x = np.arange(40.0)
    >>> [round(association(x, y, False, label), 2) for y, label in ((-(x**3), False), (x // 20, True))]
    [1.0, 0.87]
    """
    if not a_labelled and not b_labelled:
        return abs(_correlation(rankdata(a), rankdata(b)))
    if a_labelled and b_labelled:
        counts = pd.crosstab(a, b).to_numpy(float)
        expected = counts.sum(1, keepdims=True) * counts.sum(0) / counts.sum()
        least = min(counts.shape) - 1
        return float(np.sqrt(((counts - expected) ** 2 / expected).sum() / counts.sum() / least)) if least else 0.0
    number, label = (a, b) if b_labelled else (b, a)
    ranks = pd.Series(rankdata(number))
    return abs(_correlation(ranks.to_numpy(), ranks.groupby(label).transform("mean").to_numpy()))


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a, b)[0, 1]) if a.std() > 0 and b.std() > 0 else 0.0


def _use(
    real: np.ndarray, synthetic: np.ndarray, heldout: np.ndarray, labelled: np.ndarray, j: int, seed: int
) -> dict[str, float]:
    """Score learners of column j trained on real and on synthetic rows, on rows held out."""
    ladder = np.sort(real[:, j])

    def target(x):
        if labelled[j]:
            return x[:, j].astype(str)  # as numbers, fractions would be no labels
        return norm.ppf((np.searchsorted(ladder, x[:, j]) + 0.5) / (len(ladder) + 1))  # a tail would decide a raw R²

    learner = HistGradientBoostingClassifier if labelled[j] else HistGradientBoostingRegressor
    scores = {}
    for name, x in (("real", real), ("synthetic", synthetic)):
        if len(np.unique(x[:, j])) < 2:  # nothing to learn from: the one value, for every row
            scores[name] = float((heldout[:, j] == x[0, j]).mean()) if labelled[j] else 0.0
            continue
        fitted = learner(max_iter=60, random_state=seed).fit(np.delete(x, j, 1), target(x))
        scores[name] = float(fitted.score(np.delete(heldout, j, 1), target(heldout)))
    return scores | {"ratio": scores["synthetic"] / scores["real"] if scores["real"] > 0 else np.nan}


def _privacy(
    real: np.ndarray, synthetic: np.ndarray, heldout: np.ndarray, labelled: np.ndarray, seed: int
) -> pd.Series:
    """Count copies, and measure distances over standardised numbers and indicators of labels."""
    rng, size = np.random.default_rng(seed), min(len(real), len(heldout))
    # equal numbers, for more rows would lie nearer by chance alone; drawn, for the first of a sorted table are special
    known, unknown = (rng.permutation(x)[:size] for x in (real, heldout))
    own, other, made = (_space(x, real, labelled) for x in (known, unknown, synthetic))
    nearest = lambda points, to: NearestNeighbors(n_neighbors=1).fit(to).kneighbors(points)[0][:, 0]
    nearer = nearest(made, own), nearest(made, other)
    distance = np.concatenate([nearest(own, made), nearest(other, made)])
    return pd.Series(
        {
            "copies": _count_copies(synthetic, real),
            "copies drawn": _count_copies(synthetic, known),
            "copies held out": _count_copies(synthetic, unknown),
            "nearer": float(np.mean(nearer[0] < nearer[1]) + np.mean(nearer[0] == nearer[1]) / 2),
            "attack": float(roc_auc_score(np.repeat([1, 0], size), -distance)),
        }
    )


def _count_copies(rows: np.ndarray, of: np.ndarray) -> int:
    """Return how many rows are exactly rows of another matrix."""
    lines = lambda x: [row.tobytes() for row in np.ascontiguousarray(x) + 0.0]  # makes -0.0 the same as 0.0
    there = set(lines(of))
    return sum(line in there for line in lines(rows))


def _space(x: np.ndarray, real: np.ndarray, labelled: np.ndarray) -> np.ndarray:
    parts: list[Any] = []
    for j, label in enumerate(labelled):
        if label:
            parts.append((x[:, [j]] == np.unique(real[:, j])) / np.sqrt(2))  # two labels are one apart
        else:
            parts.append((x[:, [j]] - real[:, j].mean()) / (real[:, j].std() or 1.0))
    return np.concatenate(parts, axis=1)


def _draw_association(figure: Any, data: pd.DataFrame) -> None:
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=0.8)
    axes.plot(data["real"], data["synthetic"], "o")
    axes.set(xlabel="real rows", ylabel="synthetic rows", xlim=(0, 1), ylim=(0, 1))


def _draw_use(figure: Any, data: pd.DataFrame) -> None:
    axes, place = figure.subplots(), np.arange(len(data))
    axes.barh(place + 0.2, data["real"], 0.38, label="real")
    axes.barh(place - 0.2, data["synthetic"], 0.38, label="synthetic")
    axes.set_yticks(place, data["target"].astype(str))
    axes.set_xlabel("score on rows held out")
    axes.legend()
