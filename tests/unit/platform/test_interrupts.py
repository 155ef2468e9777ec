import os
import signal
import threading
import time
from platform.interrupts import Interrupts

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


def test_the_end_of_the_time_interrupts() -> None:
    interrupts = Interrupts(0.05)
    with pytest.raises(KeyboardInterrupt), interrupts.watched():
        wait()
    assert interrupts.over


def test_a_batch_systems_signal_interrupts_and_is_not_the_time() -> None:
    interrupts = Interrupts(None)
    threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGTERM)).start()
    with pytest.raises(KeyboardInterrupt), interrupts.watched():
        wait()
    assert not interrupts.over


def test_afterwards_all_is_as_before() -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interrupts(0.2).watched():
        assert signal.getsignal(signal.SIGTERM) != before[1]
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before
    time.sleep(0.3)  # the time that was not up does not interrupt what comes later
