"""Several estimates side by side: one table for the screen, the notebook, the paper and the web.

The conventions are those that economists read: one column for each estimate, standard errors in parentheses below the
estimate, what was counted at the foot, and no stars unless they are asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from ceteris.arguments import as_many, nearest, one_of, probability, shown, whole
from ceteris.estimates import layout
from ceteris.estimates.words import digits_for, number
from ceteris.files import replace_file
from ceteris.outlets import report_csv, shorten
from ceteris.results import Estimate, JointTest

if TYPE_CHECKING:
    import pandas as pd

BELOW = {
    "se": "Standard errors in parentheses.",
    "ci": "Intervals of {level:g} % in brackets.",
    "t": "t statistics in parentheses.",
    "p": "p-values in parentheses.",
}
LONG = 40  # characters of a hypothesis
USUAL = (0.1, 0.05, 0.01)  # what stars mean in economics
FACTS: dict[str, tuple[str, Callable[[Estimate], str]]] = {
    "rows": ("N", lambda e: "" if e.n is None else f"{e.n:,}"),
    "clusters": ("Clusters", lambda e: ", ".join(f"{len(np.unique(groups)):,}" for groups in e.clusters)),
    "method": ("Method", lambda e: e.about.method),
    "estimand": ("Estimand", lambda e: e.about.estimand),
    "formula": ("Formula", lambda e: e.about.formula),
    "standard errors": ("Standard errors", lambda e: e.about.standard_errors),
    "folds": ("Folds", lambda e: str(int(np.max(e.nuisances.folds[0])) + 1) if len(e.nuisances.folds) else ""),
    "splits": ("Splits", lambda e: str(len(e.splits)) if e.splits else ""),
    "checks": ("Checks failed", lambda e: ", ".join(check.name for check in e.checks if check.passed is False)),
}


def table(
    *estimates: Any,
    titles: Sequence[str] | None = None,
    labels: Mapping[str, str] | None = None,
    keep: Sequence[str] | None = None,
    drop: Sequence[str] = (),
    below: str | None = "se",
    level: float = 0.95,
    stars: bool | Sequence[float] = False,
    facts: Sequence[str] = ("rows", "clusters"),
    tests: Sequence[str] = (),
    extra: Mapping[str, Sequence[Any]] | None = None,
    digits: int | None = None,
    notes: bool | str = True,
) -> EstimateTable:
    """Set estimates side by side, one column each.

    Parameters
    ----------
    estimates : Estimate, or one list of them, or one mapping of title to Estimate
    titles : sequence of str, optional
        One for each column; by default those of the mapping, else (1), (2), ...
    labels : mapping of str to str, optional
        What rows are called instead of by their names. Rows of different estimates with the same label are one row.
    keep : sequence of str, optional
        Names of the rows to show, in this order; by default all, in the order in which they occur.
    drop : sequence of str
        Names of the rows to leave out.
    below : {"se", "ci", "t", "p"} or None
        What stands below each estimate: standard error, interval, t statistic, p-value, or nothing.
    level : float
        Of the intervals.
    stars : bool or sequence of float
        True marks p-values below .1, .05 and .01 by one, two and three stars; other bars may be given.
    facts : sequence of str
        What stands at the foot, of "rows", "clusters", "method", "estimand", "formula", "standard errors", "folds",
        "splits" and "checks" (those that failed). One that no estimate has is left out.
    tests : sequence of str
        Joint hypotheses, such as "age = educ = 0", as ``Estimate.test`` takes them: the statistic of each at the foot,
        and its p-value below. Where an estimate has no such rows nothing stands.
    extra : mapping of str to sequence, optional
        Further rows at the foot: a label, and a value for each column.
    digits : int, optional
        Behind the point; by default three, or more where standard errors are small.
    notes : bool or str
        Whether notes say what is in parentheses and, by column, method and estimand; or the note itself.

    Returns
    -------
    EstimateTable
        It prints itself, shows itself in a notebook, and is saved as ``"table.tex"``, ``".md"``, ``".html"``,
        ``".txt"`` or, the numbers with all their digits, ``".csv"``.

    Examples
    --------
    >>> from ceteris.causal import DifferenceInMeans, RegressionAdjustment
    >>> y, d, x = [1.0, 3.0, 6.0, 8.0, 2.0, 7.0], [0, 0, 1, 1, 0, 1], [[1.0], [2.0], [1.0], [2.0], [2.0], [1.0]]
    >>> simple = DifferenceInMeans().fit(y=y, d=d)
    >>> adjusted = RegressionAdjustment().fit(y=y, d=d, x=x)
    >>> print(table(simple, adjusted, labels={"ATE": "treatment", "d": "treatment"}, notes=False))
    ---------------------------
                 (1)      (2)
    ---------------------------
    treatment   5.000    5.500
               (0.667)  (0.354)
    ---------------------------
    N             6        6
    ---------------------------
    """
    named = _named(estimates, titles)
    found = [estimate for _, estimate in named]
    if below is not None:
        one_of("below", below, BELOW)
    probability("level", level)
    bars = _bars(stars)
    for fact in facts:
        one_of("facts", fact, FACTS)
    if digits is not None:
        whole("digits", digits, least=0)
    for name, values in (extra or {}).items():
        as_many(f"extra[{name!r}]", values, len(found), of="column")
    rows = _rows(found, labels or {}, keep, drop)
    columns = [_column(estimate, rows, labels or {}, level) for estimate in found]
    heads = tuple(title for title, _ in named)
    foot = [(FACTS[fact][0], tuple(FACTS[fact][1](estimate) for estimate in found)) for fact in facts]
    foot = [(name, cells) for name, cells in foot if any(cells)]
    foot += [row for test in tests for row in _tested(test, found)]
    foot += [(name, tuple(map(str, values))) for name, values in (extra or {}).items()]
    told = (notes,) if isinstance(notes, str) else _notes(named, below, level, bars) if notes else ()
    numbers = np.array(columns)  # (columns, rows, 6)
    digits = digits_for(numbers[:, :, 1]) if digits is None else digits
    return EstimateTable(heads, tuple(rows), numbers, tuple(foot), below, bars, told, digits)


@dataclass(frozen=True, eq=False, repr=False)
class EstimateTable:
    """Estimates side by side; made by `table`.

    Parameters
    ----------
    titles : tuple of str
        Of the columns.
    rows : tuple of str
        Labels of the rows.
    numbers : array, shape (columns, rows, 6)
        Estimate, standard error, t statistic, p-value and the ends of the interval; NaN where an estimate has no such
        row.
    foot : tuple of (str, tuple of str)
        Rows at the foot: a label, and a cell for each column.
    below : str or None
        What stands below each estimate.
    stars : tuple of float
        p-values below which an estimate gets another star.
    notes : tuple of str
    digits : int
    """

    titles: tuple[str, ...]
    rows: tuple[str, ...]
    numbers: np.ndarray
    foot: tuple[tuple[str, tuple[str, ...]], ...]
    below: str | None
    stars: tuple[float, ...]
    notes: tuple[str, ...]
    digits: int

    def frame(self) -> pd.DataFrame:
        """The numbers: for each row a line with the estimates, and one with what stands below them."""
        import pandas as pd

        what = {"se": ["std err"], "t": ["t"], "p": ["P>|t|"], "ci": ["low", "high"], None: []}[self.below]
        place = {"se": [1], "t": [2], "p": [3], "ci": [4, 5], None: []}[self.below]
        index = pd.MultiIndex.from_product([self.rows, ["estimate", *what]])
        values = self.numbers[:, :, [0, *place]].reshape(len(self.titles), -1)
        return pd.DataFrame(values.T, index=index, columns=pd.Index(self.titles, dtype=object))

    def cells(self) -> tuple[list[list[str]], list[list[str]]]:
        """What is shown, as text: rows of estimates and of what stands below them, and rows of the foot."""
        body = []
        for r, label in enumerate(self.rows):
            body.append([label, *(self._estimate(numbers[r]) for numbers in self.numbers)])
            if self.below is not None:
                body.append(["", *(self._below(numbers[r]) for numbers in self.numbers)])
        return body, [[label, *cells] for label, cells in self.foot]

    def _estimate(self, numbers: np.ndarray) -> str:
        marks = sum(bool(numbers[3] < bar) for bar in self.stars)
        return number(numbers[0], self.digits) + "*" * marks

    def _below(self, numbers: np.ndarray) -> str:
        if np.isnan(numbers[0]):
            return ""
        if self.below == "ci":
            return f"[{number(numbers[4], self.digits)}, {number(numbers[5], self.digits)}]"
        return f"({number(numbers[{'se': 1, 't': 2, 'p': 3}[cast(str, self.below)]], self.digits)})"

    def text(self) -> str:
        """The table for a screen."""
        return layout.text(self.titles, *self.cells(), self.notes)

    def markdown(self) -> str:
        """The table in Markdown, as GitHub reads it."""
        return layout.as_markdown(self.titles, *self.cells(), self.notes)

    def latex(self, caption: str = "", label: str = "") -> str:
        r"""Return the table in LaTeX, for the package booktabs.

        Parameters
        ----------
        caption : str
            Makes it a floating ``table`` with this caption; without it, it is a ``tabular`` to be put into one.
        label : str
            For ``\ref``; needs a caption.
        """
        if label and not caption:
            raise ValueError(f"label is {shown(label)}, but a table without a caption has no number; give a caption.")
        if not re.fullmatch(r"[\w:.+/-]*", label, re.ASCII):
            raise ValueError(
                f"label is {shown(label)}, but must be made of letters, digits and : . + / _ -; give another."
            )
        return layout.as_latex(self.titles, *self.cells(), self.notes, caption, label)

    def html(self) -> str:
        """The table as a piece of HTML that stands alone."""
        return layout.as_html(self.titles, *self.cells(), self.notes)

    def save(self, path: str | Path) -> Path:
        """Write the table to a file; the ending of its name says how: .tex, .md, .html, .csv or .txt."""
        path = Path(path)
        forms = {".tex": self.latex, ".md": self.markdown, ".html": self.html, ".csv": self._csv, ".txt": self.text}
        if path.suffix not in forms:
            raise ValueError(f"path ends in {path.suffix!r}, but must end in {', '.join(forms)}; choose one of them.")
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, forms[path.suffix]().rstrip("\n").encode() + b"\n")
        return path

    def _csv(self) -> str:
        """The numbers with all their digits: a spreadsheet takes (0.1) for a negative one."""
        import pandas as pd

        numbers = self.frame().astype(object).rename_axis(["row", "what"]).reset_index()
        foot = pd.DataFrame([(label, "", *cells) for label, cells in self.foot], columns=numbers.columns)
        return report_csv(pd.concat([numbers, foot], ignore_index=True))

    def _repr_html_(self) -> str:
        return self.html()

    def __repr__(self) -> str:
        return self.text()

    def __str__(self) -> str:
        return self.text()


# ------------------------------------------------------------------------------------------------- what is in the table


def _named(given: tuple[Any, ...], titles: Sequence[str] | None) -> list[tuple[str, Estimate]]:
    """Titles and estimates, however they were given."""
    if len(given) == 1 and isinstance(given[0], Mapping):
        found = [(str(title), one) for title, one in given[0].items()]
    else:
        alone = given[0] if len(given) == 1 and isinstance(given[0], list | tuple) else given
        found = [(f"({i})", one) for i, one in enumerate(alone, 1)]
    if not found:
        raise ValueError("estimates is empty, but must hold one at least; give those to be set side by side.")
    for _, one in found:
        if not isinstance(one, Estimate):
            raise TypeError(
                f"estimates holds {type(one).__name__}, but must hold estimates only; give what fit returned, a list "
                "of them, or a mapping of titles to them."
            )
    if titles is None:
        return found
    as_many("titles", titles, len(found), of="estimate")
    return [(str(title), one) for title, (_, one) in zip(titles, found, strict=True)]


def _bars(stars: bool | Sequence[float]) -> tuple[float, ...]:
    if isinstance(stars, bool):
        return USUAL if stars else ()
    for bar in stars:
        probability("stars", bar, such_as=0.05)
    return tuple(sorted(map(float, stars), reverse=True))


def _rows(
    estimates: Sequence[Estimate], labels: Mapping[str, str], keep: Sequence[str] | None, drop: Sequence[str]
) -> list[str]:
    """Labels of the rows, each once, in the order in which they are to be shown."""
    there = list(dict.fromkeys(name for estimate in estimates for name in estimate.names))
    for role, names in (("labels", labels), ("keep", keep or ()), ("drop", drop)):
        if isinstance(names, str):
            raise ValueError(f"{role} is {names!r}, but must be a list of names; give [{names!r}].")
        for name in names:
            _refuse_unknown(role, name, there)
    chosen = [name for name in (there if keep is None else keep) if name not in drop]
    if not chosen:
        raise ValueError("keep and drop leave no row, but one at least is needed; keep more, or drop fewer.")
    return list(dict.fromkeys(labels.get(name, name) for name in chosen))


def _refuse_unknown(role: str, name: Any, there: Sequence[str]) -> None:
    if name not in there:
        near, few = nearest(name, there), ", ".join(map(repr, there[:12])) + (", ..." if len(there) > 12 else "")
        do = f"did you mean {near!r}?" if near else "choose one of them."
        raise ValueError(f"{role} names {shown(name)}, but the rows of these estimates are {few}; {do}")


def _column(estimate: Estimate, rows: Sequence[str], labels: Mapping[str, str], level: float) -> np.ndarray:
    """Numbers of one estimate, shape (rows, 6), NaN in rows that it does not have."""
    frame = estimate.frame(level).to_numpy(dtype=float)
    called = [labels.get(name, name) for name in estimate.names]
    twice = sorted({label for label in called if called.count(label) > 1 and label in rows})
    if twice:
        raise ValueError(
            f"labels calls two rows of one estimate {twice[0]!r}, but each needs a label of its own; rename one."
        )
    found = np.full((len(rows), 6), np.nan)
    for r, label in enumerate(rows):
        if label in called:
            found[r] = frame[called.index(label)]
    return found


def _tested(hypothesis: str, estimates: Sequence[Estimate]) -> list[tuple[str, tuple[str, ...]]]:
    """Statistic and p-value of a hypothesis by estimate, empty where it has not what is tested."""
    found: list[JointTest | None] = []
    for estimate in estimates:
        try:
            found.append(estimate.test(hypothesis))
        except ValueError as error:
            found.append(None)
            problem = error
    if not any(found):
        raise ValueError(str(problem).replace("hypothesis", "tests", 1)) from None
    words = [("", "") if test is None else test.words().split(", p ") for test in found]
    labels = shorten(hypothesis, LONG), "p-value"
    return [(label, tuple(word[i].removeprefix("= ") for word in words)) for i, label in enumerate(labels)]


def _notes(
    named: Sequence[tuple[str, Estimate]], below: str | None, level: float, bars: tuple[float, ...]
) -> tuple[str, ...]:
    """What is in parentheses, what stars mean, and what each column estimates and how."""
    first = [BELOW[below].format(level=100 * level)] if below else []
    if bars:
        first.append(", ".join(f"{'*' * i} p < {bar:g}" for i, bar in enumerate(bars, 1)) + ".")
    said = [". ".join(filter(None, (e.about.method, e.about.estimand))) for _, e in named]
    if len(set(said)) == 1:
        about = [said[0]] if said[0] else []
    else:
        about = [f"{title}: {text}" for (title, _), text in zip(named, said, strict=True) if text]
    return tuple(filter(None, [" ".join(first), *about]))
