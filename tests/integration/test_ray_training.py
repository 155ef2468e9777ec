"""The real training on Ray: the same numbers as without it, and several workers on one trial."""

import json
import os
import re
import runpy
import shutil
import sys
import threading
import time
from pathlib import Path
from platform import train
from platform.cluster import map_tasks
from platform.study.directory import StudyDirectory
from platform.study.trial_record import FINISHED, TrialRecord

import numpy as np
import psutil
import pytest
import yaml
from ray._private.state import actors as ray_actors
from ray_forks import FOLDER, forks

from sgg import systems
from sgg.common.run_log import History
from sgg.config import load
from sgg.features import FeatureStore, writer
from sgg.systems.two_stage import stored
from sgg.training.fit import fit

pytestmark = [pytest.mark.ray, pytest.mark.slow]  # each worker is a process that imports torch, and some are replaced


@pytest.fixture
def training_file(toy_settings, tmp_path) -> str:
    path = tmp_path / "training.yaml"
    path.write_text(yaml.safe_dump(toy_settings | {
        "experiment": {"name": "a", "output": str(tmp_path / "runs")},
        "augmentation": {"kind": "gan", "perturb": {"method": "graphn"}}}))
    return str(path)


def numbers(directory: Path) -> list[dict]:
    """What a run measured, without what depends on the clock."""
    rows = [{key: value for key, value in row.items() if key not in ("time", "attempt")}
            for row in History(directory).rows()]
    return [*rows, json.loads((directory / "test.json").read_text())]


def only_trial(tmp_path: Path) -> TrialRecord:
    record, = StudyDirectory(tmp_path / "runs" / "a").records()
    return record


def barriers() -> int:
    """How many processes this Ray has started at which workers wait for each other."""
    return sum("SynchronizationActor" in actor["ActorClassName"] for actor in ray_actors().values())


def test_train_gives_the_same_as_fit_without_ray(ray_with_gpus, training_file, tmp_path):
    """Bitwise: JSON keeps every digit. The second trial runs in the worker of the first one. There is no process at
    which this worker could wait for others."""
    before = barriers()
    assert train.main([training_file, "resources.gpus=0", "experiment.seed=[1, 2]", "search.max_concurrent=1"]) == 0
    workers = set()
    for record in StudyDirectory(tmp_path / "runs" / "a").records():
        fit(load(training_file).trial(record.values), outside := tmp_path / record.name)
        assert numbers(record.directory) == numbers(outside)
        workers |= set(re.findall(r"worker process (\d+)", (record.directory / "log.txt").read_text()))
    assert len(workers) == 1
    assert barriers() == before


def test_train_with_two_workers_survives_the_kill_of_one(ray_with_gpus, training_file, tmp_path, monkeypatch):
    from platform.callbacks.live_table import LiveTable

    seen, killed = LiveTable.on_trial_result, []

    def kill_one_after_the_first_epoch(self, iteration, trials, trial, result, **info):
        seen(self, iteration, trials, trial, result, **info)
        if result["epoch"] == 1 and not killed:
            workers = [process for process in forks(os.environ[FOLDER])
                       if "RayTrainWorker" in " ".join(process.cmdline())]
            assert len(workers) == 2
            killed.append(workers[1].pid)
            workers[1].kill()

    monkeypatch.setattr(LiveTable, "on_trial_result", kill_one_after_the_first_epoch)
    before = barriers()
    assert train.main([training_file, "resources.workers=2", "resources.gpus=0"]) == 0
    assert killed
    assert barriers() == before + 2  # one for the first two workers, one after the kill
    record = only_trial(tmp_path)
    assert record.status == FINISHED
    rows = record.rows()
    assert [row["epoch"] for row in rows] == [1, 2]
    assert rows[-1]["attempt"] == 2
    # The metrics count the images of both workers.
    assert record.test()["test/sgcls/all/num_images"] == 12
    assert 0 < rows[-1]["loss"] < 100


class KillFirst(threading.Thread):
    """Kills the first process that runs a task of a function."""

    def __init__(self, function: str) -> None:
        super().__init__(daemon=True)
        self._task, self.killed, self.over = f"ray::{function}", None, False
        self.start()

    def run(self) -> None:
        while self.killed is None and not self.over:
            for process in psutil.process_iter(["name"]):
                if process.info["name"].startswith(self._task):
                    self.killed = process.pid
                    process.kill()
                    break
            time.sleep(0.02)


def test_store_maps_by_tasks_of_which_one_is_killed(ray_with_gpus, training_file, toy_root, tmp_path, monkeypatch):
    """Bitwise the maps that this process computes, and nobody computes them again."""
    monkeypatch.setattr(stored, "rows_per_shard", lambda *_: 16)  # of 64 rows of train
    monkeypatch.setattr(map_tasks, "LONG_S", 0.0)
    systems.open_foundation(load(training_file).base)  # trains the detector, unless another test has
    config = load(training_file, [f"data.cache={tmp_path / 'cache'}", "features.maps=exact"]).base
    shutil.copytree(toy_root / "cache" / "detectors", tmp_path / "cache" / "detectors")
    first = KillFirst("_write_shard")
    try:
        map_tasks.store_maps(config, {"CPU": 1.0}, {"CPU": 4.0})
    finally:
        first.over = True
    assert first.killed
    foundation = systems.open_foundation(config)
    for name, rows in (("train", 64), ("val", 8), ("test", 12)):
        split = foundation.stored(name)
        assert split.rows == rows
        np.testing.assert_array_equal(split.open().stores["map"][range(rows)], split.compute(range(rows))["map"])


def test_features_are_written_by_tasks_and_one_is_killed(ray_with_gpus, training_file, toy_root, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "PART_BYTES", 2**18)  # some images each, so that there are several
    root = tmp_path / "data"
    shutil.copytree(toy_root, root, ignore=shutil.ignore_patterns("features"))
    first = KillFirst("_write_part")
    monkeypatch.setattr(sys, "argv", ["extract", training_file, f"data.root={root}"])
    with pytest.raises(SystemExit) as ended:  # as the main program, whose functions no other process can import
        runpy.run_module("platform.extract", run_name="__main__", alter_sys=True)
    first.over = True
    assert ended.value.code == 0
    assert first.killed
    foundation = systems.open_foundation(load(training_file, [f"data.root={root}"]).base)
    ((extraction, path),) = foundation.training_features()
    assert len(extraction.ranges()) > 3
    # A run of two epochs reads val more often than storing computes it. A task has decided, since there are 4 GPUs.
    assert [foundation.stored(name).complete for name in ("train", "val", "test")] == [False, True, False]
    by_tasks, here = FeatureStore.open(path, extraction.identity), extraction.ensure(tmp_path / "nodes.zarr")
    np.testing.assert_array_equal(by_tasks.counts, here.counts)
    # Sums are split among another number of threads.
    np.testing.assert_allclose(by_tasks[:], here[:], rtol=2e-3, atol=2e-3)
