"""Rows that stay in memory: the numbers of the store, each read from the disk once."""

import numpy as np
import pytest
import torch

from sgg.features import StoreIdentity
from sgg.features.array import shard_of
from sgg.features.held_rows import HeldRows
from sgg.features.image_store import ImageStore
from sgg.features.image_writer import ImageStoreWriter

ROWS, SHAPE, STEP = 10, (3, 5, 4), 4


def store_at(path, dtype: str = "float32") -> tuple[ImageStore, np.ndarray]:
    """A store, and its numbers as they were written."""
    numbers = np.random.default_rng(0).standard_normal((ROWS, *SHAPE)).clip(0).astype(np.float32)
    writer = ImageStoreWriter(path, StoreIdentity(["_", "cat"], "d", "a", "map"), ROWS, SHAPE, STEP, dtype)
    for shard in range(3):
        writer.write(shard, numbers[shard * STEP:(shard + 1) * STEP])
    writer.seal()
    return ImageStore.open(path), numbers


@pytest.fixture
def requested(monkeypatch) -> list[list[int]]:
    """The rows of each request to a store."""
    found: list[list[int]] = []
    request = ImageStore.request
    monkeypatch.setattr(ImageStore, "request", lambda self, rows: found.append(list(rows)) or request(self, rows))
    return found


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_rows_equal_those_of_the_store_at_every_use(tmp_path, dtype) -> None:
    store, numbers = store_at(tmp_path / "maps.zarr", dtype)
    held = HeldRows(store)
    for rows in ([9, 0, 4, 4], [0, 1, 9], [], list(range(ROWS)), [3]):
        expected = torch.from_numpy(numbers[rows].astype(dtype)).float()
        assert torch.equal(held.request(rows).result(), expected)


def test_each_row_is_read_once(tmp_path, requested) -> None:
    store, _ = store_at(tmp_path / "maps.zarr")
    held = HeldRows(store)
    for rows in ([9, 0, 4, 4], [0, 1, 9], [4, 1]):
        held.request(rows).result()
    assert requested == [[0, 4, 9], [1]]


def test_requests_may_overlap(tmp_path) -> None:
    """Two batches in a row that ask for one row before either is there."""
    store, numbers = store_at(tmp_path / "maps.zarr")
    held = HeldRows(store)
    pending = [held.request(rows) for rows in ([2, 5], [5, 7])]
    for rows, one in zip(([2, 5], [5, 7]), pending, strict=True):
        np.testing.assert_array_equal(one.result(), numbers[rows])


def test_a_caller_may_change_what_it_gets(tmp_path) -> None:
    store, numbers = store_at(tmp_path / "maps.zarr")
    held = HeldRows(store)
    for _ in range(2):
        found = held.request([2]).result()
        np.testing.assert_array_equal(found, numbers[[2]])
        found.zero_()


def test_a_damaged_row_is_named_and_not_held(tmp_path) -> None:
    store, _ = store_at(tmp_path / "maps.zarr")
    held = HeldRows(store)
    held.request([0]).result()
    shard_of(tmp_path / "maps.zarr", 2, SHAPE).write_bytes(b"")
    for _ in range(2):
        with pytest.raises(ValueError, match=r"row 9 .*sgg\.features repair"):
            held.request([0, 9]).result()
