"""Policies by weighted classification: the best action is a label, how much it matters a weight.

max_π Σ_i π(X_i) Γ_i is the classification of sign Γ_i with weights |Γ_i|, for which any classifier of scikit-learn can
be used. With k actions every row is given once for each action a, with the weight Γ_ia - min_b Γ_ib, so that a
classifier that is right about probabilities prefers the action with the highest E[Γ_a | X].

References
----------
Beygelzimer and Langford (2009), KDD; Zhao, Zeng, Rush and Kosorok (2012), JASA 107.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ceteris.causal.heterogeneity.evaluate.inputs import same_covariates, same_length
from ceteris.causal.learners import weights_argument
from ceteris.causal.policy.shown import Choices, choices_of, policy_page
from ceteris.causal.policy.value import read_scores
from ceteris.causal.rows import read_covariates
from ceteris.causal.screens import counted
from ceteris.results import Section
from ceteris.showing import AbstractResult
from ceteris.tables.frames import same_labels


@dataclass(frozen=True)
class ClassifierPolicy:
    """Learner of policies by a classifier.

    Parameters
    ----------
    classifier : estimator in the manner of scikit-learn
        Its ``fit`` must take ``sample_weight``; of a pipeline, that of the last step.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> x = np.linspace(-1, 1, 50)[:, None]
    >>> ClassifierPolicy(LogisticRegression()).fit(x, x[:, 0] - 0.2).predict([[0.0], [0.9]])
    array([0, 1])
    """

    classifier: Any

    def fit(self, x: Any, scores: Any) -> FittedClassifier:
        """Fit to covariates (n, p) and doubly robust scores of the effect, (n,), or of every action, (n, k)."""
        from sklearn.base import clone

        weights = weights_argument("classifier", self.classifier)
        same_labels(x=x, scores=scores)
        matrix, names = read_covariates(x)
        gamma = read_scores(scores)
        same_length(x=matrix, scores=gamma)
        weight = gamma - gamma.min(1, keepdims=True)
        row, action = np.nonzero(weight)
        if len(np.unique(action)) < 2:
            raise ValueError("scores: one action is best in every row; there is nothing to learn; take it for all.")
        kept = weight[row, action]
        fitted: Any = clone(self.classifier)
        fitted.fit(matrix[row], action, **{weights: kept / kept.mean()})
        return FittedClassifier(fitted, names, choices_of(matrix, gamma, fitted.predict(matrix), np.ndim(scores) == 1))


@dataclass(frozen=True, eq=False, repr=False)
class FittedClassifier(AbstractResult):
    """A classifier that names an action for each row.

    Attributes
    ----------
    classifier : estimator in the manner of scikit-learn
        Fitted.
    names : tuple of str
        Of the covariates.
    choices : Choices, optional
        What it chose on the rows it was learnt from.
    """

    classifier: Any
    names: tuple[str, ...]
    choices: Choices | None = None

    def predict(self, x: Any) -> np.ndarray:
        """Return the action of each row, shape (n,)."""
        return self.classifier.predict(same_covariates(x, self.names))

    def summary(self) -> str:
        """One screen: what it chose on the rows it was learnt from, what that is worth, and who differs."""
        title = f"Policy by a {type(self.classifier).__name__}: {counted(len(self.names), 'covariate')}"
        return policy_page(title, self.names, self.choices)

    def sections(self) -> tuple[Section, ...]:
        """Its choices on the rows it was learnt from, and how these rows differ."""
        return () if self.choices is None else (self.choices.section(self.names),)
