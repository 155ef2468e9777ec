"""F, the scene-graph model: from a feature map to logits of nodes and edges (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadOutputs, Mode, require_shapes

from .frequency_bias import FrequencyBias
from .roi_features import RoIFeatures


class SceneGraphModel(nn.Module):
    """Pool regions from a map, describe them by two copies of the detector's box head, classify them with the relation
    head.

    regions: pools node and edge features, and embeds box pairs. node_box_head: a module [K, channels, 7, 7] -> [K,
    V]; edge_box_head: the same, which is also given what to add to its input (`BoxHead`). relation_head: a module
    (HeadInputs) -> HeadOutputs. frequency_bias: its table, or None. bias_mode: `off`; `add` adds the table to the
    predicate logits; `only` replaces them by it. needs: the optional inputs of the head (`sgg.methods.head.Need`).
    conditions_on_labels: whether its predicates depend on labels. words: word vectors of classes and predicates,
    for a head that needs them. outputs: the numbers of class logits and predicate logits that the head must return;
    None accepts any.
    """

    class_vectors: Tensor | None
    predicate_vectors: Tensor | None

    def __init__(
        self,
        regions: RoIFeatures,
        node_box_head: nn.Module,
        edge_box_head: nn.Module,
        relation_head: nn.Module,
        frequency_bias: FrequencyBias | None = None,
        bias_mode: str = "off",
        needs: frozenset[str] = frozenset(),
        conditions_on_labels: bool = False,
        words: tuple[Tensor, Tensor] | None = None,
        outputs: tuple[int | None, int | None] = (None, None),
    ):
        super().__init__()
        if bias_mode not in ("off", "add", "only"):
            raise ValueError(f"bias_mode must be one of off, add, only, got {bias_mode!r}")
        if (frequency_bias is None) != (bias_mode == "off"):
            needs_or_takes = "needs a" if frequency_bias is None else "takes no"
            raise ValueError(f"bias_mode {bias_mode} {needs_or_takes} frequency_bias")
        self.regions = regions
        self.node_box_head = node_box_head
        self.edge_box_head = edge_box_head
        self.relation_head = relation_head
        self.frequency_bias = frequency_bias
        self.bias_mode = bias_mode
        self.needs, self.conditions_on_labels = needs, conditions_on_labels
        self.outputs, self._shapes_checked = outputs, False
        classes, predicates = words if words is not None else (None, None)
        # Word vectors follow from the data, so checkpoints do not hold them.
        self.register_buffer("class_vectors", classes, persistent=False)
        self.register_buffer("predicate_vectors", predicates, persistent=False)

    def features(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Visual features of nodes [N, channels, 7, 7] and edges [P, channels, 7, 7]; boxes in the detector's
        coordinates."""
        return self.regions(feature_map, boxes, image_index, pairs)

    def classify(self, nodes: Tensor, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor,
                 image_sizes: Tensor, mode: Mode = "sgcls", labels: Tensor | None = None,
                 **optional: Tensor | None) -> HeadOutputs:
        """The outputs of the relation head for visual features, without the frequency bias.

        nodes: [N, channels, 7, 7] and edges: [P, channels, 7, 7] as `features` returns them. boxes: [N, 4] and
        image_sizes: [B, 2] (height, width), both in the detector's coordinates. labels: [N] where they are given.
        optional: other fields of `HeadInputs`, for heads that need them. `training.compile` compiles this method.
        """
        box_pairs = self.regions.embed_boxes(boxes, pairs, image_sizes[image_index[pairs[:, 0]]])
        if "maps" in self.needs:
            optional |= {"node_maps": nodes, "edge_maps": edges}
        if "box_masks" in self.needs:
            optional["box_masks"] = self.regions.draw_boxes(boxes, pairs, image_sizes[image_index[pairs[:, 0]]])
        return self.relation_head(HeadInputs(
            self.node_box_head(nodes), self.edge_box_head(edges, box_pairs), boxes, image_index, image_sizes, pairs,
            mode, labels, class_vectors=self.class_vectors, predicate_vectors=self.predicate_vectors, **optional))

    def forward(self, nodes: Tensor, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor,
                image_sizes: Tensor, mode: Mode = "sgcls", labels: Tensor | None = None, *, biased: bool = True,
                **optional: Tensor | None) -> HeadOutputs:
        """As `classify`, with the labels that the bias uses, and with the frequency bias unless `biased` is False.

        Raises ValueError, naming the head's file, where the first outputs of the head are not as its contract says.
        """
        outputs = self._checked(self.classify(nodes, edges, boxes, image_index, pairs, image_sizes, mode, labels,
                                              **optional), nodes, edges)
        return self._with_labels_and_bias(outputs, pairs, labels, biased)

    def in_modes(self, given: Mapping[Mode, Tensor | None], nodes: Tensor, edges: Tensor, boxes: Tensor,
                 image_index: Tensor, pairs: Tensor, image_sizes: Tensor,
                 **optional: Tensor | None) -> dict[Mode, HeadOutputs]:
        """As `forward`, in several modes. given: the labels [N] that each mode gives, or None.

        A head whose predicates do not depend on labels runs once for all modes.
        """
        if self.conditions_on_labels:
            return {mode: self(nodes, edges, boxes, image_index, pairs, image_sizes, mode, labels, **optional)
                    for mode, labels in given.items()}
        shared: Mode = next(iter(given)) if len(given) == 1 else "sgcls"
        classified = self.classify(nodes, edges, boxes, image_index, pairs, image_sizes, shared, **optional)
        outputs = self._checked(classified, nodes, edges)
        return {mode: self._with_labels_and_bias(outputs, pairs, labels, True) for mode, labels in given.items()}

    def _checked(self, outputs: HeadOutputs, nodes: Tensor, edges: Tensor) -> HeadOutputs:
        """The same outputs. Their shapes are checked in the first call, outside the compiled method."""
        if not self._shapes_checked:
            require_shapes(outputs, self.relation_head, len(nodes), len(edges), *self.outputs)
            self._shapes_checked = True
        return outputs

    def _with_labels_and_bias(self, outputs: HeadOutputs, pairs: Tensor, given: Tensor | None,
                              biased: bool) -> HeadOutputs:
        """The outputs with labels and, where `biased`, with the frequency bias of these labels.

        The labels are the given ones, else those of the head, else the most likely ones.
        """
        labels = given if given is not None else outputs.labels
        if labels is None:
            labels = most_likely_labels(outputs.label_logits.detach())[0]
        logits = outputs.predicate_logits
        return replace(outputs, labels=labels, predicate_logits=self.with_bias(logits, labels, pairs) if biased
                       else logits)

    def with_bias(self, edge_logits: Tensor, labels: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] edge logits with the frequency bias of the classes `labels` [N], according to `bias_mode`."""
        if self.frequency_bias is None:
            return edge_logits
        bias = self.frequency_bias(labels[pairs[:, 0]], labels[pairs[:, 1]])
        return bias if self.bias_mode == "only" else edge_logits + bias

    def parameter_groups(self, learning_rate: float, box_head_rate: float) -> list[dict[str, object]]:
        """Parameter groups of an optimiser: the box heads learn at `learning_rate` x `box_head_rate`, the rest at
        `learning_rate`."""
        box_heads = [*self.edge_box_head.parameters(), *self.node_box_head.parameters()]
        known = {id(parameter) for parameter in box_heads}
        rest = [parameter for parameter in self.parameters() if id(parameter) not in known]
        return [{"params": box_heads, "lr": learning_rate * box_head_rate}, {"params": rest, "lr": learning_rate}]


def most_likely_labels(node_logits: Tensor) -> tuple[Tensor, Tensor]:
    """The best foreground class of each node, and its probability among all classes; both [N]."""
    scores, labels = torch.softmax(node_logits, dim=1)[:, 1:].max(dim=1)
    return labels + 1, scores
