"""A recurrent net of volatility of which GARCH is a special case, and which stays GARCH unless it gains.

The cell carries the variance and a state s_t of a few numbers. With the recursion G of GARCH, GJR or EGARCH,

    s_t = tanh(W s_{t-1} + U x_t + b),     log σ²_t = log G(σ²_{t-1}, e_{t-1}) + v · s_t,

where x_t holds z_{t-1} = e_{t-1} / σ_{t-1}, |z_{t-1}| and log σ²_{t-1}. The parameters of G are those of the maximum of
the likelihood, and v is zero at first: training starts at GARCH, and what the net adds feeds back into the variance as
shocks do. Nets that start from other W and U are averaged in log σ². The last part of the returns is set aside: it says
when to stop, and whether anything was gained over G; if not, the answer is G.

References
----------
Nguyen, T.-N., Tran, M.-N. and Kohn, R. (2022). Recurrent conditional heteroskedasticity. Journal of Applied
Econometrics 37.
"""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass, replace
from functools import partial
from typing import Any, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
import pandas as pd
from jax import Array
from scipy.special import gammaln

from ceteris.arguments import INSIDE, a_whole_number, check, require, whole
from ceteris.engine import EarlyStopping, Ensemble, Fit, fit, precision
from ceteris.nets import AbstractConstants, orthogonal, trainable, weighted_mean
from ceteris.recipe import AbstractObjective, Descend, Fixed, HeldOut, optimiser
from ceteris.results import Check, Section
from ceteris.sequence.volatility import shown
from ceteris.sequence.volatility.garch import ALPHA, BETA, CENTRE, GAMMA, MU, NU, OMEGA
from ceteris.sequence.volatility.models import AbstractVolatility, Volatility, VolatilityFit, as_series
from ceteris.training import refuse_non_finite

FEWEST = 500  # returns to learn from
ROUND = 512  # lengths are filled up to a multiple, so that series of similar length share a program
EVERY = 10  # steps between looks at the returns set aside
SURE = 1.645  # standard errors that a gain must have


class Recursion(AbstractConstants):
    """The parameters of GARCH, GJR or EGARCH for returns of variance one, which are not trained."""

    parameters: Array
    before: Array
    egarch: bool = eqx.field(static=True)

    def start(self):
        """Return the logarithm of the first variance."""
        p = self.parameters
        if self.egarch:
            return p[OMEGA] + p[BETA] * jnp.log(self.before)
        return jnp.log(p[OMEGA] + (p[ALPHA] + 0.5 * p[GAMMA] + p[BETA]) * self.before)

    def next(self, log_h, e):
        """Return the logarithm of the next variance."""
        p = self.parameters
        if self.egarch:
            z = e * jnp.exp(-0.5 * log_h)
            return p[OMEGA] + p[ALPHA] * (jnp.abs(z) - CENTRE) + p[GAMMA] * z + p[BETA] * log_h
        return jnp.log(p[OMEGA] + (p[ALPHA] + p[GAMMA] * (e < 0)) * e**2 + p[BETA] * jnp.exp(log_h))


class VolatilityCell(eqx.Module):
    """A recursion of the variance, and a recurrent net that corrects it.

    Parameters
    ----------
    width : int
        Numbers in the state.
    student : bool
        Whether errors are Student's, with degrees of freedom that are trained, or normal.
    recursion : Recursion
        What it starts from.
    key : PRNG key
        For the weights.
    """

    recursion: Recursion
    entrance: Array
    recurrent: Array
    bias: Array
    correction: Array
    tail: Array | None

    def __init__(self, width: int, student: bool, recursion: Recursion, *, key: Array) -> None:
        inner, outer = jr.split(key)
        self.recursion = recursion
        self.entrance = 0.5 * jr.normal(outer, (3, width))
        self.recurrent = 0.5 * orthogonal(inner, (width, width))
        self.bias, self.correction = jnp.zeros(width), jnp.zeros(width)
        self.tail = jnp.log(recursion.parameters[NU] - 2) if student else None

    def __call__(self, r):
        """Return log σ²_t of each return (periods,), given those before it."""

        def step(carry, now):
            log_h, s = carry
            e = now - self.recursion.parameters[MU]
            z = jnp.clip(e * jnp.exp(-0.5 * log_h), -6, 6)
            s = jnp.tanh(s @ self.recurrent + jnp.stack([z, jnp.abs(z) - CENTRE, log_h]) @ self.entrance + self.bias)
            after = jnp.clip(self.recursion.next(log_h, e) + s @ self.correction, -20, 20)
            return (after, s), log_h

        return jax.lax.scan(step, (self.recursion.start(), jnp.zeros_like(self.bias)), r)[1]

    def surprises(self, r):
        """Return minus the log density of each return."""
        log_h = self(r)
        square = (r - self.recursion.parameters[MU]) ** 2 * jnp.exp(-log_h)
        if self.tail is None:
            return 0.5 * (jnp.log(2 * jnp.pi) + log_h + square)
        over = jnp.exp(self.tail)  # ν - 2
        constant = 0.5 * jnp.log(jnp.pi * over) + jax.lax.lgamma(0.5 * over + 1) - jax.lax.lgamma(0.5 * over + 1.5)
        return constant + 0.5 * log_h + 0.5 * (over + 3) * jnp.log1p(square / over)


