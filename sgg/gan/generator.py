"""The generator: from a scene graph with boxes to a generated feature map (docs/SYSTEM.md section 4; [2] there)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .graph_conv import GraphTripleConvNet
from .layout import boxes_to_layout
from .refinement import RefinementNetwork

BACKGROUND = 0


def join_dummies(labels: Tensor, boxes: Tensor, relations: Tensor, image_index: Tensor,
                 num_images: int) -> tuple[Tensor, Tensor, Tensor]:
    """Add to every image a node of class 0 with the box of the whole image, and join it to each object in both
    directions.

    labels [N], boxes [N, 4] in [0, 1], relations [E, 4] (image, subject, object, predicate), image_index [N] -> labels
    [N + B], boxes [N + B, 4], triples [E + 2N, 3] (subject, object, predicate). The added nodes are the last B rows.
    With them, an object or an image without a relation is treated like all others (the reference system stops there).
    """
    objects = torch.arange(len(labels), device=labels.device)
    dummies = len(labels) + image_index
    joints = torch.stack([torch.cat([dummies, objects]), torch.cat([objects, dummies]),
                          torch.full_like(dummies, BACKGROUND).repeat(2)], dim=1)
    return (torch.cat([labels, labels.new_full((num_images,), BACKGROUND)]),
            torch.cat([boxes, _whole_image(boxes).expand(num_images, 4)]),
            torch.cat([relations[:, 1:], joints]))


def _whole_image(like: Tensor) -> Tensor:
    """[4] the box 0, 0, 1, 1, made on the device, so that nothing is copied to it."""
    return (torch.arange(4, device=like.device) > 1).to(like)


class Generator(nn.Module):
    """Class embeddings and boxes -> graph convolutions -> features per object -> layout -> refinement -> generated map.

    num_classes, num_predicates: C and R, both with background. channels: of the map. map_size: its side s. pool_size:
    side p of the features of an object. embedding: width of the class embeddings. hidden: width of the graph
    convolutions and of the layout. visual_conditioning: whether the generator also takes one real feature of the class
    of each object. class_vectors [C, embedding], predicate_vectors [R, embedding]: the start of the embeddings; None:
    N(0, 1).

    Raises ValueError for a map smaller than 8 x 8, for channels or hidden that cannot be divided, and for vectors of
    another shape.
    """

    def __init__(self, num_classes: int, num_predicates: int, channels: int, map_size: int, *, pool_size: int = 7,
                 embedding: int = 200, hidden: int = 64, visual_conditioning: bool = False,
                 class_vectors: Tensor | None = None, predicate_vectors: Tensor | None = None):
        super().__init__()
        if map_size < 8:
            raise ValueError(f"map_size must be at least 8 (the refinement halves it three times), got {map_size}")
        if channels % 4 or hidden % 2:
            raise ValueError(f"channels must be divisible by 4 and hidden by 2, got {channels} and {hidden}")
        self.map_size = map_size
        self.pool_size = pool_size
        self.channels = channels
        self.visual_conditioning = visual_conditioning
        self.class_embedding = _embedding("class_vectors", num_classes, embedding, class_vectors)
        self.predicate_embedding = _embedding("predicate_vectors", num_predicates, embedding, predicate_vectors)
        self.graph_conv = GraphTripleConvNet(embedding + 4, embedding, hidden, hidden // 2 * pool_size ** 2)
        self.node_conv = nn.Sequential(nn.Conv2d(hidden // 2, hidden, 3, padding=1), nn.ReLU(),
                                       nn.Conv2d(hidden, hidden, 3, padding=1), nn.ReLU())
        self.projection = nn.Conv2d(hidden + channels * visual_conditioning, hidden, 1)
        self.refinement = RefinementNetwork(hidden, [channels // 4, channels // 2, channels])

    def forward(self, labels: Tensor, boxes: Tensor, relations: Tensor, image_index: Tensor,
                visual: Tensor | None = None, num_images: int | None = None, largest: int | None = None) -> Tensor:
        """The generated maps [B, channels, s, s], which have no negative values.

        labels [N], boxes [N, 4] in [0, 1], relations [E, 4] (image, subject, object, predicate; E may be 0),
        image_index [N]. visual [N, channels, p, p]: real features, with visual conditioning. num_images: B; None: up to
        the last image that has an object. largest: the most objects of an image; None: they are counted, which waits
        for the device.
        """
        self._check_visual(visual, len(labels))
        images = num_images if num_images is not None else int(image_index.max()) + 1
        node_labels, node_boxes, triples = join_dummies(labels, boxes, relations, image_index, images)
        nodes, _ = self.graph_conv(torch.cat([self.class_embedding(node_labels), node_boxes], dim=1),
                                   self.predicate_embedding(triples[:, 2]), triples[:, :2])
        features = self.node_conv(nodes[:len(labels)].unflatten(1, (-1, self.pool_size, self.pool_size)))
        if visual is not None:
            features = torch.cat([visual, features], dim=1)
        layout = boxes_to_layout(self.projection(features), boxes, image_index, self.map_size, num_images=images,
                                 largest=largest)
        return self.refinement(layout).relu()

    def _check_visual(self, visual: Tensor | None, objects: int) -> None:
        if (visual is not None) != self.visual_conditioning:
            raise ValueError("visual features must be given if and only if visual_conditioning is on")
        expected = (objects, self.channels, self.pool_size, self.pool_size)
        if visual is not None and visual.shape != expected:
            raise ValueError(f"visual must have shape {list(expected)}, got {list(visual.shape)}")


def _embedding(name: str, count: int, width: int, start: Tensor | None) -> nn.Embedding:
    embedding = nn.Embedding(count, width)
    if start is not None:
        if start.shape != (count, width):
            raise ValueError(f"{name} must have shape [{count}, {width}], got {list(start.shape)}")
        embedding.weight.data.copy_(start)
    return embedding
