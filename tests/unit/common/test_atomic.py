"""Files that are whole or not there."""

import json
import math

import pytest

from sgg.common.atomic import replaced, to_json, write_json


def listed(folder):
    return [entry.name for entry in folder.iterdir()]


def test_it_is_as_before_until_it_is_whole(tmp_path) -> None:
    (tmp_path / "a").write_text("before")
    with replaced(tmp_path / "a") as passing:
        passing.write_text("after")
        assert (tmp_path / "a").read_text() == "before"
    assert (tmp_path / "a").read_text() == "after"
    assert listed(tmp_path) == ["a"]


def test_after_a_fault_it_is_as_before_and_nothing_is_left(tmp_path) -> None:
    (tmp_path / "a").write_text("before")

    def half(path):
        path.write_text("half")
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"), replaced(tmp_path / "a") as passing:
        half(passing)
    assert (tmp_path / "a").read_text() == "before"
    assert listed(tmp_path) == ["a"]


def test_a_disk_that_is_full_is_told_with_the_file(tmp_path, full_disk) -> None:
    with full_disk(), pytest.raises(OSError, match=r"File too large: '.*/test\.json'"):
        write_json(tmp_path / "test.json", {"zs": 0.123456789})
    assert listed(tmp_path) == []


def test_a_folder_that_is_missing_is_told_with_the_file_and_not_its_passing_name(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/nowhere/test\.json'"):
        write_json(tmp_path / "nowhere" / "test.json", {})


def test_what_is_no_number_is_null(tmp_path) -> None:
    write_json(tmp_path / "test.json", {"zs": math.nan, "all": (1.0, math.inf), "in": [{"x": -math.inf}]})
    assert json.loads((tmp_path / "test.json").read_text()) == {"zs": None, "all": [1.0, None], "in": [{"x": None}]}


def test_it_can_be_packed() -> None:
    assert to_json({"a": [1, 2.5]}) == '{"a": [1, 2.5]}'
    assert to_json({"a": 1}, indent=1) == '{\n "a": 1\n}'