class Surprise(AbstractObjective):
    """The weighted mean of minus the log density of returns."""

    def __call__(self, model, batch, key):
        return weighted_mean(model.surprises(batch["r"]), batch["w"]), {}


@dataclass(frozen=True)
class VolatilityNet:
    """A recurrent net of volatility that starts from a GARCH model, and stays one if nothing is gained.

    Parameters
    ----------
    model : {"garch", "gjr", "egarch"}
        What it starts from.
    errors : {"student", "normal"}
        Distribution of a return given those before it.
    width : int
        Numbers in the state of the net.
    members : int
        Nets, whose log variances are averaged.
    rate : float
        Learning rate.
    steps : int
        Updates, at most.
    patience : int
        Updates without improvement on the returns set aside after which a net stops.
    validation : float
        Share of the returns, the last ones, that are set aside at first; when it is known when to stop, all are learnt
        from.
    seed : int

    Examples
    --------
    >>> from ceteris.sequence import VolatilityNet, simulate_garch
    >>> returns, _ = simulate_garch(1_000, seed=1)
    >>> fitted = VolatilityNet("garch", "normal", members=2, steps=60).fit(returns)
    >>> print(fitted.status)  # the returns are from a GARCH model
    Nothing is gained over GARCH(1,1), normal errors: the answer is that of GARCH(1,1).
    """

    model: Literal["garch", "gjr", "egarch"] = "garch"
    errors: Literal["student", "normal"] = "student"
    _: KW_ONLY
    width: int = 4
    members: int = 5
    rate: float = 5e-3
    steps: int = 400
    patience: int = 60
    validation: float = 0.2
    seed: int = 0

    def __post_init__(self) -> None:
        check(self, validation=INSIDE)
        whole("VolatilityNet: seed", self.seed, least=0)
        Volatility(self.model, self.errors)

    def fit(self, returns: Any) -> VolatilityNetFit:
        """Estimate the model it starts from, learn, and judge what was gained.

        Parameters
        ----------
        returns : Series or array, shape (n,)
            In any unit, such as per cent, in order of time.
        """
        r = as_series(returns)
        require("returns: how many", len(r), a_whole_number(FEWEST), "give a longer series, or take Volatility")
        settings = Volatility(self.model, self.errors)
        first = len(r) - max(round(self.validation * len(r)), 1)
        early, base = settings.fit(r[:first]), settings.fit(r)
        run = self._train(early, r, (0, first), (first, len(r)), self.steps)
        found = VolatilityNetFit(self, base, early, *_as_arrays(run.model, self.errors), _course(run), 0.0, 0.0, 0, 0)
        gain, error = _gain(replace(found, base=early, stop=1), r, first)
        stop = int(np.median(run.metrics["step"][run.metrics["heldout"].argmin(0)]))
        kept = gain > SURE * error and stop > 0
        if kept:
            again = self._train(base, r, (0, len(r)), None, stop)
            found = replace(found, nets=again.model, tail=_as_arrays(again.model, self.errors)[1])
        return replace(found, gain=gain, error=error, stop=stop if kept else 0, judged=len(r) - first)

    def _train(
        self, base: VolatilityFit, r: pd.Series, learnt: tuple[int, int], judged: tuple[int, int] | None, steps: int
    ) -> Fit:
        with precision("single"):
            values, recursion = _scaled(base, r)
            batch = lambda part: {"r": values, "w": _marks(len(values), part)}
            build = eqx.Partial(VolatilityCell, self.width, self.errors == "student", recursion)
            heldout: dict[str, Any] = {} if judged is None else {"heldout": HeldOut(Surprise(), batch(judged))}
            rule = optimiser("adam", self.rate, clip=1.0)
            descend = Descend(build, Surprise(), Fixed(batch(learnt)), rule, trainable=trainable, **heldout)
            monitors = [] if judged is None else [EarlyStopping("heldout", patience=-(-self.patience // EVERY))]
            ensemble = Ensemble(descend, self.members, how="vmap")
            run = fit(ensemble, jr.key(self.seed), steps=steps, every=EVERY, monitors=monitors)
        refuse_non_finite("VolatilityNet", run, self.rate)
        return run


@dataclass(frozen=True, eq=False, repr=False)
class VolatilityNetFit(AbstractVolatility):
    """A fitted net of volatility, or the model it started from, where nothing was gained.

    Attributes
    ----------
    settings : VolatilityNet
    base : VolatilityFit
        The model it started from, estimated on all returns.
    early : VolatilityFit
        The same on those that were not set aside.
    nets : VolatilityCell
        Stacked, of returns of variance one.
    tail : float
        Degrees of freedom of the nets' errors.
    course : DataFrame
        Minus the log density on the returns set aside, by step and member.
    gain : float
        By how much it is lower for the nets than for ``early``, per return.
    error : float
        Its standard error.
    stop : int
        After how many steps training stopped; 0 where the answer is that of the base.
    judged : int
        Returns that were set aside.
    """

    settings: VolatilityNet
    base: VolatilityFit
    early: VolatilityFit
    nets: Any
    tail: float
    course: pd.DataFrame
    gain: float
    error: float
    stop: int
    judged: int

    @property
    def status(self) -> str:
        """Whether the net was kept, in a sentence."""
        name = self.base.name
        if self.stop == 0:
            return f"Nothing is gained over {name}: the answer is that of {name.split(', ')[0]}."
        return f"The net is kept: on returns set aside it is better than {name}."

    @property
    def nu(self) -> float:
        """Degrees of freedom of the errors; infinite where they are normal."""
        return self.base.nu if self.stop == 0 else self.tail

    def filter(self, returns: Any) -> pd.DataFrame:
        """Return mean, variance and minus the log density (nll) of each return, given those before it."""
        if self.stop == 0:
            return self.base.filter(returns)
        r = as_series(returns)
        with precision("single"):
            values, _ = _scaled(self.base, r)
            log_h = np.asarray(_log_variances(self.nets, values), float)[:, : len(r)].mean(0)
        mean = float(self.base.maximum.parameters[MU])
        h = np.exp(log_h) * _unit(self.base) ** 2
        nll = _minus_log_density((r.to_numpy() - mean) ** 2 / h, h, self.nu)
        return pd.DataFrame({"mean": mean, "variance": h, "nll": nll}, index=r.index)

    @property
    def checks(self) -> tuple[Check, ...]:
        """Whether anything was gained; nothing is not a failure, as the answer is then that of the base."""
        said = (
            f"{self.status} Per return, minus the log density is lower by {self.gain:.4f} (standard error "
            f"{self.error:.4f}) on the last {self.judged:,} returns, which also said when to stop."
        )
        return (Check("better than what it started from", True if self.stop else None, said, self.gain, 0.0),)

    def summary(self) -> str:
        """Return one screen: whether the net was kept, what was gained, and the model it started from."""
        return shown.net_summary(self)

    def sections(self) -> tuple[Section, ...]:
        """Return course of the training, variances and the model it started from as a part of a report."""
        return shown.net_sections(self)


def _unit(base: VolatilityFit) -> float:
    return float(np.std(base.returns.to_numpy()))


def _scaled(base: VolatilityFit, r: pd.Series) -> tuple[Array, Recursion]:
    """Return returns of variance one, filled up with zeros, and the recursion for them."""
    unit, p = _unit(base), base.maximum.parameters.copy()
    egarch = base.settings.model == "egarch"
    p[MU] /= unit
    if egarch:
        p[OMEGA] -= (1 - p[BETA]) * 2 * np.log(unit)
    else:
        p[OMEGA] /= unit**2
    p[NU] = p[NU] if np.isfinite(p[NU]) else 0.0
    values = np.zeros(-(-len(r) // ROUND) * ROUND, np.float32)
    values[: len(r)] = r.to_numpy() / unit
    put = partial(jax.device_put)
    before = np.float32(base.before / unit**2)
    return put(values), Recursion(put(p.astype(np.float32)), put(before), egarch)


def _marks(n: int, part: tuple[int, int]) -> Array:
    marks = np.zeros(n, np.float32)
    marks[slice(*part)] = 1
    return jax.device_put(marks)


@eqx.filter_jit
def _log_variances(nets: Any, values: Array) -> Array:
    return eqx.filter_vmap(lambda net: net(values))(nets)


def _as_arrays(nets: Any, errors: str) -> tuple[Any, float]:
    """Return nets and their degrees of freedom, averaged as their logarithms above two are."""
    return nets, float(2 + np.exp(np.mean(np.asarray(nets.tail, float)))) if errors == "student" else np.inf


def _course(run: Fit) -> pd.DataFrame:
    heldout = run.metrics["heldout"]
    step = np.repeat(run.metrics["step"], heldout.shape[1])
    member = np.tile(np.arange(heldout.shape[1]), len(heldout))
    return pd.DataFrame({"step": step, "member": member, "heldout": heldout.ravel().astype(float)})


def _gain(found: VolatilityNetFit, r: pd.Series, first: int) -> tuple[float, float]:
    """Return by how much the nets do better on returns set aside, and its standard error."""
    better = (found.early.filter(r)["nll"] - found.filter(r)["nll"]).to_numpy()[first:]
    return float(better.mean()), float(better.std(ddof=1) / np.sqrt(len(better)))


def _minus_log_density(square: np.ndarray, h: np.ndarray, nu: float) -> np.ndarray:
    if np.isinf(nu):
        return 0.5 * (np.log(2 * np.pi * h) + square)
    constant = 0.5 * np.log(np.pi * (nu - 2)) + gammaln(nu / 2) - gammaln((nu + 1) / 2)
    return constant + 0.5 * np.log(h) + 0.5 * (nu + 1) * np.log1p(square / (nu - 2))
