"""The models of the library, by name."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

from ceteris.arguments import nearest
from ceteris.equilibrium.model import Model


class Entry(NamedTuple):
    """One model: where it is, parameters that make the variant, what it is, and how long it takes on two cores."""

    home: str
    changes: dict[str, Any]
    what: str
    typical: str


LIBRARY = {
    "growth": Entry("growth:Growth", {}, "stochastic growth, CRRA, partial depreciation", "20 s"),
    "growth-labour": Entry("growth:GrowthLabour", {}, "stochastic growth with elastic labour", "30 s"),
    "olg-analytic": Entry("olg_analytic:AnalyticOLG", {}, "six cohorts with closed-form policies", "30 s"),
    "olg": Entry("olg:OLG", {}, "60 cohorts with a borrowing limit", "9 min"),
    "olg-bonds": Entry("olg_bonds:OLGBonds", {}, "56 cohorts with capital, a bond and collateral", "12 min"),
    "irbc": Entry("irbc:IRBC", {}, "international business cycles, N countries", "45 s"),
    "irbc-irreversible": Entry("irbc:IRBC", {"irreversible": True}, "the same with irreversible investment", "90 s"),
    "krusell-smith": Entry("krusell_smith:KrusellSmith", {}, "households with unemployment risk, histogram", "4 min"),
    "krusell-smith-agents": Entry(
        "krusell_smith:KrusellSmithAgents", {}, "the same with a finite set of agents", "4 min"
    ),
    "consumption-saving": Entry(
        "consumption_saving:ConsumptionSaving", {}, "income risk and a borrowing limit", "40 s"
    ),
    "industry": Entry("industry:Industry", {}, "128 exchangeable firms with adjustment costs", "15 s"),
    "industry-returns": Entry("industry:IndustryReturns", {}, "the same with decreasing returns", "25 s"),
    "industry-types": Entry("industry:IndustryTypes", {}, "the same with two types of firms", "25 s"),
    "lucas-trees": Entry("asset_pricing:LucasTrees", {}, "prices of many Lucas trees", "35 s"),
}


def named(name: str, **changes: Any) -> Model:
    """A model by its name in the library, or by ``FILE.py:CLASS``, with parameters changed.

    Examples
    --------
    >>> named("growth", beta=0.95).beta
    0.95
    >>> named("grwth")
    Traceback (most recent call last):
    ...
    ValueError: model: 'grwth' is not in the library; did you mean 'growth'? `ceteris models` lists all; your own ...
    """
    if name in LIBRARY:
        entry = LIBRARY[name]
        return _class(entry.home)(**{**entry.changes, **changes})
    if ":" in name:
        return find_model(name)(**changes)
    near = nearest(name, LIBRARY)
    hint = f"did you mean {near!r}? " if near else ""
    raise ValueError(
        f"model: {name!r} is not in the library; {hint}`ceteris models` lists all; your own is FILE.py:CLASS."
    )


def library_class(name: str) -> type[Model] | None:
    """The class of the library behind ``home:Class``, such as ``growth:Growth``; None where there is none."""
    return _class(name) if name in {entry.home for entry in LIBRARY.values()} else None


def library_name(kind: type[Model]) -> str | None:
    """The inverse of `library_class`."""
    name = f"{kind.__module__.rpartition('.')[2]}:{kind.__qualname__}"
    return name if library_class(name) is kind else None


def _class(home: str) -> type[Model]:
    module, _, kind = home.partition(":")
    return getattr(importlib.import_module(f"ceteris.equilibrium.models.{module}"), kind)


def find_model(name: str) -> type[Model]:
    """The class behind ``FILE.py:CLASS`` or ``module:Class``; runs that file, as the command line is asked to.

    Only what a user types comes here, never what a file says.
    """
    home, _, kind = name.rpartition(":")
    if not home or not kind:
        raise ValueError(f"model: {name!r} was given, but FILE:CLASS is needed, such as my_model.py:MyModel.")
    module = _run(Path(home), kind) if home.endswith(".py") else importlib.import_module(home)
    found = getattr(module, kind, None)
    if not (isinstance(found, type) and issubclass(found, Model)):
        offered = [
            k for k, v in vars(module).items() if isinstance(v, type) and issubclass(v, Model) and v is not Model
        ]
        raise ValueError(f"model: {home} has no model {kind!r}; it has {', '.join(offered) or 'none'}.")
    return found


def _run(path: Path, kind: str) -> ModuleType:
    if not path.is_file():
        raise FileNotFoundError(f"model: there is no file {path}; give the path of the file that holds {kind}.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
