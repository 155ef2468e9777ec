"""What the store takes for granted of tensorstore, zarr and google-crc32c: fails when a next version of theirs differs.

`shards.py` moves encoded rows from file to file itself, so the form of a shard has to be what the Zarr specification
(codecs `sharding_indexed` and `crc32c`) says, in files that tensorstore writes as in those it reads.
"""

import json
import struct

import google_crc32c
import numpy as np
import pytest
import tensorstore as ts
import zarr

from sgg.features import array
from sgg.features.shards import EncodedRows, write_shard

ROWS = np.arange(3 * 2 * 4, dtype=np.float16).reshape(3, 2, 4) - 5


@pytest.fixture
def path(tmp_path):
    """An array of three rows in shards of two, without compression."""
    array.create(tmp_path / "rows", ROWS.shape, 2, "none", 1).write(ROWS).result()
    return tmp_path / "rows"


def crc(contents):
    return google_crc32c.value(contents).to_bytes(4, "little")


def test_crc32c():
    assert google_crc32c.value(b"123456789") == 0xE3069283  # the check value of its catalogue entry
    assert google_crc32c.value(np.frombuffer(b"123456789", np.uint8)) == 0xE3069283


def test_write_shard_bytes(path):
    """Rows, each with its checksum; offset and length of each, all ones for one that is not there; their checksum."""
    encoded = [row.tobytes() + crc(row.tobytes()) for row in ROWS.astype("<f2")]
    index = struct.pack("<4Q", 0, len(encoded[2]), 2**64 - 1, 2**64 - 1)
    assert (path / "c/1/0/0").read_bytes() == encoded[2] + index + crc(index)
    first = (path / "c/0/0/0").read_bytes()
    places = struct.unpack("<4Q", first[-36:-4])  # in whatever order they were written
    assert [first[start:start + size] for start, size in zip(places[::2], places[1::2], strict=True)] == encoded[:2]
    assert first[-4:] == crc(first[-36:-4])


@pytest.mark.parametrize("codec", array.CODECS)
def test_write_shard_gives_what_both_libraries_read(tmp_path, codec):
    source, target = tmp_path / "source", tmp_path / "target"
    array.create(source, ROWS.shape, 3, codec, 1).write(ROWS).result()
    encoded = EncodedRows(array.shard_paths(source, 1)[0], 3)
    array.create(target, ROWS.shape, 2, codec, 1)
    for shard, rows in enumerate(([encoded[2], encoded[0]], [encoded[1], np.empty(0, np.uint8)])):
        write_shard(array.shard_paths(target, 2)[shard], rows)
    np.testing.assert_array_equal(array.open_readonly(target, 1).read().result(), ROWS[[2, 0, 1]])
    np.testing.assert_array_equal(zarr.open_array(target, mode="r")[:], ROWS[[2, 0, 1]])


def test_create_writes_the_metadata(path):
    metadata = json.loads((path / "zarr.json").read_text())
    assert (metadata["zarr_format"], metadata["shape"], metadata["fill_value"]) == (3, [3, 2, 4], "NaN")
    assert metadata["chunk_grid"]["configuration"]["chunk_shape"] == [2, 2, 4]
    sharding = metadata["codecs"][0]["configuration"]
    assert metadata["codecs"][0]["name"] == "sharding_indexed"
    assert sharding["chunk_shape"] == [1, 2, 4]
    assert [codec["name"] for codec in sharding["codecs"]] == ["bytes", "crc32c"]
    assert sharding.get("index_location", "end") == "end"


def test_open_readonly_reads_a_missing_shard_as_the_fill_value(path):
    (path / "c/1/0/0").unlink()
    rows = array.open_readonly(path, 1).read().result()
    assert array.is_missing(rows).tolist() == [False, False, True]
    assert np.isnan(rows[2]).all()


def test_gather_puts_rows_where_it_is_asked_to(path):
    space = np.zeros((4, 2, 4), np.float16)
    index = np.array([2, 0, 2])
    pieces = array.gather(array.open_readonly(path, 1), index, space)
    for _, reading in pieces:
        reading.result()
    np.testing.assert_array_equal(space[:3], ROWS[index])
    assert all(piece.base is space for piece, _ in pieces)
    assert not space[3].any()


def test_open_readonly_raises_errors_of_the_classes_that_are_caught(path):
    contents = bytearray((path / "c/1/0/0").read_bytes())
    contents[0] ^= 1
    (path / "c/1/0/0").write_bytes(contents)
    with pytest.raises(ValueError, match="DATA_LOSS"):
        array.open_readonly(path, 1)[2].read().result()
    with pytest.raises((ValueError, OSError)):
        ts.open({"driver": "zarr3", "kvstore": {"driver": "file", "path": str(path / "none")}}).result()
