"""The models of the library, by name. Listing them, and refusing what is none, needs no JAX."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

from ceteris.arguments import nearest
from ceteris.equilibrium.declared import declared

if TYPE_CHECKING:
    from ceteris.equilibrium.model import Model

MODELS = Path(__file__).parent / "models"


class Entry(NamedTuple):
    """One model: where it is, parameters that make the variant, what it is, how long it takes on two cores, its size.

    ``states`` and ``unknowns`` are the numbers in a state and of raw outputs.
    """

    home: str
    changes: dict[str, Any]
    what: str
    typical: str
    states: int
    unknowns: int


LIBRARY = {
    "growth": Entry("growth:Growth", {}, "stochastic growth, CRRA, partial depreciation", "20 s", 2, 1),
    "growth-labour": Entry("growth:GrowthLabour", {}, "stochastic growth with elastic labour", "30 s", 2, 2),
    "olg-analytic": Entry("olg_analytic:AnalyticOLG", {}, "six cohorts with closed-form policies", "30 s", 6, 5),
    "olg": Entry("olg:OLG", {}, "60 cohorts with a borrowing limit", "9 min", 60, 472),
    "olg-bonds": Entry("olg_bonds:OLGBonds", {}, "56 cohorts with capital, a bond and collateral", "12 min", 111, 111),
    "irbc": Entry("irbc:IRBC", {}, "international business cycles, N countries", "45 s", 4, 2),
    "irbc-irreversible": Entry(
        "irbc:IRBC", {"irreversible": True}, "the same with irreversible investment", "90 s", 4, 2
    ),
    "krusell-smith": Entry(
        "krusell_smith:KrusellSmith", {}, "households with unemployment risk, histogram", "4 min", 401, 400
    ),
    "krusell-smith-agents": Entry(
        "krusell_smith:KrusellSmithAgents", {}, "the same with a finite set of agents", "4 min", 402, 200
    ),
    "consumption-saving": Entry(
        "consumption_saving:ConsumptionSaving", {}, "income risk and a borrowing limit", "40 s", 2, 2
    ),
    "industry": Entry("industry:Industry", {}, "128 exchangeable firms with adjustment costs", "15 s", 128, 1),
    "industry-returns": Entry("industry:IndustryReturns", {}, "the same with decreasing returns", "25 s", 128, 128),
    "industry-types": Entry("industry:IndustryTypes", {}, "the same with two types of firms", "25 s", 128, 2),
    "lucas-trees": Entry("asset_pricing:LucasTrees", {}, "prices of many Lucas trees", "35 s", 5, 4),
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
    raise ValueError(_unknown(name))


def _unknown(name: str) -> str:
    near = nearest(name, LIBRARY)
    hint = f"did you mean {near!r}? " if near else ""
    return f"model: {name!r} is not in the library; {hint}`ceteris models` lists all; your own is FILE.py:CLASS."


def declared_by_name(name: str) -> tuple[str, dict[str, Any] | None]:
    """The class of a model and the parameters its file declares; raises for a name that is no model's.

    Examples
    --------
    >>> kind, parameters = declared_by_name("irbc")
    >>> kind, parameters["countries"]
    ('IRBC', 2)
    """
    if name in LIBRARY:
        home, _, kind = LIBRARY[name].home.partition(":")
        return kind, declared(MODELS / f"{home}.py", kind)
    home, _, kind = name.rpartition(":")
    if not home:
        raise ValueError(_unknown(name))
    if not home.endswith(".py"):
        return kind, None
    return kind, declared(_file(Path(home), kind), kind)


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
    from ceteris.equilibrium.model import Model

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


def _file(path: Path, kind: str) -> Path:
    if not path.is_file():
        raise FileNotFoundError(f"model: there is no file {path}; give the path of the file that holds {kind}.")
    return path


def _run(path: Path, kind: str) -> ModuleType:
    _file(path, kind)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module
