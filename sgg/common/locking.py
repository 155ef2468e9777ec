"""File locks between processes. The operating system holds them, so a lock ends when its process ends or is killed."""

from __future__ import annotations

import fcntl
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sgg.common.atomic import named_in_errors

log = logging.getLogger(__name__)

POLL_S = 0.1
LOG_AFTER_S, LOG_EVERY_S = 3.0, 60.0
"""Seconds of waiting before the first log message, and between later ones."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock file `path` within the block; this process writes its name into it.

    If another process holds the lock, this waits without limit, since work under a lock may take hours. After a few
    seconds the log names the other process.

    Raises OSError that names the file if it cannot be written or its file system has no locks.
    """
    with open(path, "a", encoding="utf-8") as file:
        with named_in_errors(path):
            wait_for(file.fileno(), path, fcntl.LOCK_EX)
            file.truncate(0)
            file.write(this_process())
            file.flush()
        try:
            yield
        finally:
            file.truncate(0)  # so text that remains in the file was left by a killed process


def wait_for(descriptor: int, path: Path, kind: int) -> None:
    """Lock the open file or folder `descriptor`; wait like `held`.

    kind: fcntl.LOCK_EX or LOCK_SH. path: its name in messages. Raises OSError if its file system has no locks.
    """
    begun, next_log = time.monotonic(), LOG_AFTER_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - begun
        if waited >= next_log:
            log.warning("waiting for %s, held by %s, since %.0f s", path, _holder(path), waited)
            next_log += LOG_EVERY_S
        time.sleep(POLL_S)


def this_process() -> str:
    """The name of this process in messages of other processes."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
