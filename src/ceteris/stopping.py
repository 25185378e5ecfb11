"""Commands that are asked to end do so in good order."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

SOON = 0.05  # seconds
_heard: list[Stopped] = []


class Stopped(SystemExit):
    """A signal has asked the command to end. No loop mistakes it for an interruption that it may survive."""

    def __init__(self, signal_: int):
        super().__init__(128 + signal_)
        self.signal = signal_
        self.sentence = f"Stopped by {'Ctrl-C' if signal_ == signal.SIGINT else 'a signal to end'}."


def heard() -> Stopped | None:
    """What has asked the command to end, if anything: a library may have made another error of it on its way."""
    return _heard[-1] if _heard else None


@contextmanager
def stoppable() -> Iterator[None]:
    """End in good order on Ctrl-C and on SIGTERM: open files are closed, checkpoints written, the run's status said.

    Where a signal arrives within code whose errors Python can only print, such as a callback of the garbage collector,
    it is sent again a moment later. A second signal from outside ends the process at once.
    """
    handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()

    def listen(handler: Any) -> None:
        for each in handled:
            signal.signal(each, handler)

    def stop(signal_: int, frame: Any) -> None:
        listen(signal.SIG_DFL)
        _heard.append(Stopped(signal_))
        raise _heard[-1]

    def unheard(said: Any) -> None:
        if not isinstance(said.exc_value, Stopped):
            hook(said)
            return
        listen(stop)
        threading.Timer(SOON, signal.raise_signal, [said.exc_value.signal]).start()

    before, hook = {each: signal.getsignal(each) for each in handled}, sys.unraisablehook
    listen(stop)
    sys.unraisablehook = unheard
    try:
        yield
    except Exception:
        if _heard:  # what a signal has become on its way through other libraries is that signal again
            raise _heard[-1] from None
        raise
    finally:
        _heard.clear()
        sys.unraisablehook = hook
        for each, handler in before.items():
            signal.signal(each, handler)


class Deferred:
    """What has asked the work under way to end; see `deferred`."""

    def __init__(self) -> None:
        self.heard: int = 0

    @property
    def sentence(self) -> str:
        """What was heard, in words; empty if nothing was."""
        return Stopped(self.heard).sentence if self.heard else ""


@contextmanager
def deferred() -> Iterator[Deferred]:
    """Note Ctrl-C and SIGTERM instead of acting on them, so that work ends where it can be taken up again.

    A second signal acts at once. Whoever had asked to hear of a signal, other than by Python's defaults, hears of it
    when the block ends. Outside of the main thread, where signals do not arrive, nothing is changed.
    """
    noted = Deferred()
    handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before: dict[int, Any] = {each: signal.getsignal(each) for each in handled}
    handled = tuple(each for each in handled if before[each] not in (signal.SIG_IGN, None))

    def restore() -> None:
        for each in handled:
            signal.signal(each, before[each])

    def note(signal_: int, frame: Any) -> None:
        noted.heard = signal_
        restore()

    for each in handled:
        signal.signal(each, note)
    try:
        yield noted
    finally:
        restore()
    if noted.heard and before[noted.heard] not in (signal.default_int_handler, signal.SIG_DFL):
        signal.raise_signal(noted.heard)
