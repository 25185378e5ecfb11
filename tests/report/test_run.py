"""Run folders: complete, atomic, and refused with one sentence where they cannot be."""

import csv
import json
import resource
import sys
from importlib import metadata

import numpy as np
import pandas as pd
import pytest

from ceteris.files import replace_file
from ceteris.report import Run, list_runs, machine
from ceteris.report.run import check_folder
from ceteris.results import Check, Figure, Section, Table


def line(figure, data):
    figure.subplots().plot(data["x"], data["y"])


def example():
    data = pd.DataFrame({"x": [0.1, 0.2, 1 / 3], "y": [1.0, np.nan, 1e-17]})
    table = pd.DataFrame({"code": ["001", "NA"], "n": [1, 2]}, index=pd.Index(["a", "b"], name="learner"))
    checks = (Check("fit", np.True_, "It fits.", value=np.float64(0.5)), Check("rows", None, "Too few."))
    return Section("Main", "Text.", (Table("Same title", table),), (Figure("Same title", "", data, line),), checks)


def test_a_run_comes_back_as_it_was_written(tmp_path):
    config = {"rows": np.int64(3), "path": tmp_path, "nested": {"a": [1, 2.5, None, True]}}
    with Run.create(tmp_path / "a" / "b", "ceteris demo", config, seed=7) as run:
        assert Run.open(run.folder).facts["status"] == "running"
        run.write([example()], history=pd.DataFrame({"step": [0, 1], "loss": [1.0, 0.1]}))
    again = Run.open(tmp_path / "a" / "b")
    expected = {"rows": 3, "path": str(tmp_path), "nested": {"a": [1, 2.5, None, True]}}
    assert again.facts["config"] == expected
    assert (again.facts["command"], again.facts["seed"], again.facts["status"]) == ("ceteris demo", 7, "finished")
    assert again.facts["seconds"] >= 0
    assert again.facts["versions"]["numpy"] == np.__version__
    assert [section["title"] for section in again.sections] == ["Main", "Training history"]
    assert again.sections[0]["checks"][0] == {
        "name": "fit",
        "passed": True,
        "sentence": "It fits.",
        "value": 0.5,
        "bar": None,
    }


def test_numbers_survive_to_the_last_digit_and_texts_stay_texts(tmp_path):
    run = Run.create(tmp_path / "run", "c", {}, 0)
    run.write([example()])
    table, figure = run.sections[0]["tables"][0], run.sections[0]["figures"][0]
    _, *rows = csv.reader((run.folder / figure["data"]).read_text().splitlines())
    stored = np.array([[float(cell or "nan") for cell in row] for row in rows])
    np.testing.assert_array_equal(stored, example().figures[0].data.to_numpy())
    lines = (run.folder / table["data"]).read_text().splitlines()
    assert lines == ["learner,code,n", "a,001,1", "b,NA,2"]
    assert table["kinds"] == ["text", "text", "number"]
    assert table["data"] != figure["data"], "equal titles must not share a file"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"m": [1.0, 2.0]}, index=pd.MultiIndex.from_tuples([("a", 1), ("b", 2)])),
        pd.DataFrame([[1, 2]], columns=pd.MultiIndex.from_tuples([("R²", "mean"), ("R²", "se")]), index=["x"]),
        pd.DataFrame({"learner": [1]}, index=pd.Index(["a"], name="learner")),
        pd.DataFrame({"a": []}),
    ],
)
def test_every_kind_of_frame_is_stored(tmp_path, frame):
    run = Run.create(tmp_path / "run", "c", {}, 0)
    run.write([Section("s", tables=(Table("t", frame),))])
    stored = run.sections[0]["tables"][0]
    header = (run.folder / stored["data"]).read_text().splitlines()[0]
    levels = 0 if isinstance(frame.index, pd.RangeIndex) else frame.index.nlevels
    assert len(stored["kinds"]) == header.count(",") + 1 == levels + frame.shape[1]


def test_an_exception_is_the_status_and_goes_on(tmp_path):
    with pytest.raises(ZeroDivisionError), Run.create(tmp_path / "run", "c", {}, 0):
        _ = 1 / 0
    assert Run.open(tmp_path / "run").facts["status"] == "failed: ZeroDivisionError: division by zero"


