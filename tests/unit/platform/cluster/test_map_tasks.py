"""Who stores maps: this process, or tasks. Ray's part of it is in tests/integration/test_ray_training.py."""

from pathlib import Path
from platform.cluster import map_tasks
from typing import Any

import pytest

from sgg import systems
from sgg.config import Config
from tests.unit.systems.test_stored import foundation_of

CPU = {"CPU": 1.0}


@pytest.fixture
def config(toy_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Of an exact foundation, which this process and inline "tasks" open; Ray has one node."""
    foundation = foundation_of(toy_root, tmp_path)
    monkeypatch.setattr(systems, "open_foundation", lambda config: foundation)
    monkeypatch.setattr(map_tasks, "foundation_of", lambda settings: foundation)
    monkeypatch.setattr(map_tasks, "nodes", lambda: [{"CPU": 4.0}])
    return foundation.config


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the functions that ran as tasks."""
    names = []

    def run_tasks(function: Any, tasks: list[tuple[Any, ...]], *others: Any) -> list[Any]:
        names.extend([function.__name__] * len(tasks))
        return [function(*one) for one in tasks]

    monkeypatch.setattr(map_tasks, "run_tasks", run_tasks)
    return names


def test_store_maps_by_this_process_where_that_is_quick(config, ran, capsys) -> None:
    paths = map_tasks.store_maps(config, CPU, {"CPU": 4.0})
    assert len(paths) == 3
    assert all(Path(path).is_dir() for path in paths)
    assert not ran
    assert capsys.readouterr().out.count("features.maps=exact: storing 24 maps of train, val, test") == 1
    assert map_tasks.store_maps(config, CPU, {"CPU": 4.0}) == []


@pytest.mark.parametrize(("total", "gpus", "names"), [
    ({"CPU": 4.0}, 0.0, ["_write_shard"] * 3), ({"CPU": 1.0}, 0.0, []), ({"CPU": 4.0, "GPU": 1.0}, 1.0, []),
    ({"CPU": 1.0, "GPU": 2.0}, 1.0, ["_missing_stores"] + ["_write_shard"] * 3)])
def test_store_maps_by_tasks_where_that_is_long(config, ran, monkeypatch, total, gpus, names) -> None:
    """One task decides where several devices may differ from this process's. A single GPU is left to this process."""
    monkeypatch.setattr(map_tasks, "LONG_S", 0.0)
    assert len(map_tasks.store_maps(config, CPU | {"GPU": gpus}, total)) == 3
    assert ran == names


def test_store_maps_of_settings_that_store_none(config, ran) -> None:
    off = config.model_copy(update={"features": config.features.model_copy(update={"maps": "off"})})
    assert map_tasks.store_maps(off, CPU, {"CPU": 1.0, "GPU": 2.0}) == []
    assert not ran


@pytest.mark.parametrize(("total", "count", "several"), [
    ({"CPU": 8.0}, 1, False), ({"CPU": 8.0, "GPU": 1.0}, 1, False), ({"GPU": 2.0}, 1, True), ({"CPU": 8.0}, 2, True)])
def test_has_several(monkeypatch, total, count: int, several: bool) -> None:
    monkeypatch.setattr(map_tasks, "nodes", lambda: [{}] * count)
    assert map_tasks.has_several(total) is several
