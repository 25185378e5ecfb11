"""Work folders: one question each, gone on with to the same bits wherever it was stopped, and judged afresh."""

import json
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

from ceteris.engine import Checkpoint, save_weights
from ceteris.engine.checkpoint import read_facts
from ceteris.equilibrium import Episodes, GaussHermite, Polish, load, solve
from ceteris.equilibrium.models.growth import Growth
from ceteris.equilibrium.work import Work

# states and steps of which the solutions that tests share are made, so that their programs are compiled once
ONE = [Polish(states=80, steps=5)]
QUICK = [Polish(states=80, steps=25, box_share=0.5)]
STATE = {"k": 6.0, "z": 0.1}


class Mine(Growth):
    """Growth with an equation that an author may get wrong."""

    def residuals(self, s, a, E):
        return super().residuals(s, a, E)


First = Mine


class Mine(Growth):
    """Growth with half of what is asked of the Euler equation."""

    def residuals(self, s, a, E):
        found = super().residuals(s, a, E)
        return {"euler": 0.5 + 0.5 * found["euler"]}


Second = Mine

CHANGES = {
    "another parameter": ({"model": First(beta=0.9)}, r"parameter beta = 0.99, where 0.9 is asked for"),
    "another equation": ({"model": Second()}, r"another Mine.residuals"),
    "another activation": ({"activation": "relu"}, r"activation = 'tanh', where 'relu' is asked for"),
    "other widths": ({"widths": (8,)}, r"widths = \(16, 16\), where \(8,\) is asked for"),
    "another tolerance": ({"tolerance": 1e-3}, r"tolerance = \(1e-14, 1e-12\), where \(0.001, 0.1\) is asked for"),
    "another rule": ({"expectation": GaussHermite(3)}, r"rule = GaussHermite\(points=7\), where .*points=3"),
    "other phases": ({"phases": [Polish(states=80, steps=9)]}, r"another phases|phases = .*steps=5.*steps=9"),
    "another seed": ({"seed": 1}, r"seed = 0, where 1 is asked for"),
    "another precision": ({"precision": "single"}, r"precision = 'double', where 'single' is asked for"),
}  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A folder with finished work, and its solution."""
    folder = tmp_path_factory.mktemp("work")
    return folder, solve(First(), phases=ONE, tolerance=1e-14, out=folder)


@pytest.mark.parametrize(("changes", "said"), CHANGES.values(), ids=CHANGES)
def test_a_folder_with_the_work_of_another_question_is_refused(done, changes, said):
    arguments = {"model": First(), "phases": ONE, "tolerance": 1e-14, **changes}
    with pytest.raises(ValueError, match=rf"out: .* holds the work on another question: .*{said}.*Name another folder"):
        solve(arguments.pop("model"), out=done[0], **arguments)


def test_another_start_is_another_question(done, tmp_path):
    with pytest.raises(ValueError, match=r"holds the work on another question: another start"):
        solve(First(), phases=ONE, tolerance=1e-14, out=done[0], start=done[1])


def test_work_without_its_question_is_refused(done, tmp_path):
    (tmp_path / "progress.safetensors").write_bytes((done[0] / "progress.safetensors").read_bytes())
    with pytest.raises(ValueError, match=r"holds work, but not on what question \(question.json is missing\); name"):
        solve(First(), phases=ONE, tolerance=1e-14, out=tmp_path)


@pytest.mark.parametrize("text", ["", '{"seed"', "[1]", "\x00"])
def test_a_damaged_question_is_named(done, tmp_path, text):
    (tmp_path / "question.json").write_text(text)
    with pytest.raises(ValueError, match=r"question.json cannot be read \(.*\): it was cut off or edited; restore"):
        solve(First(), phases=ONE, tolerance=1e-14, out=tmp_path)


def test_a_run_that_met_its_tolerance_stays_as_it_is(tmp_path):
    run = lambda: solve(Growth(delta=1.0), phases=QUICK, out=tmp_path)
    first, again = run(), run()
    assert first.met
    assert len(again.log) == len(first.log) == 1
    assert again.sentence == first.sentence
    assert again.policy(STATE)["c"] == first.policy(STATE)["c"]
    assert again.seconds > first.seconds  # of both sessions together
    assert again.cpu > first.cpu


def test_the_best_policy_is_kept_not_the_last(tmp_path):
    ruin = Episodes(steps=30, paths=8, horizon=1, updates=1, rate=0.3, clip=None)
    run = lambda **options: solve(Growth(), phases=[Polish(states=80, steps=15), ruin], tolerance=1e-14, **options)
    solution, kept = run(), run(out=tmp_path)
    first, last = (entry["mean"] for entry in solution.log)
    assert last > 10 * first
    assert solution.phase == 0
    assert f"mean error {first:.2e}" in solution.sentence
    assert "This is the policy after phase 1; later ones are worse." in solution.sentence
    assert run(out=tmp_path).policy(STATE)["c"] == kept.policy(STATE)["c"] == solution.policy(STATE)["c"]


def test_a_verdict_is_never_read_from_a_file(tmp_path):
    """A file that claims more than its policy can do is found out."""
    phases = [Polish(states=80, steps=15)]
    solution = solve(Growth(delta=1.0), phases=phases, tolerance=1e-5, out=tmp_path / "work")
    assert solution.met
    path = tmp_path / "work" / "progress.safetensors"
    spoilt = jax.tree.map(lambda a: np.asarray(a) + 0.01 if eqx.is_inexact_array(a) else a, solution.hypothesis)
    save_weights(path, 2 * (spoilt, solution.states), read_facts(path))
    again = solve(Growth(delta=1.0), phases=phases, tolerance=1e-5, out=tmp_path / "work")
    assert not again.met
    assert again.sentence.startswith("NOT solved to tolerance")
    replace(solution, hypothesis=spoilt).save(tmp_path)
    assert not load(tmp_path).met


class Killed(BaseException):
    """Stands for a process that is gone."""


POINTS = {
    "before a checkpoint": (Checkpoint, "_save", False),
    "after a checkpoint": (Checkpoint, "_save", True),
    "before a phase is kept": (Work, "keep", False),
    "after a phase is kept": (Work, "keep", True),
}
PHASES = [Episodes(steps=200, paths=8, horizon=1, updates=1), Polish(states=80, steps=10), Polish(states=80, steps=5)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nothing has interrupted."""
    return solve(Growth(), phases=PHASES, tolerance=1e-14, out=tmp_path_factory.mktemp("whole"))


