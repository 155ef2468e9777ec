"""Bounds the time that Tune takes to close down after the last step of a search."""

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
"""A minute for a trial's process to stop its workers, ten seconds until Tune kills it, and room for trackers that send
what is left to their server."""
TOLD = 5
"""Trials that a message names."""


class Closing(Callback):
    """Ends the command where Tune does not close down within `seconds`, saying what it waits for.

    After its last step Tune stops the trials that run, kills processes that are left, gives their resources back and
    lets trackers end. It asks Ray for most of that and waits for the answer, however long it takes: Ray's processes may
    take connections, so that `RayWatch` finds nothing, and do nothing else, as when they are suspended. `end` is called
    with what was not done and the seconds.
    """

    def __init__(self, seconds: float = CLOSING_S, end: Callable[[str, float], None] = end_overdue):
        self._seconds, self._end = seconds, end
        self._stepped_at: float | None = None  # None: within a step, whose length nobody knows
        self._running: list[str] = []

    def on_step_begin(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """Called by Tune."""
        self._stepped_at = None

    def on_step_end(self, iteration: int, trials: list[TuneTrial], **info: Any) -> None:
        """Called by Tune."""
        self._running = [trial.trial_id for trial in trials if trial.status == TuneTrial.RUNNING]
        self._stepped_at = time.monotonic()

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block, which is left when Tune has closed down."""
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
        """What Tune closes down, in words."""
        if not self._running:
            return "the processes of trials that are over, or a tracker (W&B) its work"
        more = f" and {len(self._running) - TOLD} more" if len(self._running) > TOLD else ""
        return f"the processes of {', '.join(self._running[:TOLD])}{more}, or a tracker (W&B) its work"
