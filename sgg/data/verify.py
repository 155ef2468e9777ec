"""Verify the files of a data set: annotation, image files, checksums of downloads."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.hashing import sha256_of
from sgg.common.metric_names import SUBSETS
from sgg.data import boxes as box_math
from sgg.data.checks.box_conventions import LEAST, SHARE
from sgg.data.checks.duplicates import repeated_images, repeated_objects, repeated_relations
from sgg.data.dataset import DataSet, Split, image_fault
from sgg.data.fetch.prepare import RECORDS, read_record
from sgg.data.findings import Finding, Severity
from sgg.data.images.image_files import ANIMATED, DEEP, TRANSPARENT, TURNED, Header, read_image

Report = Callable[[int, int], None]
REFUSED = "A run that reads it is refused before it starts."
EFFECTS = {TURNED: "The image is turned as viewers turn it, so its boxes must be those of the turned image.",
           TRANSPARENT: "Transparent pixels are laid on white.",
           DEEP: "Its upper 8 bits are used.",
           ANIMATED: "The first frame is used."}


@dataclass
class Verified:
    """The results of a verification. findings: kinds of faults, see `Finding`. changed, missing, damaged: one line for
    each such file."""

    findings: list[Finding] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def sort(self) -> None:
        """Put faults first."""
        self.findings.sort(key=lambda finding: finding.severity != "fault")

    @property
    def has_faults(self) -> bool:
        """Whether there is a fault to correct."""
        return any(finding.severity == "fault" for finding in self.findings)

    @property
    def files(self) -> dict[str, list[str]]:
        """The lists of files by kind."""
        return {"changed": self.changed, "missing": self.missing, "damaged": self.damaged}

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)

    def add(self, kind: str, texts: list[str], of: int | None, effect: str,
            severity: Severity = "fault") -> list[str]:
        """Add a finding if there are `texts`; the first one becomes the example. Returns `texts`."""
        if texts:
            self.findings.append(Finding(kind, len(texts), of, texts[0], effect, severity))
        return texts


def verify(data: DataSet, root: Path, decode: bool = False, workers: int | None = None,
           report: Report | None = None) -> Verified:
    """Check the files of an opened data set. Opening it has checked the structure of its annotation.

    decode: decode every image file; otherwise read only its header. workers: the number of images to decode at the same
    time; None: one per core. report: called with the numbers of finished images and of all images.

    Raises ValueError that names a damaged record of a download.
    """
    found = Verified(findings=list(data.findings))
    found.changed += found.add("changed files of a download", list(_changed_files(root)), None,
                               "The file is read as it is.")
    splits = [Split("all", data.annotations, data.image_folder), *([data.detector] if data.detector else [])]
    total, done = sum(map(len, splits)), 0
    sound: list[tuple[Split, int]] = []
    for split in splits:
        sound += [(split, image) for image in _headers(found, data, split, total, _shifted(report, done, total))]
        done += len(split)
    if decode:
        _decode(found, data, splits, sound, total, workers, report)
    _boxes(found, data.split("detector"))
    found.findings += [*repeated_objects(data.annotations), *repeated_relations(data.annotations),
                       *repeated_images(data.annotations.files, data.splits, _fingerprints(data))]
    _subsets(found, data)
    found.sort()
    return found


def _headers(found: Verified, data: DataSet, split: Split, total: int, report: Report | None) -> list[int]:
    """Check the headers of a split's image files. Returns the images without a fault."""
    headers = data.index(split.image_folder).headers(split.annotations.files.tolist(), report)
    named = [f"image file {split.image_path(image)}" for image in range(len(split))]
    found.missing += found.add("missing images", [f"{name} is missing" for name, header in
                                                    zip(named, headers, strict=True) if header is None], total, REFUSED)
    sound: dict[int, Header] = {}
    unreadable: list[str] = []
    other_sizes: list[str] = []
    for image, header in enumerate(headers):
        if header is None:
            continue
        if fault := image_fault(header, split.size(image)):
            (unreadable if header.fault else other_sizes).append(f"{named[image]} {fault}")
        else:
            sound[image] = header
    found.damaged += found.add("images that cannot be read", unreadable, total, REFUSED)
    found.damaged += found.add("images of another size than annotated", other_sizes, total, REFUSED)
    for note, effect in EFFECTS.items():
        found.add(f"images {note}", [named[image] for image, header in sound.items() if note in header.notes], total,
                  effect, "note")
    return list(sound)


def _decode(found: Verified, data: DataSet, splits: list[Split], sound: list[tuple[Split, int]], total: int,
            workers: int | None, report: Report | None) -> None:
    """Decode the image files without a fault, and compare the content of all files with that of the last check."""
    texts: list[str] = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, text in enumerate(pool.map(_decoding_fault, sound), start=1):
            texts += filter(None, [text])
            if report:
                report(done, len(sound))
    found.damaged += found.add("images that cannot be decoded", texts, total,
                               "A run stops when it reads the image.")
    changed = [f"image file {split.image_folder / file} has another content than at the last check with --decode, "
               "although its length and time of last change are the same" for split in splits
               for file in data.index(split.image_folder).changed_unseen(split.annotations.files.tolist())]
    found.changed += found.add("images that were changed unseen", changed, total,
                               "Files that were derived from the old image may be used for the new one.")


def _decoding_fault(item: tuple[Split, int]) -> str:
    split, image = item
    try:
        read_image(split.image_path(image), split.size(image))
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _fingerprints(data: DataSet) -> list[str | None]:
    """Of the image files; None for a missing one."""
    headers = data.index(data.image_folder).headers(data.annotations.files.tolist())
    return [None if header is None else header.fingerprint for header in headers]


def _boxes(found: Verified, split: Split) -> None:
    """Find boxes that are too thin for the detector's training. Many of them are a fault, a few are slips."""
    annotations = split.annotations
    thin = box_math.thin(annotations.boxes)
    if thin.any():
        image = annotations.files[annotations.image_of_object[np.argmax(thin)]]
        found.findings.append(Finding("boxes thinner than a pixel", int(thin.sum()), len(thin), f"image {image}",
                                      "The detector's training leaves the box out.",
                                      "fault" if thin.sum() >= max(LEAST, SHARE * len(thin)) else "note"))


def _subsets(found: Verified, data: DataSet) -> None:
    empty = [f"{subset} of {split}" for split in ("val", "test") for subset in SUBSETS
             if not len(data.split(split, subset))]
    found.add("subsets without a relation", empty, 2 * len(SUBSETS),
              "It has no metrics, so a search cannot compare trials by them.", "note")


def _shifted(report: Report | None, before: int, total: int) -> Report | None:
    return None if report is None else lambda done, _: report(before + done, total)


def _changed_files(root: Path) -> Iterator[str]:
    """Yield a sentence for each downloaded file that is missing or has another checksum now. Unpacked files have none.
    """
    for path in sorted((root / RECORDS).glob("*.json")):
        files, digest = read_record(path)
        if len(files) == 1 and Path(files[0]).name == path.stem:
            file = root / files[0]
            if not file.is_file():
                yield f"{file} is missing"
            elif sha256_of(file) != digest:
                yield f"{file} is not the downloaded file any more: its SHA-256 is not {digest}"
