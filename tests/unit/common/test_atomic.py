"""Atomic writing: a file is whole or not there."""

import json
import math

import pytest

from sgg.common.atomic import replaced, to_json, write_json


def listed(folder):
    return [entry.name for entry in folder.iterdir()]


def test_replaced_keeps_the_old_file_until_the_new_one_is_whole(tmp_path) -> None:
    (tmp_path / "a").write_text("before")
    with replaced(tmp_path / "a") as passing:
        passing.write_text("after")
        assert (tmp_path / "a").read_text() == "before"
    assert (tmp_path / "a").read_text() == "after"
    assert listed(tmp_path) == ["a"]


def test_replaced_leaves_nothing_behind_after_an_error(tmp_path) -> None:
    (tmp_path / "a").write_text("before")

    def half(path):
        path.write_text("half")
        raise ValueError("a fault")

    with pytest.raises(ValueError, match="a fault"), replaced(tmp_path / "a") as passing:
        half(passing)
    assert (tmp_path / "a").read_text() == "before"
    assert listed(tmp_path) == ["a"]


def test_write_json_names_the_file_when_the_disk_is_full(tmp_path, full_disk) -> None:
    with full_disk(), pytest.raises(OSError, match=r"File too large: '.*/test\.json'"):
        write_json(tmp_path / "test.json", {"zs": 0.123456789})
    assert listed(tmp_path) == []


def test_write_json_names_the_file_when_its_folder_is_missing(tmp_path) -> None:
    with pytest.raises(FileNotFoundError, match=r"No such file or directory: '.*/nowhere/test\.json'"):
        write_json(tmp_path / "nowhere" / "test.json", {})


def test_write_json_writes_null_for_nan(tmp_path) -> None:
    write_json(tmp_path / "test.json", {"zs": math.nan, "all": (1.0, math.inf), "in": [{"x": -math.inf}]})
    assert json.loads((tmp_path / "test.json").read_text()) == {"zs": None, "all": [1.0, None], "in": [{"x": None}]}


def test_to_json_without_indent_is_one_line() -> None:
    assert to_json({"a": [1, 2.5]}) == '{"a": [1, 2.5]}'
    assert to_json({"a": 1}, indent=1) == '{\n "a": 1\n}'
