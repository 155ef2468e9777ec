"""Locks that processes share through files. They are the system's own: a lock ends with its owner, however it dies."""

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
"""When the log says what is waited for, first and then again."""


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Within the block this process alone holds the lock file `path`, which says so. It waits for whoever holds it;
    after a few seconds the log says who that is.

    There is no limit to waiting: what is made under a lock may take hours. It ends with the process that holds it.

    Raises OSError naming the file where it cannot be written, or its file system has no locks.
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
            file.truncate(0)  # what is here afterwards was left by a process that was killed


def wait_for(descriptor: int, path: Path, kind: int) -> None:
    """Lock the open file or folder `descriptor`, kind: fcntl.LOCK_EX or LOCK_SH; waits as `held` does.

    path: what to call it. Raises OSError where its file system has no locks.
    """
    begun, told = time.monotonic(), LOG_AFTER_S
    while True:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            waited = time.monotonic() - begun
        if waited >= told:
            log.warning("waiting for %s, held by %s, since %.0f s", path, _holder(path), waited)
            told += LOG_EVERY_S
        time.sleep(POLL_S)


def this_process() -> str:
    """How this process is called in messages of others."""
    return f"process {os.getpid()} on {socket.gethostname()}"


def _holder(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip() or "another process"
    except (OSError, UnicodeDecodeError):
        return "another process"
