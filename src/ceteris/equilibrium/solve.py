"""Solve a model globally: a policy that makes its residuals zero on the states it visits."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import jax.random as jr
import numpy as np
from jax import Array

from ceteris.engine import Checkpoint, Fit, Progress, Status, load_weights, precision, save_weights
from ceteris.engine.ensemble import take
from ceteris.engine.precision import Precision, cast
from ceteris.equilibrium.expectation import Rule, default_rule, refuse_uncovered
from ceteris.equilibrium.judging import culprit, judged, verdicts
from ceteris.equilibrium.linearise import linearise
from ceteris.equilibrium.model import Model, count_outputs, parameters, start_states, traced
from ceteris.equilibrium.phases import Economies, Episodes, Polish, sampled
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.policy import (
    Linear,
    Policy,
    blank,
    compiled_quickly,
    finished,
    learnt_alone,
    standardised_on,
)
from ceteris.equilibrium.regression import Regression, refuse_unfit
from ceteris.equilibrium.simulate import settle
from ceteris.equilibrium.solution import Solution
from ceteris.equilibrium.trajectories import Trajectories, picked
from ceteris.outlets import say

AnyPhase = Episodes | Polish | Regression | Trajectories

LARGEST_SYSTEM = (
    3_500  # weights or residuals, whichever is fewer: the side of the system Levenberg-Marquardt factorises
)


def solve(
    model: Model,
    *,
    seed: int = 0,
    tolerance: float | tuple[float, float] | None = None,
    expectation: Rule | None = None,
    phases: Sequence[AnyPhase] | None = None,
    widths: Sequence[int] | None = None,
    activation: str = "tanh",
    precision: Precision = "double",
    start: Any = None,
    out: str | Path | None = None,
    progress: bool = False,
) -> Solution:
    """Solve a model; every argument has a default that works for the models of the library.

    Parameters
    ----------
    model : Model
    seed : int
        Decides the network's first weights and all draws.
    tolerance : float or (float, float), optional
        Mean absolute residual, and the largest, on fresh states (001, Algorithm 1); one number t means (t, 100 t). By
        default the model's own, else 1e-6.
    expectation : rule, optional
        How E is computed; by default chosen from the model's shocks. See `ceteris.equilibrium.expectation`.
    phases : sequence of Episodes, Polish, Regression and Trajectories, optional
        What is done in which order; by default the model's own, else chosen by size. Later ones are skipped once the
        tolerance is met.
    widths, activation
        The network's hidden layers.
    precision : {"single", "double"}
    start : Solution, optional
        Begin from the policy of another solution of a model of the same shapes, and with its ``widths``.
    out : path, optional
        Run folder: the state of the solution is saved there as it goes, and a killed run is continued.
    progress : bool
        Whether to say what happens.

    Returns
    -------
    Solution

    Examples
    --------
    With log utility and full depreciation the saving rate is αβ whatever the state:

    >>> from ceteris.equilibrium import solve
    >>> from ceteris.equilibrium.models.growth import Growth
    >>> solution = solve(Growth(delta=1.0))
    >>> a = solution.policy({"k": 0.2, "z": 0.05})
    >>> round(float(a["k1"] / (a["k1"] + a["c"])), 6), 0.36 * 0.99
    (0.3564, 0.3564)
    """
    if start is not None:
        if widths is not None and tuple(widths) != tuple(start.widths):
            raise ValueError(
                f"widths: {tuple(widths)} was given, but the solution to start from has {tuple(start.widths)}; leave "
                "widths out, or start."
            )
        widths, activation = start.widths, start.activation
    plan = make_plan(model, tolerance, expectation, phases, widths)
    return solve_economies((model,), None, plan, activation, precision, seed, start, out, progress)[0]


@dataclass(frozen=True)
class Plan:
    """Everything that was decided before the first step."""

    rule: Rule
    said: tuple[str, ...]
    phases: tuple[AnyPhase, ...]
    tolerance: tuple[float, float]
    widths: tuple[int, ...]


def solve_economies(
    models: Sequence[Model],
    members: int | None,
    plan: Plan,
    activation: str,
    precision: Precision,
    seed: int,
    start: Any,
    out: Any,
    progress: bool,
) -> list[Solution]:
    """Solve one model, or several of one shape together as an ensemble (``members`` of them)."""
    model = models[0]
    begun, cpu = time.monotonic(), time.process_time()
    with in_precision(precision):
        checked(model, plan.rule)
        economies, found = prepared(models, members, plan, activation, jr.key(seed), start, precision)
        refuse_unfit(plan.phases, model, economies.policy.net)
        run = Run(None if out is None else Path(out), progress, jr.key(seed + 1))
        run.refuse_another(model, plan, precision, seed)
        said = (*plan.said, *dict.fromkeys(found))
        for line in said if progress else ():
            say(line)
        economies, log, sentence = carried_out(plan, economies, run)
        seconds, cpu = time.monotonic() - begun, time.process_time() - cpu
        policies = (
            [economies.policy] if members is None else [take(economies.policy, jnp.asarray(i)) for i in range(members)]
        )
        lasts = (
            [economies.states] if members is None else [take(economies.states, jnp.asarray(i)) for i in range(members)]
        )
        common = {
            "rule": plan.rule, "widths": plan.widths, "activation": activation, "precision": precision, "seed": seed,
            "tolerance": plan.tolerance, "seconds": seconds, "cpu": cpu, "said": said,
        }  # fmt: skip
        return [
            Solution(
                m, finished(m, p, plan.rule), states,
                log=tuple({**e, **{k: _one(e[k], i) for k in ("mean", "max")}} for e in log),
                sentence=sentence[i], met=not sentence[i].startswith("NOT"), **common,
            )
            for i, (m, p, states) in enumerate(zip(models, policies, lasts, strict=True))
        ]  # fmt: skip


def _one(values: np.ndarray, i: int) -> float:
    return float(np.atleast_1d(values)[i])


in_precision = precision


# --------------------------------------------------------------------------------------------------------- planning


def make_plan(model: Model, tolerance: Any, rule: Rule | None, phases: Any, widths: Any) -> Plan:
    """Decide everything that was left open; refuse what cannot work."""
    chosen, sentence = default_rule(model.shocks())
    if rule is not None:
        refuse_uncovered(model.shocks(), rule)
        chosen, sentence = rule, f"E: {rule}, as asked."
    if tolerance is None:
        tolerance = model.tolerance or 1e-6
    pair = (tolerance, 100 * tolerance) if isinstance(tolerance, int | float) else tuple(tolerance)
    if len(pair) != 2 or not 0 < pair[0] <= pair[1]:
        raise ValueError(
            f"tolerance: {tolerance!r} was given, but one positive number is needed, or two, the mean and the largest "
            "error allowed, such as (1e-6, 1e-4)."
        )
    wide = tuple(widths) if widths is not None else model.widths or _widths(model)
    own = phases if phases is not None else default_phases(model, wide)
    if not own:
        raise ValueError("phases: an empty list was given, but at least one phase is needed, such as Episodes().")
    return Plan(chosen, (sentence,), tuple(own), pair, wide)


def _widths(model: Model) -> tuple[int, ...]:
    n = _shapes(model)[0]
    return (16, 16) if n <= 3 else (24, 24) if n <= 6 else (32, 32) if n <= 24 else (64, 64)


def _shapes(model: Model) -> tuple[int, int]:
    """Numbers of inputs and of raw outputs."""

    def count():
        s = jax.tree.map(lambda a: a[0], start_states(traced(model), jr.key(0), 1))
        return model.inputs(s)

    return sum(leaf.shape[-1] for leaf in jax.tree.leaves(jax.eval_shape(count))), count_outputs(model)


def default_phases(model: Model, widths: tuple[int, ...]) -> tuple[AnyPhase, ...]:
    """The model's own phases, else episodes and rounds of polishing where the system is small enough."""
    own = model.phases()
    if own is not None:
        return tuple(own)
    if model.exchangeable() is not None:
        return 4 * (Trajectories(),)
    n, m = _shapes(model)
    sizes = [n, *widths, m]
    weights = sum((a + 1) * b for a, b in itertools.pairwise(sizes))
    states = int(np.clip(4 * weights / m, 300, 1500))
    if min(weights, states * m) > LARGEST_SYSTEM:
        return (Episodes(steps=4000, paths=128, horizon=1, updates=1, rate=2e-3),)
    first = () if model.steady_state() is not None else (Episodes(steps=250),)
    inside = 0.5 if model.box() is not None and n <= 6 else 0.0  # in many dimensions a box is nearly all corners
    return (*first, *4 * (Polish(states=states, steps=40, box_share=inside),))


