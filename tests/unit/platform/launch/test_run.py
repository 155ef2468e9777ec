import os
import shutil
import signal
from pathlib import Path
from platform import tune
from platform.cluster import session as ray_session
from platform.launch import run as search
from platform.search.schedule import plan
from platform.search.search_space import read_axes
from platform.study.directory import RUNNING, STOPPED, StudyDirectory, TrialRecord
from platform.study.entry_points import EntryPoints
from types import SimpleNamespace

import pytest

from sgg.config import ConfigError, load
from sgg.methods.plugins import unload_plugins

HEAD = {"memory": 1e9}
EXAMPLE = Path(__file__).parents[3] / "example"


@pytest.fixture
def nodes(monkeypatch):
    """Sets what the nodes of a cluster have."""
    def put(*nodes):
        monkeypatch.setattr(ray_session, "nodes", lambda: list(nodes))
    return put


def resources(tmp_path, *overrides, gpus=0):
    (tmp_path / "a.yaml").write_text("")
    return search._resources(load(tmp_path / "a.yaml", ["resources.address=auto", *overrides]), {"GPU": gpus})


def test_a_cluster_without_workers_is_told_apart_from_one_whose_nodes_are_too_small(tmp_path, nodes):
    nodes(HEAD)
    with pytest.raises(ConfigError, match=r"no worker node of 'auto' is up yet: start one .*min-workers 1.*or wait"):
        resources(tmp_path)
    nodes(HEAD, {"CPU": 4.0, "GPU": 1.0})
    assert resources(tmp_path, gpus=1) == {"CPU": 1.0, "GPU": 1.0}
    with pytest.raises(ConfigError, match="a trial wants 2, but no node of this Ray has more than 1"):
        resources(tmp_path, "resources.gpus=2", gpus=1)


@pytest.mark.parametrize(("overrides", "words"), [
    ([], ""),
    (["data.train_images=1000"], "; of these the first 1,000 of train"),
    (["data.train_images=64", "data.eval_images=40"], "; of these the first 64 of train and 40 each of val and test")])
def test_images_that_are_left_out_are_told(tmp_path, overrides, words):
    (tmp_path / "a.yaml").write_text("")
    assert search._cut(load(tmp_path / "a.yaml", overrides).base) == words


def told_to_end(config):
    """Stands for data that take long to open, while a batch system's time is up."""
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_batch_systems_signal_before_ray_is_up_is_a_first_interrupt(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(search, "told_to_end", told_to_end, raising=False)
    (tmp_path / "a.yaml").write_text(f"experiment: {{output: {tmp_path}}}\n")
    assert tune.main([str(tmp_path / "a.yaml")], EntryPoints(open_data="platform.launch.run:told_to_end")) == 130
    assert capsys.readouterr().err == "interrupted\n"


def test_parts_of_plugins_are_tried_on_each_data_set(tmp_path, monkeypatch):
    """Which data set a search opens for a trial is what its entries are built from."""
    (tmp_path / "mine.py").write_text("")
    (tmp_path / "a.yaml").write_text("experiment: {plugins: mine.py}\n"
                                     "data: {name: {search: grid, of: [toy, custom]}}\n"
                                     "loss: {kind: {search: grid, of: [baseline, dnorm]}}\n")
    monkeypatch.setattr("sgg.systems.construction.faults_of_plugins",
                        lambda config, data: [f"{config.loss.kind} on {config.data.name}, read from {data}"])
    study, axes = read_axes(load(tmp_path / "a.yaml"))
    read = [(config, f"{config.data.name}'s files") for config in search._opened(study, axes)]
    with pytest.raises(ConfigError) as refused:
        search._require_plugins(study, axes, read)
    assert refused.value.faults == [f"{loss} on {name}, read from {name}'s files" for name in ("toy", "custom")
                                    for loss in ("baseline", "dnorm")]
    unload_plugins(["mine.py"])


@pytest.mark.parametrize("seed", range(6))
def test_what_is_made_for_trials_is_what_they_use(tmp_path, monkeypatch, seed):
    """Two trials, drawn along two axes, of which one decides on the detector."""
    (tmp_path / "a.yaml").write_text("""
detector: {epochs: {search: choice, of: [1, 2, 3, 4, 5, 6, 7, 8, 9]}}
loss: {scale: {search: uniform, low: 1, high: 9}}
search: {trials: 2}
""")
    study, axes = read_axes(load(tmp_path / "a.yaml", [f"experiment.seed={seed}"]))
    made = []

    def make(config):
        made.append(config.detector.epochs)
        settings = config.model_copy(update={"training": config.training.model_copy(update={"epochs": 3})})
        return SimpleNamespace(config=settings, facts={})

    monkeypatch.setattr(search, "make", make, raising=False)
    search._prepare(study, axes, EntryPoints(prepare="platform.launch.run:make"), {"CPU": 2.0})
    assert sorted(made) == sorted({values["detector.epochs"] for values in plan(study, axes)})


def test_a_driver_whose_disk_is_full_says_how_to_go_on(tmp_path, monkeypatch, capsys):
    (tmp_path / "a.yaml").write_text("")
    study = load(tmp_path / "a.yaml", [f"experiment.output={tmp_path}", "experiment.name=s"])
    directory = StudyDirectory.of(study)
    TrialRecord(directory.trial("t"), {}, RUNNING).write()

    def full(*arguments):
        raise OSError(28, "No space left on device", "notes/a.json")

    monkeypatch.setattr(search, "_run_trials", full)
    assert search._run_to_an_end(study, [], directory, {"CPU": 1.0}, 3, resume=False) == 1
    words = "the search could not go on: [Errno 28] No space left on device: 'notes/a.json'"
    assert capsys.readouterr().out == f"{words}; what was written before is whole, and with --resume it goes on\n"
    record, = directory.records()
    assert (record.status, record.reason, record.over) == (STOPPED, words, False)


@pytest.mark.parametrize(("text", "overrides", "refused"), [
    ("loss: {scale: {search: uniform, low: 1, high: 9}}", [], True),
    ("", ["search.trials=2"], True),
    ("", [], False),
])
def test_a_metric_that_validation_cannot_measure_is_refused_in_a_search(tmp_path, monkeypatch, capsys, text, overrides,
                                                                         refused):
    """Before Ray is started. A single trial is ranked by nothing, and runs."""
    monkeypatch.setattr(search, "ray_session", lambda *_: (_ for _ in ()).throw(ValueError("Ray was to start")))
    shutil.copytree(EXAMPLE, tmp_path / "data")
    settings = f"experiment: {{output: {tmp_path}}}\ndata: {{name: custom, root: {tmp_path}/data}}\n"
    (tmp_path / "a.yaml").write_text(f"{settings}training: {{batch_size: 4}}\n{text}")
    metric = "search.metric=val/sgcls/100s/ngR@100"  # two validation pictures, and four to train on
    assert tune.main([str(tmp_path / "a.yaml"), metric, *overrides]) == 2
    said = capsys.readouterr().err
    assert ("Ray was to start" in said) is not refused
    for part in ("search.metric val/sgcls/100s/ngR@100", "nine pictures", "val/sgcls/all/ngR@100", "more images to"):
        assert (part in said) is refused, said
