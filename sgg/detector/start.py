"""Starting a detector from torchvision's COCO weights on disk."""

from __future__ import annotations

from pathlib import Path

from sgg.checkpoint import load_strictly
from sgg.checkpoint.pickles import read_pickle, require_weights
from sgg.checkpoint.published_names import rename_torchvision
from sgg.models.detector import Detector

OF_COCO = ("roi_heads.box_predictor.", "roi_heads.mask_predictor.")  # sized by COCO's classes, not by ours


def load_coco(path: Path | str, detector: Detector) -> None:
    """Put torchvision's `maskrcnn_resnet50_fpn` weights (or another file for this backbone) into the detector.

    All but the layers that name COCO's classes, which keep their random start. Raises FileNotFoundError or ValueError.
    """
    given = {rename_torchvision(name): value for name, value in require_weights(read_pickle(path), str(path)).items()}
    random = {name: value for name, value in detector.rcnn.state_dict().items() if name.startswith(OF_COCO)}
    weights = {name: value for name, value in given.items() if not name.startswith(OF_COCO)} | random
    load_strictly(detector.rcnn, weights, str(path))