def checked(model: Model, rule: Rule) -> None:
    """Refuse, before any work, a model whose functions do not fit together."""
    from ceteris.equilibrium.contract import refuse_broken
    from ceteris.equilibrium.contract_symmetry import refuse_asymmetric, refuse_misdeclared

    refuse_misdeclared(model)
    refuse_broken(model, rule)
    refuse_asymmetric(model, rule)


# -------------------------------------------------------------------------------------------------------- preparing


def prepared(
    models: Sequence[Model], members: int | None, plan: Plan, activation: str, key: Array, start: Any, name: Precision
) -> tuple[Economies, list[str]]:
    """First policies: linear where the model allows it, with inputs scaled by a simulation, and states visited."""
    keys = [key] if members is None else list(jr.split(key, members))
    made = [_first(m, plan, activation, k, start, name) for m, k in zip(models, keys, strict=True)]
    said = [sentence for *_, sentence in made]
    if members is None:
        model, policy, states, _ = made[0]
        return Economies(model, policy, states), said
    together = lambda *a: jnp.stack(a) if isinstance(a[0], jax.Array | np.ndarray) else a[0]  # whole numbers are shapes
    stacked: Any = jax.tree.map(together, *(m[:3] for m in made))
    model, policy, states = stacked
    return Economies(model, policy, states, members), said


