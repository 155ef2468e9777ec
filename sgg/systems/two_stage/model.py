"""The scene-graph model that settings describe, on a detector."""

from __future__ import annotations

import torch
from torch import Tensor

from sgg.config import Config
from sgg.detector.model import Detector
from sgg.methods.head import HeadSizes, require_module
from sgg.models.drawing_head import DrawingHead
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel


def build_model(config: Config, detector: Detector, outputs: tuple[int, int], words: tuple[Tensor, Tensor] | None,
                table: Tensor | None) -> SceneGraphModel:
    """The model with fresh weights; its box heads start from the detector's.

    outputs: the numbers C and R of classes and predicates. words: [C, D] and [R, D] word vectors, for a head that needs
    them. table: [C, C, R] the frequency table, if `Model.needs_frequency_table`.
    """
    settings, (classes, predicates) = config.model, outputs
    node_box_head, edge_box_head = (detector.box_head_copy(role, settings.dropout) for role in ("node", "edge"))
    head = settings.head
    sizes = HeadSizes(detector.head_dim, classes, predicates, 0 if words is None else words[0].shape[1],
                      detector.channels, table if "frequency_table" in head.needs else None)
    relation_head = require_module(head.build(sizes, words), head)
    bias = None if table is None or settings.frequency_bias == "off" else FrequencyBias(table)
    regions = RoIFeatures(detector.channels, 1 / detector.stride, box_kind=settings.edge_boxes,
                          box_strides=settings.box_strides, levels=detector.levels)
    drawing_head = None
    if head.drawing_dim:
        drawing_head = DrawingHead(detector.channels * regions.box_pairs.cells, head.drawing_dim)
    model = SceneGraphModel(regions, node_box_head, edge_box_head, relation_head,
                            bias, settings.frequency_bias, head.needs,
                            head.conditions_on_labels, words, outputs, config.training.recompute_box_heads,
                            drawing_head)
    if config.training.compile:
        # torch counts how often it has compiled a function, over all models of a process, and stops at a limit.
        torch.compiler.reset()
        model.classify = torch.compile(model.classify, dynamic=True)  # type: ignore[method-assign]  # of this one
    return model
