"""The perceptron: one neuron that learns from its mistakes, or proves that it cannot.

The neuron fires when a weighted sum of its inputs is positive; x_0 = 1 is the bias input:

    y = 1  if  w_0 x_0 + w_1 x_1 + ... + w_m x_m > 0,  else 0                [001], eq. (3.4), (3.6)

It looks at one row after the other, and changes its weights only where it is wrong (t is the target):

    w <- w - eta (y - t) x                                                   [001], eq. (3.5)

From w = 0 the rate eta only scales the weights and changes no decision, so here eta = 1.

Two theorems say how this ends. If some unit vector u separates the classes with margin
gamma = min_i s_i u'x_i (s_i = +1 for class 1, -1 for class 0), there are at most (R / gamma)^2 mistakes,
R = max_i |x_i| (Novikoff 1962). If nothing separates them, the weights stay bounded (Block and Levin 1970),
and on whole-number inputs they must therefore return to a value they had before: they cycle.

The cycle is itself the proof that no line exists. Over one cycle the corrections sum to zero: with c_i the
number of times row i was wrong, sum_i c_i s_i x_i = 0. The bias entry of this says that both classes were
corrected equally often; the other entries, that a weighted average of class 1 IS a weighted average of
class 0. Their convex hulls meet, so no line can pass between them (Farkas' certificate, found by the
learner itself).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ceteris.arguments import number
from ceteris.scratch._checks import matrix


@dataclass(frozen=True)
class Perceptron:
    """What one run of the learning rule found.

    Parameters
    ----------
    weights : (m + 1,) array
        The bias weight w_0 first.
    status : {'converged', 'cycling', 'undecided'}
        Every row right; weights seen before, so it would go round for ever; or out of epochs.
    mistakes : int
        Corrections made.
    epochs : int
        Passes over the rows begun.
    certificate : (n,) array or None
        After a cycle: a weight for each row, summing to one in each class, for which the two weighted
        averages of the inputs coincide. `meeting_point` checks it.
    """

    weights: np.ndarray
    status: str
    mistakes: int
    epochs: int
    certificate: np.ndarray | None = None

    @property
    def converged(self) -> bool:
        """Whether every row came out right."""
        return self.status == "converged"

    def predict(self, X) -> np.ndarray:
        """Fire (1) or not (0) for each row of X, (n, m), by eq. (3.6)."""
        return (with_bias(matrix("X", X, columns=len(self.weights) - 1)) @ self.weights > 0).astype(int)


def with_bias(X: np.ndarray) -> np.ndarray:
    """Put the bias input x_0 = 1 in front: (n, m) -> (n, m + 1)."""
    return np.column_stack([np.ones(len(X)), X])


def learn(X, t, epochs: int = 1000) -> Perceptron:
    """Run the learning rule until all is right, the weights repeat, or ``epochs`` are used up.

    Examples
    --------
    >>> square = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> OR = learn(square, [0, 1, 1, 1])
    >>> OR.status, OR.mistakes, OR.predict(square)
    ('converged', 4, array([0, 1, 1, 1]))
    >>> XOR = learn(square, [0, 1, 1, 0])
    >>> XOR.status, XOR.certificate
    ('cycling', array([0.5, 0.5, 0.5, 0.5]))
    >>> meeting_point(square, [0, 1, 1, 0], XOR.certificate)
    array([0.5, 0.5])
    """
    X, t = _table(X, t)
    x, w, wrong = with_bias(X), np.zeros(X.shape[1] + 1), np.zeros(len(t), dtype=int)
    seen = {}  # weights at the start of a pass -> errors counted until then
    for done in range(int(number("epochs", epochs, above=0))):
        if w.tobytes() in seen:
            return Perceptron(w, "cycling", int(wrong.sum()), done, _certificate(wrong - seen[w.tobytes()], t))
        seen[w.tobytes()], before = wrong.copy(), wrong.sum()
        for i in range(len(t)):
            y = int(w @ x[i] > 0)  # (3.4)
            w = w - (y - t[i]) * x[i] + 0.0  # (3.5); + 0.0 turns -0.0 into 0.0, so that equal weights have equal bytes
            wrong[i] += y != t[i]
        if wrong.sum() == before:
            return Perceptron(w, "converged", int(wrong.sum()), done + 1)
    return Perceptron(w, "undecided", int(wrong.sum()), epochs)


def meeting_point(X, t, certificate, tolerance: float = 1e-9) -> np.ndarray | None:
    """Return the point that lies in both hulls, (m,), if the certificate proves one; otherwise None.

    A valid certificate is a proof by itself, however it was found: if w fired on all of class 1 and on none
    of class 0, the same point would have to be both above zero and not above it.

    Examples
    --------
    >>> meeting_point([[0.0], [2.0], [1.0]], [0, 0, 1], [0.5, 0.5, 1.0])
    array([1.])
    >>> meeting_point([[0.0], [1.0]], [0, 1], [1.0, 1.0]) is None
    True
    """
    X, t = _table(X, t)
    if np.shape(certificate) != (len(X),):
        raise ValueError(
            f"certificate has shape {np.shape(certificate)}; give one weight for each of the {len(X)} rows."
        )
    p, q = np.where(t == 1, certificate, 0.0), np.where(t == 0, certificate, 0.0)
    weights = min(p.min(), q.min()) >= 0 and np.allclose([p.sum(), q.sum()], 1.0, rtol=0, atol=tolerance)
    same = np.allclose(p @ X, q @ X, rtol=0, atol=tolerance * np.abs(X).max())
    return p @ X if weights and same else None


def mistake_bound(X, t, w) -> float:
    """Novikoff's (R / gamma)^2 for a separator w, (m + 1,); infinite where w does not separate strictly.

    Examples
    --------
    >>> mistake_bound([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1], [-1, 2, 2])
    27.0
    """
    X, t = _table(X, t)
    x, s = with_bias(X), 2 * t - 1
    margin = np.min(s * (x @ np.asarray(w, dtype=float)))  # gamma = margin / |w|
    return float(np.max(np.sum(x**2, axis=1)) * np.sum(np.square(w)) / margin**2) if margin > 0 else np.inf


def _certificate(counts: np.ndarray, t: np.ndarray) -> np.ndarray:
    return counts / counts[t == 1].sum()  # both classes have the same sum: the bias entry of the cycle


def _table(X, t) -> tuple[np.ndarray, np.ndarray]:
    X, t = matrix("X", X), np.asarray(t)
    if t.shape != (len(X),):
        raise ValueError(f"t has shape {t.shape}; give one target for each of the {len(X)} rows of X.")
    if not np.isin(t, [0, 1]).all():
        raise ValueError(f"t holds {np.setdiff1d(t, [0, 1])[:3].tolist()}; a neuron fires or not, so use 0 and 1 only.")
    return X, t.astype(int)
