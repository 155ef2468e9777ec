"""Features of nodes and edges, pooled from a real or a generated feature map (docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .box_pairs import BoxPairEmbedding
from .pyramid import pool_all_levels, pool_own_level, unpack
from .roi_align import pool
from .union_boxes import union


class RoIFeatures(nn.Module):
    """Pool the boxes of objects and the union boxes of pairs from one feature map.

    channels: of the map. spatial_scale: map cells per pixel of the detector's coordinates, for example 1/16. size:
    cells along a side of a pooled feature. box_kind, box_strides: `kind` and `strides` of `BoxPairEmbedding`. levels:
    of the pyramid in the map (`sgg.models.pyramid`); spatial_scale is then that of the finest one. An object is pooled
    from the level of its size, a pair from all levels, so that it has `levels` times the channels.
    """

    def __init__(
        self,
        channels: int,
        spatial_scale: float,
        size: int = 7,
        box_kind: str = "union_frame",
        box_strides: str = "published",
        levels: int = 1,
    ):
        super().__init__()
        self.channels, self.spatial_scale, self.size, self.levels = channels, spatial_scale, size, levels
        self.box_pairs = BoxPairEmbedding(channels, kind=box_kind, strides=box_strides)

    def forward(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Node features [N, channels, size, size] and visual edge features [P, pair_channels, size, size].

        feature_map: [B, channels, h, w]. boxes: [N, 4] in the detector's coordinates. image_index: [N]. pairs: [P, 2].
        """
        if self.levels > 1:
            return (self.of_objects(feature_map, boxes, image_index),
                    self.of_pairs(feature_map, boxes, image_index, pairs))
        regions = torch.cat([boxes, union(boxes[pairs[:, 0]], boxes[pairs[:, 1]])])
        images = torch.cat([image_index, image_index[pairs[:, 0]]])
        nodes, edges = self.of_objects(feature_map, regions, images).split([len(boxes), len(pairs)])
        return nodes, edges

    def of_objects(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor) -> Tensor:
        """[N, channels, size, size] node features. The inputs are those of `forward`."""
        if self.levels > 1:
            return pool_own_level(unpack(feature_map, self.levels), boxes, image_index, self.size, self.spatial_scale)
        return pool(feature_map, boxes, image_index, self.size, self.spatial_scale)

    def of_pairs(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> Tensor:
        """[P, pair_channels, size, size] visual edge features. The inputs are those of `forward`."""
        unions, images = union(boxes[pairs[:, 0]], boxes[pairs[:, 1]]), image_index[pairs[:, 0]]
        if self.levels > 1:
            return pool_all_levels(unpack(feature_map, self.levels), unions, images, self.size, self.spatial_scale)
        return self.of_objects(feature_map, unions, images)

    @property
    def pair_channels(self) -> int:
        """The channels of visual edge features."""
        return self.levels * self.channels

    def embed_boxes(self, boxes: Tensor, pairs: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, channels, h, w] the embedding of box pairs that is added to the visual edge features.

        image_sizes: [P, 2] height and width.
        """
        return self.box_pairs(boxes[pairs[:, 0]], boxes[pairs[:, 1]], image_sizes)

    def draw_boxes(self, boxes: Tensor, pairs: Tensor, image_sizes: Tensor) -> Tensor:
        """[P, 2, 27, 27] the drawings that `embed_boxes` embeds, subject first. image_sizes: [P, 2] height and width.
        """
        return self.box_pairs.drawing(boxes[pairs[:, 0]], boxes[pairs[:, 1]], image_sizes)