@pytest.mark.parametrize(("owner", "name", "after"), POINTS.values(), ids=POINTS)
def test_wherever_a_run_is_killed_it_goes_on_to_the_same_bits(whole, owner, name, after, tmp_path, monkeypatch):
    monkeypatch.setattr("ceteris.equilibrium.work.OFTEN", 0.0)  # a checkpoint after every chunk of steps
    run = lambda folder: solve(Growth(), phases=PHASES, tolerance=1e-14, out=tmp_path / folder)
    original, calls = getattr(owner, name), []

    def deadly(self, *arguments):
        if after:
            original(self, *arguments)
        calls.append(1)
        if len(calls) % 2:  # every other call is the end of a process
            monkeypatch.setattr(Checkpoint, "close", lambda self: None)  # a killed process closes nothing
            raise Killed
        if not after:
            original(self, *arguments)

    close = Checkpoint.close
    monkeypatch.setattr(owner, name, deadly)
    for _ in range(30):
        try:
            solution = run("killed")
            break
        except Killed:
            monkeypatch.setattr(Checkpoint, "close", close)
    assert len(calls) >= 3
    assert solution.policy(STATE)["c"] == whole.policy(STATE)["c"]
    assert [entry["mean"] for entry in solution.log] == [entry["mean"] for entry in whole.log]
    left = {path.name for path in (tmp_path / "killed").iterdir()}
    assert left == {"question.json", "progress.safetensors", "clock.json"}


@pytest.mark.parametrize("phase", [PHASES[0], PHASES[1]], ids=lambda phase: phase.name)
def test_ctrl_c_keeps_what_there_is_and_says_so(phase, tmp_path, monkeypatch):
    run = lambda: solve(Growth(), phases=[phase], tolerance=1e-14, out=tmp_path)
    record = Checkpoint.record

    def press(self, run):
        record(self, run)
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "record", press)
    stopped = run()
    assert stopped.sentence == f"NOT solved: Stopped from the keyboard. This was in phase 1 of 1, {phase.name}."
    assert not stopped.checks(periods=50)[0].passed
    assert (tmp_path / "phase-0.safetensors").exists()
    assert not (tmp_path / "progress.safetensors").exists()
    monkeypatch.setattr(Checkpoint, "record", record)
    assert run().policy(STATE)["c"] == solve(Growth(), phases=[phase], tolerance=1e-14).policy(STATE)["c"]


def test_ctrl_c_before_the_first_step_has_no_loss_to_tell(tmp_path, monkeypatch):
    def press(self, run, steps):
        raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "record", lambda self, run: press(self, run, 0))
    assert "Stopped from the keyboard" in solve(Growth(), phases=ONE, out=tmp_path).sentence


def test_a_folder_is_worked_on_by_one_at_a_time(tmp_path, monkeypatch):
    def second(self, run):
        monkeypatch.undo()
        with pytest.raises(BlockingIOError, match=r"folder: .* is in use by this process .*; wait until"):
            solve(Growth(), phases=ONE, out=tmp_path)

    monkeypatch.setattr(Checkpoint, "record", second)
    solve(Growth(), phases=ONE, out=tmp_path)


def test_a_clock_that_was_edited_is_named(done):
    path = done[0] / "clock.json"
    before = path.read_text()
    path.write_text('{"seconds": -1, "cpu": "x"}')
    with pytest.raises(ValueError, match=r"clock.json was edited: it does not hold two times in seconds; remove"):
        solve(First(), phases=ONE, tolerance=1e-14, out=done[0])
    path.write_text(before)


COMMAND = [sys.executable, "-c", "from ceteris.cli import main; main()", "solve", "growth", "--tolerance", "1e-13"]


@pytest.mark.slow
@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"])
def test_a_signal_ends_the_command_in_good_order_and_it_goes_on(sign, code, tmp_path):
    out = tmp_path / "run"
    process = subprocess.Popen([*COMMAND, "--out", out], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (out / "work" / "clock.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)  # until the first phase has begun
    process.send_signal(sign)
    _, said = process.communicate(timeout=120)
    assert process.returncode == code
    assert "Call the same command again to go on" in said
    assert "Traceback" not in said
    facts = json.loads((out / "run.json").read_text())
    assert facts["status"] == "interrupted"
    assert facts["seconds"] > 0
    assert not list(Path(out).rglob("*.part")) + list(Path(out).rglob(".lock"))
