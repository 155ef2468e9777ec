"""Features of nodes and edges, pooled from a global feature map, real or generated (docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.ops import roi_align

from .union_boxes import BoxPairEmbedding, draw, union


def pool(feature_map: Tensor, boxes: Tensor, image_index: Tensor, size: int, spatial_scale: float) -> Tensor:
    """[K, C, size, size] of boxes [K, 4] in the detector's frame; feature_map: [B, C, h, w]. See RoIFeatures."""
    rois = torch.cat([image_index[:, None].to(boxes), boxes], dim=1)
    return roi_align(feature_map, rois, size, spatial_scale, sampling_ratio=2)


class RoIFeatures(nn.Module):
    """Pools the boxes of objects and the union boxes of pairs from one map.

    channels: of the map. spatial_scale: map cells per pixel of the detector's frame, for example 1/16. size: cells a
    side of a pooled feature. box_kind, box_strides: see `BoxPairEmbedding`.
    """

    def __init__(
        self,
        channels: int,
        spatial_scale: float,
        size: int = 7,
        box_kind: str = "union_frame",
        box_strides: str = "published",
    ):
        super().__init__()
        self.channels, self.spatial_scale, self.size = channels, spatial_scale, size
        self.box_pairs = BoxPairEmbedding(channels, kind=box_kind, strides=box_strides)

    def pool(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor) -> Tensor:
        """[K, channels, size, size] of boxes [K, 4] in the detector's frame; feature_map: [B, channels, h, w]."""
        return pool(feature_map, boxes, image_index, self.size, self.spatial_scale)

    def forward(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Node features [N, channels, size, size] and visual edge features [P, channels, size, size]."""
        nodes = self.pool(feature_map, boxes, image_index)
        union_boxes = union(boxes[pairs[:, 0]], boxes[pairs[:, 1]])
        edges = self.pool(feature_map, union_boxes, image_index[pairs[:, 0]])
        return nodes, edges

    def embed_boxes(self, boxes: Tensor, pairs: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, channels, .., ..] what is added to the visual edge features. image_sizes: [P, 2] height, width."""
        return self.box_pairs(boxes[pairs[:, 0]], boxes[pairs[:, 1]], image_sizes)

    def draw_boxes(self, boxes: Tensor, pairs: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, 2, 27, 27] the drawings that `embed_boxes` embeds, subject first. image_sizes: [P, 2] height, width."""
        embedding = self.box_pairs
        return draw(boxes[pairs[:, 0]], boxes[pairs[:, 1]], embedding.size, embedding.kind, image_sizes)
