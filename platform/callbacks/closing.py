"""Limits the time that Tune takes to close down after the last step of a search."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ray.tune import Callback
from ray.tune.experiment import Trial as TuneTrial

from ..cluster.watch import end_overdue

CLOSING_S = 300.0
"""A minute for a trial's process to stop its workers, ten seconds until Tune kills it, and the rest for trackers, which
send their last values to a server."""
MOST_NAMED = 5
"""How many trials a message names."""


class Closing(Callback):
    """Ends the command when Tune does not close down within `seconds`. The message names what Tune waits for.

    After its last step Tune stops the running trials, kills remaining processes, releases their resources and lets
    trackers end. It asks Ray for most of that, and waits without a limit. Ray's processes may be suspended: they accept
    connections, so that `RayWatch` finds nothing wrong, but they do nothing else. This callback calls `end` with what
    was not done and the seconds.
    """

    def __init__(self, seconds: float = CLOSING_S, end: Callable[[str, float], None] = end_overdue):
        self._seconds, self._end = seconds, end
        self._stepped_at: float | None = None  # None: within a step, which may take any time
        self._running: list[str] = []

    def on_step_begin(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """Tune begins a step."""
        self._stepped_at = None

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """Tune has finished a step."""
        self._running = [trial.trial_id for trial in trials if trial.status == TuneTrial.RUNNING]
        self._stepped_at = time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch within the block, which must end when Tune has closed down."""
        over = threading.Event()
        threading.Thread(target=self._watch, args=(over,), name="closing", daemon=True).start()
        try:
            yield
        finally:
            over.set()

    def _watch(self, over: threading.Event) -> None:
        while not over.wait(min(1.0, self._seconds / 4)):
            stepped_at = self._stepped_at
            if stepped_at is not None and time.monotonic() - stepped_at > self._seconds:
                self._end(f"ended {self._waited_for()}", self._seconds)
                return

    def _waited_for(self) -> str:
        """What Tune still has to close down, for a message."""
        if not self._running:
            return "the processes of finished trials, or the work of a tracker (W&B)"
        more = f" and {len(self._running) - MOST_NAMED} more" if len(self._running) > MOST_NAMED else ""
        return f"the processes of {', '.join(self._running[:MOST_NAMED])}{more}, or the work of a tracker (W&B)"
