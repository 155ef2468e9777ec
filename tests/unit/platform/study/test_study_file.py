import sys
from platform.study.study_file import note_end, read_study_file, write_study_file

from sgg.config import load


def test_write_study_file_keeps_when_a_study_was_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "orig_argv", ["/usr/bin/python3", "-m", "platform.tune", "a.yaml"])
    path = tmp_path / "a.yaml"
    path.write_text("experiment: {name: a}")
    study = load(path, [])
    write_study_file(tmp_path, study, {"data": {"hash": "a"}})
    first = read_study_file(tmp_path)
    note_end(tmp_path)
    ended = read_study_file(tmp_path)
    write_study_file(tmp_path, study, {"data": {"hash": "a"}})
    again = read_study_file(tmp_path)
    assert first["began"] == ended["began"] == again["began"] <= ended["ended"]
    assert "ended" not in again
    assert "-m platform.tune a.yaml" in first["command"]
    assert "cores" in first["machine"]


def test_note_end_of_no_study_writes_nothing(tmp_path):
    note_end(tmp_path)
    assert list(tmp_path.iterdir()) == []
