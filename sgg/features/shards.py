"""Read and write the bytes of a shard, so that rows can be copied without decoding them.

A shard holds the encoded rows one after another, then an index (Zarr version 3, codec `sharding_indexed`). The index
holds the offset and the length of each row, 64 bits each, little endian, and ends with its CRC-32C. A row that is all
fill value may be left out; its entry is then all ones. Every encoded row ends with its own CRC-32C.
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
    """The encoded rows of one shard file: uint8 [bytes of the row], empty for a row that is left out.

    Raises ValueError that names the file if it is cut off or damaged. Reading a damaged row raises ValueError that also
    names the row.
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
    """Write a shard of encoded rows, uint8 [bytes of the row] each, atomically."""
    lengths = np.array([len(row) for row in rows], np.uint64)
    starts = np.cumsum(lengths) - lengths
    entries = np.stack([starts, lengths], axis=1).astype("<u8")
    entries[lengths == 0] = LEFT_OUT
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as temporary, open(temporary, "wb") as file:
        file.writelines(row.data for row in rows)
        file.write(entries.tobytes())
        file.write(_checksum(entries.tobytes()))


def _checksum(data: bytes | np.ndarray) -> bytes:
    return google_crc32c.value(data).to_bytes(CHECKSUM_BYTES, "little")