def _first(model, plan, activation, key, start, name):
    model = cast(traced(model), name)
    weights, starts, simulate = jr.split(key, 3)
    paths = _paths(plan)
    states = _start_states(model, starts, paths)
    if start is not None:
        policy = cast(learnt_alone(start.hypothesis), name)
        return model, policy, jax.tree.map(jnp.asarray, states), "Begins from another solution."
    policy = _blank(model, jax.tree.map(lambda a: a[0], states), plan.widths, activation, weights)
    policy = cast(policy, name)
    found = linearise(model)
    if found.policy is not None:
        policy = with_linear(policy, cast(found.policy, name))
    shares = [max(getattr(phase, name) for phase in plan.phases) for name in ("box_share", "rest_share")]
    if isinstance(plan.phases[0], Trajectories):
        visited = plan.phases[0].visited(Economies(model, policy, states), simulate)
        policy = _standardised_on(model, policy, picked(visited, simulate, 1000))
    else:
        policy, states = rescaled(model, policy, states, simulate, *shares)
    return model, policy, states, found.sentence


_start_states = compiled_quickly(start_states)
_blank = compiled_quickly(blank)
_standardised_on = compiled_quickly(standardised_on)


def _paths(plan: Plan) -> int:
    return max((phase.paths for phase in plan.phases if not isinstance(phase, Polish)), default=100)


def with_linear(policy: Policy, linear: Linear) -> Policy:
    """The policy with a linear part, to which the network starts by adding nothing."""
    return eqx.tree_at(lambda p: (p.linear, p.size.size), policy, (linear, jnp.zeros_like(policy.size.size)))


@compiled_quickly
def rescaled(
    model: Model, policy: Policy, states: Point, key: Array, box_share: float, rest_share: float
) -> tuple[Policy, Point]:
    """The policy with inputs standardised on the states it will be trained on, and where a simulation ends."""
    states = settle(model, policy, states, key, 50)
    key = jr.fold_in(key, 1)
    visited, last = sampled(model, policy, states, key, n=1000, box_share=box_share, rest_share=rest_share)
    return standardised_on(model, policy, visited), last


# ------------------------------------------------------------------------------------------------------ carrying out


