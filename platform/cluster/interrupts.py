"""The ways to end a search early: Ctrl-C, a batch system's SIGTERM, a closed terminal, the time budget. Tune gets each
of them as one Ctrl-C, after which a search can be resumed.
"""

from __future__ import annotations

import errno
import os
import signal
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

AT_ONCE_S = 2.0
"""Signals within so many seconds of each other count as one: GNU `timeout` and service managers send two."""

_heard: str | None = None


def signal_heard() -> str | None:
    """The name of the last signal other than Ctrl-C's that asked this process to end; None if there was none."""
    return _heard


class Interrupts:
    """Within `watched`, SIGTERM, SIGHUP and the end of `seconds` (None: no limit) interrupt the process as Ctrl-C does.

    over: whether the time limit has interrupted the process.
    """

    def __init__(self, seconds: float | None):
        self._seconds, self.over = seconds, False
        self._heard_at = -AT_ONCE_S

    @contextmanager
    def watched(self) -> Iterator[Interrupts]:
        """Restores the handlers of signals at the end. Only the main thread gets signals and may use this."""
        global _heard
        _heard = None
        before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        signal.signal(signal.SIGTERM, self._as_interrupt)
        if before[signal.SIGHUP] is not signal.SIG_IGN:  # nohup ignores SIGHUP: the search continues
            signal.signal(signal.SIGHUP, self._as_interrupt)
        if before[signal.SIGINT] is signal.SIG_IGN:  # scripts start background processes like this
            signal.signal(signal.SIGINT, signal.default_int_handler)
        timer = threading.Timer(self._seconds, self.end_time) if self._seconds is not None else None
        if timer is not None:
            timer.daemon = True
            timer.start()
        try:
            yield self
        finally:
            if timer is not None:
                timer.cancel()
            for which, handler in before.items():
                signal.signal(which, handler)

    def end_time(self) -> None:
        """Interrupt the process because its time is up."""
        self.over = True
        os.kill(os.getpid(), signal.SIGINT)

    def _as_interrupt(self, number: int, frame: FrameType | None) -> None:
        global _heard
        if number == signal.SIGHUP:
            _leave_the_terminal()
        now, before = time.monotonic(), self._heard_at
        _heard, self._heard_at = signal.Signals(number).name, now
        if now - before >= AT_ONCE_S:
            signal.raise_signal(signal.SIGINT)


def _leave_the_terminal() -> None:
    """Discard what is printed to a closed terminal from now on; otherwise every print would fail."""
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
