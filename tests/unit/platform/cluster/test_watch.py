"""A Ray that is gone: its processes no longer listen, or their machine does not answer."""

import signal
import socket
import time
from contextlib import suppress
from platform.cluster import watch as ray_watch
from platform.cluster.watch import RayWatch
from platform.launch import summary
from platform.study.directory import RUNNING, STOPPED, StudyDirectory, TrialRecord

import pytest

QUICKLY = {"interval_s": .02, "refused_s": .1, "silent_s": .3}


@pytest.fixture
def process():
    """What listens, as Ray's processes do."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


def waited_for(ends, seconds=10):
    end = time.monotonic() + seconds
    while not ends and time.monotonic() < end:
        time.sleep(.01)
    return ends


def test_a_process_that_is_gone_ends_the_command_once(process):
    ends = []
    with socket.create_server(("127.0.0.1", 0)) as other, RayWatch(
            [process.getsockname(), other.getsockname()], lambda: ends.append(1), **QUICKLY).watching():
        time.sleep(.3)
        assert not ends
        process.close()
        assert waited_for(ends) == [1]
    assert ends == [1]


def test_a_fault_of_a_lost_ray_is_not_told_before_the_end(process):
    """The block is left while nobody has noticed yet."""
    ends = []
    with suppress(RuntimeError), RayWatch([process.getsockname()], lambda: ends.append(1), **QUICKLY).watching():
        process.close()
        raise RuntimeError("of Ray's own")
    assert ends == [1]


def test_a_busy_process_lets_connections_wait(process, monkeypatch):
    """And is lost in the end if it never answers."""
    def wait(address, timeout):
        raise TimeoutError

    monkeypatch.setattr(socket, "create_connection", wait)
    ends, begun = [], time.monotonic()
    with RayWatch([process.getsockname()], lambda: ends.append(time.monotonic() - begun), **QUICKLY).watching():
        waited_for(ends)
    assert ends[0] > .3


@pytest.mark.parametrize(("heard", "status", "reason"), [
    ("SIGTERM", 130, "interrupted"),
    (None, 1, "Ray's own processes have ended: killed, as when memory runs out, or lost with their machine")])
def test_trials_are_recorded_as_interrupted(tmp_path, monkeypatch, capsys, heard, status, reason):
    for module in (ray_watch, summary):
        monkeypatch.setattr(module, "signal_heard", lambda: heard)
    directory = StudyDirectory(tmp_path)
    TrialRecord(directory.trial("t"), {}, RUNNING).write()
    monkeypatch.setattr(summary, "write_results", lambda path: "")
    assert summary.end_without_ray(directory, trials=3) == status
    record, = directory.records()
    assert (record.status, record.reason, record.over) == (STOPPED, reason, False)
    printed = capsys.readouterr().out
    assert "--resume" in printed
    assert "1 stopped, 2 not begun" in printed
    assert (heard or "killed") in printed


def test_what_ray_does_not_do_in_time_ends_the_command_and_is_named(monkeypatch, capsys):
    """Its processes take connections and do nothing, as when they are suspended."""
    ends = []
    with ray_watch.bounded("shut down", .05, lambda *told: ends.append(told)):
        assert waited_for(ends) == [("shut down", .05)]
    with ray_watch.bounded("shut down", .05, lambda *told: ends.append(told)):
        pass
    time.sleep(.1)
    assert len(ends) == 1
    monkeypatch.setattr(ray_watch, "_end_process", lambda: ends.append(ray_watch.ray_is_gone()))
    monkeypatch.setattr(ray_watch, "_overdue", None)
    ray_watch.end_overdue("shut down", 120)
    assert ends[1] == "Ray has not shut down within 120 s, although its processes still answer"
    assert ends[1] in capsys.readouterr().err


def test_a_command_without_trials_says_how_to_go_on(monkeypatch, capsys):
    monkeypatch.setattr(ray_watch, "signal_heard", lambda: signal.SIGTERM.name)
    assert ray_watch._begin_again() == 130
    assert "interrupted by SIGTERM, and so were Ray's own processes; what is written stays" in capsys.readouterr().err


def test_words_of_a_search_that_is_over_are_not_the_last():
    """Its exit status is not that of what its process does next."""
    with ray_watch.own_last_words():
        ray_watch.set_last_words(lambda: 0)
        assert ray_watch._last_words() == 0
    assert ray_watch._last_words() == 1
