"""A folder has one owner; a dead one holds nothing; the second is told who the first is."""

import os
import subprocess
import sys
import textwrap
import threading

import pytest

from ceteris.files import LOCK, folder_lock, is_empty

OWNER = textwrap.dedent(
    """
    import sys
    from ceteris.files import folder_lock
    with folder_lock(sys.argv[1]):
        print("mine", flush=True)
        sys.stdin.read()
    """
)


def owner(folder):
    child = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert child.stdout.readline() == "mine\n"
    return child


def take(folder):
    with folder_lock(folder):
        pass


def test_the_second_process_is_told_who_the_first_is_and_a_dead_one_holds_nothing(tmp_path):
    child = owner(tmp_path)
    with pytest.raises(BlockingIOError, match=rf"is in use by process {child.pid}, since 20.*; wait .* another folder"):
        take(tmp_path)
    child.kill()
    child.communicate()
    assert is_empty(tmp_path)  # what the dead one left does not count
    with folder_lock(tmp_path):
        assert str(os.getpid()) in (tmp_path / LOCK).read_text()
    assert list(tmp_path.iterdir()) == []


def test_another_thread_and_a_second_lock_within_the_first_are_refused(tmp_path):
    refused = []

    def second():
        try:
            take(tmp_path)
        except BlockingIOError as error:
            refused.append(str(error))

    with folder_lock(tmp_path), folder_lock(tmp_path / "work"):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        second()
    assert len(refused) == 2
    assert all(f"this process ({os.getpid()})" in sentence for sentence in refused)
    take(tmp_path)


def test_an_error_within_lets_go(tmp_path):
    with pytest.raises(KeyboardInterrupt), folder_lock(tmp_path):
        raise KeyboardInterrupt
    take(tmp_path)


def test_a_lock_file_of_rubbish_does_not_matter(tmp_path):
    (tmp_path / LOCK).write_bytes(b"\xff[")
    with folder_lock(tmp_path):
        (tmp_path / LOCK).write_bytes(b"\xff[")
        with pytest.raises(BlockingIOError, match="in use by another process"):
            take(tmp_path)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "a").touch()
    with pytest.raises(OSError, match=r"folder: .*a cannot be written to \(.*\); name a folder that can"):
        take(tmp_path / "a")


RACER = textwrap.dedent(
    """
    import os, sys
    from ceteris.files import folder_lock
    held = 0
    while held < 100:
        try:
            with folder_lock(sys.argv[1]):
                fresh = os.open(sys.argv[2], os.O_CREAT | os.O_EXCL)  # fails if anybody else is inside
                os.close(fresh)
                os.unlink(sys.argv[2])
                held += 1
        except BlockingIOError:
            pass
    """
)


def test_four_processes_that_take_turns_are_never_inside_together(tmp_path):
    arguments = [sys.executable, "-c", RACER, str(tmp_path / "folder"), str(tmp_path / "inside")]
    children = [subprocess.Popen(arguments, stderr=subprocess.PIPE, text=True) for _ in range(4)]
    assert [child.communicate(timeout=60)[1] for child in children] == [""] * 4
    assert list((tmp_path / "folder").iterdir()) == []
