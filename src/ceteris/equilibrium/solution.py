"""What a solved model can be asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np

from ceteris import keys
from ceteris.engine import precision
from ceteris.engine.devices import Precision, cast
from ceteris.equilibrium import figures, moments, stability, store
from ceteris.equilibrium.accuracy import Accuracy, den_haan_marcet, distance_to_truth, error_table, forecast_errors
from ceteris.equilibrium.expectation import Rule, finer, normal_dimension
from ceteris.equilibrium.impulse import ImpulseResponse, responses, summarised
from ceteris.equilibrium.judging import HowTrained, Outcome, judge, judging_key
from ceteris.equilibrium.model import Model, parameters, traced
from ceteris.equilibrium.point import Point, as_point
from ceteris.equilibrium.policy import act, errors_at, learnt_alone
from ceteris.equilibrium.recipe import Recipe, make_plan
from ceteris.equilibrium.sections import all_figures, glance, report_sections, slices, summary
from ceteris.equilibrium.shocks import Markov
from ceteris.equilibrium.simulate import Economies, Paths, box_states, record, settle
from ceteris.evidence import Figures
from ceteris.results import Check, Figure, Section
from ceteris.showing import AbstractResult

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Solution(AbstractResult):
    """A policy, the model it solves, and the evidence.

    Attributes
    ----------
    model : Model
    hypothesis : Policy
        From the model's inputs to raw outputs.
    states : Point
        Where the simulated tracks ended, leaves (paths, ...).
    rule : rule
        How expectations were computed.
    outcome : Outcome
        Whether the tolerance was met on fresh states, in an economy that holds together; ``sentence`` says by how much.
    notes : tuple of str
        What was decided on the way: the rule for expectations, the linear policy.
    log : tuple of dict
        What each phase that ended reached.
    phase : int
        Number of the phase whose policy it is, the best one; -1 if none ended.
    errors : dict of name to (float, float)
        Mean and largest absolute error by equation, on the fresh states it was judged on.
    seconds, cpu : float
        Wall-clock and processor seconds, compilation included; those of all sessions, if there were several.
    """

    model: Model
    hypothesis: Any
    states: Point
    rule: Rule
    widths: tuple[int, ...]
    activation: str
    precision: Precision
    seed: int
    tolerance: tuple[float, float]
    seconds: float
    cpu: float
    notes: tuple[str, ...]
    log: tuple[dict[str, Any], ...]
    phase: int
    outcome: Outcome
    sentence: str
    errors: dict[str, tuple[float, float]] = field(default_factory=dict)

    def summary(self) -> str:
        """How it ended, the errors by equation beside what was wanted, and what it took, on one screen."""
        return summary(self)

    def glance(self) -> Section:
        """How it ended, the errors by equation and how they fell; nothing is simulated for it."""
        return glance(self)

    @property
    def figures(self) -> Figures:
        """Errors, policies, paths, densities, responses; simulated when first asked for, shorter than in a report."""
        return self._figures

    @property
    def met(self) -> bool:
        """Whether the model is solved."""
        return self.outcome is Outcome.SOLVED

    def policy(self, states: Mapping[str, Any] | Point) -> dict[str, np.ndarray]:
        """Actions in given states.

        Parameters
        ----------
        states : dict of arrays
            One state, or many with a common leading axis; every state of the model by name.
        """
        with precision(self.precision):
            s, many = self._points(states)
            taken = _act_many(self._model, self.hypothesis, s)
            values = {name: np.asarray(value) for name, value in taken.items()}
            return values if many else {name: value[0] for name, value in values.items()}

    def simulate(
        self,
        periods: int = 200,
        paths: int = 1000,
        seed: int = 1,
        burn_in: int = 0,
        start: Any = None,
        guard: bool = False,
    ) -> Paths:
        """Simulate the economy; states, actions and definitions with leaves (periods, paths, ...).

        Parameters
        ----------
        start : dict of arrays, optional
            One state from which all paths start; by default where the solution's own tracks ended.
        guard : bool
            Start a path again if it leaves the admissible set; by default what explodes is seen to explode.
        """
        with precision(self.precision):
            key = keys.key(seed)
            states = self._starts(paths, key) if start is None else self._repeat(start, paths)
            if burn_in:
                states = settle(self._model, self.hypothesis, states, jr.fold_in(key, 0), burn_in)
            paths_ = record(self._model, self.hypothesis, states, jr.fold_in(key, 1), periods, guard)
            return jax.tree.map(np.asarray, paths_)

    def accuracy(self, periods: int = 10_000, burn_in: int = 1_000, paths: int = 1, seed: int = 2) -> Accuracy:
        """Errors by equation on a fresh simulated path and on the box; see `Accuracy`."""
        with precision(self.precision):
            simulated = self.simulate(periods, paths, seed, burn_in)
            flat = jax.tree.map(lambda a: jnp.asarray(a).reshape(-1, *a.shape[2:]), simulated)
            rule, how = finer(self.rule, normal_dimension(self.model.shocks()))
            at = lambda states: errors_at(self._model, self.hypothesis, states, rule)
            found = at(flat.states)
            box = None
            if self.model.box() is not None:
                box = error_table(at(box_states(self._model, keys.key(seed), 5_000)))
            hindsight = forecast_errors(self._model, self.hypothesis, flat.states, rule, keys.key(seed))
            x = averaged_inputs(self._model, flat.states)
            note = f"{len(x):,} states of a simulation without resets; expectations by {how}; mean of absolute errors."
            truth = distance_to_truth(self.model, flat.states, flat.actions)
            raw = {name: np.asarray(value) for name, value in found.items()}
            return Accuracy(error_table(found), box, truth, den_haan_marcet(hindsight, found, x), note, raw)

    def checks(self, periods: int = 1_500, paths: int = 20, seed: int = 3) -> tuple[Check, ...]:
        """Whether this is the stable equilibrium, and whether the tolerance was met."""
        with precision(self.precision):
            simulated = self.simulate(periods, paths, seed)
            start = jax.tree.map(lambda a: jnp.asarray(a[0]), self.states)
            held = stability.stability(self._model, self.hypothesis, self.states, seed)
            error = float(self.log[self.phase]["mean"]) if self.log else None
            return (
                Check("tolerance", self.met, self.sentence, value=error, bar=self.tolerance[0]),
                stability.bounded(simulated),
                stability.repaired(simulated),
                stability.differences(held),
                *stability.at_rest(self._model, self.hypothesis, start),
                *stability.near_the_named(held),
            )

    # ------------------------------------------------------------------------------------------- from solution to paper

    def impulse_response(
        self, shock: str, size: float = 1.0, *, periods: int = 40, paths: int = 1000, start: Any = None, seed: int = 4
    ) -> ImpulseResponse:
        """What one more shock does on average, and in 90 % of histories (a generalised impulse response).

        Parameters
        ----------
        shock : str
            A normal shock, raised by ``size`` standard deviations; a chain, put into its state number
            ``size``; or a state, raised by ``size`` of its own standard deviations.
        start : dict of arrays, optional
            The state it happens in; by default the states the economy visits.
        """
        with precision(self.precision):
            shocks = self.model.shocks()
            like = jax.tree.map(lambda a: a[0], self.states)
            if shock not in shocks and shock not in list(like):
                raise ValueError(
                    f"shock: {shock!r} is not known; choose a shock ({', '.join(shocks)}) or a state "
                    f"({', '.join(like)})."
                )
            key = keys.key(seed)
            states = self._starts(paths, key) if start is None else self._repeat(start, paths)
            law = shocks.get(shock)
            chain = isinstance(law, Markov)
            if isinstance(law, Markov) and not (float(size).is_integer() and 0 <= size < law.n):
                raise ValueError(f"size: {size} was given, but {shock} is a chain with states 0 to {law.n - 1}.")
            displaced = shock not in shocks
            if displaced:
                moved = self.simulate(500, 20, seed).states[shock]
                amount = size * moved.std((0, 1))
                what = f"{size:g} standard deviation{'s' * (size != 1)} more of {shock}"
            else:
                amount = (
                    jnp.asarray(size, like[shock].dtype) if chain and shock in list(like) else jnp.asarray(float(size))
                )
                what = f"{shock} in state {int(size)}" if chain else f"{shock} raised by {size:g}"
            parts = responses(self._model, self.hypothesis, states, key, periods, shock, amount, displaced)
            return ImpulseResponse(what, summarised(jax.tree.map(np.asarray, parts)))

    def moments(
        self, periods: int = 1_000, paths: int = 50, *, with_: str | None = None, hp: float | None = None, seed: int = 5
    ) -> pd.DataFrame:
        """Means, standard deviations, autocorrelations and correlations with standard errors; see `moments.moments`."""
        return moments.moments(self.simulate(periods, paths, seed), with_, hp)

    def ergodic(self, periods: int = 2_000, paths: int = 50, seed: int = 6) -> Figure:
        """Densities of everything that is simulated, as a `ceteris.results.Figure`."""
        return figures.ergodic_figure(moments.series(self.simulate(periods, paths, seed)))

    def slices(self, state: str | None = None, points: int = 100) -> Figure:
        """Policies along one state (by default the first continuous one), the others at a typical value."""
        name = next(iter(self.drawn_along()), "") if state is None else state
        return slices(self, name, self.simulate(500, 20, 7), points)

    def drawn_along(self) -> list[str]:
        """States along which a policy can be drawn: numbers, then vectors; a distribution is neither."""
        moving = {name: value.ndim for name, value in self.states.items() if np.issubdtype(value.dtype, np.floating)}
        return [name for dimensions in (1, 2) for name, ndim in moving.items() if ndim == dimensions]

    def sections(self, quick: bool = False, progress: bool = False) -> tuple[Section, ...]:
        """What a report shows: how it ended, accuracy, policies, simulations, moments, responses.

        Parameters
        ----------
        quick : bool
            Simulate a tenth as long.
        progress : bool
            Say what happens, and what each part takes.
        """
        return report_sections(self, quick, progress)

    def report(self, folder: str | Path) -> Path:
        """Write a report with all tables and figures into a folder, and save the solution there; returns the page."""
        page = super().report(folder)
        self.save(folder)
        return page

    def save(self, path: str | Path) -> Path:
        """Save into a folder, or a file whose name ends in .safetensors; `load` reads it again."""
        return store.save(path, self)

    # ------------------------------------------------------------------------------------------------------ innards

    @cached_property
    def _figures(self) -> Figures:
        return Figures(all_figures(self))

    def _settings(self) -> dict[str, str]:
        return {"model": type(self.model).__name__, **{k: str(v) for k, v in parameters(self.model).items()}}

    def _seed(self) -> int:
        return self.seed

    @property
    def _model(self) -> Model:
        return cast(traced(self.model), self.precision)

    def _starts(self, n: int, key: Any) -> Point:
        have = jax.tree.leaves(self.states)[0].shape[0]
        rows = np.arange(n) if n <= have else np.asarray(jr.randint(key, (n,), 0, have))
        return jax.tree.map(lambda a: jnp.asarray(a)[rows], self.states)

    def _repeat(self, start: Any, n: int) -> Point:
        s, many = self._points(start)
        return s if many else jax.tree.map(lambda a: jnp.repeat(a, n, 0), s)

    def _points(self, states: Any) -> tuple[Point, bool]:
        like = jax.tree.map(lambda a: a[0], self.states)
        given = as_point("state", states)
        for name in given:
            like[name]  # an unknown name raises here, with a suggestion
        missing = [name for name in like if name not in list(given)]
        if missing:
            raise ValueError(f"states: {', '.join(missing)} not given; give every state: {', '.join(like)}.")
        many = {name: jnp.ndim(given[name]) > jnp.ndim(like[name]) for name in like}
        n = max((jnp.shape(given[name])[0] for name in like if many[name]), default=1)

        def repeated(name):
            value = jnp.asarray(given[name], like[name].dtype)
            return jnp.broadcast_to(value if many[name] else value[None], (n, *like[name].shape))

        return Point("state", {name: repeated(name) for name in like}), any(many.values())


def averaged_inputs(model: Model, states: Point) -> np.ndarray:
    """The network's inputs at many states, averaged over agents where there is a row for each."""
    one = lambda s: jnp.concatenate([x.reshape(-1, x.shape[-1]).mean(0) for x in jax.tree.leaves(model.inputs(s))])
    n = jax.tree.leaves(states)[0].shape[0]
    return np.asarray(jax.lax.map(one, states, batch_size=min(n, 250)))


