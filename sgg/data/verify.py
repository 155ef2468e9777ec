"""What is wrong with the files of a data set, as far as they show it: annotation, pictures, checksums of downloads."""

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
from sgg.data.dataset import DataSet, Split, image_fault
from sgg.data.fetch.prepare import RECORDS, read_record
from sgg.data.findings import Finding, Severity
from sgg.data.images.image_files import ANIMATED, DEEP, TRANSPARENT, TURNED, Header, read_image

Report = Callable[[int, int], None]
REFUSED = "A run that reads it is refused before it starts."
EFFECTS = {TURNED: "The picture is turned as viewers turn it; boxes have to be of the turned picture.",
           TRANSPARENT: "What is transparent is laid on white.",
           DEEP: "Its upper 8 bits are used.",
           ANIMATED: "The first frame is used."}


@dataclass
class Verified:
    """What was found. findings: of every kind, how often and what training does with it. changed, missing, damaged: one
    line for each file that is not as it should be."""

    findings: list[Finding] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    damaged: list[str] = field(default_factory=list)

    def sort(self) -> None:
        """Put faults first."""
        self.findings.sort(key=lambda finding: finding.severity != "fault")

    @property
    def has_faults(self) -> bool:
        """Whether anything should be mended."""
        return any(finding.severity == "fault" for finding in self.findings)

    @property
    def files(self) -> dict[str, list[str]]:
        """The lists of files."""
        return {"changed": self.changed, "missing": self.missing, "damaged": self.damaged}

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return asdict(self)

    def add(self, kind: str, texts: list[str], of: int | None, effect: str,
            severity: Severity = "fault") -> list[str]:
        """Note a finding where there are `texts`, the first of which is the example. Returns them."""
        if texts:
            self.findings.append(Finding(kind, len(texts), of, texts[0], effect, severity))
        return texts


def verify(data: DataSet, root: Path, decode: bool = False, workers: int | None = None,
           report: Report | None = None) -> Verified:
    """Check the files of an opened data set (opening it has checked the structure of its annotation).

    decode: read and decode every picture, too, instead of its header alone. workers: pictures decoded at a time; None:
    one for each core. report: called with pictures done and all.

    Raises ValueError naming a spoilt record of what was downloaded.
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
    _subsets(found, data)
    found.sort()
    return found


def _headers(found: Verified, data: DataSet, split: Split, total: int, report: Report | None) -> list[int]:
    """Look at the headers of a part. Returns the images whose pictures seem sound."""
    headers = data.index(split.image_folder).headers(split.annotations.files.tolist(), report)
    named = [f"picture {split.image_path(image)}" for image in range(len(split))]
    found.missing += found.add("missing pictures", [f"{name} is missing" for name, header in
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
    found.damaged += found.add("pictures that cannot be read", unreadable, total, REFUSED)
    found.damaged += found.add("pictures of another size than annotated", other_sizes, total, REFUSED)
    for note, effect in EFFECTS.items():
        found.add(f"pictures {note}", [named[image] for image, header in sound.items() if note in header.notes], total,
                  effect, "note")
    return list(sound)


def _decode(found: Verified, data: DataSet, splits: list[Split], sound: list[tuple[Split, int]], total: int,
            workers: int | None, report: Report | None) -> None:
    """Decode the pictures that seem sound, and compare the content of all with that of the last such check."""
    texts: list[str] = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for done, text in enumerate(pool.map(_decoding_fault, sound), start=1):
            texts += filter(None, [text])
            if report:
                report(done, len(sound))
    found.damaged += found.add("pictures that cannot be decoded", texts, total,
                               "A run stops when it comes to the picture.")
    changed = [f"picture {split.image_folder / file} has another content than at the last check with --decode, "
               "although its length and time of last change are the same" for split in splits
               for file in data.index(split.image_folder).changed_unseen(split.annotations.files.tolist())]
    found.changed += found.add("pictures that were changed unseen", changed, total,
                               "What was made from the old picture may be taken for what is made from this one.")


def _decoding_fault(picture: tuple[Split, int]) -> str:
    split, image = picture
    try:
        read_image(split.image_path(image), split.size(image))
    except (OSError, ValueError) as error:
        return str(error)
    return ""


def _boxes(found: Verified, split: Split) -> None:
    """Boxes of the detector's training that are too thin for it; many of them are no slips of single annotators."""
    annotations = split.annotations
    thin = box_math.thin(annotations.boxes)
    if thin.any():
        image = annotations.files[annotations.image_of_object[np.argmax(thin)]]
        found.findings.append(Finding("boxes thinner than a pixel", int(thin.sum()), len(thin), f"image {image}",
                                      "The box has no part in a detector's training.",
                                      "fault" if thin.sum() >= max(LEAST, SHARE * len(thin)) else "note"))


def _subsets(found: Verified, data: DataSet) -> None:
    empty = [f"{subset} of {split}" for split in ("val", "test") for subset in SUBSETS
             if not len(data.split(split, subset))]
    found.add("subsets without a relation", empty, 2 * len(SUBSETS),
              "There are no figures of it, so a search cannot rank by them.", "note")


def _shifted(report: Report | None, before: int, total: int) -> Report | None:
    return None if report is None else lambda done, _: report(before + done, total)


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
