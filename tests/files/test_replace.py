"""Files replaced in one step, whoever else writes; what fails or is killed leaves the old file and nothing more."""

import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from ceteris.files import is_empty, refuse_unwritable, remove_leftovers, replace_file


def test_a_file_is_replaced_whole_and_text_stays_as_it_is(tmp_path):
    path = tmp_path / "new" / "a.txt"
    replace_file(path, "é\r\n\n")
    assert path.read_bytes() == "é\r\n\n".encode()
    replace_file(path, [b"one", b"two"])
    assert path.read_bytes() == b"onetwo"
    assert list(path.parent.iterdir()) == [path]


def test_a_lone_surrogate_does_not_cost_the_file(tmp_path):
    replace_file(tmp_path / "a", "x\ud800y")
    assert (tmp_path / "a").read_text() == "x?y"


@pytest.fixture
def small_files():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, before)


def test_a_full_disk_leaves_the_file_of_before(tmp_path, small_files):
    path = tmp_path / "a"
    replace_file(path, b"old")
    with pytest.raises(OSError, match=r"a could not be written \(File too large\); the file of before, if any, is"):
        replace_file(path, bytes(5000))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_whatever_goes_wrong_leaves_no_temporary_file(tmp_path):
    def stopped():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(tmp_path / "a", stopped())
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["a" * 255, "é" * 127])
def test_the_longest_name_can_be_written(tmp_path, name):
    replace_file(tmp_path / name, "x")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_in_place_of_the_file_is_refused(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(OSError, match=r"a cannot be written \(it is a folder\); give"):
        refuse_unwritable(tmp_path / "a")
    with pytest.raises(OSError, match="could not be written"):
        replace_file(tmp_path / "a", "x")
    (tmp_path / "b").write_text("")
    with pytest.raises(OSError, match=r"c cannot be written \(.*\); give a folder you may write to"):
        refuse_unwritable(tmp_path / "b" / "c")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_threads_that_write_one_file_do_not_tear_it(tmp_path):
    path, failed = tmp_path / "a", []

    def write(letter):
        try:
            for _ in range(25):
                replace_file(path, letter * 10_000)
        except OSError as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(letter,)) for letter in "abcd"]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if path.exists():
            text = path.read_text()
            assert text == text[0] * 10_000
    assert not failed
    assert list(tmp_path.iterdir()) == [path]


WRITER = textwrap.dedent(
    """
    import sys
    from ceteris.files import replace_file
    def slow():
        print("writing", flush=True)
        sys.stdin.read()
        yield b"x"
    replace_file(sys.argv[1], slow())
    """
)


def test_what_a_killed_process_left_is_removed_and_a_living_ones_file_is_not(tmp_path):
    start = lambda: subprocess.Popen(
        [sys.executable, "-c", WRITER, str(tmp_path / "a")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    dead, alive = start(), start()
    for child in (dead, alive):
        child.stdout.readline()
    dead.kill()
    dead.communicate()
    assert len(list(tmp_path.iterdir())) == 2
    assert is_empty(tmp_path)
    remove_leftovers(tmp_path)
    assert len(list(tmp_path.iterdir())) == 1
    alive.communicate()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert not is_empty(tmp_path)


def test_only_our_own_temporary_files_are_removed(tmp_path):
    names = [".film.part", f".a.00000000-{os.getpid()}-{'0' * 32}.part", "a.part"]
    for name in names:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(names)
