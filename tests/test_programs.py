"""Compiled programs are kept between processes: safe for several at once, and never a reason to fail."""

import os
import stat
import time

import pytest

from ceteris.programs import DAY, SUM, VARIABLE, Shelf, keep_programs, programs, prune
from processes import python, start

COUNT = """
import collections, jax
found = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **facts: found.update([event.rpartition("/")[2]]))
"""
COMPILE = COUNT + "from ceteris.programs import keep_programs\nkeep_programs()\n"
COMPILE += "print(jax.jit(lambda x: 3 * x + 1)(2.0), jax.random.normal(jax.random.key(0), (3,)))\n"
TALLY = "\nprint(found['compile_requests_use_cache'], found['cache_hits'])"


def tally(out):
    """Return how many programs were asked for, and how many of them were there to be read."""
    requests, hits = map(int, out.split()[-2:])
    return requests, hits


def the_folder(home):
    (folder,) = home.iterdir()
    return folder


def test_a_second_process_compiles_nothing_and_gets_the_same_numbers(tmp_path):
    first, _ = python(COMPILE + TALLY, CETERIS_CACHE=tmp_path)
    second, err = python(COMPILE + TALLY, CETERIS_CACHE=tmp_path)
    requests, hits = tally(first)
    assert requests > 1
    assert hits == 0
    assert tally(second) == (requests, requests)
    assert first.splitlines()[0] == second.splitlines()[0]
    assert err == ""
    assert len(programs(the_folder(tmp_path))) == requests


def test_a_fit_of_a_second_process_traces_only(tmp_path):
    code = """
import equinox as eqx, numpy as np
from ceteris import Descend, fit
from ceteris.keys import key
from ceteris.nets import MLP
from ceteris.recipe import Loss, Minibatches, optimiser

x = np.linspace(0, 1, 50, dtype=np.float32)[:, None]

def loss(model, batch, key):
    return ((model(batch[0]) - batch[1]) ** 2).mean(), {}

rule = Descend(eqx.Partial(MLP, 1, 1, widths=(4,)), Loss(loss), Minibatches((x, x**2), 10), optimiser("adam", 1e-3))
found.clear()
print(fit(rule, key(0), steps=3, every=3).history["loss"].tolist())
"""
    first, _ = python(COUNT + code + TALLY, CETERIS_CACHE=tmp_path)
    second, _ = python(COUNT + code + TALLY, CETERIS_CACHE=tmp_path)
    requests, _ = tally(first)
    assert tally(second) == (requests, requests)
    assert first.splitlines()[0] == second.splitlines()[0]


def test_the_folder_is_the_users_own_and_is_said_once(tmp_path):
    _, err = python(COMPILE, XDG_CACHE_HOME=tmp_path)
    folder = the_folder(tmp_path / "ceteris" / "programs")
    sentence = f"Compiled programs are kept in {folder}, for a faster start next time; CETERIS_CACHE=off stops that.\n"
    assert err == sentence
    assert python(COMPILE, XDG_CACHE_HOME=tmp_path)[1] == ""
    if os.name == "posix":
        assert stat.S_IMODE(folder.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("variables", "line"),
    [
        ({VARIABLE: "off"}, ""),
        ({VARIABLE: "OFF"}, ""),
        ({"JAX_ENABLE_COMPILATION_CACHE": "false"}, ""),
        ({"JAX_COMPILATION_CACHE_DIR": "theirs"}, ""),
        ({}, "jax.config.update('jax_compilation_cache_dir', 'theirs')"),
    ],
)
def test_what_the_user_decided_is_not_touched(tmp_path, variables, line):
    said = "print(*(getattr(jax.config, 'jax_' + name) for name in ('compilation_cache_dir',"
    said += " 'persistent_cache_min_compile_time_secs', 'persistent_cache_min_entry_size_bytes')))"
    code = f"import jax\n{line}\n{said}\nfrom ceteris.programs import keep_programs\nprint(keep_programs())\n{said}"
    out, err = python(code, XDG_CACHE_HOME=tmp_path, **variables)
    before, answer, after = out.splitlines()
    assert (before, answer, err) == (after, "None", "")
    assert not list(tmp_path.iterdir())


NOISE = """
import socket
with socket.socket() as taken:
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    try:  # a port that is taken: the compiler's library writes to stderr, at the level of its alarms
        jax.profiler.start_server(taken.getsockname()[1])
    except Exception:
        pass
"""


def test_the_compilers_library_writes_nothing_unless_it_is_asked_to():
    before = "import jax\nfrom ceteris.programs import keep_programs\n"
    quiet = "keep_programs()"
    assert python(before + NOISE, CETERIS_CACHE="off")[1] != "", "or else this tests nothing"
    assert python(before + quiet + NOISE, CETERIS_CACHE="off")[1] == ""
    assert python(before + quiet + NOISE, CETERIS_CACHE="off", TF_CPP_MIN_LOG_LEVEL="0")[1] != ""


def test_thresholds_that_the_user_set_hold(tmp_path):
    python(COMPILE, CETERIS_CACHE=tmp_path, JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS=1000)
    assert programs(the_folder(tmp_path)) == []


def test_nothing_is_set_or_made_when_the_package_is_imported(tmp_path):
    code = "import ceteris, ceteris.engine, ceteris.learners, ceteris.equilibrium, jax\n"
    code += "print(jax.config.jax_compilation_cache_dir)"
    assert python(code, XDG_CACHE_HOME=tmp_path) == ("None\n", "")
    assert not list(tmp_path.iterdir())


