"""Log-likelihoods of regressions on completed tables, with and without linear restrictions: what D3 is made of.

With m tables, coefficients β_i and, under Wβ = c, γ_i,

    fitted_i = 2 [log L_i(β_i) - log L_i(γ_i)],      pooled_i = 2 [log L_i(β̄) - log L_i(γ̄)]

As in mice, the constant is fitted again to each table at β̄ and γ̄ (unless W restricts it), and so is the variance of a
linear model. Meng and Rubin set these to their means as well, which changes D3 a little.

References
----------
Meng and Rubin (1992), "Performing likelihood ratio tests with multiply-imputed data sets", Biometrika 79. Van Buuren
(2018), Flexible Imputation of Missing Data, section 5.3.3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.stats.glm import glm, log_likelihood
from ceteris.stats.least_squares import ols


@dataclass(frozen=True, eq=False)
class Fits:
    """What a regression was fitted to on each completed table.

    Parameters
    ----------
    family : {"ols", "logit", "poisson"}
        "ols" is the normal linear model.
    designs : array, shape (m, n, k)
        Covariates, the constant first.
    targets : array, shape (m, n)
        Outcomes.
    points : array, shape (m, k)
        Coefficients.
    """

    family: str
    designs: np.ndarray
    targets: np.ndarray
    points: np.ndarray

    def ratios(self, W: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Likelihood-ratio statistics of Wβ = c: ``fitted`` and ``pooled`` of the head of this module, shape (m,) each.

        Parameters
        ----------
        W : array, shape (q, k)
            Of full rank.
        c : array, shape (q,)
        """
        start, free = solutions(W, c)
        null = np.array([self._restricted(i, start, free) for i in range(len(self.points))])
        again = not W[:, 0].any()
        full, mean, zero = self.points, self.points.mean(0), null.mean(0)
        fitted = [self._log(i, full[i]) - self._log(i, null[i]) for i in range(len(full))]
        pooled = [self._log(i, mean, again) - self._log(i, zero, again) for i in range(len(full))]
        return 2 * np.array(fitted), 2 * np.array(pooled)

    def _restricted(self, i: int, start: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Coefficients on table i under the restriction, shape (k,)."""
        x, y = self.designs[i], self.targets[i]
        if not free.shape[1]:
            return start
        if self.family == "ols":
            return start + free @ ols(x @ free, y - x @ start).beta
        return start + free @ glm(x @ free, y, self.family, x @ start).beta

    def _log(self, i: int, beta: np.ndarray, again: bool = False) -> float:
        """Log-likelihood on table i, the constant fitted ``again`` or not, less what depends on the outcome alone."""
        x, y = self.designs[i], self.targets[i]
        eta = x @ beta
        if self.family == "ols":
            rest = y - eta
            return -0.5 * len(y) * float(np.log(rest.var() if again else np.mean(rest**2)))
        if again:
            eta = eta + glm(np.ones((len(y), 1)), y, self.family, eta).beta[0]
        return log_likelihood(eta, y, self.family)


def solutions(W: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All β with Wβ = c are start + free γ: start, shape (k,), and free, shape (k, k - q).

    Coefficients that are not restricted stay as they are.

    Examples
    --------
    >>> start, free = solutions(np.array([[0.0, 1.0, 1.0]]), np.array([2.0]))
    >>> start.tolist(), free.tolist()
    ([0.0, 2.0, 0.0], [[1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    """
    from scipy.linalg import qr

    q, k = W.shape
    order = qr(W, mode="r", pivoting=True)[-1]
    bound, rest = order[:q], np.sort(order[q:])
    start, free = np.zeros(k), np.zeros((k, k - q))
    start[bound] = np.linalg.solve(W[:, bound], c)
    free[rest, np.arange(k - q)] = 1.0
    free[bound] = 0.0 - np.linalg.solve(W[:, bound], W[:, rest])
    return start, free
