"""What ends a search before its time: Ctrl-C, a batch system's SIGTERM, the time budget. To Tune all are one Ctrl-C,
after which a search can be taken up again.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Interrupts:
    """Within `watched`, SIGTERM and the end of `seconds` (None: never) interrupt the process as Ctrl-C does.

    over: whether the time was what ended it.
    """

    def __init__(self, seconds: float | None):
        self._seconds, self.over = seconds, False

    @contextmanager
    def watched(self) -> Iterator[Interrupts]:
        """Signals are as they were afterwards. For the main thread, to which signals go."""
        before = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}
        signal.signal(signal.SIGTERM, _as_interrupt)
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


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    signal.raise_signal(signal.SIGINT)