@dataclass(frozen=True)
class Run:
    """Where to keep what has been done, and whether to talk about it."""

    folder: Path | None
    talk: bool
    key: Array

    def refuse_another(self, model: Model, plan: Plan, precision: Precision, seed: int) -> None:
        """Raise if the folder holds the work of another question; else note this one there."""
        if self.folder is None:
            return
        asked = {"model": type(model).__qualname__, **parameters(model), "phases": plan.phases, "rule": plan.rule}
        asked = {name: repr(value) for name, value in {**asked, "precision": precision, "seed": seed}.items()}
        path = self.folder / "asked.json"
        before = json.loads(path.read_text(encoding="utf-8")) if path.exists() else asked
        for name in asked:
            if before.get(name) != asked[name]:
                raise ValueError(
                    f"out: {self.folder} holds the work on {name} = {before.get(name)}, but {asked[name]} is asked "
                    "for; name another folder, or remove that one."
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asked, indent=1), encoding="utf-8")

    def monitors(self, phase: int, name: str) -> list[Any]:
        """Progress and checkpoints of one phase."""
        watchers: list[Any] = [Progress(f"{phase + 1} {name}")] if self.talk else []
        return watchers if self.folder is None else [*watchers, Checkpoint(self._checkpoint(phase), seconds=15)]

    def resume(self, phase: int) -> Path | None:
        """The checkpoint of a phase that was interrupted."""
        path = None if self.folder is None else self._checkpoint(phase)
        return path if path is not None and path.exists() else None

    def _checkpoint(self, phase: int) -> Path:
        return Path(self.folder or ".") / f"phase-{phase}.safetensors"

    def keep(self, phase: int, economies: Economies, log: list[dict[str, Any]]) -> None:
        """Save what a finished phase hands on; its checkpoint is no longer needed."""
        if self.folder is None:
            return
        done = [{k: np.asarray(v).tolist() for k, v in entry.items()} for entry in log]
        save_weights(self.folder / "progress.safetensors", (economies.policy, economies.states), {"log": done})
        self._checkpoint(phase).unlink(missing_ok=True)

    def reopen(self, economies: Economies) -> tuple[Economies, list[dict[str, Any]]]:
        """Go on after the last finished phase."""
        path = None if self.folder is None else self.folder / "progress.safetensors"
        if path is None or not path.exists():
            return economies, []
        from ceteris.engine.checkpoint import read_facts

        policy, states = load_weights(path, (economies.policy, economies.states))
        log = [{**e, "mean": np.asarray(e["mean"]), "max": np.asarray(e["max"])} for e in read_facts(path)["log"]]
        return economies._replace(policy=policy, states=states), log


def carried_out(plan: Plan, economies: Economies, run: Run) -> tuple[Economies, list[dict[str, Any]], list[str]]:
    """Run the phases until the tolerance is met on fresh states, and say how it ended for every member."""
    economies, log = run.reopen(economies)
    n = economies.members or 1
    status = ["NOT solved: no phase was run."] * n
    for i, phase in enumerate(plan.phases):
        if i < len(log):
            status = verdicts(plan, log[-1], log[-1]["sentence"])
            continue
        key = jr.fold_in(run.key, i)
        done = phase.run(economies, plan.rule, key, run.monitors(i, phase.name), _every(phase), run.resume(i))
        economies = done.economies
        mean, largest, where = judged(plan, economies, jr.fold_in(key, 1))
        entry = {
            "phase": phase.name, "steps": int(done.run.tick), "loss": _last_loss(done.run),
            "mean": mean, "max": largest, "where": where, "sentence": done.run.sentence,
        }  # fmt: skip
        log.append(entry)
        if run.talk:
            say(f"  {phase.name}: mean error {np.max(mean):.2e}, largest {np.max(largest):.2e} ({where})")
        status = verdicts(plan, entry, done.run.sentence)
        if np.any(done.run.status == Status.INTERRUPTED):
            break  # its checkpoint stays, and the next call goes on from there
        run.keep(i, economies, log)
        if np.any(np.isin(done.run.status, (Status.NONFINITE, Status.DIVERGED))) and economies.members is None:
            status = [f"NOT solved: {done.run.sentence} {culprit(plan, economies, key)}"]
            break
        if not any(s.startswith("NOT") for s in status):
            break
    return economies, log, status


def _last_loss(run: Fit) -> float:
    """The last loss that is a number, the median over members."""
    losses = np.asarray(run.history["loss"])
    finite = losses[np.isfinite(losses.reshape(len(losses), -1)).all(1)]
    return float(np.median(finite[-1])) if len(finite) else float("nan")


def _every(phase: AnyPhase) -> int:
    return 100 if isinstance(phase, Episodes) else 5
