"""A Ray that is gone: its processes no longer listen, or their machine does not answer."""

import signal
import socket
import time
from contextlib import suppress
from platform.cluster import watch as ray_watch
from platform.cluster.watch import RayWatch
from platform.launch import summary
from platform.study.directory import StudyDirectory
from platform.study.trial_record import RUNNING, STOPPED, TrialRecord

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


def test_ray_watch_ends_the_command_once_when_a_process_is_gone(process):
    ends = []
    with socket.create_server(("127.0.0.1", 0)) as other, RayWatch(
            [process.getsockname(), other.getsockname()], lambda: ends.append(1), **QUICKLY).watching():
        time.sleep(.3)
        assert not ends
        process.close()
        assert waited_for(ends) == [1]
    assert ends == [1]


def test_watching_ends_before_an_error_of_a_lost_ray_is_raised(process):
    """The block is left while nobody has noticed yet."""
    ends = []
    with suppress(RuntimeError), RayWatch([process.getsockname()], lambda: ends.append(1), **QUICKLY).watching():
        process.close()
        raise RuntimeError("of Ray's own")
    assert ends == [1]


def test_ray_watch_does_not_end_the_command_while_a_process_is_busy(process, monkeypatch):
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
    (None, 1, "Ray's own processes have ended: the system killed them, for example because memory ran out, or their "
              "machine was lost")])
def test_end_without_ray_records_trials_as_stopped(tmp_path, monkeypatch, capsys, heard, status, reason):
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


def test_bounded():
    """Its processes take connections and do nothing, as when they are suspended."""
    ends = []
    with ray_watch.bounded("shut down", .05, lambda *call: ends.append(call)):
        assert waited_for(ends) == [("shut down", .05)]
    with ray_watch.bounded("shut down", .05, lambda *call: ends.append(call)):
        pass
    time.sleep(.1)
    assert len(ends) == 1


def test_end_overdue(monkeypatch, capsys):
    """It ends the process, after the last words of the command."""
    ends = []
    monkeypatch.setattr("os._exit", ends.append)
    with ray_watch.own_last_words():
        ray_watch.set_last_words(lambda: print(ray_watch.ray_is_gone()) or 3)
        ray_watch.end_overdue("shut down", 120)
    assert ends == [3]
    reason = "Ray has not shut down within 120 s, although its processes still answer"
    printed = capsys.readouterr()
    assert reason in printed.out
    assert reason in printed.err


def test_print_how_to_continue(monkeypatch, capsys):
    monkeypatch.setattr(ray_watch, "signal_heard", lambda: signal.SIGTERM.name)
    assert ray_watch.print_how_to_continue() == 130
    printed = capsys.readouterr().err
    for part in ("interrupted by SIGTERM", "Ray", "run the command again"):
        assert part in printed


def test_own_last_words_end_with_their_search():
    """Its exit status is not that of what its process does next."""
    with ray_watch.own_last_words():
        ray_watch.set_last_words(lambda: 0)
        assert ray_watch.say_last_words() == 0
    assert ray_watch.say_last_words() == 1
