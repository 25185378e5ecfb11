"""Autoencoders: a table squeezed through a few numbers per row, plain, denoising, variational.

Plain (003): an encoder f maps a row x to a representation y = f(x) of fewer numbers, a decoder g maps it back, and

    J = E ‖x - g(f(x̃))‖² / p

where x̃ = x, or x with some entries blanked out at random (denoising): rows then cannot be copied, only understood.
(003 writes the corruption as x̃ ~ q(x | x̃); it is meant the other way round, q(x̃ | x).)

Variational: y is random, N(m(x), diag s(x)²), and the evidence lower bound of the density of x is raised,

    log p(x) ≥ E log N(x; g(y), σ² I) - KL(N(m, s²) ‖ N(0, I))

σ² being learnt as well. With linear maps the bound is tight at its maximum, the likelihood of probabilistic PCA.

References
----------
Vincent, P., Larochelle, H., Bengio, Y. and Manzagol, P.-A. (2008). Extracting and composing robust features with
denoising autoencoders. ICML. Kingma, D. P. and Welling, M. (2014). Auto-encoding variational Bayes. ICLR. Lucas, J.,
Tucker, G., Grosse, R. and Norouzi, M. (2019). Don't blame the ELBO! A linear VAE perspective on posterior collapse.
NeurIPS 32.
"""

from __future__ import annotations

import abc
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array
from sklearn.base import TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ceteris.arguments import COUNT, POSITIVE, check
from ceteris.fitted import AbstractFitted
from ceteris.nets import Coder
from ceteris.recipe import optimiser
from ceteris.results import Check, Section
from ceteris.synthesis.sections import better_than_means, described, on_rows, training
from ceteris.tables import coding
from ceteris.training import (
    AbstractRowLoss,
    TrainingPlan,
    batch_for,
    evaluate,
    history,
    padded,
    passes_for,
    split,
    train,
)

LOOKS = 40  # how often, at most, the rows set aside are looked at


class Squared(AbstractRowLoss):
    """Mean squared error of the reconstruction from a row of which a share of the entries is blanked out."""

    corruption: Array

    def losses(self, model, batch, key):
        """Return the loss of each row; the same entries are blanked out whenever rows judge."""
        x = batch["x"]
        kept = jr.bernoulli(jr.key(0) if key is None else key, 1 - self.corruption, x.shape)
        return jnp.mean((x - model.decoder(model.encoder(x * kept))) ** 2, -1), {}


class Evidence(AbstractRowLoss):
    """Minus the evidence lower bound per column, the divergence weighted by beta."""

    beta: Array

    def losses(self, model, batch, key):
        """Return the loss of each row; codes are the same draws whenever rows judge."""
        x, p = batch["x"], batch["x"].shape[-1]
        mean, log_variance = jnp.split(model.encoder(x), 2, -1)
        y = mean + jnp.exp(0.5 * log_variance) * jr.normal(jr.key(0) if key is None else key, mean.shape)
        squares = jnp.sum((x - model.decoder(y)) ** 2, -1)
        likelihood = -0.5 * (squares / jnp.exp(model.log_noise) + p * (model.log_noise + jnp.log(2 * jnp.pi)))
        divergence = 0.5 * jnp.sum(jnp.exp(log_variance) + mean**2 - 1 - log_variance, -1)
        return (self.beta * divergence - likelihood) / p, {"divergence": jnp.mean(divergence)}


