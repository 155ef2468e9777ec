"""Repaired stores with one row per image: only damaged rows are computed, and the files are as before the damage."""

from pathlib import Path

import numpy as np
import pytest

from sgg.features import StoreIdentity, StoreMismatchError
from sgg.features.array import shard_of
from sgg.features.image_metadata import is_image_store
from sgg.features.image_repair import repair
from sgg.features.image_store import ImageStore
from sgg.features.image_writer import ImageStoreWriter

ROWS, SHAPE, STEP = 10, (3, 5, 4), 4
NUMBERS = np.random.default_rng(0).standard_normal((ROWS, *SHAPE)).clip(0).astype(np.float16).astype(np.float32)
IDENTITY = StoreIdentity(["_", "cat"], "d1", "a1", "map", settings={"part": "train", "views": 2}, pictures="p1")


@pytest.fixture(params=["float32", "float16"])
def writer(request, tmp_path) -> ImageStoreWriter:
    """That of a sealed store."""
    made = ImageStoreWriter(tmp_path / "maps.zarr", IDENTITY, ROWS, SHAPE, STEP, request.param)
    for shard in range(3):
        made.write(shard, NUMBERS[shard * STEP:(shard + 1) * STEP])
    made.seal()
    return made


def files(path: Path) -> dict[str, bytes]:
    return {str(file.relative_to(path)): file.read_bytes() for file in path.rglob("*") if file.is_file()}


def flip(file: Path, place: int) -> None:
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "a flipped bit of the first row": (lambda file: flip(file, 5), [4]),
    "a flipped bit of the index": (lambda file: flip(file, -10), [4, 5, 6, 7]),
    "cut off": (lambda file: file.write_bytes(file.read_bytes()[:-30]), [4, 5, 6, 7]),
    "longer": (lambda file: file.write_bytes(file.read_bytes() + b"more"), [4, 5, 6, 7]),
    "empty": (lambda file: file.write_bytes(b""), [4, 5, 6, 7]),
    "missing": (lambda file: file.unlink(), [4, 5, 6, 7]),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_computes_damaged_rows_only(writer, damage: str) -> None:
    before = files(writer.path)
    make, rows = DAMAGES[damage]
    make(shard_of(writer.path, 1, SHAPE))
    asked = []
    assert repair(writer, lambda rows: asked.append(list(rows)) or NUMBERS[rows]) == rows
    assert asked == [rows]
    assert files(writer.path) == before
    np.testing.assert_array_equal(ImageStore.open(writer.path, IDENTITY)[range(ROWS)], NUMBERS)
    assert not writer.directory.parent.exists()


def test_repair_of_several_shards_records_their_new_sizes(writer) -> None:
    """Rows that compress to other sizes, as under another version of the codec."""
    shard_of(writer.path, 0, SHAPE).unlink()
    shard_of(writer.path, 2, SHAPE).unlink()
    other = np.zeros_like(NUMBERS)
    assert repair(writer, lambda rows: other[rows]) == [0, 1, 2, 3, 8, 9]
    other[4:8] = NUMBERS[4:8]
    np.testing.assert_array_equal(ImageStore.open(writer.path, IDENTITY)[range(ROWS)], other)


def test_repair_leaves_a_sound_store_alone(writer) -> None:
    opened = ImageStore.open(writer.path)
    assert repair(writer, lambda rows: pytest.fail("a row was computed")) == []
    opened.require_unchanged()


def test_repair_ends_the_reading_of_open_stores(writer) -> None:
    opened = ImageStore.open(writer.path)
    shard_of(writer.path, 1, SHAPE).unlink()
    repair(writer, lambda rows: NUMBERS[rows])
    with pytest.raises(ValueError, match="was deleted or written again since this process opened it: restart the run"):
        opened[[5]]


def test_repair_leaves_a_shard_as_it_was_where_its_rows_cannot_be_computed(writer) -> None:
    file = shard_of(writer.path, 1, SHAPE)
    flip(file, 5)
    before = files(writer.path)

    def compute(rows):
        raise OSError("image 2 is gone")

    with pytest.raises(OSError, match="image 2 is gone"):
        repair(writer, compute)
    assert files(writer.path) == before
    assert repair(writer, lambda rows: NUMBERS[rows]) == [4]


def test_repair_refuses_what_it_cannot_know(writer) -> None:
    other = StoreIdentity(IDENTITY.classes, "d2", "a1", "map", settings=IDENTITY.settings, pictures="p1")
    with pytest.raises(StoreMismatchError, match="detector is 'd1', not 'd2'"):
        repair(ImageStoreWriter(writer.path, other, ROWS, SHAPE, STEP), lambda rows: NUMBERS[rows])
    metadata = writer.path / "zarr.json"
    metadata.write_text(metadata.read_text().replace('"a1"', '"a2"'))
    with pytest.raises(ValueError, match=r"zarr\.json is damaged: it does not have its checksum; delete the store"):
        repair(writer, lambda rows: NUMBERS[rows])


def test_is_image_store(writer, tmp_path) -> None:
    assert is_image_store(writer.path)
    assert not is_image_store(tmp_path)
    (writer.path / "zarr.json").write_text("[")
    assert not is_image_store(writer.path)
