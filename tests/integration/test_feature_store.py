"""Stores among processes: many readers, racing writers, a writer that is killed, parts written side by side."""

import multiprocessing
import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from sgg.features import FeatureStore, StoreIdentity, StoreWriter, array, ensure_store, write_store
from sgg.features import writer as writer_module
from sgg.features.image_store import ImageStore
from sgg.features.image_writer import ImageStoreWriter

SHAPE = (8, 7, 7)
IDENTITY = StoreIdentity(["__background__", *"abcdef"], detector="d", data="x")
PARTS, ROWS = 6, 40
MAPS = 48
PROCESSES = multiprocessing.get_context("forkserver")


def part(number):
    """Features float16 holds exactly: the first value says which row of which part it is."""
    rng = np.random.default_rng(number)
    features = rng.integers(0, 100, (ROWS, *SHAPE)).astype(np.float32)
    features[:, 0, 0, 0] = number * ROWS + np.arange(ROWS)
    return features, rng.integers(1, 7, ROWS)


def expected():
    features, labels = (np.concatenate(column) for column in zip(*map(part, range(PARTS)), strict=True))
    return features[np.argsort(labels, kind="stable")]


def small_shards():
    array.SHARD_BYTES = 16 * array.row_bytes(SHAPE)


def write_slowly(path, log, delay, hangs_at=None):
    """A process that wants the store; it notes each part that it writes. In part `hangs_at` it waits to be killed."""
    small_shards()

    def write(writer, missing):
        for number in missing:
            with open(log, "a") as file:
                file.write(f"{number}\n")
            time.sleep(600 if number == hangs_at else delay)
            writer.write_part(number, *part(number))

    store = ensure_store(path, IDENTITY, PARTS, write)
    np.testing.assert_array_equal(store[:], expected())


def read(path, seed, results):
    store = FeatureStore.open(path, IDENTITY, threads=1)
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(1, 7, (20, 64), generator=generator)
    found = [store.sample(row, generator)[:, 0, 0, 0] for row in labels]
    results.put((seed, torch.stack(found).numpy()))


def write_one_part(writer, number):
    writer.write_part(number, *part(number))


def start(target, *arguments):
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    return process


def finish(*processes):
    for process in processes:
        process.join(300)
    return [process.exitcode for process in processes]


def wait_for(condition):
    deadline = time.monotonic() + 300
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_feature_store_gives_eight_readers_the_same_rows(tmp_path):
    path = tmp_path / "nodes.zarr"
    store = write_store(path, IDENTITY, [lambda number=number: part(number) for number in range(PARTS)])
    results = PROCESSES.Queue()
    readers = [start(read, path, seed, results) for seed in range(8)]
    found = dict(results.get(timeout=300) for _ in readers)
    assert finish(*readers) == [0] * 8
    for seed, values in found.items():
        generator = torch.Generator().manual_seed(seed)
        labels = torch.randint(1, 7, (20, 64), generator=generator)
        rows = np.stack([store.draw(row, generator) for row in labels])
        np.testing.assert_array_equal(values, expected()[rows, 0, 0, 0])


def read_maps(path, seed, results):
    store = ImageStore.open(path, IDENTITY)
    rows = np.random.default_rng(seed).integers(0, MAPS, 50)
    results.put((rows, store.request(rows.tolist()).result().numpy()))


def test_image_store_gives_eight_readers_the_same_maps(tmp_path):
    """As trials on several nodes read it, through a file system that they share."""
    maps = np.random.default_rng(0).standard_normal((MAPS, *SHAPE)).clip(0).astype(np.float32)
    writer = ImageStoreWriter(tmp_path / "maps.zarr", IDENTITY, MAPS, SHAPE, MAPS // 4, "float32")
    for shard in range(4):
        writer.write(shard, maps[shard * MAPS // 4:(shard + 1) * MAPS // 4])
    writer.seal()
    results = PROCESSES.Queue()
    readers = [start(read_maps, tmp_path / "maps.zarr", seed, results) for seed in range(8)]
    for rows, found in [results.get(timeout=300) for _ in readers]:
        np.testing.assert_array_equal(found, maps[rows])
    assert finish(*readers) == [0] * 8


def test_ensure_store_writes_once_for_two_processes(tmp_path):
    path, log = tmp_path / "nodes.zarr", tmp_path / "log"
    racers = [start(write_slowly, path, log, 0.1) for _ in range(2)]
    assert finish(*racers) == [0, 0]
    assert sorted(log.read_text().split()) == [str(number) for number in range(PARTS)]


def test_ensure_store_continues_where_a_killed_writer_stopped(tmp_path):
    path, log = tmp_path / "nodes.zarr", tmp_path / "log"
    victim = start(write_slowly, path, log, 0, 2)
    wait_for(lambda: log.exists() and len(log.read_text().split()) >= 3)  # in the midst of part 2
    heir = start(write_slowly, path, log, 0)
    os.kill(victim.pid, signal.SIGKILL)
    assert finish(victim, heir) == [-signal.SIGKILL, 0]
    written = log.read_text().split()
    assert written.count("0") == written.count("1") == 1, "finished parts are kept"
    assert set(written) == {str(number) for number in range(PARTS)}
    assert not writer_module.writing_directory(path).exists()


def test_store_writer_resumes_after_a_kill_while_merging(tmp_path, monkeypatch):
    monkeypatch.setattr(array, "SHARD_BYTES", 16 * array.row_bytes(SHAPE))
    path = tmp_path / "nodes.zarr"
    writer = StoreWriter(path, IDENTITY, PARTS)
    for number in range(PARTS):
        write_one_part(writer, number)
    merged = writer_module.writing_directory(path) / "merged"

    class Killed(BaseException):
        pass

    def dies_at_the_fourth(target, rows):
        if target == array.shard_paths(merged, 4)[3]:
            raise Killed
        write_shard(target, rows)

    write_shard = writer_module.write_shard
    monkeypatch.setattr(writer_module, "write_shard", dies_at_the_fourth)
    with pytest.raises(Killed):
        writer.seal()
    assert not path.exists()
    first = array.shard_paths(merged, 1)[0].stat()
    monkeypatch.setattr(writer_module, "write_shard", write_shard)
    StoreWriter(path, IDENTITY, PARTS).seal()
    np.testing.assert_array_equal(FeatureStore.open(path, IDENTITY)[:], expected())
    assert array.shard_paths(path, 1)[0].stat().st_ino == first.st_ino, "whole shards are not written again"


def test_parts_written_by_several_processes_at_once(tmp_path):
    path = tmp_path / "nodes.zarr"

    def write(writer, missing):
        # The last part is written twice at once: the second writer finds it done, or is told so by the rename.
        assert finish(*[start(write_one_part, writer, number) for number in [*missing, missing[-1]]]) == [0] * 7

    store = ensure_store(path, IDENTITY, PARTS, write)
    np.testing.assert_array_equal(store[:], expected())
    assert [one.name for one in Path(tmp_path).iterdir() if not one.name.endswith(".lock")] == ["nodes.zarr"]
