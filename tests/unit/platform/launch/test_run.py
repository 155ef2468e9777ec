import os
import shutil
import signal
import sys
from pathlib import Path
from platform import tune
from platform.launch import run
from platform.launch.run import run_study
from platform.study.directory import StudyDirectory
from platform.study.entry_points import EntryPoints
from types import SimpleNamespace
from typing import Any

import pytest

from sgg.config import ConfigError, load
from sgg.experiment.data_checks import image_hashes, open_for_training
from tests.darkened import darken

EXAMPLE = Path(__file__).parents[3] / "example"


def test_run_study_ends_by_a_signal_before_ray_is_up(tmp_path: Path, capsys: pytest.CaptureFixture[str],
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes while the data are opened, which may take long."""
    monkeypatch.setitem(sys.modules, "stand_in", SimpleNamespace(
        open_data=lambda config: os.kill(os.getpid(), signal.SIGTERM)))
    (tmp_path / "a.yaml").write_text(f"experiment: {{output: {tmp_path}}}\n")
    assert tune.main([str(tmp_path / "a.yaml")], EntryPoints(open_data="stand_in:open_data")) == 130
    assert capsys.readouterr().err == "interrupted\n"


@pytest.mark.parametrize(("text", "overrides", "refused"), [
    ("loss: {scale: {search: uniform, low: 1, high: 9}}", [], True),
    ("", ["search.trials=2"], True),
    ("", [], False),
])
def test_run_study_refuses_a_metric_that_validation_cannot_measure(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str,
        overrides: list[str], refused: bool) -> None:
    """Before Ray starts. A single trial is compared with nothing, and runs."""
    def start(*arguments: Any) -> None:
        raise ValueError("Ray was to start")

    monkeypatch.setattr(run, "ray_session", start)
    shutil.copytree(EXAMPLE, tmp_path / "data")
    settings = f"experiment: {{output: {tmp_path}}}\ndata: {{name: custom, root: {tmp_path}/data}}\n"
    (tmp_path / "a.yaml").write_text(f"{settings}training: {{batch_size: 4}}\n{text}")
    metric = "search.metric=val/sgcls/100s/ngR@100"  # two validation images, and four to train on
    assert tune.main([str(tmp_path / "a.yaml"), metric, *overrides]) == 2
    message = capsys.readouterr().err
    assert ("Ray was to start" in message) is not refused
    for part in ("search.metric val/sgcls/100s/ngR@100", "nine pictures", "val/sgcls/all/ngR@100"):
        assert (part in message) is refused, message


def test_run_study_refuses_a_study_of_other_images_before_a_detector_is_trained(toy_copy):
    """Before `EntryPoints.prepare`, which trains one, and here is not even found."""
    config = toy_copy / "one.yaml"
    config.write_text(f"experiment: {{name: one, output: {toy_copy}}}\ntraining: {{batch_size: 1}}\n"
                      f"data: {{name: toy, root: {toy_copy}, workers: 0}}\n")
    study = load(config)
    data = open_for_training(study.base)
    facts = {"description": "toy", "hash": data.hash, "pictures": image_hashes(study.base, data)}
    StudyDirectory.of(study).begin(study, {"data": facts})
    darken(data.split("val"))
    with pytest.raises(ConfigError, match="one was begun with other images of val: put them back, or choose another"):
        run_study(study, [], True, EntryPoints(prepare="is:not_called"))
