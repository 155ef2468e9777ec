"""Published weights of detectors: Neural Motifs' `vg-faster-rcnn.tar`, and the detector inside a trained model of the
papers (docs/SYSTEM.md section 7).
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from sgg.common.published_files import Filling, Weight, fill, read_published, rename

from .model import Detector

IN_TRAINED = "detector."
"""The prefix of the detector's weights in the file of a trained model."""

MOTIFS_DETECTOR = {
    "features.": "backbone.",
    "rpn_head.conv.0.": "rpn.head.conv.0.0.",
    "roi_fmap.0.": "roi_heads.box_head.fc6.",
    "roi_fmap.3.": "roi_heads.box_head.fc7.",
    "score_fc.": "roi_heads.box_predictor.cls_score.",
    "bbox_fc.": "roi_heads.box_predictor.bbox_pred.",
}
"""Prefixes of Neural Motifs' detector -> prefixes of torchvision's, in Detector.rcnn."""

MOTIFS_UNUSED = "rpn_head.conv.2."
"""Scores and shifts of its 20 anchors; torchvision has 15 other anchors."""

MOTIFS_ABSENT = ("rpn.head.cls_logits.", "rpn.head.bbox_pred.")
"""The weights of ours that the file lacks; they stay random."""

_OLD_TORCHVISION = [
    (re.compile(r"\brpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
    (re.compile(r"\bfpn\.(inner|layer)_blocks\.(\d)\.(weight|bias)$"), r"fpn.\1_blocks.\2.0.\3"),
    *((re.compile(rf"\bmask_head\.mask_fcn{n}\."), f"mask_head.{n - 1}.0.") for n in range(1, 5)),
]


def load_published_detector(path: Path | str, detector: Detector) -> list[str]:
    """Load the detector of a published file into ours, in place. Returns the name of every tensor of the file that is
    left out, and logs these names as a warning.

    Raises FileNotFoundError, or ValueError if the file is damaged, holds objects that could run code, or does not fit.
    Then nothing is changed.
    """
    content = read_published(path)
    return fill(path, content, [filling_of_detector(content["state_dict"], detector)])


def is_motifs(weights: dict[str, Tensor]) -> bool:
    """Whether weights belong to Neural Motifs' detector (and not to a trained scene-graph model)."""
    return "roi_fmap.0.weight" in weights and "features.0.weight" in weights


def filling_of_detector(state: dict[str, Tensor], detector: Detector) -> Filling:
    """The weights of a published file that belong to the detector."""
    if is_motifs(state):
        weights = [Weight(rename(name, MOTIFS_DETECTOR), name, value)
                   for name, value in state.items() if not name.startswith(MOTIFS_UNUSED)]
        expected = {name for name in detector.rcnn.state_dict() if not name.startswith(MOTIFS_ABSENT)}
        return Filling(detector.rcnn, weights, expected, [*MOTIFS_DETECTOR.items()])
    weights = [Weight(rename_torchvision(name.removeprefix(IN_TRAINED)), name, value)
               for name, value in state.items() if name.startswith(IN_TRAINED)]
    return Filling(detector.rcnn, weights, set(detector.rcnn.state_dict()), [(IN_TRAINED, "")])


def rename_torchvision(name: str) -> str:
    """The current name of a weight of an older torchvision (before 0.13). Current names stay as they are."""
    for pattern, current in _OLD_TORCHVISION:
        name = pattern.sub(current, name)
    return name
