"""Unpack zip archives that may be unsafe."""

from __future__ import annotations

import re
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from sgg.common.atomic import replaced

_CHUNK = 1 << 20


def unpack(archive: Path, folder: Path, wanted: re.Pattern[str], at_most: int) -> list[Path]:
    """Write the files of `archive` whose base names match `wanted` into `folder`, without the archive's own folders.
    Files that are already there in full stay. Returns all files.

    Raises ValueError before anything is written if a path leads out of the archive, an entry is a link or encrypted,
    two files have the same base name, all files together exceed `at_most` bytes, or no file matches. Also raises
    ValueError if an entry is damaged.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            entries = _wanted_entries(opened, wanted, at_most)
            folder.mkdir(parents=True, exist_ok=True)
            return [_write(opened, entry, folder / name) for name, entry in entries.items()]
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{archive} is not a zip archive, or is damaged: {error}") from None
    except ValueError as error:
        raise ValueError(f"{archive}: {error}") from None


def _wanted_entries(archive: zipfile.ZipFile, wanted: re.Pattern[str], at_most: int) -> dict[str, zipfile.ZipInfo]:
    """The entries to unpack by base name. All entries are checked."""
    entries: dict[str, zipfile.ZipInfo] = {}
    for entry in archive.infolist():
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or re.match(r"[A-Za-z]:", entry.filename):
            raise ValueError(f"the path {entry.filename!r} leads out of the archive; nothing was unpacked")
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise ValueError(f"{entry.filename!r} is a link or a device; nothing was unpacked")
        if entry.is_dir() or not wanted.fullmatch(path.name):
            continue
        if entry.flag_bits & 1:
            raise ValueError(f"{entry.filename!r} is encrypted; nothing was unpacked")
        if path.name in entries:
            raise ValueError(f"{entry.filename!r} and {entries[path.name].filename!r} would be the same file; nothing "
                             "was unpacked")
        entries[path.name] = entry
    if not entries:
        raise ValueError(f"has no file like {wanted.pattern!r}")
    if (total := sum(entry.file_size for entry in entries.values())) > at_most:
        raise ValueError(f"would unpack to {total:,} bytes, but at most {at_most:,} are allowed; nothing was unpacked")
    return entries


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, path: Path) -> Path:
    """Unpack one entry atomically. zipfile reads no more than the stated size and checks the CRC."""
    if path.is_file() and path.stat().st_size == entry.file_size:
        return path
    with replaced(path) as temporary, archive.open(entry) as source, open(temporary, "wb") as target:
        while chunk := source.read(_CHUNK):
            target.write(chunk)
    return path
