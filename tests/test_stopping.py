"""Signals end a command in good order, wherever they arrive."""

import os
import signal
import subprocess
import sys
import time
import weakref

import pytest

from ceteris import cli
from ceteris.report import Run
from ceteris.stopping import Stopped, stoppable


def sleep_through(send):
    """What a command does all day, and a signal meanwhile."""
    with stoppable():
        send()
        time.sleep(5)


@pytest.mark.parametrize(("sign", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_what_runs_with_its_code(sign, code):
    before = signal.getsignal(sign)
    with pytest.raises(Stopped) as stop:
        sleep_through(lambda: os.kill(os.getpid(), sign))
    assert stop.value.code == code
    assert stop.value.sentence.startswith("Stopped by ")
    assert signal.getsignal(sign) is before


class Thing:
    """Something that can be referred to weakly."""


def swallow():
    """Send a signal from a callback whose errors Python ignores."""
    thing = Thing()
    reference = weakref.ref(thing, lambda _: signal.raise_signal(signal.SIGTERM))
    del thing
    assert reference() is None


def test_a_signal_that_a_callback_swallows_is_heard_a_moment_later():
    with pytest.raises(Stopped) as stop:
        sleep_through(swallow)
    assert stop.value.code == 143


STUBBORN = """
import signal, sys, time
from ceteris.stopping import stoppable
with stoppable():
    try:
        print("ready", flush=True)
        time.sleep(20)
    finally:
        print("cleaning", flush=True)
        time.sleep(20)
"""


def test_a_second_signal_ends_the_process_at_once():
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        for word in ("ready\n", "cleaning\n"):
            assert process.stdout.readline() == word
            process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == -signal.SIGTERM


def test_what_a_library_makes_of_a_signal_is_that_signal_again(capsys, tmp_path, monkeypatch):
    """As a compiled program does with what is raised in a callback from it."""

    def disguise(*arguments, **options):
        try:
            signal.raise_signal(signal.SIGTERM)
        except SystemExit as stop:
            raise RuntimeError("INTERNAL: a callback raised") from stop

    monkeypatch.setattr("ceteris.gallery.sections", disguise)
    with pytest.raises(SystemExit) as end:
        cli.main(["gallery", "curves", "--out", str(tmp_path / "run")])
    assert end.value.code == 143
    assert "Stopped by a signal to end." in capsys.readouterr().err
    assert Run.open(tmp_path / "run").facts["status"] == "interrupted"
