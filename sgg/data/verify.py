"""Whether what is on the disk is whole: files against the checksums of their download, every picture decoded."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from sgg.data.dataset import DataSet
from sgg.data.download import sha256_of
from sgg.data.pictures import read_picture
from sgg.data.prepare import RECORDS, read_record


@dataclass
class Findings:
    """Files that are not as they should be; each list holds one line for each."""

    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.changed or self.missing or self.damaged)


def verify(data: DataSet, root: Path, workers: int | None = None,
           report: Callable[[int, int], None] | None = None) -> Findings:
    """Check the files of an opened data set (opening it has checked the structure of its annotation).

    workers: pictures decoded at a time; None: one for each core. report: called with pictures done and all.

    Raises ValueError naming a spoilt record of what was downloaded.
    """
    findings = Findings(changed=list(_changed_files(root)))
    pictures = _pictures(data)
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, (kind, text) in enumerate(pool.map(_check_picture, pictures), start=1):
            if kind:
                getattr(findings, kind).append(text)
            if report:
                report(done, len(pictures))
    return findings


def _pictures(data: DataSet) -> list[tuple[Path, tuple[int, int]]]:
    """Path, height and width of every picture of every part, the detector's included."""
    images = [(data.image_folder, data.annotations)]
    if data.detector:
        images.append((data.detector.image_folder, data.detector.annotations))
    return [(folder / file, tuple(size)) for folder, annotations in images
            for file, size in zip(annotations.files.tolist(), annotations.sizes.tolist(), strict=True)]


def _check_picture(picture: tuple[Path, tuple[int, int]]) -> tuple[str, str]:
    path, size = picture
    try:
        read_picture(path, size)
    except FileNotFoundError as error:
        return "missing", str(error)
    except ValueError as error:
        return "damaged", str(error)
    return "", ""


def _changed_files(root: Path) -> Iterator[str]:
    """Files that were fetched as such and have another checksum now."""
    for path in sorted((root / RECORDS).glob("*.json")):
        files, digest = read_record(path)
        if len(files) == 1 and Path(files[0]).name == path.stem:
            file = root / files[0]
            if not file.is_file():
                yield f"{file} is missing"
            elif sha256_of(file) != digest:
                yield f"{file} is no longer what was downloaded: its SHA-256 is not {digest}"
