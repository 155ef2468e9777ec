"""Ends a command whose Ray is gone: killed because memory ran out, or ended by the same signal as the command.

Without this, the command waits for Ray for a minute, and then Ray aborts it without a message. Here a thread checks
once a second whether Ray's processes still answer. When one does not, the command prints what became of its
work and ends.
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
    """What became of Ray, in words for the user."""
    if _overdue is not None:
        return _overdue
    heard = signal_heard()
    if heard:
        return f"interrupted by {heard}, which has ended Ray's own processes too"
    return "Ray's own processes have ended: the system killed them, for example because memory ran out, or their " \
           "machine was lost"


def print_how_to_continue() -> int:
    """The last words of a command without trials. Returns the exit status."""
    print(f"{ray_is_gone()}; the finished parts remain, run the command again to continue", file=sys.stderr)
    return INTERRUPTED if signal_heard() else FAULT


_last_words: Callable[[], int] = print_how_to_continue


def set_last_words(say: Callable[[], int]) -> None:
    """Set what the command does when Ray is gone. Another thread calls `say`, which returns the exit status."""
    global _last_words
    _last_words = say


@contextmanager
def own_last_words() -> Iterator[None]:
    """Forget at the end of the block what was set within it. A process may run several searches."""
    global _overdue
    try:
        yield
    finally:
        _overdue = None
        set_last_words(print_how_to_continue)


def say_last_words() -> int:
    """Do what `set_last_words` has set, otherwise print how to continue. Returns the exit status."""
    return _last_words()


class RayWatch:
    """Watches processes that listen at `addresses`, and calls `end` once when one of them is gone.

    interval_s: seconds between two checks. refused_s: a process that refuses connections for so long is gone; a busy
    process lets connections wait. silent_s: a machine that does not answer for so long is lost; Ray itself gives up
    after 60 seconds.
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
        """Watch within the block. The block ends, normally or by an exception, only while Ray answers."""
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
        """Whether all of them answer now. Calls `end` when one has not answered for too long."""
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
    """A watch of the Ray that this process is connected to. It ends the process when that Ray is gone."""
    import ray

    context = ray.get_runtime_context()
    host, _, port = context.gcs_address.rpartition(":")
    here = next(node for node in ray.nodes() if node["NodeID"] == context.get_node_id())
    return RayWatch([(host, int(port)), (here["NodeManagerAddress"], here["NodeManagerPort"])], _end_process)


def end_overdue(what: str, seconds: float) -> None:
    """End the process because Ray, which still answers, has not done what it had to do.

    what: a participle, for example "shut down". seconds: how long the process has waited.
    """
    global _overdue
    _overdue = f"Ray has not {what} within {seconds:g} s, although its processes still answer"
    print(f"{_overdue}: this command does not wait any longer", file=sys.stderr)
    _end_process()


@contextmanager
def bounded(what: str, seconds: float, end: Callable[[str, float], None] = end_overdue) -> Iterator[None]:
    """Call `end` with `what` and `seconds`, see `end_overdue`, when the block takes longer than `seconds`. The block
    asks Ray for something and waits for it."""
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
        status = say_last_words()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError):
                stream.flush()
        os._exit(status)  # threads that wait for Ray, and Ray's own exit handlers, would never end
