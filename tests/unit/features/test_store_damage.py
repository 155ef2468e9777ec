"""Damage within the files of a store: a reading is right or refused, wherever a bit is flipped or bytes are lost."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr

from sgg.features import FeatureStore, StoreIdentity, array, write_store
from sgg.features.shards import CHECKSUM_BYTES, ENTRY_BYTES, EncodedRows

GOLDEN_FILES = Path(__file__).resolve().parents[2] / "golden" / "files"
SHAPE = (64, 3, 3)
SHARD_ROWS, ROWS = 4, 6
IDENTITY = StoreIdentity(["__background__", "cat", "dog"], detector="d1", data="a1", settings={"part": "train"})
ZEROED = 512


@pytest.fixture(params=["lz4", "zstd", "none"])
def store(request, tmp_path, monkeypatch):
    monkeypatch.setattr(array, "SHARD_BYTES", SHARD_ROWS * array.row_bytes(SHAPE))
    features = np.random.default_rng(0).integers(-3, 4, (ROWS, *SHAPE)) / 4
    return write_store(tmp_path / "nodes.zarr", IDENTITY, [lambda: (features, [1, 1, 1, 2, 2, 2])], request.param)


def places(store):
    """(file, first byte, one past the last) of every kind of place."""
    shard = array.shard_paths(store.path, 2)[0]
    rows = EncodedRows(shard, SHARD_ROWS)
    second = len(rows[0]), len(rows[0]) + len(rows[1])
    size = shard.stat().st_size
    index = size - SHARD_ROWS * ENTRY_BYTES - CHECKSUM_BYTES
    metadata = store.path / "zarr.json"
    return {"head of a row": (shard, second[0], second[0] + 20), "row": (shard, *second),
            "checksum of a row": (shard, second[1] - CHECKSUM_BYTES, second[1]),
            "index": (shard, index, size - CHECKSUM_BYTES),
            "checksum of the index": (shard, size - CHECKSUM_BYTES, size),
            "metadata": (metadata, 0, metadata.stat().st_size)}


def outcome(path, rows):
    """right, wrong, or the refusal."""
    try:
        store = FeatureStore.open(path, IDENTITY)
        sample = store.sample([1, 2, 1, 2])
        known = {row.tobytes() for row in rows.astype(np.float32)}
        right = np.array_equal(store[:], rows) and all(row.numpy().tobytes() in known for row in sample)
        return "right" if right and store.verified else "wrong"
    except ValueError as refusal:
        return str(refusal)


@pytest.mark.parametrize("kind", ["head of a row", "row", "checksum of a row", "index", "checksum of the index",
                                  "metadata"])
def test_damage_is_never_read_as_other_numbers(store, kind):
    rows = store[:]
    file, first, stop = places(store)[kind]
    whole = file.read_bytes()
    rng = np.random.default_rng(1)
    flips = rng.choice(8 * (stop - first), min(30, 8 * (stop - first)), replace=False)
    spoilt = [(first + bit // 8, lambda byte, bit=bit: byte ^ 1 << bit % 8, 1) for bit in flips.tolist()]
    spoilt += [(start, lambda byte: 0, ZEROED) for start in rng.integers(first, stop, 5).tolist()]
    found = []
    for start, change, length in spoilt:
        damaged = bytearray(whole)
        damaged[start:start + length] = bytes(map(change, damaged[start:start + length]))
        file.write_bytes(damaged)
        found.append(outcome(store.path, rows) if damaged != whole else "right")
    assert "wrong" not in found
    if file.name != "zarr.json":  # a blank more or less between two words changes nothing
        assert sum(one == "right" for one in found) == 0, "every byte of a shard counts"
    assert all(str(store.path) in one for one in found if one != "right")
    file.write_bytes(whole)
    assert outcome(store.path, rows) == "right"


def test_sample_names_store_rows_chunks_and_remedy(store):
    shard = array.shard_paths(store.path, 2)[0]
    size = len(EncodedRows(shard, SHARD_ROWS)[0])
    contents = bytearray(shard.read_bytes())
    contents[size + 5] ^= 1
    shard.write_bytes(contents)
    for read in (lambda: store[:], lambda: store.sample([1] * 50)):
        with pytest.raises(ValueError, match="files are damaged") as refusal:
            read()
        message = str(refusal.value)
        assert str(store.path) in message
        assert "row 1 of class cat (chunk 1 of c/0/0/0/0)" in message
        assert "row 0" not in message
        assert "delete the store" in message
    np.testing.assert_array_equal(store.sample([2]).shape, (1, *SHAPE))


def test_sample_names_a_shard_deleted_after_opening(store):
    store[:2]
    array.shard_paths(store.path, 2)[1].unlink()
    with pytest.raises(ValueError, match=r"damaged: row 4 of class dog \(chunk 0 of c/1/0/0/0\), row 5"):
        store[:]


def test_write_store_gives_checksums_that_plain_zarr_verifies(store):
    np.testing.assert_array_equal(zarr.open_array(store.path, mode="r")[:], store[:])
    shard = array.shard_paths(store.path, 2)[0]
    contents = bytearray(shard.read_bytes())
    contents[len(EncodedRows(shard, SHARD_ROWS)[0]) - 1] ^= 1  # of the checksum: what it is of decodes to the same
    shard.write_bytes(contents)
    with pytest.raises(ValueError, match=r"(?i)checksum"):
        zarr.open_array(store.path, mode="r")[0]


def test_sample_does_not_read_a_missing_shard_of_the_first_edition_as_zeros(tmp_path):
    """It has no checksums, and what it lacks reads as zeros; so the file of each row of zeros has to be there."""
    path = tmp_path / "nodes.zarr"
    shutil.copytree(GOLDEN_FILES / "feature_store_first_edition.zarr", path)
    store = FeatureStore.open(path)
    array.shard_paths(path, 2)[1].unlink()
    last = len(store) - 1
    with pytest.raises(ValueError, match=r"nodes\.zarr: cannot be read.* of c/1/0/0/0\).*their shards are gone"):
        store[:]
    assert store[[0, last]].any(axis=(1, 2, 3)).all()  # what is still there
