"""The metrics of a trial on disk."""

import math

import pytest

from sgg.common.run_log import History, epoch_rows, read_optional_json


def test_history_rows_keeps_the_later_row_of_an_epoch(tmp_path) -> None:
    first = History(tmp_path)
    first.append(1, {"loss": 3.0})
    first.append(2, {"loss": 2.0})
    second = History(tmp_path)
    second.append(2, {"loss": 1.5})
    assert (first.attempt, second.attempt) == (1, 2)
    assert [(row["epoch"], row["loss"], row["attempt"]) for row in second.rows()] == [(1, 3.0, 1), (2, 1.5, 2)]
    assert [row["epoch"] for row in second.rows(up_to=1)] == [1]


def test_history_skips_a_line_cut_short_by_a_kill(tmp_path) -> None:
    History(tmp_path).append(1, {"loss": 3.0})
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 2, "los')
    assert [row["epoch"] for row in History(tmp_path).rows()] == [1]


def test_history_reads_a_row_after_a_cut_line(tmp_path) -> None:
    with open(tmp_path / "metrics.jsonl", "w") as file:
        file.write('{"epoch": 1, "attempt": 1}\n{"epoch": 2, "los')
    History(tmp_path).append(2, {"loss": 1.0})
    assert [row["epoch"] for row in History(tmp_path).rows()] == [1, 2]


def test_history_append_writes_null_for_nan(tmp_path) -> None:
    History(tmp_path).append(1, {"zs": math.nan})
    assert History(tmp_path).rows() == [{"epoch": 1, "attempt": 1, "zs": None}]


def test_read_optional_json_of_a_missing_file_is_none(tmp_path) -> None:
    assert read_optional_json(tmp_path / "nothing.json") is None


@pytest.mark.parametrize(("content", "message"), [
    (b'{"axes": {}, "set', "study.json is not JSON, or is cut off: "),
    (b"", "study.json is not JSON, or is cut off: "),
    (b"\xff\xfe\xfd", "study.json is not JSON, or is cut off: "),
    (b"[1]", "study.json must hold a mapping, but holds list"),
    (b'{"axes": 3}', "study.json: settings is missing, axes must be of type dict, got 3"),
])
def test_read_optional_json_names_a_damaged_file(tmp_path, content, message) -> None:
    (tmp_path / "study.json").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_optional_json(tmp_path / "study.json", settings=dict, axes=dict)


@pytest.mark.parametrize(("line", "message"), [
    ("3", "metrics.jsonl, line 2 must hold a mapping, but holds int"),
    ('{"loss": 1}', "metrics.jsonl, line 2: epoch is missing, attempt is missing"),
    ('{"epoch": "1", "attempt": 1}', "metrics.jsonl, line 2: epoch must be of type int, got '1'"),
])
def test_read_rows_names_a_damaged_row(tmp_path, line, message) -> None:
    (tmp_path / "metrics.jsonl").write_text(f'{{"epoch": 1, "attempt": 1}}\n{line}\n')
    with pytest.raises(ValueError, match=message):
        History(tmp_path)


def test_read_rows_skips_a_line_of_other_bytes(tmp_path) -> None:
    """After a power failure a file may end in any bytes."""
    (tmp_path / "metrics.jsonl").write_bytes(b'{"epoch": 1, "attempt": 1}\n\0\0\xff\n')
    assert [row["epoch"] for row in History(tmp_path).rows()] == [1]


def test_append_row_names_the_file_when_the_disk_is_full(tmp_path, full_disk) -> None:
    with full_disk(), pytest.raises(OSError, match=r"File too large: '.*metrics\.jsonl'"):
        History(tmp_path).append(1, {"loss": 3.0})


def test_epoch_rows_are_those_of_the_history(tmp_path):
    history = History(tmp_path)
    for epoch in (1, 2):
        history.append(epoch, {"loss": float(epoch)})
    again = History(tmp_path)
    again.append(2, {"loss": 5.0})
    assert epoch_rows(tmp_path) == history.rows() == [{"epoch": 1, "attempt": 1, "loss": 1.0},
                                                      {"epoch": 2, "attempt": 2, "loss": 5.0}]
    assert epoch_rows(tmp_path, up_to=1) == history.rows(up_to=1)
    assert epoch_rows(tmp_path / "none") == []
