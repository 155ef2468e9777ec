"""A note of a search is whole or is not there."""

from platform.callbacks.snapshot_store import UNFINISHED, SnapshotStore

import pytest


@pytest.fixture
def notes(tmp_path):
    return SnapshotStore(tmp_path / "notes")


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_the_last_note_takes_the_place_of_those_before(notes):
    assert notes.newest() is None
    for number in range(1, 12):  # 10 comes after 9, not after 1
        notes.write({"a.json": b"%d" % number})
    assert content(notes.newest()) == {"a.json": b"11"}
    assert [entry.name for entry in notes.path.iterdir()] == ["11"]


def test_a_note_that_a_kill_cut_short_does_not_count(notes):
    notes.write({"a.json": b"1", "b.json": b"1"})
    (notes.path / UNFINISHED).mkdir()
    (notes.path / UNFINISHED / "a.json").write_bytes(b"2")
    assert content(notes.newest()) == {"a.json": b"1", "b.json": b"1"}
    notes.write({"b.json": b"3"})
    assert content(notes.newest()) == {"b.json": b"3"}


def test_of_two_whole_notes_the_later_one_counts(notes):
    """Killed after the new one was there, before the old one was gone."""
    notes.write({"a.json": b"1"})
    (notes.path / "2").mkdir()
    (notes.path / "2" / "a.json").write_bytes(b"2")
    assert content(notes.newest()) == {"a.json": b"2"}
    notes.write({"a.json": b"3"})
    assert content(notes.newest()) == {"a.json": b"3"}


def test_a_note_that_cannot_be_written_leaves_the_one_before(notes, full_disk):
    notes.write({"a.json": b"1"})
    with full_disk(), pytest.raises(OSError, match=r"File too large: '.*/notes/b\.json'"):
        notes.write({"a.json": b"2", "b.json": b"2" * 11})
    assert content(notes.newest()) == {"a.json": b"1"}


def test_it_is_put_where_tune_looks_instead_of_what_tune_left(notes, tmp_path):
    place = tmp_path / "ray"
    assert not notes.put_back(place)
    notes.write({"experiment_state-1.json": b"1"})
    (place / "trial").mkdir(parents=True)
    (place / "experiment_state-2.json").write_bytes(b"torn")
    assert notes.put_back(place)
    assert sorted(entry.name for entry in place.iterdir()) == ["experiment_state-1.json", "trial"]
    assert (place / "experiment_state-1.json").read_bytes() == b"1"
