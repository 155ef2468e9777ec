import sys
from pathlib import Path
from platform.launch import opened_data
from platform.search.search_space import read_axes
from platform.study.entry_points import EntryPoints
from types import SimpleNamespace

import pytest

from sgg.config import ConfigError, load
from tests.plugins import HEAD, no_plugin_stays


@pytest.mark.parametrize(("overrides", "words"), [
    ([], ""),
    (["data.train_images=1000"], "; of these the first 1,000 of train"),
    (["data.train_images=64", "data.eval_images=40"], "; of these the first 64 of train and 40 each of val and test"),
    (["evaluation.val_images=1000"], "; validated on 1,000 of val"),
    (["data.train_images=64", "evaluation.val_images=9"], "; of these the first 64 of train; validated on 9 of val")])
def test_left_out(tmp_path: Path, overrides: list[str], words: str) -> None:
    (tmp_path / "a.yaml").write_text("")
    assert opened_data.left_out(load(tmp_path / "a.yaml", overrides).base) == words


def test_require_plugins_on_each_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plugin's parts are built on each data set that the search opens for a trial."""
    (tmp_path / "mine.py").write_text(HEAD)
    (tmp_path / "a.yaml").write_text("experiment: {plugins: mine.py}\n"
                                     "data: {name: {search: grid, of: [toy, custom]}}\n"
                                     "loss: {kind: {search: grid, of: [baseline, dnorm]}}\n")
    monkeypatch.setattr("sgg.systems.faults_of_plugins",
                        lambda experiment, use: [f"{experiment.config.loss.kind} on {experiment.config.data.name}, "
                                                 f"read from {experiment.data.files}"])
    monkeypatch.setitem(sys.modules, "stand_in", SimpleNamespace(
        open_data=lambda config: SimpleNamespace(files=f"{config.data.name}'s files")))
    monkeypatch.setattr(opened_data, "check_metric", lambda config, data: None)
    with no_plugin_stays():
        study, axes = read_axes(load(tmp_path / "a.yaml"))
        opened = opened_data.open_data(study, axes, EntryPoints(open_data="stand_in:open_data"))
        with pytest.raises(ConfigError) as refused:
            opened_data.require_plugins(study, axes, opened)
        assert refused.value.faults == [f"{loss} on {name}, read from {name}'s files" for name in ("toy", "custom")
                                        for loss in ("baseline", "dnorm")]


def test_tried_points_have_every_data_set(tmp_path: Path) -> None:
    """Of 2 x 3 x 4 combinations, which are many, all six data sets and all four rows."""
    (tmp_path / "a.yaml").write_text("""
data: {name: toy, version: 3, difficulty: {search: grid, of: [0, 1]}, seed: {search: grid, of: [7, 8, 9]}}
rows: {a: {}, b: {augmentation: gan}, c: {augmentation: feature_mixing}, d: {training: {mode: predcls}}}
""")
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    configs = [study.trial(point) for point in opened_data.tried_points(axes)]
    assert {(config.data.difficulty, config.data.seed) for config in configs} == {
        (difficulty, seed) for difficulty in (0, 1) for seed in (7, 8, 9)}
    assert len({(config.augmentation.kind, config.training.mode) for config in configs}) == 4
    assert len(opened_data.distinct(configs)) < 24