@eqx.filter_jit
def _act_many(model: Model, policy: Any, states: Point) -> Point:
    return jax.vmap(lambda s: act(model, policy, s))(states)


def load(
    folder: str | Path, model: Model | None = None, *, expectation: Rule | None = None, recipe: Recipe | None = None
) -> Solution:
    """Read a solution that was saved, and judge it afresh.

    Nothing in the file can run: models and rules of the library are made from names in a table. The verdict is not read
    but found on fresh states, as `solve` does.

    Parameters
    ----------
    folder : path
        The folder it was saved in, or the file.
    model : Model, optional
        Needed for a model of your own, with the parameters it was solved for; others are told in ``notes``, and judged.
    expectation : rule, optional
        Needed where expectations were computed by a rule of your own.
    recipe : Recipe, optional
        Needed where it was solved with another recipe than the model's own.

    Returns
    -------
    Solution

    Examples
    --------
    >>> import tempfile
    >>> from ceteris.equilibrium import Polish, load, named, solve
    >>> solution = solve(named("growth", delta=1.0), tolerance=1e-5, phases=[Polish(100, 15)])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = solution.save(folder)
    ...     again = load(folder)
    >>> again.met, again.sentence == solution.sentence
    (True, True)
    """
    facts: dict[str, Any] = store.read(folder, model, expectation, recipe)
    log, phase, settings = facts["log"], facts["phase"], {name: facts[name] for name in ("tolerance", "widths")}
    plan = make_plan(facts["model"], recipe, facts["rule"], **settings)
    with precision(facts["precision"]):
        used = cast(traced(facts["model"]), facts["precision"])
        economies = Economies(used, learnt_alone(facts["hypothesis"]), facts["states"])
        training = HowTrained.ended_at(log[phase]["loss"] if log else np.nan)
        found = judge(plan, economies, judging_key(facts["seed"], phase), len(plan.phases) - 1, training)
    if log:
        entry = {**log[phase], "mean": float(found.mean[0]), "max": float(found.max[0])}
        entry |= {"where": found.where, "states": found.states}
        facts["log"] = (*log[:phase], entry, *log[phase + 1 :])
    outcome, sentence = found.verdicts[0]
    return Solution(**facts, outcome=outcome, sentence=sentence, errors=found.errors(0))
