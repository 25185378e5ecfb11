"""What a solution answers, against what is known by hand for full depreciation: log k' = log αβ + z + α log k."""

import re

import numpy as np
import pytest

from ceteris.equilibrium import Markov, Model, Polish, solve
from ceteris.equilibrium.accuracy import den_haan_marcet
from ceteris.equilibrium.moments import cycle, moments
from ceteris.equilibrium.point import Point
from ceteris.equilibrium.simulate import Paths
from ceteris.testing import check_saved

ALPHA, RHO, SIGMA = 0.36, 0.9, 0.04


@pytest.fixture
def solution(full):
    return full


def test_policies_take_one_state_or_many(solution):
    one = solution.policy({"k": 0.2, "z": 0.0})
    many = solution.policy({"k": np.array([0.2, 0.3]), "z": 0.0})
    assert one["c"].shape == ()
    assert many["c"].shape == (2,)
    assert float(one["c"]) == float(many["c"][0])


def test_a_solution_prints_one_screen_in_words(solution):
    screen = str(solution)
    assert repr(solution) == screen
    assert len(screen.splitlines()) <= 25
    assert max(map(len, screen.splitlines())) <= 120
    assert "array" not in screen
    assert screen.startswith("Growth: beta = 0.99, alpha = 0.36, delta = 1.0")
    assert solution.sentence in screen
    ((mean, largest),) = solution.errors.values()
    assert mean == pytest.approx(solution.log[solution.phase]["mean"])
    assert largest == pytest.approx(solution.log[solution.phase]["max"])
    assert f"{mean:.1e}   {largest:.1e}" in screen
    assert str(solution.outcome) == f"{solution.outcome}" == solution.outcome.sentence == "Solved to tolerance"


def test_a_response_prints_its_peaks_and_shows_its_paths(solution):
    response = solution.impulse_response("eps", periods=12, paths=50)
    screen = str(response)
    assert len(screen.splitlines()) <= 25
    peak = response["k"]["mean"].idxmax()
    assert response.peaks().loc["k", "in period"] == peak
    assert response.peaks().loc["k", "largest"] == response["k"]["mean"].max()
    assert "Response to eps raised by 1" in screen
    (section,) = response.sections()
    assert {"low", "high"} <= set(section.figures[0].data)
    with pytest.raises(ValueError, match=r"variable is 'kk', but must be a variable of the model: k, .*; did you mean"):
        response["kk"]


def test_what_a_report_waits_for_is_said(solution, capsys):
    solution.sections(quick=True, progress=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ... ")[0] for line in lines] == [
        "Errors on 1,000 fresh states", "Simulating 100 periods of 50 paths", "Responses to eps",
        "Whether the economy holds together",
    ]  # fmt: skip
    assert all(re.search(r" \.\.\. [0-9.]+ s$", line) for line in lines)
    solution._repr_html_()  # simulates the same again
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda s: s.policy({"k": 0.2}), "z not given; give every state: k, z"),
        (lambda s: s.policy({"k": 0.2, "zeta": 0.0}), "state 'zeta' is not known"),
        (lambda s: s.impulse_response("x"), r"'x' is not known; choose a shock \(eps\) or a state \(k, z\)"),
        (lambda s: s.moments(with_="gdp"), "'gdp' is not a series"),
        (lambda s: s.moments(paths=1), "at least 2 independent paths"),
        (lambda s: s.slices("q"), "state: 'q' is not known"),
    ],
)
def test_questions_without_an_answer_are_refused(solution, ask, message):
    with pytest.raises((ValueError, AttributeError), match=message):
        ask(solution)


def test_a_simulation_obeys_the_law_of_motion(solution):
    paths = solution.simulate(50, 10)
    exact = ALPHA * 0.99 * np.exp(paths.states.z) * paths.states.k**ALPHA
    np.testing.assert_allclose(paths.actions.k1, exact, rtol=1e-6)
    np.testing.assert_array_equal(paths.states.k[1:], paths.actions.k1[:-1])
    assert int(paths.repairs) == 0


def test_an_impulse_response_is_the_one_on_paper(solution):
    response = solution.impulse_response("eps", 1.0, periods=12, paths=4000)
    assert response.shock == "eps raised by 1"
    z = response["z"]
    t = np.arange(1, 12)
    np.testing.assert_allclose(z["mean"].to_numpy()[1:], SIGMA * RHO ** (t - 1), rtol=1e-9)
    # log k responds by σ Σ α^i ρ^j; in levels, relative to its mean and to first order in σ = 4 %
    log_k = np.array([sum(ALPHA**i * RHO ** (h - 2 - i) for i in range(h - 1)) if h > 1 else 0.0 for h in range(12)])
    level = response["k"]["mean"].to_numpy() / solution.simulate(200, 200).states.k.mean()
    np.testing.assert_allclose(level, SIGMA * log_k, atol=0.004)
    assert (response["k"]["low"] <= response["k"]["mean"]).all()


def test_a_response_to_a_displaced_state_dies_out(solution):
    response = solution.impulse_response("k", 1.0, periods=10, paths=50)
    k = response["k"]["mean"].to_numpy()
    np.testing.assert_allclose(k[2] / k[1], ALPHA, rtol=0.1)  # d log k' = α d log k; a displacement is not small


