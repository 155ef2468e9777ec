"""Stores with one row per image: written in any order, read by number, never read as other numbers."""

import numpy as np
import pytest
import torch

from sgg.features import StoreIdentity, StoreMismatchError
from sgg.features.array import shard_of
from sgg.features.image_store import ImageStore, row_of
from sgg.features.image_writer import ImageStoreWriter, ensure_image_stores, rows_per_shard

ROWS, SHAPE, STEP = 10, (3, 5, 4), 4


@pytest.fixture
def identity() -> StoreIdentity:
    return StoreIdentity(["_", "cat"], "d1", "a1", "map", settings={"part": "train", "views": 2}, pictures="p1")


def numbers(rows: int = ROWS) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((rows, *SHAPE)).clip(0).astype(np.float32)


def written(path, identity, dtype: str = "float32") -> ImageStoreWriter:
    writer = ImageStoreWriter(path, identity, ROWS, SHAPE, STEP, dtype)
    for shard in (2, 0, 1):
        writer.write(shard, numbers()[shard * STEP:(shard + 1) * STEP])
    return writer


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_open_reads_what_was_written(tmp_path, identity, dtype: str) -> None:
    written(tmp_path / "maps.zarr", identity, dtype).seal()
    store = ImageStore.open(tmp_path / "maps.zarr", identity)
    assert (len(store), store.row_shape, store.identity) == (ROWS, SHAPE, identity)
    chosen = [9, 0, 4, 4]
    expected = torch.from_numpy(numbers()[chosen].astype(dtype)).float()
    assert torch.equal(store.request(chosen).result(), expected)
    assert store[[]].shape == (0, *SHAPE)
    assert not (tmp_path / "maps.zarr.writing").exists()


def test_row_of_a_view() -> None:
    assert [row_of(image, mirrored, 2) for image in (0, 3) for mirrored in (False, True)] == [0, 1, 6, 7]
    assert row_of(3, False, 1) == 3


@pytest.mark.parametrize(("shape", "dtype", "views", "rows"), [
    ((512, 38, 38), "float16", 2, 90), ((512, 38, 38), "float32", 1, 45), ((32, 22, 22), "float32", 2, 1024),
    ((2**20, 8, 8), "float32", 2, 2)])
def test_rows_per_shard_holds_all_views_of_an_image(shape, dtype, views, rows) -> None:
    """2**27 bytes over a row's; at least one image, at most 1,024 rows."""
    assert rows_per_shard(shape, dtype, views) == rows


def test_ensure_image_stores_continues_where_a_writer_was_stopped(tmp_path, identity) -> None:
    writer = ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP)
    writer.write(1, numbers()[4:8])
    again = ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP)
    other = ImageStoreWriter(tmp_path / "logits.zarr", identity, ROWS, (2,), STEP)
    asked = []

    def write(shards: list[int]) -> None:
        asked.append(shards)
        for shard in shards:
            rows = again.rows_of(shard)
            other.write(shard, np.full((len(rows), 2), shard, np.float32))
            if shard in again.missing():
                again.write(shard, numbers()[rows.start:rows.stop])

    ensure_image_stores([again, other], write)
    ensure_image_stores([again, other], write)
    assert asked == [[0, 1, 2]], "once, and every shard that one of the stores lacks"
    np.testing.assert_array_equal(ImageStore.open(tmp_path / "maps.zarr")[range(ROWS)], numbers())
    np.testing.assert_array_equal(ImageStore.open(tmp_path / "logits.zarr")[[3, 4, 9]], [[0, 0], [1, 1], [2, 2]])


def test_open_refuses_an_unfinished_store(tmp_path, identity) -> None:
    writer = ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP)
    writer.write(1, numbers()[4:8])
    with pytest.raises(ValueError, match="2 of 3 shards are missing, the first is shard 0"):
        writer.seal()
    with pytest.raises(FileNotFoundError, match="not sealed yet"):
        ImageStore.open(tmp_path / "maps.zarr")
    with pytest.raises(FileNotFoundError, match=r"no image store here; write one with `python -m sgg\.features maps`"):
        ImageStore.open(tmp_path / "others.zarr")


def test_writer_refuses_an_unfinished_store_of_another_plan(tmp_path, identity) -> None:
    ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP)
    with pytest.raises(ValueError, match=r"another plan, or damaged.*delete"):
        ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP, "float16")


def test_open_refuses_a_store_of_something_else(tmp_path, identity) -> None:
    written(tmp_path / "maps.zarr", identity).seal()
    other = StoreIdentity(identity.classes, "d2", "a1", "map", settings=identity.settings, pictures="p1")
    with pytest.raises(StoreMismatchError, match="detector is 'd1', not 'd2'"):
        ImageStore.open(tmp_path / "maps.zarr", other)
    other = StoreIdentity(identity.classes, "d1", "a1", "map", settings={"part": "train", "views": 1}, pictures="p1")
    with pytest.raises(StoreMismatchError, match="settings is"):
        ImageStore.open(tmp_path / "maps.zarr", other)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_result_names_a_damaged_chunk(tmp_path, identity, place: float) -> None:
    written(tmp_path / "maps.zarr", identity).seal()
    file = shard_of(tmp_path / "maps.zarr", 1, SHAPE)
    content = bytearray(file.read_bytes())
    rows = len(content) - 4 * 16 - 4  # the index: 16 bytes a row, and its checksum
    content[int(place * rows)] ^= 1
    file.write_bytes(content)
    store = ImageStore.open(tmp_path / "maps.zarr")
    (row,) = store.damaged(range(ROWS))
    assert 4 <= row < 8
    image, mirrored = divmod(row, 2)
    view = ", mirrored" if mirrored else ""
    with pytest.raises(ValueError, match=rf"row {row} \(image {image} of train{view}; chunk {row - 4} of c/1/0/0/0\).*"
                                         r"sgg\.features repair"):
        store[range(ROWS)]
    np.testing.assert_array_equal(store[[0, 3, 8]], numbers()[[0, 3, 8]])


def test_result_names_a_shard_that_has_gone(tmp_path, identity) -> None:
    written(tmp_path / "maps.zarr", identity).seal()
    store = ImageStore.open(tmp_path / "maps.zarr")
    shard_of(tmp_path / "maps.zarr", 2, SHAPE).unlink()
    with pytest.raises(ValueError, match=r"row 8 \(image 4 of train.*their shards are gone"):
        store[[0, 8]]
    with pytest.raises(ValueError, match=r"the shard has 0 bytes, [\d,]+ were written"):
        ImageStore.open(tmp_path / "maps.zarr")


@pytest.mark.parametrize("value", [np.nan, np.inf, 7e4])
def test_write_refuses_numbers_that_a_store_cannot_hold(tmp_path, identity, value: float) -> None:
    writer = ImageStoreWriter(tmp_path / "maps.zarr", identity, ROWS, SHAPE, STEP, "float16")
    rows = numbers()[:4]
    rows[1, 0, 0, 0] = value
    with pytest.raises(ValueError, match=r"shard 0: numbers must be finite and within float16.*features.maps=exact"):
        writer.write(0, rows)
    with pytest.raises(ValueError, match=r"shard 0: rows must have shape \[4, 3, 5, 4\], got \[3, 3, 5, 4\]"):
        writer.write(0, numbers()[:3])
