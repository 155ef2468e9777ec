"""F: from a global feature map to logits of every node and edge (docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs

from .frequency_bias import FrequencyBias
from .roi_features import RoIFeatures


class SceneGraphModel(nn.Module):
    """Pools regions from a map, describes them by two copies of the detector's box head, relates them.

    regions: pools node and edge features and embeds box pairs. node_box_head, edge_box_head: modules
    [K, channels, 7, 7] -> [K, D]. relation_head: a module (HeadInputs) -> HeadOutputs. frequency_bias: its
    table, or None. bias_mode: `off`; `add`: the table is added to the predicate logits; `only`: it replaces them.
    """

    def __init__(
        self,
        regions: RoIFeatures,
        node_box_head: nn.Module,
        edge_box_head: nn.Module,
        relation_head: nn.Module,
        frequency_bias: FrequencyBias | None = None,
        bias_mode: str = "off",
    ):
        super().__init__()
        if bias_mode not in ("off", "add", "only"):
            raise ValueError(f"bias_mode must be one of off, add, only, got {bias_mode!r}")
        if (frequency_bias is None) != (bias_mode == "off"):
            needs = "needs a" if frequency_bias is None else "takes no"
            raise ValueError(f"bias_mode {bias_mode} {needs} frequency_bias")
        self.regions = regions
        self.node_box_head = node_box_head
        self.edge_box_head = edge_box_head
        self.relation_head = relation_head
        self.frequency_bias = frequency_bias
        self.bias_mode = bias_mode

    def features(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Visual features of nodes [N, channels, 7, 7] and edges [P, channels, 7, 7]; boxes in the detector's frame."""
        return self.regions(feature_map, boxes, image_index, pairs)

    def classify(
        self, nodes: Tensor, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor, image_sizes: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Logits of nodes [N, C] and edges [P, R] from their visual features, without the frequency bias.

        boxes: [N, 4] and image_sizes: [B, 2] (height, width), both in the detector's frame.
        """
        box_pairs = self.regions.embed_boxes(boxes, pairs, image_sizes[image_index[pairs[:, 0]]])
        outputs = self.relation_head(HeadInputs(self.node_box_head(nodes), self.edge_box_head(edges + box_pairs), boxes,
                                                image_index, image_sizes, pairs))
        return outputs.label_logits, outputs.predicate_logits

    def with_bias(self, edge_logits: Tensor, labels: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] edge logits with the frequency bias of the classes `labels` [N], as `bias_mode` says."""
        if self.frequency_bias is None:
            return edge_logits
        bias = self.frequency_bias(labels[pairs[:, 0]], labels[pairs[:, 1]])
        return bias if self.bias_mode == "only" else edge_logits + bias

    def parameter_groups(self, learning_rate: float, box_head_rate: float) -> list[dict[str, object]]:
        """For an optimiser: the box heads at `learning_rate` x `box_head_rate`, the rest at `learning_rate`."""
        box_heads = [*self.edge_box_head.parameters(), *self.node_box_head.parameters()]
        known = {id(parameter) for parameter in box_heads}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in known]
        return [{"params": box_heads, "lr": learning_rate * box_head_rate}, {"params": rest, "lr": learning_rate}]


def most_likely_labels(node_logits: Tensor) -> tuple[Tensor, Tensor]:
    """The best foreground class of each node and its probability among all classes, both [N]."""
    scores, labels = torch.softmax(node_logits, dim=1)[:, 1:].max(dim=1)
    return labels + 1, scores