def test_a_new_run_in_the_same_folder_leaves_nothing_of_the_old_report(tmp_path):
    with Run.create(tmp_path / "run", "c", {}, 0) as run:
        run.write([example()])
    with Run.create(tmp_path / "run", "c", {}, 1) as run:
        assert run.sections == []
    assert sorted(path.name for path in run.folder.iterdir()) == ["run.json"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_run_that_was_stopped_says_so_and_lets_the_folder_go(tmp_path, stop):
    with pytest.raises(stop), Run.create(tmp_path / "run", "c", {}, 0):
        raise stop
    assert Run.open(tmp_path / "run").facts["status"] == "interrupted"
    with Run.create(tmp_path / "run", "c", {}, 0):
        pass


@pytest.mark.parametrize("which", [1, 2])
def test_a_run_that_is_stopped_while_its_facts_are_written_says_so(tmp_path, monkeypatch, which):
    write, calls = replace_file, []

    def stop(path, text):
        write(path, text)
        calls.append(path)
        if len(calls) == which:
            raise SystemExit(143)

    monkeypatch.setattr("ceteris.report.run.replace_file", stop)
    with pytest.raises(SystemExit), Run.create(tmp_path / "run", "c", {}, 0):
        pass
    assert Run.open(tmp_path / "run").facts["status"] == "interrupted"
    assert not (tmp_path / "run" / ".lock").exists()


def test_the_time_of_a_run_that_goes_on_is_that_of_all_sessions(tmp_path):
    with Run.create(tmp_path / "run", "c", {}, 0, earlier=100.0):
        pass
    assert 100.0 <= Run.open(tmp_path / "run").facts["seconds"] < 110.0


def test_a_folder_that_another_run_writes_to_is_refused(tmp_path):
    with (
        Run.create(tmp_path / "run", "c", {}, 0),
        pytest.raises(BlockingIOError, match=r"folder: .* is in use by this process .*; wait until"),
    ):
        Run.create(tmp_path / "run", "c", {}, 1)
    assert Run.open(tmp_path / "run").facts["seed"] == 0


@pytest.mark.parametrize(("name", "value"), [("started", None), ("status", 3), ("config", []), ("seconds", "long")])
def test_a_fact_of_the_wrong_kind_is_named(tmp_path, name, value):
    with Run.create(tmp_path / "run", "c", {}, 0) as run:
        pass
    (run.folder / "run.json").write_text(json.dumps({**run.facts, name: value}))
    with pytest.raises(ValueError, match=rf"run.json was edited: its '{name}' is .*, which no run writes; restore it"):
        Run.open(run.folder)
    found = list_runs(tmp_path)
    assert "was edited" in found[0].facts["status"]


def test_a_folder_under_a_file_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match=r"folder: .*file.* because a file is in its place; name another"):
        Run.create(tmp_path / "file" / "run", "c", {}, 0)
    with pytest.raises(NotADirectoryError, match="a file is in its place"):
        Run.create(tmp_path / "file", "c", {}, 0)


def test_a_folder_with_other_files_is_refused_and_left_alone(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(ValueError, match=r"holds files but is not a run folder; name a new or an empty one"):
        Run.create(tmp_path, "c", {}, 0)
    assert (tmp_path / "report.html").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc refuses files even to root, and exists on Linux only")
def test_an_unwritable_folder_is_refused():
    with pytest.raises(PermissionError, match=r"folder: /proc/ceteris cannot be made .*; name another folder"):
        Run.create("/proc/ceteris", "c", {}, 0)


def test_a_full_disk_is_refused(tmp_path):
    # No disk has 10^18 bytes free: the run asks for more room than there is.
    with pytest.raises(OSError, match=r"the disk of .* MB free and a run may need .* MB; free some space"):
        check_folder(tmp_path / "run", room=10**18)


@pytest.fixture
def small_files():
    """No file may grow beyond 100 kB, as on a disk that fills up."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_disk_that_takes_no_megabyte_is_refused(tmp_path, small_files):
    with pytest.raises(PermissionError, match=r"cannot be written to \(File too large\); name a folder that can"):
        Run.create(tmp_path / "run", "c", {}, 0)
    assert list((tmp_path / "run").iterdir()) == []  # not even a lock


def test_a_write_that_fails_half_way_leaves_the_old_file_whole(tmp_path, small_files):
    path = tmp_path / "run.json"
    replace_file(path, "old")
    with pytest.raises(OSError, match="File too large"):
        replace_file(path, "x" * 200_000)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_setting_that_json_cannot_hold_is_named(tmp_path):
    with pytest.raises(TypeError, match=r"config: 'model' holds a object, which cannot be written as JSON; give"):
        Run.create(tmp_path / "run", "c", {"model": object()}, 0)
    assert not (tmp_path / "run").exists()


def test_opening_what_is_no_run_says_so(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is not a run folder \(it has no run.json\); give the folder"):
        Run.open(tmp_path)


@pytest.mark.parametrize("keep", [0, 1, 100])
def test_a_truncated_run_says_so(tmp_path, keep):
    run = Run.create(tmp_path / "run", "c", {}, 0)
    path = run.folder / "run.json"
    path.write_text(path.read_text()[:keep])
    with pytest.raises(ValueError, match=r"run.json cannot be read .*: it was cut off or edited; restore it"):
        Run.open(run.folder)


def test_json_of_the_wrong_kind_says_so(tmp_path):
    run = Run.create(tmp_path / "run", "c", {}, 0)
    (run.folder / "sections.json").write_text(json.dumps({"a": 1}))
    with pytest.raises(ValueError, match=r"sections.json cannot be read \(it holds a dict\)"):
        _ = run.sections


def test_runs_are_listed_oldest_first_and_broken_ones_too(tmp_path):
    for name, started in (("b", "2030-01-01T00:00:00+00:00"), ("a/nested", "2031-01-01T00:00:00+00:00")):
        run = Run.create(tmp_path / name, "c", {}, 0)
        run.facts["started"] = started
        run.finish()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "run.json").write_text("{")
    found = list_runs(tmp_path)
    assert [run.folder.name for run in found] == ["broken", "b", "nested"]
    assert found[0].facts["status"].startswith("unreadable: folder: ")
    with pytest.raises(FileNotFoundError, match=r"root: .*none is not a folder; give one with run folders in it"):
        list_runs(tmp_path / "none")


def test_versions_are_those_of_the_packages_themselves():
    assert machine.versions(("pandas",)) == {"python": sys.version.split()[0], "pandas": pd.__version__}
    assert machine.versions()["jax"] == metadata.version("jax")


def test_nothing_is_pickled(tmp_path):
    with Run.create(tmp_path / "run", "c", {}, 0) as run:
        run.write([example()], history=pd.DataFrame({"step": [0, 1], "loss": [1.0, 0.1]}))
    suffixes = {path.suffix for path in run.folder.rglob("*") if path.is_file()}
    assert suffixes == {".json", ".csv", ".svg"}
