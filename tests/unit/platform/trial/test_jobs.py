"""The file in which workers find their next job."""

import json
from pathlib import Path
from platform.trial.jobs import JobFile


def test_wait_returns_the_job_that_was_put(tmp_path: Path) -> None:
    file = JobFile(tmp_path / "runs" / "a.json")
    name = file.put({"after": (1, 2), "start_from": None})
    assert file.wait(done=None, idle_s=10) == {"name": name, "arguments": {"after": [1, 2], "start_from": None}}


def test_wait_returns_an_unfinished_job_to_a_worker_that_replaces_a_lost_one(tmp_path: Path) -> None:
    file = JobFile(tmp_path / "a.json")
    name = file.put({})
    assert [file.wait(done=None, idle_s=10)["name"] for _ in range(2)] == [name, name]


def test_wait_does_not_return_the_job_that_is_done(tmp_path: Path) -> None:
    """Its file is still there when the worker looks for the next one."""
    file = JobFile(tmp_path / "a.json")
    name = file.put({})
    assert file.wait(done=name, idle_s=.1) is None
    other = file.put({})
    assert file.wait(done=name, idle_s=10)["name"] == other != name


def test_wait_ends_where_no_job_comes(tmp_path: Path) -> None:
    file = JobFile(tmp_path / "a.json")
    file.put({})
    file.remove()
    file.remove()
    assert file.wait(done=None, idle_s=.1) is None


def test_put_leaves_only_whole_files(tmp_path: Path) -> None:
    file = JobFile(tmp_path / "a.json")
    for number in range(3):
        file.put({"number": number})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert json.loads(file.path.read_text())["arguments"] == {"number": 2}
