"""What ends a search before its time: Ctrl-C, a batch system's SIGTERM, a terminal that closes, the time budget. To
Tune all are one Ctrl-C, after which a search can be taken up again.
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
"""Signals within so many seconds of one another are one wish: GNU `timeout` and service managers send two."""

_heard: str | None = None


def signal_heard() -> str | None:
    """The name of the signal, other than Ctrl-C's, that told this process to end; None before there was any."""
    return _heard


class Interrupts:
    """Within `watched`, SIGTERM, SIGHUP and the end of `seconds` (None: never) interrupt the process as Ctrl-C does.

    over: whether the time was what ended it.
    """

    def __init__(self, seconds: float | None):
        self._seconds, self.over = seconds, False
        self._heard_at = -AT_ONCE_S

    @contextmanager
    def watched(self) -> Iterator[Interrupts]:
        """Signals are as they were afterwards. For the main thread, to which signals go."""
        global _heard
        _heard = None
        before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        signal.signal(signal.SIGTERM, self._as_interrupt)
        if before[signal.SIGHUP] is not signal.SIG_IGN:  # nohup sets that, so that a search outlives its terminal
            signal.signal(signal.SIGHUP, self._as_interrupt)
        if before[signal.SIGINT] is signal.SIG_IGN:  # as in what a script starts in the background
            signal.signal(signal.SIGINT, signal.default_int_handler)
        timer = threading.Timer(self._seconds, self._time_is_over) if self._seconds is not None else None
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

    def _time_is_over(self) -> None:
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
    """What is printed to a terminal that has closed goes nowhere; else every print would fail from now on."""
    for descriptor in (1, 2):
        try:
            termios.tcgetattr(descriptor)
        except termios.error as error:
            if error.args[0] == errno.EIO:
                os.dup2(os.open(os.devnull, os.O_WRONLY), descriptor)
