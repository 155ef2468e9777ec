"""How good a detector is, as its own files say: COCO's mean average precision on val, measured after its training."""

from __future__ import annotations

import logging
import math
from pathlib import Path

from sgg.common.run_log import read_optional_json
from sgg.data import DataSet
from sgg.data.provenance import DetectorMetrics
from sgg.detector.layout import METADATA, METRICS
from sgg.detector.model import Detector

log = logging.getLogger(__name__)

SPLIT = "val"
PUBLISHED = "the detector is a published file, whose region proposals fit another network (docs/SYSTEM.md section 7)"
PRECISIONS = "mAP", "mAP@.5"
"""What results say of a detector, of all that `sgg.detector.evaluation.measure` gives."""


def measure_trained(detector: Detector, data: DataSet, workers: int = 0, batch_size: int = 8) -> dict[str, float]:
    """The metrics on val of a detector that was just trained (`sgg.detector.evaluation.measure`), without those that
    are not finite; empty, with a warning, where val cannot be measured. The detector stays on its device.
    """
    from sgg.detector.evaluation import measure  # imports pycocotools, which readers of detectors do not need

    try:
        if not len(data.split(SPLIT)):
            raise ValueError(f"{SPLIT} has no images")
        found = measure(detector, data, SPLIT, batch_size, workers)
    except (OSError, ValueError) as error:  # the detector must not be lost because val cannot be read
        log.warning("the detector is trained, but its average precision is unknown: %s", error)
        return {}
    return {name: value for name, value in found.items() if math.isfinite(value)}


def recorded_metrics(folder: Path | None, wanted: str) -> DetectorMetrics:
    """The average precision that the detector in `folder` says of itself, or why it is unknown.

    folder: None where the weights are a published file. wanted: the hash of the detector. Raises ValueError that names
    a damaged detector.json.
    """
    if folder is None:
        return {"unknown": PUBLISHED}
    metadata = read_optional_json(folder / METADATA) or {}
    metrics = metadata.get(METRICS) if metadata.get("hash") == wanted else None
    values = [metrics.get(f"{SPLIT}/detector/{name}") for name in PRECISIONS] if isinstance(metrics, dict) else []
    match values:
        case [float(precision), float(at_half)]:
            return {"on": f"{SPLIT} of {metadata.get('data', 'data that it does not name')}", "mAP": precision,
                    "mAP@.5": at_half}
    return {"unknown": f"{folder / METADATA} does not say it; "
                       f"`python -m sgg.detector evaluate {folder}` measures it"}
