"""Ends a command whose Ray is gone: killed for want of memory, or told to end together with the command.

Left alone, the command waits for Ray for a minute, then Ray aborts it without a word. Here a thread asks once a second
whether Ray's processes still answer. When one does not, the command says its last words and ends.
"""

from __future__ import annotations

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from sgg.common.command_line import INTERRUPTED

from .interrupts import signal_heard

Address = tuple[str, int]

FAULT = 1  # exit status


_overdue: str | None = None


def ray_is_gone() -> str:
    """What became of Ray, in words for a person."""
    if _overdue is not None:
        return _overdue
    heard = signal_heard()
    if heard:
        return f"interrupted by {heard}, and so were Ray's own processes"
    return "Ray's own processes have ended: killed, as when memory runs out, or lost with their machine"


def _begin_again() -> int:
    print(f"{ray_is_gone()}; what is written stays, begin again to go on from there", file=sys.stderr)
    return INTERRUPTED if signal_heard() else FAULT


_last_words: Callable[[], int] = _begin_again


def set_last_words(say: Callable[[], int]) -> None:
    """What the command does when Ray is gone, in another thread. `say` returns the exit status."""
    global _last_words
    _last_words = say


@contextmanager
def own_last_words() -> Iterator[None]:
    """What is set within the block counts within it. The process may use Ray for more than one search."""
    try:
        yield
    finally:
        set_last_words(_begin_again)


class RayWatch:
    """Watches processes that listen at `addresses`, and calls `end` once when one of them is gone.

    interval_s: between two looks. refused_s: a process that refuses connections for so long is gone; a busy one lets
    them wait. silent_s: a machine that does not answer for so long is lost; Ray itself gives up after 60 seconds.
    """

    def __init__(self, addresses: list[Address], end: Callable[[], None], interval_s: float = 1, refused_s: float = 3,
                 silent_s: float = 40):
        self._end = end
        self._interval, self._refused, self._silent = interval_s, refused_s, silent_s
        self._answered = dict.fromkeys(addresses, time.monotonic())
        self._over, self._lock = threading.Event(), threading.Lock()
        self._gone = self._ended = False

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within the block. It is left, in whatever way, only while Ray answers."""
        threading.Thread(target=self._watch, name="ray-watch", daemon=True).start()
        try:
            yield
        finally:
            while not self._answers() and not self._ended:
                time.sleep(self._interval / 4)
            self._over.set()

    def _watch(self) -> None:
        while not self._over.wait(self._interval):
            self._answers()

    def _answers(self) -> bool:
        """Whether all of them do, now. Where one has not done so for too long, this is the end."""
        with self._lock:
            silent = [address for address in self._answered if not self._answers_at(address)]
            if not self._ended and self._gone:
                self._ended = True
                self._end()
        return not silent

    def _answers_at(self, address: Address) -> bool:
        try:
            socket.create_connection(address, timeout=self._interval).close()
        except OSError as error:
            patience = self._refused if isinstance(error, ConnectionRefusedError) else self._silent
            self._gone |= time.monotonic() - self._answered[address] > patience
            return False
        self._answered[address] = time.monotonic()
        return True


def watched_ray() -> RayWatch:
    """A watch of the Ray that this process is connected to. It ends the process."""
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    here = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    return RayWatch([(host, int(port)), (here["NodeManagerAddress"], here["NodeManagerPort"])], _end_process)


def end_overdue(what: str, seconds: float) -> None:
    """End the process since Ray, which still answers, has not done what it was asked for. what: it, as a participle;
    seconds: for how long it was waited for."""
    global _overdue
    _overdue = f"Ray has not {what} within {seconds:g} s, although its processes still answer"
    print(f"{_overdue}: it is waited for no longer", file=sys.stderr)
    _end_process()


@contextmanager
def bounded(what: str, seconds: float, end: Callable[[str, float], None] = end_overdue) -> Iterator[None]:
    """Within the block, which asks Ray for something: where that takes longer than `seconds`, `end` is called with
    `what`, as for `end_overdue`, and the seconds."""
    timer = threading.Timer(seconds, end, (what, seconds))
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _end_process() -> None:
    status = FAULT
    try:
        status = _last_words()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(status)  # what waits for Ray would wait on, and so would Ray's own goodbye
