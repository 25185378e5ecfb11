"""Estimators in scikit-learn's manner that, once fitted, show themselves and are saved as results are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from ceteris.outlets import html_prose
from ceteris.showing import AbstractResult


class AbstractFitted(BaseEstimator, AbstractResult):
    """An estimator that is its settings, as scikit-learn has it, and a result once it is fitted.

    ``repr`` gives the settings. Printed, or as the last line of a notebook's cell, it says what it has learnt once it
    is fitted, and before that its settings.
    """

    def _is_fitted(self) -> bool:
        try:
            check_is_fitted(self)
        except NotFittedError:
            return False
        return True

    def save(self, path: str | Path) -> Path:
        """Save what was fitted into one file, from which ``ceteris.load(path)`` reads it again; nothing is pickled."""
        check_is_fitted(self)
        return AbstractResult.save(self, path)

    def _settings(self) -> Mapping[str, Any]:
        return {name: repr(value) for name, value in self.get_params(deep=False).items()}

    def _seed(self) -> int:
        seed = getattr(self, "random_state", None)
        return seed if isinstance(seed, int) else 0

    def __str__(self) -> str:
        return self.summary() if self._is_fitted() else repr(self)

    def _repr_html_(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride]
        if self._is_fitted():
            return AbstractResult._repr_html_(self)
        return BaseEstimator._repr_mimebundle_(self).get("text/html", f"<pre>{html_prose(self)}</pre>")

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        return {"text/plain": str(self), "text/html": self._repr_html_()}
