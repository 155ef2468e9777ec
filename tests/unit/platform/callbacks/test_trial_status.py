"""What the record of a trial says of the time that it ran."""

from __future__ import annotations

import time
from pathlib import Path
from platform.callbacks import trial_status
from platform.callbacks.trial_status import TrialStatusCallback
from platform.study.directory import RUNNING, STOPPED, StudyDirectory, TrialRecord
from platform.trial.trainable import STUDY_KEY
from types import SimpleNamespace

import pytest


def test_record_has_the_time_of_all_attempts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial loses its process after 100 seconds; the second one is stopped after 25. A search that resumes adds to
    what the record says."""
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    actor = SimpleNamespace(**{name: SimpleNamespace(remote=lambda *_: None) for name in ("resume_after", "halt")})
    monkeypatch.setattr(trial_status, "actor_of", lambda trial: actor)
    monkeypatch.setattr(trial_status, "remove_placement_groups_of", lambda actor: None)
    directory = StudyDirectory(tmp_path)
    trial = SimpleNamespace(trial_id="t", last_result={}, config={STUDY_KEY: str(tmp_path), "loss.scale": 2})
    TrialRecord(directory.trial("t"), {"loss.scale": 2}, RUNNING).write()
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