def test_processes_that_compile_the_same_at_a_time_do_not_disturb_each_other(tmp_path):
    running = [start(COMPILE, CETERIS_CACHE=tmp_path / "new") for _ in range(3)]
    ends = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ends
    assert len({out for out, _ in ends}) == 1
    assert {err for _, err in ends} == {""}
    shelf = Shelf(folder := the_folder(tmp_path / "new"))
    assert all(shelf.get(path.name) for _, _, path in programs(folder))  # each is whole
    requests, hits = tally(python(COMPILE + TALLY, CETERIS_CACHE=tmp_path / "new")[0])
    assert requests == hits


def test_a_file_cut_off_or_damaged_is_compiled_anew_and_replaced(tmp_path):
    first, _ = python(COMPILE + TALLY, CETERIS_CACHE=tmp_path)
    folder = the_folder(tmp_path)
    files = [path for _, _, path in programs(folder)]
    for path, spoil in zip(files, (lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-1] + b"x"), strict=False):
        path.write_bytes(spoil(path.read_bytes()))
    second, err = python(COMPILE + TALLY, CETERIS_CACHE=tmp_path)
    spoilt = min(3, len(files))
    assert second.splitlines()[0] == first.splitlines()[0]
    assert tally(second) == (len(files), len(files) - spoilt)
    assert err == ""
    assert tally(python(COMPILE + TALLY, CETERIS_CACHE=tmp_path)[0]) == (len(files), len(files))


def test_a_folder_that_cannot_be_made_costs_a_sentence_and_nothing_else(tmp_path):
    (tmp_path / "file").write_text("")
    out, err = python(COMPILE, CETERIS_CACHE=tmp_path / "file" / "below")
    assert out.startswith("7.0 ")
    assert err.startswith(f"Compiled programs cannot be kept in {tmp_path / 'file' / 'below'}")
    assert err.endswith(
        "so that every process compiles its own; set CETERIS_CACHE to a folder you may write to, or to off.\n"
    )
    assert err.count("\n") == 1


def test_a_folder_that_fills_up_costs_a_sentence_and_nothing_else(tmp_path, capfd):
    shelf = Shelf(tmp_path / "gone")
    shelf.put("a", b"1")
    shelf.put("b", b"2")
    assert shelf.get("a") is None
    out, err = capfd.readouterr()
    assert out == ""
    assert err.splitlines() == [
        f"Compiled programs cannot be kept in {tmp_path / 'gone'} (No such file or directory); this process goes on "
        "without."
    ]


@pytest.mark.skipif(os.name != "posix", reason="owners and rights are those of POSIX")
def test_a_folder_of_another_user_is_not_used(tmp_path):
    home = tmp_path / "ceteris" / "programs"
    home.mkdir(parents=True)
    if os.geteuid() == 0:
        os.chown(home, 12345, 12345)
        out, err = python(COMPILE, XDG_CACHE_HOME=tmp_path)
        assert out.startswith("7.0 ")
        assert "(it belongs to another user), so that every process compiles its own;" in err
        assert list(home.iterdir()) == []
    else:
        home.chmod(0o777)
        python(COMPILE, XDG_CACHE_HOME=tmp_path)
        assert stat.S_IMODE(home.stat().st_mode) == 0o700  # nobody else may put programs there


def test_a_user_without_a_home_goes_without(tmp_path):
    code = COMPILE.replace("keep_programs()\n", "print(keep_programs())\n", 1)
    code = "import os.path\nos.path.expanduser = lambda path: path  # as where nobody knows the user\n" + code
    out, err = python(code, HOME="")
    assert out.startswith("None\n7.0 ")
    assert "(there is no home folder), so that" in err


def test_programs_unused_for_longest_go_first_and_at_most_once_a_day(tmp_path):
    shelf, now = Shelf(tmp_path), time.time()
    for age, name in enumerate("abcd"):  # d is the oldest
        shelf.put(name, bytes(100 - SUM))
        os.utime(tmp_path / name, (now - 60 * age, now - 60 * age))
    assert shelf.get("d")  # and was used just now
    prune(tmp_path, most=250)
    assert sorted(path.name for _, _, path in programs(tmp_path)) == ["a", "d"]
    prune(tmp_path, most=0)
    assert len(programs(tmp_path)) == 2
    os.utime(tmp_path / ".pruned", (now - 2 * DAY, now - 2 * DAY))
    prune(tmp_path, most=0)
    assert programs(tmp_path) == []


def test_a_program_is_found_by_the_end_of_its_key_however_long_its_name(tmp_path):
    shelf = Shelf(tmp_path)
    shelf.put("jit_" + "f" * 300 + "-" + "0" * 64, b"one")
    shelf.put("jit_" + "f" * 300 + "-" + "1" * 64, b"two")
    assert shelf.get("jit_" + "f" * 300 + "-" + "0" * 64) == b"one"


def test_after_the_first_time_it_costs_nothing():
    keep_programs()

    def spent():
        start = time.process_time()
        for _ in range(1000):
            keep_programs()
        return time.process_time() - start

    # a millisecond would be felt in no fit; this is a hundredth of one, in the quickest of five: rubbish is collected
    assert min(spent() for _ in range(5)) < 0.01
