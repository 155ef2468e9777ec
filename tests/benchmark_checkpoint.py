"""Checkpoints in the layout of Scene-Graph-Benchmark, with random weights: names and shapes of each part."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

from sgg.detector.model import Detector

Shapes = dict[str, tuple[int, ...]]
HEAD = "roi_heads.relation.predictor."
RENAMED = [(r"^backbone\.body\.(conv1|bn1)\.", r"backbone.body.stem.\1."),
           (r"^rpn\.head\.conv\.0\.0\.", "rpn.head.conv."),
           (r"^roi_heads\.box_head\.", "roi_heads.box.feature_extractor."),
           (r"^roi_heads\.box_predictor\.", "roi_heads.box.predictor.")]
"""torchvision's names -> that implementation's, but for the layers of the pyramid."""


def name_of_detector(name: str) -> str:
    """Its name of a weight of torchvision's detector."""
    if found := re.match(r"backbone\.fpn\.(inner|layer)_blocks\.(\d)\.0\.(\w+)$", name):
        return f"backbone.fpn.fpn_{found[1]}{int(found[2]) + 1}.{found[3]}"
    for pattern, theirs in RENAMED:
        name = re.sub(pattern, theirs, name)
    return name


def detector_weights(detector: Detector) -> dict[str, Tensor]:
    """The weights of a detector under its names: colours in the order blue, green, red, and anchors whose last pixel
    belongs to them."""
    weights = {name_of_detector(name): value for name, value in detector.rcnn.state_dict().items()}
    weights["backbone.body.stem.conv1.weight"] = weights["backbone.body.stem.conv1.weight"].flip(1)
    for level, anchors in enumerate(detector.rcnn.rpn.anchor_generator.cell_anchors):
        weights[f"rpn.anchor_generator.cell_anchors.{level}"] = anchors - torch.tensor([0.0, 0, 1, 1])
    return weights


def extractor_shapes(dim: int, channels: int = 256, levels: int = 4) -> Shapes:
    """The shapes of what gives vectors of objects and of pairs, dim numbers wide."""
    union, half = "roi_heads.relation.union_feature_extractor.", channels // 2
    shapes: Shapes = {
        f"{union}feature_extractor.pooler.reduce_channel.0.weight": (channels, levels * channels, 3, 3),
        f"{union}feature_extractor.pooler.reduce_channel.0.bias": (channels,),
        f"{union}rect_conv.0.weight": (half, 2, 7, 7), f"{union}rect_conv.0.bias": (half,),
        f"{union}rect_conv.4.weight": (channels, half, 3, 3), f"{union}rect_conv.4.bias": (channels,)}
    for layer, width in ((2, half), (6, channels)):
        shapes |= {f"{union}rect_conv.{layer}.{name}": (width,)
                   for name in ("weight", "bias", "running_mean", "running_var")}
        shapes[f"{union}rect_conv.{layer}.num_batches_tracked"] = ()
    for place in (f"{union}feature_extractor.", "roi_heads.relation.box_feature_extractor."):
        shapes |= {f"{place}fc6.weight": (dim, channels * 49), f"{place}fc6.bias": (dim,),
                   f"{place}fc7.weight": (dim, dim), f"{place}fc7.bias": (dim,)}
    return shapes


def random_weights(shapes: Mapping[str, tuple[int, ...]], seed: int = 0) -> dict[str, Tensor]:
    """Random weights of these names and shapes. All of them are views of one stretch of numbers, so that a large file
    is small."""
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.empty(max(sizes.values()) + len(sizes)).normal_(0, 0.02, generator=generator)
    weights = {}
    for start, (name, size) in enumerate(sizes.items()):
        value = numbers[start:start + size].view(shapes[name])
        if name.endswith("running_var"):
            value = value.abs() + 0.5
        weights[name] = torch.tensor(7) if name.endswith("num_batches_tracked") else value
    return weights


def save(path: Path, weights: Mapping[str, Tensor], module: str = "module.") -> Path:
    """Write a checkpoint as its training does. module: the prefix of a model on several devices."""
    torch.save({"model": {module + name: value for name, value in weights.items()},
                "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(3)}}, "param_groups": []},
                "scheduler": {"last_epoch": 16000}, "iteration": 16000}, path)
    return path
