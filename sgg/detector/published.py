"""Published weights of detectors: Neural Motifs' `vg-faster-rcnn.tar`, the detector inside a trained model of the
papers, and the one in checkpoints of Scene-Graph-Benchmark (docs/SYSTEM.md section 7).
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from sgg.common.published_files import Filling, Weight, fill, read_published, rename
from sgg.models.published import BENCHMARK

from .backbones.resnext101.anchors import PyramidAnchors
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

BENCHMARK_DETECTOR = {
    "backbone.body.stem.": "backbone.body.",
    "backbone.body.": "backbone.body.",
    **{f"backbone.fpn.fpn_{name}{level + 1}.": f"backbone.fpn.{name}_blocks.{level}.0."
       for name in ("inner", "layer") for level in range(4)},
    "rpn.head.conv.": "rpn.head.conv.0.0.",
    "rpn.head.cls_logits.": "rpn.head.cls_logits.",
    "rpn.head.bbox_pred.": "rpn.head.bbox_pred.",
    "roi_heads.box.feature_extractor.": "roi_heads.box_head.",
    "roi_heads.box.predictor.": "roi_heads.box_predictor.",
}
"""Prefixes of that implementation's detector -> torchvision's, in Detector.rcnn."""

BENCHMARK_ANCHORS = "rpn.anchor_generator.cell_anchors."
BENCHMARK_PLACES = ("backbone.", "rpn.", "roi_heads.box.")
_FIRST = "backbone.body.stem.conv1.weight"

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


def is_benchmark(weights: dict[str, Tensor]) -> bool:
    """Whether weights belong to a checkpoint of Scene-Graph-Benchmark: a model with a relation head, or its detector
    alone."""
    names = {name.removeprefix(BENCHMARK) for name in weights}
    return "roi_heads.box.predictor.cls_score.weight" in names or any(
        name.startswith("roi_heads.relation.predictor.") for name in names)


def filling_of_benchmark_detector(state: dict[str, Tensor], detector: Detector) -> Filling:
    """The weights of a checkpoint of Scene-Graph-Benchmark that belong to its detector. The channels of pixels change
    from blue, green, red to ours."""
    weights = []
    for name, value in state.items():
        plain = name.removeprefix(BENCHMARK)
        if plain.startswith(BENCHMARK_PLACES) and not plain.startswith(BENCHMARK_ANCHORS):
            turned = value.flip(1) if plain == _FIRST and value.dim() > 1 else value
            weights.append(Weight(rename(plain, BENCHMARK_DETECTOR), name, turned))
    return Filling(detector.rcnn, weights, set(detector.rcnn.state_dict()), [*BENCHMARK_DETECTOR.items()])


def faults_of_benchmark_anchors(state: dict[str, Tensor]) -> list[str]:
    """One sentence for each level of a checkpoint's anchors that are not those of our detector. A checkpoint need not
    have them. Its boxes have their last pixel, ours end behind it."""
    faults = []
    for level, own in enumerate(PyramidAnchors().cell_anchors):
        name = f"{BENCHMARK_ANCHORS}{level}"
        given = state.get(name)
        expected = own - own.new_tensor([0.0, 0.0, 1.0, 1.0])
        if given is not None and (given.shape != own.shape or not torch.allclose(given.to(own), expected, atol=1e-3)):
            faults.append(f"{name} are other anchors: {given.tolist()!s:.80}, expected {expected.tolist()!s:.80}")
    return faults


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
