"""A snapshot of a search is complete or not there."""

from platform.callbacks.resume_snapshot_store import UNFINISHED, SnapshotStore

import pytest


@pytest.fixture
def store(tmp_path):
    return SnapshotStore(tmp_path / "notes")


def content(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_write_replaces_the_snapshot_before(store):
    assert store.newest() is None
    for number in range(1, 12):  # 10 comes after 9, not after 1
        store.write({"a.json": b"%d" % number})
    assert content(store.newest()) == {"a.json": b"11"}
    assert [entry.name for entry in store.path.iterdir()] == ["11"]


def test_newest_after_a_kill_while_writing(store):
    store.write({"a.json": b"1", "b.json": b"1"})
    (store.path / UNFINISHED).mkdir()
    (store.path / UNFINISHED / "a.json").write_bytes(b"2")
    assert content(store.newest()) == {"a.json": b"1", "b.json": b"1"}
    store.write({"b.json": b"3"})
    assert content(store.newest()) == {"b.json": b"3"}


def test_newest_of_two_complete_snapshots(store):
    """Killed after the new one was there, before the old one was gone."""
    store.write({"a.json": b"1"})
    (store.path / "2").mkdir()
    (store.path / "2" / "a.json").write_bytes(b"2")
    assert content(store.newest()) == {"a.json": b"2"}
    store.write({"a.json": b"3"})
    assert content(store.newest()) == {"a.json": b"3"}


def test_write_on_a_full_disk_keeps_the_snapshot_before(store, full_disk):
    store.write({"a.json": b"1"})
    with full_disk(), pytest.raises(OSError, match=r"File too large: '.*/notes/b\.json'"):
        store.write({"a.json": b"2", "b.json": b"2" * 11})
    assert content(store.newest()) == {"a.json": b"1"}


def test_put_back_replaces_the_files_of_tune(store, tmp_path):
    place = tmp_path / "ray"
    assert not store.put_back(place)
    store.write({"experiment_state-1.json": b"1"})
    (place / "trial").mkdir(parents=True)
    (place / "experiment_state-2.json").write_bytes(b"torn")
    assert store.put_back(place)
    assert sorted(entry.name for entry in place.iterdir()) == ["experiment_state-1.json", "trial"]
    assert (place / "experiment_state-1.json").read_bytes() == b"1"
