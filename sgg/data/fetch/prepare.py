"""Prepare a published data set: check the disk space, download and check the files, unpack the archives."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_folder, require_json
from sgg.data.fetch.download import Report, fetch
from sgg.data.fetch.sources import Source, published
from sgg.data.fetch.unpack import unpack
from sgg.data.records import located, short, typed

RECORDS = ".prepared"
UNKNOWN_SIZE = 2 * 10**9  # the assumed size of a file of unknown size: GQA's questions are the largest
SLACK = 10**8


def prepare(name: str, root: Path | str, *, mirror: str | None = None, keep_archives: bool = False,
            progress: Callable[[str], Report] | None = None) -> list[Path]:
    """Download and unpack all files of a `published` data set below `root`. Returns the files and folders. Existing
    files stay, and a call after an interruption resumes.

    mirror: an address with all files side by side, in place of their own addresses. progress: returns the function to
    call with the received bytes of a file, given the file's name.

    Raises ValueError for a mirror that is no address, wrong bytes, an unsafe archive (it is deleted) or a damaged
    record of an earlier call; OSError for a file in the place of a folder, too little space or a server that fails.
    """
    root = require_folder(Path(root))
    known = published()
    if name not in known:
        raise ValueError(f"prepare knows {', '.join(known)}, not {name!r}; if a plugin defines it, name the plugin "
                         "(--plugin)")
    if mirror is not None and not re.match(r"(https?|ftp|file)://.", mirror):
        raise ValueError(f"the mirror must be an address like https://host/folder, got {mirror!r}")
    missing = [source for source in known[name] if not _is_done(root, source)]
    _require_space(root, missing)
    for source in missing:
        at = replace(source, url=f"{mirror.rstrip('/')}/{source.file_name}") if mirror else source
        _get(root, at, keep_archives, progress(source.file_name) if progress else None)
    return [root / source.target for source in known[name]]


def record_path(root: Path, source: Source) -> Path:
    """The record of a download: a file with its address, checksum and unpacked files."""
    return root / RECORDS / f"{source.file_name}.json"


def read_record(path: Path) -> tuple[list[str], str]:
    """The files below ROOT that a record lists, and the SHA-256 of the download.

    Raises ValueError that names a damaged record and the remedy.
    """
    try:
        record = require_json(path, dict)
        with located(f"{path}"):
            files, digest = typed(record, "files", list), typed(record, "sha256", str)
            if not files or not all(isinstance(file, str) for file in files):
                raise ValueError(f"must list names of files under 'files', got {short(files)}")
    except ValueError as error:
        raise ValueError(f"{error}; delete it, and prepare writes it again") from None
    return files, digest


def _is_done(root: Path, source: Source) -> bool:
    path = record_path(root, source)
    return path.is_file() and all((root / file).is_file() for file in read_record(path)[0])


def _archive_path(root: Path, source: Source) -> Path:
    return root / RECORDS / source.file_name if source.wanted else root / source.target


def _require_space(root: Path, sources: list[Source]) -> None:
    root.mkdir(parents=True, exist_ok=True)
    needed = SLACK if sources else 0
    for source in sources:
        path = _archive_path(root, source)
        there = sum(place.stat().st_size for place in (path, path.with_name(path.name + ".part")) if place.is_file())
        size = source.size or (UNKNOWN_SIZE if source.wanted else SLACK)
        needed += max(0, size - there) + source.unpacked
    free = shutil.disk_usage(root).free
    if needed > free:
        names = ", ".join(source.file_name for source in sources)
        raise OSError(f"{root.resolve()} has {free / 1e9:.1f} GB free, but {needed / 1e9:.1f} GB are needed to fetch "
                      f"and unpack {names}; make room or name another disk")


def _get(root: Path, source: Source, keep_archive: bool, report: Report | None) -> None:
    path = _archive_path(root, source)
    digest = fetch(source.url, path, source.size, source.sha256, report=report)
    files = [path]
    if source.wanted:
        try:
            files = unpack(path, root / source.target, source.wanted, source.unpacked)
        except ValueError as error:
            path.unlink()  # otherwise every later call would refuse it
            raise ValueError(f"{error}; the archive was deleted: run the same command to download it again") from None
    record_path(root, source).parent.mkdir(parents=True, exist_ok=True)
    write_json(record_path(root, source), {
        "url": source.url, "sha256": digest, "files": [str(file.relative_to(root)) for file in files]})
    if source.wanted and not keep_archive:
        path.unlink()
