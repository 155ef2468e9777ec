import os
import pty
import signal
import sys
import threading
import time
from platform.cluster.interrupts import Interrupts, signal_heard

import pytest


@pytest.fixture(autouse=True, params=[signal.default_int_handler, signal.SIG_IGN], ids=["foreground", "background"])
def began(request):
    """How a shell starts a command, in which pytest itself may have been started."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


def wait() -> None:
    time.sleep(20)
    pytest.fail("nothing interrupted")


def test_watched_interrupts_at_the_time_limit() -> None:
    interrupts = Interrupts(0.05)
    with pytest.raises(KeyboardInterrupt), interrupts.watched():
        wait()
    assert interrupts.over


def test_watched_interrupts_at_sigterm() -> None:
    interrupts = Interrupts(None)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(KeyboardInterrupt), interrupts.watched():
        wait()
    assert not interrupts.over


def test_watched_restores_handlers() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts(0.2).watched():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    time.sleep(0.3)  # the time that was not up does not interrupt what comes later


@pytest.mark.parametrize("which", [signal.SIGTERM, signal.SIGHUP])
def test_interrupts_count_two_signals_at_once_as_one(which) -> None:
    """As GNU `timeout` and a terminal that closes send them. The second would end a search without its summary."""
    interrupted = 0
    with Interrupts(None).watched():
        for one in (which, signal.SIGTERM):
            try:
                signal.raise_signal(one)
            except KeyboardInterrupt:
                interrupted += 1
        assert signal_heard() == "SIGTERM"
    assert interrupted == 1


def test_interrupts_ignore_sighup_under_nohup() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interrupts(None).watched():
            signal.raise_signal(signal.SIGHUP)
            assert signal_heard() is None
    finally:
        signal.signal(signal.SIGHUP, before)


CLOSED = """
import os, signal, time
from platform.cluster.interrupts import Interrupts
try:
    with Interrupts(None).watched():
        print("ready", flush=True)
        time.sleep(60)
except KeyboardInterrupt:
    print("what nobody reads", flush=True)
    os._exit(130)
"""


def test_interrupts_by_a_closed_terminal() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # the tests themselves may have been started with nohup
        os.execv(sys.executable, [sys.executable, "-c", CLOSED])
    assert os.read(terminal, 100).startswith(b"ready")
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
