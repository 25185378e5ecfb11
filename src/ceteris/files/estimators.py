"""Fitted learners of scikit-learn as their settings and what they learnt, and back, without pickle.

They are taken apart as they ask Python to take them apart, and made again only where their class is on the list below.
What is read by compiled code without a look at its bounds, such as the nodes of a tree, is checked here.
"""

from __future__ import annotations

import copyreg
import re
import warnings
from typing import Any

import numpy as np

EXTERNAL = ("sklearn", "scipy")
# Classes that fitted learners are made of and that are no learners themselves.
_PARTS = re.compile(
    r"sklearn\.tree\._tree:Tree|sklearn\.ensemble\._hist_gradient_boosting\.predictor:TreePredictor|"
    r"sklearn\._loss\.(loss|link|_loss):\w+|sklearn\.gaussian_process\.kernels:\w+|"
    r"sklearn\.neural_network\._stochastic_optimizers:\w+|sklearn\.utils\._bunch:Bunch|"
    r"sklearn\.model_selection\._split:\w+|sklearn\.metrics\._scorer:_(Passthrough)?Scorer|"
    r"sklearn\.calibration:_CalibratedClassifier|sklearn\.neighbors\._(kd|ball)_tree:(KD|Ball)Tree|"
    r"scipy\.interpolate\._bsplines:BSpline"
)
_DISTANCES = ("euclidean", "manhattan", "chebyshev")  # of trees of neighbours: those without settings of their own


def check_made(name: str, kind: type) -> None:
    """Raise unless a class, called ``module:name``, is one that can be saved."""
    from sklearn.base import BaseEstimator

    if not (isinstance(kind, type) and (issubclass(kind, BaseEstimator) or _PARTS.fullmatch(name))):
        raise ValueError(f"holds a {name.replace(':', '.')}, of which no form of numbers and text is known")


def parts(value: Any, where: str) -> list[Any]:
    """Take a learner apart: the arguments that make it anew, and its state.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> how, arguments, state = parts(LinearRegression(), "learner")
    >>> how, arguments, state["fit_intercept"]
    ('new', [], True)
    """
    if type(value).__name__ == "BSpline":  # it keeps functions beside its numbers
        return ["call", [value.t, value.c, value.k, value.extrapolate, value.axis], None]
    if type(value).__name__ in ("KDTree", "BallTree"):  # built anew, as compiled code would trust what a file says
        return ["call", [np.asarray(value.data), *_as_built(value, where)], None]
    make, arguments, *rest = value.__reduce_ex__(4)
    state = rest[0] if rest else None
    if any(part is not None for part in rest[1:]):
        raise TypeError(f"save: {where} is a {type(value).__name__}, a collection that cannot be saved.")
    if make is vars(copyreg)["__newobj__"]:
        return ["new", list(arguments[1:]), state]
    if make is type(value):
        return ["call", list(arguments), state]
    raise TypeError(
        f"save: {where} is a {type(value).__name__}, which cannot be taken apart; fit with another learner."
    )


def _as_built(tree: Any, where: str) -> tuple[int, str]:
    """How a tree of neighbours was built: rows in a leaf, and the distance."""
    metric = next(part for part in tree.__getstate__() if type(part).__module__ == "sklearn.metrics._dist_metrics")
    name = type(metric).__name__.removesuffix("64").removesuffix("Distance").lower()
    if name not in _DISTANCES:
        raise TypeError(f"save: {where} measures a distance that cannot be saved, {name}; fit with another metric.")
    leaf = tree.__getstate__()[4]
    return int(leaf), name


def made(kind: type, held: list[Any]) -> Any:
    """Make a learner from its parts; one of another version of scikit-learn is refused."""
    from sklearn.exceptions import InconsistentVersionWarning

    how, arguments, state = held
    found = kind(*arguments) if how == "call" else kind.__new__(kind, *arguments)
    if state is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("error", InconsistentVersionWarning)
            try:
                _set_state(found, state)
            except InconsistentVersionWarning as error:
                raise ValueError(
                    f"its {kind.__name__} was fitted with scikit-learn {error.original_sklearn_version}, and "
                    f"{error.current_sklearn_version} is here"
                ) from None
    _refuse_loose_ends(found)
    return found


def _set_state(found: Any, state: Any) -> None:
    if hasattr(found, "__setstate__"):
        found.__setstate__(state)
    else:
        found.__dict__.update(state)


def _refuse_loose_ends(found: Any) -> None:
    """Raise if a tree leads to nodes, or asks for columns, that are not there."""
    name = type(found).__name__
    if name == "Tree":
        children = np.concatenate([found.children_left, found.children_right])
        nodes, columns, sides = found.node_count, found.n_features, found.feature
        inner = found.children_left >= 0
        sound = children.size and children.min() >= -1 and children.max() < nodes
        sound = sound and (not inner.any() or (sides[inner].min() >= 0 and sides[inner].max() < columns))
        forward = np.flatnonzero(inner)
        onward = np.minimum(found.children_left, found.children_right)[inner] > forward
        if not sound or not onward.all():
            raise ValueError("a tree leads to nodes that are not there")
    elif name == "TreePredictor":
        nodes = found.nodes
        inner = nodes[nodes["is_leaf"] == 0]
        ends = np.concatenate([inner["left"], inner["right"]])
        sets = [len(found.raw_left_cat_bitsets), len(found.binned_left_cat_bitsets)]
        asked = inner["bitset_idx"][inner["is_categorical"] == 1]
        if len(nodes) == 0 or (ends.size and ends.max() >= len(nodes)) or (asked.size and asked.max() >= min(sets)):
            raise ValueError("a tree leads to nodes that are not there")
