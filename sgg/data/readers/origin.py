"""The origin of a derived file: if the original file has changed, the derived file is not used."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sgg.common.hashing import sha256_of
from sgg.data.records import typed


@dataclass(frozen=True)
class Origin:
    """A file at the time of reading. modified: time of its last change, in ns since 1970."""

    file: str
    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Origin:
        """The origin for a file in its current state."""
        state = path.stat()
        return cls(path.name, state.st_size, state.st_mtime_ns, sha256_of(path))

    def is_of(self, path: Path) -> bool:
        """Whether the file at `path` is still the same. Its content is read only if its time of change differs."""
        state = path.stat()
        return state.st_size == self.size and (state.st_mtime_ns == self.modified or sha256_of(path) == self.sha256)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Origin:
        """The origin that `to_json` wrote. Raises ValueError for a key that is missing or has another type."""
        file, sha256 = (typed(values, key, str) for key in ("file", "sha256"))
        size, modified = (typed(values, key, int) for key in ("size", "modified"))
        return cls(file, size, modified, sha256)
