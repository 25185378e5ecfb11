"""What is fitted or is a result shows itself in one screen, in a notebook and in figures, and comes back from a file.

Each domain lists its classes with tiny ones in ``cases_DOMAIN.py``; a public class that is in no list fails here.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import ceteris
from ceteris.showing import AbstractResult
from ceteris.testing import check_saved, check_shown
from door.case import Case

# Class -> why it needs no case.
LEFT_OUT: dict[str, str] = {}


def cases() -> dict[type, Case]:
    files = sorted(path.stem for path in Path(__file__).parent.glob("cases_*.py"))
    return {kind: case for name in files for kind, case in importlib.import_module(f"door.{name}").CASES.items()}


CASES = cases()


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")  # tiny ones are trained too shortly
@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.__name__) for kind in CASES])
def test_each_shows_itself_and_comes_back_from_a_file(kind):
    case = CASES[kind]
    thing = case.make()
    assert type(thing) is kind
    check_shown(thing, case.figures)
    check_saved(thing, case.answer)


def test_every_public_class_that_is_fitted_or_is_a_result_has_a_case():
    known = {*CASES, *(kind for kind in promised() if full_name(kind) in LEFT_OUT)}
    missing = [full_name(kind) for kind in promised() if kind not in known]
    assert not missing, f"add a case to tests/door for {', '.join(sorted(missing))}"


def test_the_search_for_classes_finds_them():
    """Each way to be found, by one that is known: what fits itself, what a fit and what a function return."""
    names = {kind.__name__ for kind in promised()}
    assert {"Imputer", "NeuralRegressor", "ContextRegression", "Missingness", "Comparison", "Corpus"} <= names
    assert not {"SkipGram", "EmbeddingRegression", "AbstractResult", "Ensemble"} & names  # settings, and no result
    assert all(kind in promised() for kind in CASES)


def full_name(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def promised() -> set[type]:
    """The public classes that are results, that fit themselves, and those that a public fit or function returns."""
    found: set[type] = set()
    for thing in public():
        if inspect.isclass(thing) and thing.__module__.startswith("ceteris."):
            found |= {thing} if is_result(thing) else set()
            fit = getattr(thing, "fit", None)
            found |= of_fit(thing, fit) if inspect.isfunction(fit) and not inspect.isabstract(thing) else set()
        elif inspect.isfunction(thing):
            found |= {kind for kind in returned(thing) if is_result(kind)}
    return found


def public() -> Iterator[Any]:
    """All names that the packages of ceteris offer."""
    packages = [one.name for one in pkgutil.walk_packages(ceteris.__path__, "ceteris.") if one.ispkg]
    for module in map(importlib.import_module, ["ceteris", *packages]):
        for name in getattr(module, "__all__", ()):
            yield getattr(module, name)


def is_result(kind: type) -> bool:
    return issubclass(kind, AbstractResult) and not inspect.isabstract(kind)


def of_fit(kind: type, fit: Any) -> set[type]:
    """The class itself, where its fit returns it; else what it returns."""
    kinds = returned(fit)
    return kinds - {kind} or {kind}


def returned(function: Any) -> set[type]:
    """The classes of ceteris that an annotation names as what a function returns."""
    hint = inspect.signature(function).return_annotation
    if hint is inspect.Signature.empty:
        return set()
    there = {kind.__name__: kind for kind in descendants(AbstractResult)} | vars(sys.modules[function.__module__])
    words = [there.get(word) for word in re.findall(r"\w+", hint if isinstance(hint, str) else repr(hint))]
    return {one for one in words if inspect.isclass(one) and one.__module__.startswith("ceteris.")}


def descendants(kind: type) -> Iterator[type]:
    for one in kind.__subclasses__():
        yield one
        yield from descendants(one)
