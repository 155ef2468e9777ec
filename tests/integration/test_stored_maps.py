"""Stores of maps among processes and on disks: killed and racing writers, a full disk, and stores of something else."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.data import open_dataset
from sgg.data.loading import transforms
from sgg.features import image_metadata
from sgg.features.array import shard_of
from sgg.systems.two_stage import stored as stored_module
from sgg.systems.two_stage.stored import StoredSplit
from tests.darkened import darken
from tests.unit.systems.test_stored import foundation_of

PROCESSES = multiprocessing.get_context("forkserver")


def train(toy_root: Path, cache: Path, **sections) -> StoredSplit:
    """16 maps in four shards."""
    torch.set_num_threads(1)
    stored_module.rows_per_shard = lambda *_: 4
    return foundation_of(toy_root, cache, **sections).stored("train")


@pytest.fixture(autouse=True)
def shards_as_before(monkeypatch) -> None:
    monkeypatch.setattr(stored_module, "rows_per_shard", stored_module.rows_per_shard)


def write(toy_root: Path, cache: Path, log: Path, delay: float) -> None:
    """A process that wants the stores. It notes the first image of each shard that it computes, and takes its time."""
    def slowly(batches):
        for batch in batches:
            with open(log, "a") as file:
                file.write(f"{batch.views[0][0]}\n")
            time.sleep(delay)
            yield batch

    train(toy_root, cache).ensure(slowly)


def start(*arguments) -> multiprocessing.Process:
    process = PROCESSES.Process(target=write, args=arguments)
    process.start()
    return process


def turn_round(data) -> None:
    """Put the images of a data set into the opposite order."""
    turned = np.arange(len(data.splits))[::-1]
    for name, value in (("annotations", data.annotations.select(turned)), ("splits", data.splits[turned])):
        object.__setattr__(data, name, value)


def maps(stored: StoredSplit) -> np.ndarray:
    return stored.open().stores["map"][range(stored.rows)]


def test_ensure_goes_on_after_a_kill(toy_root, tmp_path) -> None:
    stored = train(toy_root, tmp_path / "cache")
    writer = start(toy_root, tmp_path / "cache", tmp_path / "log", 0.2)
    second = shard_of(stored.writers()["map"].directory, 1, stored.row_shape("map"))
    while not second.exists():
        assert writer.is_alive()
        time.sleep(0.005)
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    assert not stored.complete
    done = [path.stat().st_mtime_ns for path in stored.writers()["map"].directory.glob("c/*/0/0/0")]
    assert len(done) in (2, 3)
    write(toy_root, tmp_path / "cache", tmp_path / "again", 0)
    assert (tmp_path / "again").read_text() == "".join(f"{2 * shard}\n" for shard in range(len(done), 4))
    undisturbed = train(toy_root, tmp_path / "other")
    undisturbed.ensure()
    np.testing.assert_array_equal(maps(stored), maps(undisturbed))


def test_ensure_of_two_processes_computes_each_shard_once(toy_root, tmp_path) -> None:
    writers = [start(toy_root, tmp_path / "cache", tmp_path / "log", 0.05) for _ in range(2)]
    for one in writers:
        one.join(120)
    assert [one.exitcode for one in writers] == [0, 0]
    assert (tmp_path / "log").read_text() == "0\n2\n4\n6\n"
    assert len(maps(train(toy_root, tmp_path / "cache"))) == 16


def test_ensure_names_the_store_on_a_full_disk_and_keeps_what_is_written(toy_root, tmp_path, full_disk) -> None:
    stored = train(toy_root, tmp_path)
    writers = stored.writers()
    stored.write(writers, [0, 1])
    with pytest.raises(OSError, match="shard 2 cannot be written") as error, full_disk():
        stored.write(writers, [2])
    assert str(writers["map"].directory) in str(error.value)
    assert writers["map"].missing() == [2, 3]
    stored.ensure()
    assert len(maps(stored)) == 16


def test_make_ready_names_a_store_of_another_detector(toy_root, tmp_path, capsys) -> None:
    foundation_of(toy_root, tmp_path).make_ready()
    capsys.readouterr()
    other = foundation_of(toy_root, tmp_path)
    object.__setattr__(other, "detector_hash", "4567")
    other.make_ready()
    said = capsys.readouterr().out
    old = next(iter(foundation_of(toy_root, tmp_path).stored("train").paths.values()))
    for part in (f"{old} (", "is not used, since it is of something else: detector 0123, not 4567. ", f"`rm -r {old}`"):
        assert part in said
    other.make_ready()
    assert not capsys.readouterr().out


@pytest.mark.parametrize(("change", "words"), [
    ("images", "image files "), ("order", "annotation "), ("padding", "padding [124, 116, 103], not [0, 0, 0]"),
    ("threads", "computed.threads 1, not 2"), ("type", "dtype float32, not float16"), ("views", "views 2, not 1")])
def test_make_ready_names_stores_that_differ(toy_copy, tmp_path, capsys, monkeypatch, change: str, words: str) -> None:
    foundation_of(toy_copy, tmp_path / "cache").make_ready()
    capsys.readouterr()
    settings = {"threads": {"resources": {"cpus": 2}}, "views": {"data": {"flip": False}}}.get(change, {})
    other = foundation_of(toy_copy, tmp_path / "cache", "float16" if change == "type" else "exact", **settings)
    if change == "images":
        darken(open_dataset("toy", toy_copy).split("train"))
        other = foundation_of(toy_copy, tmp_path / "cache")
    if change == "order":
        turn_round(other.experiment.data)
    if change == "padding":
        monkeypatch.setattr(transforms, "PADDING", (0, 0, 0))
    other.make_ready()
    said = capsys.readouterr().out
    assert "is not used, since it is of something else" in said
    assert words in said
    assert other.stored("train").complete


def test_make_ready_names_no_store_of_another_data_set(toy_copy, tmp_path, capsys) -> None:
    """In a study over genomes each has stores of its own; a message that offers to delete the others would be wrong."""
    foundation_of(toy_copy, tmp_path / "cache").make_ready()
    capsys.readouterr()
    other = foundation_of(toy_copy, tmp_path / "cache")
    turn_round(other.experiment.data)  # other annotation and, in that order, other images
    object.__setattr__(other, "detector_hash", "4567")
    other.make_ready()
    assert "is not used" not in capsys.readouterr().out


def test_evaluation_batches_refuses_a_store_of_another_version(toy_root, tmp_path, monkeypatch) -> None:
    foundation = foundation_of(toy_root, tmp_path)
    foundation.make_ready()
    monkeypatch.setattr(image_metadata, "VERSION", 2)
    with pytest.raises(ValueError, match="image store of version 1, this code reads 2; delete it and write it again"):
        next(iter(foundation.evaluation_batches("val")))
