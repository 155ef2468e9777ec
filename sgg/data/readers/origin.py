"""Which file something was derived from, so that it is not used once that file is another."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sgg.common.hashing import sha256_of
from sgg.data.records import typed


@dataclass(frozen=True)
class Origin:
    """A file as it was read. modified: nanoseconds since 1970."""

    file: str
    size: int
    modified: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Origin:
        """That of a file as it is now."""
        state = path.stat()
        return cls(path.name, state.st_size, state.st_mtime_ns, sha256_of(path))

    def is_of(self, path: Path) -> bool:
        """Whether the file at `path` is this one. Its content is read only where it was written since."""
        state = path.stat()
        return state.st_size == self.size and (state.st_mtime_ns == self.modified or sha256_of(path) == self.sha256)

    def to_json(self) -> dict[str, Any]:
        """The fields as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Origin:
        """What `to_json` wrote. Raises ValueError for a key that is missing or of another type."""
        file, sha256 = (typed(values, key, str) for key in ("file", "sha256"))
        size, modified = (typed(values, key, int) for key in ("size", "modified"))
        return cls(file, size, modified, sha256)
