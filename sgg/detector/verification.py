"""Verify that a detector fits a data set, before anything is trained on it: classes, and what it finds."""

from __future__ import annotations

import math
from pathlib import Path

from sgg.common.device import find_device
from sgg.data import DataSet
from sgg.data.findings import Finding
from sgg.data.verify import Verified
from sgg.detector.classes import class_fault
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
