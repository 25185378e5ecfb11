"""The doctor: one honest screen, and what it calls broken is broken."""

import re
import tomllib

import numpy as np
import pytest

from ceteris import cli, doctor
from processes import ROOT, python

LOOK = """
from ceteris.doctor import examine
for finding in examine():
    print(finding.line, "->", finding.cure)
    if finding.name == "kept programs":
        break
"""
CURE = "-> set CETERIS_CACHE to a folder you may write to, or to off"


def call(capsys):
    try:
        cli.main(["doctor"])
    except SystemExit as end:
        return end.code or 0, *capsys.readouterr()


def test_it_finds_everything_in_order(capsys):
    code, out, _ = call(capsys)
    assert code == 0, out
    lines = {line[:14].rstrip(): line[15:] for line in out.splitlines()}
    assert lines["numpy"] == np.__version__
    assert re.match(r"\S+, \d+ cores, [\d.]+ GB of memory", lines["machine"])
    assert re.match(r"cpu:0 \(cpu\)|.*cuda", lines["devices"])
    assert re.match(r"compiled and run in \d+\.\d\d s", lines["program"])
    assert out.endswith("\nEverything needed works.\n")


def test_it_fails_when_something_needed_is_broken(capsys, monkeypatch):
    monkeypatch.setitem(doctor.REQUIRED, "numpy", "no_such_module")
    code, out, _ = call(capsys)
    assert code == 1
    assert "BROKEN: ModuleNotFoundError: No module named 'no_such_module'" in out
    assert out.endswith("\nBroken: numpy. To mend it, install ceteris again: pip install --force-reinstall ceteris.\n")


def test_whatever_goes_wrong_is_a_finding(monkeypatch):
    import jax

    def fail():
        raise RuntimeError("no device today")

    monkeypatch.setattr(jax, "devices", fail)
    found = {finding.name: finding for finding in doctor.examine()}
    assert found["devices"].text == "RuntimeError: no device today"
    assert found["devices"].cure
    assert not found["numpy"].cure


def test_it_counts_the_programs_that_are_kept_and_reads_one_back(tmp_path):
    python(LOOK, CETERIS_CACHE=tmp_path, OMP_NUM_THREADS=1)
    out, err = python(LOOK, CETERIS_CACHE=tmp_path, OMP_NUM_THREADS=1)
    (folder,) = tmp_path.iterdir()
    assert re.search(r"^program +compiled and run in \d+\.\d+ s, read back in \d+\.\d+ ->", out, re.MULTILINE)
    assert f"kept programs  2, 0.0 MB of at most 1,000, in {folder} -> \n" in out  # a new one each time
    assert f"CETERIS_CACHE={tmp_path} " in out
    assert "OMP_NUM_THREADS=1" in out
    assert err == ""


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({"CETERIS_CACHE": "off"}, "none by us: CETERIS_CACHE=off ->"),
        ({"JAX_ENABLE_COMPILATION_CACHE": "0"}, "none by us: jax_enable_compilation_cache is off ->"),
        ({"JAX_COMPILATION_CACHE_DIR": "/dev/null"}, "none by us: jax_compilation_cache_dir is '/dev/null' ->"),
        ({"CETERIS_CACHE": "/dev/null/below"}, f"BROKEN: none {CURE}"),
    ],
)
def test_it_says_why_no_programs_are_kept(variables, line):
    code = f"import warnings; warnings.simplefilter('ignore')\n{LOOK}"  # JAX warns of a folder that is none
    out, err = python(code, **variables)
    assert f"kept programs  {line}" in out
    assert ("cannot be kept in /dev/null/below" in err) == ("BROKEN" in line)


def test_it_knows_every_dependency_and_extra():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(doctor.REQUIRED) == {re.match(r"[\w-]+", line)[0] for line in project["dependencies"]}
    extras = project["optional-dependencies"]
    assert set(doctor.EXTRAS) == set(extras) - {"docs", "test"}
    stems = {name: re.match(r"[\w-]+", lines[0])[0] for name, lines in extras.items()}
    assert all(package.startswith(stems[name]) for name, (package, _) in doctor.EXTRAS.items())
