from pathlib import Path
from platform.launch.trials import run_to_completion
from platform.study.directory import StudyDirectory
from platform.study.trial_record import RUNNING, STOPPED, TrialRecord
from types import SimpleNamespace
from typing import Any

import pytest

from sgg.config import load


def test_run_to_completion_on_a_full_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.yaml").write_text("")
    study = load(tmp_path / "a.yaml", [f"experiment.output={tmp_path}", "experiment.name=s"])
    directory = StudyDirectory.of(study)
    TrialRecord(directory.trial("t"), {}, RUNNING).write()

    def full(*arguments: Any) -> tuple[bool, int]:
        raise OSError(28, "No space left on device", "notes/a.json")

    assert run_to_completion(SimpleNamespace(study=study, directory=directory, count=1, run=full), resume=False) == 1
    printed = capsys.readouterr().out
    record, = directory.records()
    assert (record.status, record.over) == (STOPPED, False)
    for part in ("No space left on device", "'notes/a.json'"):
        assert part in printed
        assert part in record.reason
    assert "--resume" in printed
