"""Commands that are asked to end do so in good order."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stopped(SystemExit):
    """A signal has asked the command to end. No loop mistakes it for an interruption that it may survive."""

    def __init__(self, signal_: int):
        super().__init__(128 + signal_)
        self.sentence = f"Stopped by {'Ctrl-C' if signal_ == signal.SIGINT else 'a signal to end'}."


@contextmanager
def stoppable() -> Iterator[None]:
    """End in good order on Ctrl-C and on SIGTERM: open files are closed, checkpoints written, the run's status said."""

    def stop(signal_: int, frame: Any) -> None:
        for each in handled:  # a second one ends the process at once
            signal.signal(each, signal.SIG_DFL)
        raise Stopped(signal_)

    handled = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {each: signal.signal(each, stop) for each in handled}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
