"""Locks between processes: a waiting process logs the holder, and a lock ends with its holder."""

import fcntl
import multiprocessing
import os
import signal
import threading
import time

import pytest

from sgg.common import locking


def hold(path, ready):
    with locking.held(path):
        ready.send(os.getpid())
        signal.pause()


def test_held_logs_path_and_holder_and_ends_when_the_holder_dies(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(locking, "LOG_AFTER_S", 0.0)
    path = tmp_path / "a.lock"
    fork = multiprocessing.get_context("fork")
    told, ready = fork.Pipe(duplex=False)
    holder = fork.Process(target=hold, args=(path, ready))
    holder.start()
    pid = told.recv()

    def kill_once_told():
        while "waiting" not in caplog.text:
            time.sleep(0.01)
        os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=kill_once_told)
    killer.start()
    with locking.held(path):
        assert path.read_text() == locking.this_process()
    killer.join()
    holder.join()
    assert f"waiting for {path}, held by process {pid} on " in caplog.text
    assert path.read_text() == ""


def test_held_names_a_file_without_locks(tmp_path, monkeypatch):
    def refuses(descriptor, kind):
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuses)
    with pytest.raises(OSError, match="No locks available") as refusal, locking.held(tmp_path / "a.lock"):
        pass
    assert refusal.value.filename == str(tmp_path / "a.lock")