class Weather(Model):
    """One of four states, each as likely whatever was before, and what is made of it."""

    def shocks(self):
        return {"z": Markov(np.full((4, 4), 0.25), state="z")}

    def outputs(self):
        return {"y": ()}

    def actions(self, raw, s):
        return {"y": 1.0 + 0.1 * s.z + raw.y}

    def move(self, s, a, shock):
        return {"z": shock.z, "x": a.y}

    def residuals(self, s, a, E):
        return {"rule": a.y - (1.0 + 0.1 * s.z)}

    def start(self, key):
        return {"z": 0, "x": 1.0}


def test_a_chain_is_shocked_into_a_state():
    chain = solve(Weather(), phases=[Polish(states=40, steps=5)], tolerance=1e-2)
    response = chain.impulse_response("z", 3, periods=3, paths=200)
    assert response.shock == "z in state 3"
    assert response["z"]["mean"].iloc[1] == pytest.approx(3 - 1.5, abs=0.3)  # iid on 0..3
    with pytest.raises(ValueError, match="z is a chain with states 0 to 3"):
        chain.impulse_response("z", 7)


def test_moments_are_those_of_the_process(solution):
    table = solution.moments(1500, 60)
    sd = SIGMA / np.sqrt(1 - RHO**2)
    for column, exact in (("mean", 0.0), ("sd", sd), ("autocorrelation", RHO)):
        # the standard error is part of the answer; sd and autocorrelation are biased by a path's own mean, little
        assert table.loc["z", column] == pytest.approx(exact, abs=5 * table.loc["z", f"se {column}"] + 0.003)
    assert table.loc["y", "correlation with y"] == pytest.approx(1.0)


def test_the_filter_solves_its_normal_equations():
    x = np.random.default_rng(0).normal(size=(40, 2)).cumsum(0)
    trend = x - cycle(x, 100.0)
    D = np.diff(np.eye(40), 2, axis=0)
    np.testing.assert_allclose(trend + 100.0 * D.T @ D @ trend, x, atol=1e-9)
    with pytest.raises(ValueError, match="have 2 periods, but second differences need at least 3"):
        cycle(x[:2], 100.0)


def test_filtered_moments_are_in_per_cent(solution):
    table = solution.moments(300, 20, hp=1600.0)
    assert 1.0 < table.loc["y", "sd"] < 10.0


def test_constant_series_have_no_correlation():
    paths = Paths(Point("state", {"k": np.ones((20, 3))}), Point("action", {}), Point("definition", {}), None, 0)
    table = moments(paths)
    assert np.isnan(table.loc["k", "autocorrelation"])


def test_den_haan_marcet_has_its_size_and_sees_what_can_be_predicted():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(2000, 4))
    nothing = Point("equation", {"e": np.zeros(2000)})
    p = [den_haan_marcet(Point("equation", {"e": rng.normal(size=2000)}), nothing, x).loc["e", "p"] for _ in range(200)]
    assert 0.01 < np.mean(np.array(p) < 0.05) < 0.11  # 5 %, with a standard error of 1.5 %
    biased = Point("equation", {"e": 0.2 * x[:, 0] + rng.normal(size=2000)})
    assert den_haan_marcet(biased, nothing, x[:, :1]).loc["e", "p"] < 1e-6
    no_surprise = den_haan_marcet(nothing, nothing, x)
    assert np.isnan(no_surprise.loc["e", "p"])


def test_accuracy_reports_every_figure_it_promises(solution):
    accuracy = solution.accuracy(periods=2000)
    wanted = ["mean", "median", "p99", "p99.9", "max"]
    assert list(accuracy.path) == [*wanted, *(f"log10 {name}" for name in wanted)]
    assert accuracy.mean <= accuracy.max
    assert accuracy.box is not None
    assert "Errors on a simulated path" in str(accuracy)
    assert len(str(accuracy).splitlines()) <= 25  # with the truth; tests/door shows and draws one without
    assert "Errors on a simulated path" in accuracy._repr_html_()
    check_saved(accuracy, lambda it: [it.path, it.box, it.den_haan_marcet, it.mean])


@pytest.mark.slow
def test_a_report_is_written_with_all_its_parts(solution, tmp_path):
    page = solution.report(tmp_path / "run")
    text = page.read_text()
    for title in ("Verdict", "Accuracy", "Policies", "The economy", "Responses", "Training"):
        assert title in text
    assert (tmp_path / "run" / "solution.safetensors").exists()
    assert len(list((tmp_path / "run" / "figures").glob("*.svg"))) >= 10  # five figures, light and dark


def test_den_haan_marcet_of_a_failed_policy_is_not_a_number_and_no_crash():
    failed = np.full((50, 1), np.nan)
    frame = den_haan_marcet(Point("equation", {"e": failed[:, 0]}), Point("equation", {"e": failed[:, 0]}), failed)
    assert frame.loc["e"].isna()[["statistic", "p"]].all()


def test_a_file_that_something_else_wrote_is_not_overwritten(solution, tmp_path):
    (tmp_path / "solution.safetensors").write_text("mine")
    with pytest.raises(
        ValueError, match=r"exists and was not saved by ceteris; give another name, or remove that file"
    ):
        solution.save(tmp_path)
    assert (tmp_path / "solution.safetensors").read_text() == "mine"
