"""The bytes of a shard, against what zarr itself writes and reads."""

import numpy as np
import pytest
import zarr
from zarr.codecs import Crc32cCodec

from sgg.features.shards import EncodedRows, write_shard

ROWS = np.arange(6 * 3 * 2, dtype=np.float16).reshape(6, 3, 2)


@pytest.fixture
def plain(tmp_path):
    """An array that zarr wrote in one shard; row 2 is all fill value and left out."""
    values = ROWS.copy()
    values[2] = 0
    stored = zarr.create_array(tmp_path / "plain.zarr", shape=ROWS.shape, dtype="float16", shards=ROWS.shape,
                               chunks=(1, 3, 2), compressors=[Crc32cCodec()], fill_value=0)
    stored[:] = values
    return tmp_path / "plain.zarr"


def test_shard_rows_are_found_by_the_index(plain):
    rows = EncodedRows(plain / "c/0/0/0", 6)
    assert len(rows) == 6
    assert len(rows[2]) == 0
    for row in (0, 1, 3, 4, 5):
        np.testing.assert_array_equal(rows[row][:-4].view("<f2"), ROWS[row].ravel())


def test_write_shard_lets_zarr_read_rows_in_another_order(plain):
    rows = EncodedRows(plain / "c/0/0/0", 6)
    write_shard(plain / "c/0/0/0", [rows[row].copy() for row in (5, 2, 0, 0, 1, 2)])
    found = zarr.open_array(plain, mode="r")[:]
    np.testing.assert_array_equal(found[[0, 2, 3, 4]], ROWS[[5, 0, 0, 1]])
    assert not found[[1, 5]].any()


@pytest.mark.parametrize("kept", [0, 3, 50, -1])
def test_encoded_rows_names_a_shard_that_is_cut_off(plain, kept):
    path = plain / "c/0/0/0"
    path.write_bytes(path.read_bytes()[:kept] or b"\0")
    with pytest.raises(ValueError, match=r"c/0/0/0: the shard is cut off or damaged"):
        EncodedRows(path, 6)


def test_encoded_rows_names_a_damaged_row(plain):
    path = plain / "c/0/0/0"
    contents = bytearray(path.read_bytes())
    contents[13] ^= 4  # of row 1 as it stands there
    path.write_bytes(contents)
    rows = EncodedRows(path, 6)
    with pytest.raises(ValueError, match=r"c/0/0/0: row \d is damaged"):
        [rows[row] for row in range(6)]
