"""What the record of a trial says of the time that it ran."""

from __future__ import annotations

import time
from pathlib import Path
from platform.callbacks import trial_status
from platform.callbacks.trial_status import TrialStatusCallback
from platform.study.directory import StudyDirectory
from platform.study.trial_record import RUNNING, STOPPED, TrialRecord
from platform.trial.trainable import STUDY_KEY
from types import SimpleNamespace
from typing import Any

import pytest


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, which a test moves."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    actor = SimpleNamespace(**{name: SimpleNamespace(remote=lambda *_: None) for name in ("resume_after", "halt")})
    monkeypatch.setattr(trial_status, "actor_of", lambda trial: actor)
    monkeypatch.setattr(trial_status, "remove_placement_groups_of", lambda actor: None)
    return now


def begun(path: Path) -> tuple[StudyDirectory, Any]:
    """The folder of a study, and a trial of it that has begun."""
    directory = StudyDirectory(path)
    TrialRecord(directory.trial("t"), {"loss.scale": 2}, RUNNING).write()
    return directory, SimpleNamespace(trial_id="t", last_result={}, config={STUDY_KEY: str(path), "loss.scale": 2})


def test_record_has_the_time_of_all_attempts(tmp_path: Path, now: list[float]) -> None:
    """A trial loses its process after 100 seconds; the second one is stopped after 25. A search that resumes adds to
    what the record says."""
    directory, trial = begun(tmp_path)
    for searches, seconds in ((1, 125.0), (2, 250.0)):
        callback = TrialStatusCallback(directory, 2)
        callback.on_trial_start(1, [trial], trial)
        now[0] += 100
        callback.on_trial_recover(1, [trial], trial)
        now[0] += 999  # it waits for its turn
        callback.on_trial_start(1, [trial], trial)
        now[0] += 25
        callback.on_trial_complete(1, [trial], trial)
        record = TrialRecord.read(directory.trial("t"))
        assert (record.status, record.values, record.seconds) == (STOPPED, {"loss.scale": 2}, seconds), searches


def test_record_has_the_time_of_a_paused_trial_without_the_pause(tmp_path: Path, now: list[float]) -> None:
    """Tune says nothing of a pause. It follows a result, and the trial starts once more."""
    directory, trial = begun(tmp_path)
    callback = TrialStatusCallback(directory, 2)
    for pause in (1000, 0):
        callback.on_trial_start(1, [trial], trial)
        now[0] += 40
        callback.on_trial_result(1, [trial], trial, {})
        now[0] += pause
    now[0] += 2
    callback.on_trial_complete(2, [trial], trial)
    assert TrialRecord.read(directory.trial("t")).seconds == 82
