"""Verify that a detector fits a data set, before anything is trained on it: classes, and what it finds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from sgg.common.device import find_device
from sgg.data import DataSet
from sgg.data.findings import Finding
from sgg.data.verify import Verified
from sgg.detector.files import load_detector
from sgg.detector.proposals import require_proposals

SPLIT = "val"
"""Not test: what is learnt here may change settings."""


def verify_detector(found: Verified, data: DataSet, directory: Path, images: int | None = None,
                    device: str = "auto") -> dict[str, float]:
    """Add findings about the detector in a folder to `found`. Returns its metrics on val
    (`sgg.detector.evaluation.measure`); {} where its classes are not those of the data set.

    images: measure on this many images only, the first ones. Raises FileNotFoundError or ValueError that names a folder
    without a detector; ValueError for a detector that finds no boxes.
    """
    from sgg.detector.evaluation import measure  # imports pycocotools

    detector, metadata = load_detector(directory)
    require_proposals(directory, "average precision")
    classes = metadata.get("classes")
    if fault := class_fault(classes, detector.num_classes, data.classes):
        found.findings.append(Finding(
            "classes of the detector that differ", 1, None, f"{directory}: {fault}",
            "A run with this detector is refused before it starts: train one on this data set.", "fault"))
        return {}
    split = data.split(SPLIT).head(images)
    metrics = measure(detector.to(find_device(device, "--device")), data, SPLIT, limit=images)
    share = metrics[f"{SPLIT}/detector/all/both-found"]
    relations = len(split.annotations.relations)
    if not math.isnan(share) and (missed := round((1 - share) * relations)):
        found.findings.append(Finding(
            "relations whose objects the detector does not find", missed, relations, f"{len(split)} images of {SPLIT}",
            f"SGDet misses them: its recall is at most {100 * share:.1f} % of all relations."))
    return metrics


def class_fault(classes: Sequence[str] | None, num_classes: int, wanted: Sequence[str]) -> str:
    """Why the classes of a detector are not those `wanted`, as the end of a sentence; "" if they are. classes: None if
    the detector does not name them; num_classes: their number. All count the background."""
    if classes is None:
        return "" if num_classes == len(wanted) else f"it has {num_classes - 1} classes, the data set {len(wanted) - 1}"
    if list(classes) == list(wanted):
        return ""
    if sorted(classes) == sorted(wanted):
        place = next(place for place, (one, other) in enumerate(zip(classes, wanted, strict=True)) if one != other)
        return (f"it has the same classes in another order: number {place} is {classes[place]!r}, in the data set "
                f"{wanted[place]!r}")
    here, there = ([name for name in one if name not in other] for one, other in ((classes, wanted), (wanted, classes)))
    return (f"it has {len(classes) - 1} classes, the data set {len(wanted) - 1}"
            + (f"; only the detector has {here[0]!r}" if here else "") + (f"; it lacks {there[0]!r}" if there else ""))
