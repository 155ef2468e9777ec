"""The bytes of a shard: encoded rows one after another, then an index of them, so that rows move without being decoded.

Zarr version 3, codec `sharding_indexed`: the index has for each row its offset and its length, 64 bits each, little
endian, and ends with the CRC-32C of all that; a row that is all fill value may be left out, its entry is then all ones.
Every encoded row ends with its own CRC-32C.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import google_crc32c
import numpy as np

from sgg.common.atomic import replaced

ENTRY_BYTES, CHECKSUM_BYTES = 16, 4
LEFT_OUT = np.iinfo(np.uint64).max


class EncodedRows:
    """The rows of one shard file as they stand there: uint8 [bytes of the row], empty for a row left out.

    Raises ValueError, naming the file, when it is cut or damaged; so does taking a row, which names the row too.
    """

    def __init__(self, path: Path, rows: int):
        self._path = path
        self._bytes = np.memmap(path, np.uint8, mode="r")
        index = self._bytes[max(0, len(self._bytes) - rows * ENTRY_BYTES - CHECKSUM_BYTES):].tobytes()
        entries, checksum = index[:-CHECKSUM_BYTES], index[-CHECKSUM_BYTES:]
        if _checksum(entries) != checksum:
            raise ValueError(f"{path}: the shard is cut off or damaged: its index does not have its checksum")
        self._starts, self._lengths = np.frombuffer(entries, "<u8").reshape(rows, 2).T
        self._lengths = np.where(self._starts == LEFT_OUT, 0, self._lengths)

    def __len__(self) -> int:
        return len(self._starts)

    def __getitem__(self, row: int) -> np.ndarray:
        start = int(self._starts[row])
        encoded = self._bytes[start:start + int(self._lengths[row])]
        if len(encoded) and _checksum(encoded[:-CHECKSUM_BYTES]) != encoded[-CHECKSUM_BYTES:].tobytes():
            raise ValueError(f"{self._path}: row {row} is damaged: it does not have its checksum")
        return encoded


def write_shard(path: Path, rows: Sequence[np.ndarray]) -> None:
    """Write a shard of encoded rows, uint8 [bytes of the row] each, in one rename."""
    lengths = np.array([len(row) for row in rows], np.uint64)
    starts = np.cumsum(lengths) - lengths
    entries = np.stack([starts, lengths], axis=1).astype("<u8")
    entries[lengths == 0] = LEFT_OUT
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as passing, open(passing, "wb") as file:
        file.writelines(row.data for row in rows)
        file.write(entries.tobytes())
        file.write(_checksum(entries.tobytes()))


def _checksum(data: bytes | np.ndarray) -> bytes:
    return google_crc32c.value(data).to_bytes(CHECKSUM_BYTES, "little")
