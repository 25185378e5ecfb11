"""How the shell fills holes: imputers by the names it knows, and what it is told of columns.

Nothing heavy is imported here, so that what contradicts itself is refused at once.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from ceteris.arguments import one_of, probability
from ceteris.tables.options import KINDS

METHODS = {  # the class in `ceteris.impute`, and what it does
    "nets": ("Imputer", "an ensemble of nets for the distribution of every column given any of the others"),
    "chained": ("Chained", "chained equations with predictive mean matching, as mice does"),
    "iterative": ("Iterative", "Bayesian linear regressions in turn, scikit-learn's"),
    "hot-deck": ("HotDeck", "what one of the nearest rows holds"),
    "midas": ("MIDAS", "a denoising autoencoder, as published"),
    "adversarial": ("Adversarial", "a generator against a discriminator"),
    "mean": ("MeanMode", "the mean or the most frequent label, a yardstick"),
}
AS_READ = {"continuous": "number", "categorical": "category"}  # kinds of imputers that the reader knows by another name
OF_IMPUTERS = ("binary", "ordinal")  # kinds that only imputers know


def refuse(method: str, group: str | None = None, time: str | None = None) -> None:
    """Raise if there is no such method, or if it does not go with a panel.

    Examples
    --------
    >>> refuse("chained", "firm", "year")
    Traceback (most recent call last):
    ValueError: method is chained, but must be nets for a panel (--group, --time); leave one of them out.
    """
    one_of("method", method, METHODS)
    if (group is None) != (time is None):
        given, other = ("group", "time") if time is None else ("time", "group")
        raise ValueError(
            f"{other} is not given, but must be where {given} is; a panel needs both, give both or neither."
        )
    if group is not None and method != "nets":
        raise ValueError(f"method is {method}, but must be nets for a panel (--group, --time); leave one of them out.")


def split_types(words: Iterable[str]) -> tuple[list[str], dict[str, str]]:
    """Return what ``--types`` says to the reader, as words, and what only imputers understand.

    Examples
    --------
    >>> split_types(["zip=categorical", "grade=ordinal"])
    (['zip=category'], {'grade': 'ordinal'})
    """
    to_reader, kinds = [], {}
    for word in words:
        name, sign, kind = word.rpartition("=")
        if sign:
            one_of(f"types: the kind of {name!r}", kind, (*KINDS, *AS_READ, *OF_IMPUTERS))
        if sign and kind in OF_IMPUTERS:
            kinds[name] = kind
        else:
            to_reader.append(f"{name}={AS_READ.get(kind, kind)}" if sign else word)
    return to_reader, kinds


def parse_bounds(words: Iterable[str]) -> dict[str, tuple[float, float]]:
    """Return what ``--bounds`` says; where one end is left open there is no limit.

    Examples
    --------
    >>> parse_bounds(["share=0:1", "net=:0"])
    {'share': (0.0, 1.0), 'net': (-inf, 0.0)}
    """
    bounds = {}
    for word in words:
        name, sign, ends = word.rpartition("=")
        low, colon, high = ends.partition(":")
        try:
            if not sign or not colon:
                raise ValueError
            limits = (float(low or -math.inf), float(high or math.inf))
            if not limits[0] < limits[1]:
                raise ValueError
        except ValueError:
            raise ValueError(
                f"bounds is {word!r}, but must be COLUMN=LOW:HIGH with two numbers, the lower one first, either of "
                "which may be left out; write it so, such as share=0:1."
            ) from None
        if name in bounds:
            raise ValueError(f"bounds names column {name!r} twice, but must name each once; leave one of them out.")
        bounds[name] = limits
    return bounds


def words_of(method: str, kinds: Mapping[str, str], bounds: Mapping[str, tuple[float, float]]) -> list[str]:
    """What to type for the same.

    Examples
    --------
    >>> words_of("chained", {"grade": "ordinal"}, {"share": (0.0, 1.0), "net": (-math.inf, 0.0)})
    ['--method', 'chained', '--types', 'grade=ordinal', '--bounds', 'share=0:1', '--bounds', 'net=:0']
    """
    words = [] if method == "nets" else ["--method", method]
    words += [word for name, kind in kinds.items() for word in ("--types", f"{name}={kind}")]
    text = lambda limit: f"{limit:.15g}" if math.isfinite(limit) else ""
    return words + [
        word for name, (low, high) in bounds.items() for word in ("--bounds", f"{name}={text(low)}:{text(high)}")
    ]


MODELS = ("ols", "logit", "poisson", "mean")  # what is pooled
COVARIANCES, TESTS = ("robust", "classic"), ("D1", "D2", "D3")


def completed_files(folder: Path) -> list[Path]:
    """Return the completed tables of a folder, in their order: files whose names are numbers."""
    found = [path for path in folder.iterdir() if re.fullmatch(r"[1-9][0-9]*", path.stem) and path.is_file()]
    return sorted(found, key=lambda path: int(path.stem))


def refuse_model(model: str, x: object) -> None:
    """Raise if there is no such model, or if it does not go with covariates.

    Examples
    --------
    >>> refuse_model("ols", ())
    Traceback (most recent call last):
    ValueError: x is empty, but must name a column at least; name some, or take the model mean.
    """
    one_of("model", model, MODELS)
    if model == "mean" and x:
        raise ValueError(f"x is {x}, but must be left out of a mean; leave it out, or take the model ols.")
    if model != "mean" and not x:
        raise ValueError("x is empty, but must name a column at least; name some, or take the model mean.")


def refuse_tests(covariance: str, method: str, tested: bool, clustered: bool) -> None:
    """Raise if standard errors, a test and clusters do not go together.

    Examples
    --------
    >>> refuse_tests("classic", "D1", tested=False, clustered=True)
    Traceback (most recent call last):
    ValueError: covariance is 'classic', but must be robust with clusters; leave one of them out.
    """
    one_of("covariance", covariance, COVARIANCES)
    one_of("method", method, TESTS)
    if clustered and covariance == "classic":
        raise ValueError("covariance is 'classic', but must be robust with clusters; leave one of them out.")
    if clustered and tested and method == "D3":
        raise ValueError("method is 'D3', but must be D1 or D2 with clusters, as no likelihood has these; take one.")


def refuse_pool(folder: Path, x: list[str] | None, model: str, level: float) -> None:
    """Raise if there is nothing to pool, or options contradict each other."""
    probability("level", level)
    refuse_model(model, ", ".join(x or ()))
    if not folder.is_dir():
        raise FileNotFoundError(
            f"folder: {folder} is not a folder; give the one that `ceteris impute` wrote its completed tables to."
        )
    found = completed_files(folder)
    if len(found) < 2:
        raise ValueError(
            f"folder: {folder} holds {len(found)} completed tables (1.csv, 2.csv, ...), but must hold 2 at least; give "
            "one that `ceteris impute` has written to."
        )
    endings = sorted({path.suffix for path in found})
    if len(endings) > 1:
        raise ValueError(
            f"folder: {folder} holds completed tables of several kinds ({', '.join(endings)}), but must hold those of "
            "one imputation; take the others away."
        )
