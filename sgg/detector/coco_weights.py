"""Start a detector's training from a file of torchvision's COCO weights."""

from __future__ import annotations

import logging
from pathlib import Path

from sgg.common.pickles import read_pickle, require_weights
from sgg.common.weights import load_strictly
from sgg.detector.model import Detector
from sgg.detector.published import rename_torchvision

log = logging.getLogger(__name__)

OF_COCO = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.")  # their size depends on COCO's classes


def load_coco(path: Path | str, detector: Detector) -> None:
    """Load torchvision's `maskrcnn_resnet50_fpn` weights, or another file for this backbone, into the detector.

    The layers of COCO's classes keep their random weights, and the log names them. Raises FileNotFoundError or
    ValueError.
    """
    published = require_weights(read_pickle(path), str(path))
    given = {rename_torchvision(name): value for name, value in published.items()}
    if len(given) < len(published):
        twice = [name for name in published if name != rename_torchvision(name) in published]
        raise ValueError(f"{path} has the same weights under names of an older and a newer torchvision: "
                         f"{', '.join(twice)}")
    if without_place := [name for name in given if name.startswith(OF_COCO)]:
        log.info("%s: left out %s, which belong to COCO's classes", path, ", ".join(without_place))
    random = {name: value for name, value in detector.rcnn.state_dict().items() if name.startswith(OF_COCO)}
    weights = {name: value for name, value in given.items() if not name.startswith(OF_COCO)} | random
    load_strictly(detector.rcnn, weights, str(path))
