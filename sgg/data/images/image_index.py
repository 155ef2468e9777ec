"""An index of the image files of a folder, kept in a file, so that each header is read only once until it changes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from sgg.common.atomic import keep_json
from sgg.common.hashing import sha256_of
from sgg.data.annotation_files import require_json
from sgg.data.images.image_files import Header, read_header

FORMAT = 1
TOGETHER = 64  # files that a thread reads before it takes more
MISSING = "missing"
Report = Callable[[int, int], None]
"""Called with the numbers of finished and of all files."""


@dataclass(frozen=True)
class Entry:
    """An image file at the time of reading. length: in bytes. time: of its last change, in ns. content: SHA-256 of the
    whole file; "" if it was not computed."""

    length: int
    time: int
    header: Header
    content: str = ""


@dataclass
class ImageIndex:
    """The headers of the image files in `folder`, kept in `file`; None: in memory only.

    A kept header is valid as long as the file has the same name, length and time of last change.
    """

    folder: Path
    file: Path | None
    _entries: dict[str, Entry] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_entries": None}  # other processes read the file

    def headers(self, files: Sequence[str], report: Report | None = None) -> list[Header | None]:
        """The header of each of `files`; None if there is no such file. report: called while headers are read."""
        entries = self._known()
        found: dict[str, tuple[int, int] | None] = {}
        self._each(files, lambda name: _state(self.folder / name), found.__setitem__)
        states = {name: state for name, state in found.items() if state is not None}
        changed = [name for name, state in states.items() if not _holds(entries.get(name), state)]

        def add(name: str, header: Header | None) -> None:
            if header is not None:
                entries[name] = Entry(*states[name], header)  # an older state would be read again

        if changed:
            self._each(changed, lambda name: _header(self.folder / name), add, report)
            self._keep()
        return [entries[name].header if name in states and name in entries else None for name in files]

    def digest(self, files: Sequence[str], report: Report | None = None) -> str:
        """16 hexadecimal digits that change with a file's name, length, beginning or end, but not with its times.

        A file that no longer exists counts with its last known header: files derived from it are still valid.
        """
        names = sorted(set(files))
        self.headers(names, report)
        digest, seen = hashlib.sha256(), self._known()
        for name in names:
            digest.update(f"{name}\0{seen[name].header.fingerprint if name in seen else MISSING}\n".encode())
        return digest.hexdigest()[:16]

    def changed_unseen(self, files: Sequence[str], report: Report | None = None) -> list[str]:
        """The `files` whose content has changed since the last call, although length and time of last change are the
        same. Every byte is read.
        """
        self.headers(files)
        entries, differing = self._known(), []

        def compare(name: str, content: str | None) -> None:
            entry = entries.get(name)
            if content is None or entry is None:
                return
            if entry.content not in ("", content):
                differing.append(name)
            entries[name] = replace(entry, content=content, header=_header(self.folder / name) or entry.header)

        self._each(files, lambda name: _content(self.folder / name), compare, report)
        self._keep()
        return sorted(differing)

    def _each(self, files: Sequence[str], read: Callable[[str], Any], take: Callable[[str, Any], None],
              report: Report | None = None) -> None:
        """Call `take` with each file and the result of `read`, which runs in several threads: on a network most of the
        time is waiting."""
        names = list(dict.fromkeys(files))
        groups = [names[start:start + TOGETHER] for start in range(0, len(names), TOGETHER)]
        done = 0
        with ThreadPoolExecutor(min(32, 4 * (os.cpu_count() or 1))) as pool:
            for group, results in zip(groups, pool.map(lambda group: [read(name) for name in group], groups),
                                      strict=True):
                for name, result in zip(group, results, strict=True):
                    take(name, result)
                done += len(group)
                if report:
                    report(done, len(names))

    def _known(self) -> dict[str, Entry]:
        if self._entries is None:
            self._entries = self._read()
        return self._entries

    def _read(self) -> dict[str, Entry]:
        """The kept entries; {} if the file is missing, damaged or of another format, since it can be made again."""
        if self.file is None:
            return {}
        try:
            kept = require_json(self.file, dict)
            if kept.get("format") != FORMAT:
                return {}
            return {name: Entry(length, time, Header(**header | {"notes": tuple(header["notes"])}), content)
                    for name, (length, time, header, content) in kept["pictures"].items()}
        except (OSError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def _keep(self) -> None:
        if self.file is None:
            return
        images = {name: [entry.length, entry.time, asdict(entry.header), entry.content]
                    for name, entry in self._known().items()}
        # Where nothing can be written, headers are read again next time.
        keep_json(self.file, {"format": FORMAT, "folder": str(self.folder), "pictures": images})


def index_file(cache: Path, folder: Path) -> Path:
    """The file of the index of an image folder."""
    return cache / "pictures" / f"{hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]}.json"


def _holds(entry: Entry | None, state: tuple[int, int]) -> bool:
    return entry is not None and (entry.length, entry.time) == state


def _state(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns


def _header(path: Path) -> Header | None:
    try:
        return read_header(path)
    except FileNotFoundError:
        return None


def _content(path: Path) -> str | None:
    try:
        return sha256_of(path)
    except OSError:
        return None