# a dataclass, so that a coder is its settings: scikit-learn reads them off the __init__ that this writes
@dataclass(eq=False, repr=False)
class _AbstractAutoencoder(TransformerMixin, AbstractFitted):
    """What both kinds share: from a checked table to a trained coder, and back."""

    latent: int = 2
    _: KW_ONLY
    widths: Any = (64, 32)
    activation: str = "swish"
    rate: float = 3e-3
    epochs: int | None = None
    batch_size: int | None = None
    validation: float = 0.1
    patience: int = 10
    random_state: Any = None

    def fit(self, X: Any, y: Any = None):
        """Learn the representation of a table; ``y`` is ignored.

        Parameters
        ----------
        X : data frame or array-like of shape (n, columns)
            Numbers, booleans and labels, nothing missing; see `ceteris.tables.coding`.
        """
        self._refuse()
        frame = self._frame(X, reset=True)
        if frame.rows < 2:
            raise ValueError(f"X: {frame.rows} sample (n_samples=1) cannot be learnt from, at least 2 are needed.")
        self.encoding_, _ = coding.encode(frame, np.ones(frame.rows))
        x = self.encoding_(frame)
        if self.latent > x.shape[1]:
            raise ValueError(
                f"latent: {self.latent} numbers per row were asked for, but the table has {x.shape[1]} feature(s), "
                "which "
                "no longer compresses it; lower latent."
            )
        rng = np.random.default_rng(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        rows = split(np.zeros(len(x)), 1, self.validation, rng)
        run = self._train(x, rows, int(rng.integers(2**31)))
        self.coder_, self.status_, self.n_iter_ = run.member(0), run.sentence, run.tick
        self.history_ = history(run).drop(columns="member")
        judges = np.arange(len(x)) if rows.heldout is None else rows.heldout[rows.heldout < len(x)]
        self.reconstruction_error_ = float(np.mean(self._errors(x[judges])))
        self.constant_error_ = float(np.mean(x[judges] ** 2))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the representation of each row, shape (n, latent)."""
        return np.asarray(self._codes(self._matrix(X)), np.float64)

    def inverse_transform(self, Z: Any) -> pd.DataFrame:
        """Return the rows that representations of shape (n, latent) stand for; labels are the likeliest ones."""
        check_is_fitted(self)
        z = np.asarray(Z, np.float32)
        if z.ndim != 2 or z.shape[1] != self.latent:
            raise ValueError(
                f"Z: shape {z.shape} was given, but (rows, {self.latent}) is needed; give what transform gave."
            )
        return self.encoding_.inverse(_mapped(_decode, self.coder_, z))

    def reconstruction_error(self, X: Any) -> np.ndarray:
        """Return the mean squared error of each row over its standardised columns, shape (n,); large for odd rows."""
        return self._errors(self._matrix(X))

    def summary(self) -> str:
        """Return one screen: how training ended, the error on rows set aside, failed checks."""
        check_is_fitted(self)
        return described(self)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether rows set aside are reconstructed better than by the column means."""
        check_is_fitted(self)
        return (better_than_means(self.reconstruction_error_, self.constant_error_),)

    def sections(self, X: Any = None, label: Any = None) -> tuple[Section, ...]:
        """Return a part of a report: the learning curve, the error, and the first two latent numbers of rows.

        Parameters
        ----------
        X : table, optional
            Rows to show; without them it is the training, and the error on the rows set aside.
        label : sequence, optional
            One value per row, by which the points are told apart.
        """
        check_is_fitted(self)
        if X is None:
            return (training(self),)
        error, constant = self.reconstruction_error(X), float(np.mean(self._matrix(X) ** 2))
        return (on_rows(self, self.transform(X), error, constant, label),)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names latent0, latent1, ..."""
        return np.array([f"latent{k}" for k in range(self.latent)], object)

    @abc.abstractmethod
    def _objective(self) -> AbstractRowLoss:
        """Return what is minimised."""

    @abc.abstractmethod
    def _outputs(self) -> int:
        """Return the number of outputs of the encoder."""

    def _refuse(self) -> None:
        check(self, widths=COUNT.or_several("hidden layer"), beta=POSITIVE)

    def _frame(self, X: Any, reset: bool) -> coding.Frame:
        frame = coding.read(X)
        validate_data(self, X, reset=reset, skip_check_array=True)
        return frame

    def _matrix(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self.encoding_(self._frame(X, reset=False))

    def _codes(self, x: np.ndarray) -> np.ndarray:
        return _mapped(_encode, self.coder_, x)[:, : self.latent]

    def _errors(self, x: np.ndarray) -> np.ndarray:
        return np.asarray((x - _mapped(_decode, self.coder_, self._codes(x))) ** 2, np.float64).mean(1)

    def _train(self, x: np.ndarray, rows: Any, seed: int) -> Any:
        count = rows.train.shape[1]
        widths = (self.widths,) if isinstance(self.widths, int) else tuple(self.widths)
        builder = eqx.Partial(Coder, x.shape[1], self.latent, self._outputs(), widths, self.activation)
        rule = partial(optimiser, "adam", self.rate, schedule="cosine")
        epochs = self.epochs or passes_for(count, 200, 2_000, least=20)
        patience = self.patience * max(1, epochs // LOOKS)
        plan = TrainingPlan(epochs, self.batch_size or batch_for(count, 32), rule, patience, LOOKS)
        return train(type(self).__name__, builder, self._objective(), padded({"x": x}), rows, plan, seed)


@dataclass(kw_only=True, eq=False, repr=False)
class Autoencoder(_AbstractAutoencoder):
    """A row in a few numbers and back: plain, or denoising with ``corruption`` above 0.

    Columns are standardised, labels become indicators; errors are squared. With ``widths=()`` both maps are linear and
    the representation spans the first principal components.

    Parameters
    ----------
    latent : int
        Numbers per row.
    widths : int or tuple of int
        Hidden layers of the encoder; the decoder has them in reverse.
    activation : str
        See `ceteris.nets.ACTIVATIONS`.
    corruption : float
        Share of the entries of a row that are blanked out (set to their mean) in training.
    rate : float
        Highest learning rate of Adam; it falls along a half cosine.
    epochs : int, optional
        Passes over the rows; by default fewer for longer tables.
    batch_size : int, optional
        Rows per update; by default more for longer tables.
    validation : float
        Share of rows set aside to stop by; none with fewer than 20 rows.
    patience : int
        Looks at these rows (at most 40 in all) without improvement after which training stops.
    random_state : int, RandomState or None
        Decides everything random.

    Attributes
    ----------
    reconstruction_error_ : float
        Mean squared error of standardised columns, on the rows set aside where there are any.
    constant_error_ : float
        The same of the column means.
    history_ : DataFrame
        Loss by epoch.
    status_ : str
        How training ended.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> angle = rng.uniform(0, np.pi, 400)
    >>> x = np.stack([np.cos(angle), np.sin(angle)], axis=1)  # a half circle: one number says where on it
    >>> coder = Autoencoder(latent=1, epochs=60, random_state=0).fit(x)
    >>> coder.transform(x).shape, coder.reconstruction_error_ < 0.4  # of a line it would be 0.5
    ((400, 1), True)
    """

    corruption: float = 0.0

    def _objective(self):
        return Squared(jnp.asarray(self.corruption, jnp.float32))

    def _outputs(self):
        return self.latent


@dataclass(kw_only=True, eq=False, repr=False)
class VariationalAutoencoder(_AbstractAutoencoder):
    """A row as a distribution over a few numbers, from which new rows can be drawn.

    Parameters are those of `Autoencoder`, without ``corruption`` and with

    Parameters
    ----------
    beta : float
        Weight of the divergence; 1 bounds the likelihood, more makes the latent numbers more alike to independent
        standard normals.

    Attributes
    ----------
    noise_ : float
        σ, the standard deviation of standardised columns around their reconstruction.
    """

    beta: float = 1.0

    @property
    def noise_(self) -> float:
        """σ, the standard deviation of standardised columns around their reconstruction."""
        check_is_fitted(self)
        return float(np.exp(0.5 * self.coder_.log_noise))

    def score(self, X: Any, y: Any = None, draws: int = 64) -> float:
        """Return the mean evidence lower bound per row, in standardised columns, averaged over draws of y."""
        x, key = self._matrix(X), jr.key(0)
        bound = Evidence(jnp.ones(()))
        batch = {"x": jnp.asarray(x), "w": jnp.ones(len(x))}
        losses = jax.lax.map(lambda k: bound(self.coder_, batch, k)[0], jr.split(key, draws))
        return -float(losses.mean()) * x.shape[1]

    def sample(self, n: int, random_state: Any = None) -> pd.DataFrame:
        """Draw new rows: y from N(0, I), then the columns around g(y); labels are the likeliest ones."""
        check_is_fitted(self)
        rng = check_random_state(random_state)
        z = rng.standard_normal((n, self.latent)).astype(np.float32)
        rows = _mapped(_decode, self.coder_, z)
        return self.encoding_.inverse(rows + self.noise_ * rng.standard_normal(rows.shape))

    def _objective(self):
        return Evidence(jnp.asarray(self.beta, jnp.float32))

    def _outputs(self):
        return 2 * self.latent


def _encode(coder: Coder, x: Array) -> Array:
    return coder.encoder(x)


def _decode(coder: Coder, z: Array) -> Array:
    return coder.decoder(z)


def _mapped(function: Any, coder: Coder, x: np.ndarray) -> np.ndarray:
    alone = jax.tree.map(lambda a: a[None] if eqx.is_array(a) else a, coder)
    return evaluate(function, alone, [x.astype(np.float32)])[0][0]
