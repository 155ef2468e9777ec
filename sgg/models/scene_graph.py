"""F, the scene-graph model: from a feature map to logits of nodes and edges (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from sgg.methods.counterfactual import WITHOUT_BIAS
from sgg.methods.head import HeadInputs, HeadOutputs, Mode, StreamingHead, require_shapes

from .frequency_bias import FrequencyBias
from .pair_parts import pair_parts
from .roi_features import RoIFeatures

HeadInput = Tensor | int | frozenset[str] | None
"""An optional input of the relation head."""


class SceneGraphModel(nn.Module):
    """Pool regions from a map, describe them by two copies of the detector's box head, classify them with the relation
    head.

    regions: pools node and edge features, and embeds box pairs. node_box_head: a module [K, channels, 7, 7] -> [K,
    V]; edge_box_head: the same for pairs, which is also given what to add to its input (`BoxHead`). relation_head: a
    module (HeadInputs) -> HeadOutputs. frequency_bias: its table, or None. bias_mode: `off`; `add` adds the table to
    the predicate logits; `only` replaces them by it. needs: the optional inputs of the head (`sgg.methods.head.Need`).
    conditions_on_labels: whether its predicates depend on labels. words: word vectors of classes and predicates,
    for a head that needs them. outputs: the numbers of class logits and predicate logits that the head must return;
    None accepts any. recompute_box_heads: whether the backward pass computes the box heads again, so that their
    activations are not kept. Gradients and random draws stay the same. drawing_head: a module [P, channels, h, w] ->
    [P, D] on the embedding of drawn boxes, whose vectors follow those of pairs; None: `edge_box_head` sees it.
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
        recompute_box_heads: bool = False,
        drawing_head: nn.Module | None = None,
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
        self.drawing_head = drawing_head
        self.relation_head = relation_head
        self.frequency_bias = frequency_bias
        self.bias_mode = bias_mode
        self.needs, self.conditions_on_labels = needs, conditions_on_labels
        self.outputs, self._shapes_checked = outputs, False
        self.recompute_box_heads = recompute_box_heads
        classes, predicates = words if words is not None else (None, None)
        # Word vectors follow from the data, so checkpoints do not hold them.
        self.register_buffer("class_vectors", classes, persistent=False)
        self.register_buffer("predicate_vectors", predicates, persistent=False)

    def features(self, feature_map: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """Visual features of nodes [N, channels, 7, 7] and edges [P, pair channels, 7, 7]; boxes in the detector's
        coordinates."""
        return self.regions(feature_map, boxes, image_index, pairs)

    def classify(self, nodes: Tensor, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor,
                 image_sizes: Tensor, mode: Mode = "sgcls", labels: Tensor | None = None,
                 **optional: HeadInput) -> HeadOutputs:
        """The outputs of the relation head for visual features, without the frequency bias.

        nodes: [N, channels, 7, 7] and edges: [P, pair channels, 7, 7] as `features` returns them. boxes: [N, 4] and
        image_sizes: [B, 2] (height, width), both in the detector's coordinates. labels: [N] where they are given.
        optional: other fields of `HeadInputs`, for heads that need them. `training.compile` compiles this method.
        """
        vectors = (self._vectors(self.node_box_head, nodes),
                   self._pair_vectors(edges, boxes, image_index, pairs, image_sizes))
        return self.relation_head(self._inputs(vectors, (nodes, edges), boxes, image_index, pairs, image_sizes,
                                               mode=mode, labels=labels, **optional))

    def _pair_vectors(self, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor,
                      image_sizes: Tensor) -> Tensor:
        """[P, V] the vectors of pairs with their drawn boxes, or [P, V + D] with those of the drawings behind them. The
        inputs are those of `classify`."""
        box_pairs = self.regions.embed_boxes(boxes, pairs, image_sizes[image_index[pairs[:, 0]]])
        if self.drawing_head is None:
            return self._vectors(self.edge_box_head, edges, box_pairs)
        return torch.cat([self._vectors(self.edge_box_head, edges), self.drawing_head(box_pairs)], dim=1)

    def _vectors(self, box_head: nn.Module, *inputs: Tensor) -> Tensor:
        """[K, V] the vectors of a box head."""
        if self.recompute_box_heads and torch.is_grad_enabled():
            vectors: Tensor = checkpoint(box_head, *inputs, use_reentrant=False)
            return vectors
        return box_head(*inputs)

    def _inputs(self, vectors: tuple[Tensor, Tensor], maps: tuple[Tensor, Tensor | None], boxes: Tensor,
                image_index: Tensor, pairs: Tensor, image_sizes: Tensor, **optional: Any) -> HeadInputs:
        """The inputs of the head. vectors: [N, V] and [P, V] of objects and pairs. maps: `nodes` and `edges` of
        `classify`, which only a head that needs them gets. The other arguments are those of `classify`."""
        if "counterfactuals" in optional:
            optional["counterfactuals"] -= {WITHOUT_BIAS}  # the model gives these logits itself
        if "maps" in self.needs:
            optional["node_maps"], optional["edge_maps"] = maps
        if "box_masks" in self.needs:
            optional["box_masks"] = self.regions.draw_boxes(boxes, pairs, image_sizes[image_index[pairs[:, 0]]])
        return HeadInputs(*vectors, boxes, image_index, image_sizes, pairs, class_vectors=self.class_vectors,
                          predicate_vectors=self.predicate_vectors, **optional)

    def forward(self, nodes: Tensor, edges: Tensor, boxes: Tensor, image_index: Tensor, pairs: Tensor,
                image_sizes: Tensor, mode: Mode = "sgcls", labels: Tensor | None = None, *, biased: bool = True,
                **optional: HeadInput) -> HeadOutputs:
        """As `classify`, with the labels that the bias uses, and with the frequency bias unless `biased` is False.

        Raises ValueError, naming the head's file, where the first outputs of the head are not as its contract says.
        """
        outputs = self._checked(self.classify(nodes, edges, boxes, image_index, pairs, image_sizes, mode, labels,
                                              **optional), nodes, pairs)
        return self._with_labels_and_bias(outputs, pairs, labels, biased)

    def in_modes(self, given: Mapping[Mode, Tensor | None], nodes: Tensor, edges: Tensor, boxes: Tensor,
                 image_index: Tensor, pairs: Tensor, image_sizes: Tensor,
                 **optional: HeadInput) -> dict[Mode, HeadOutputs]:
        """As `forward`, in several modes. given: the labels [N] that each mode gives, or None.

        A head whose predicates do not depend on labels runs once for all modes, and box heads always do.
        """
        runs = self._runs(given)
        if len(runs) == 1:
            (mode, labels), = runs.items()
            outputs = [self.classify(nodes, edges, boxes, image_index, pairs, image_sizes, mode, labels, **optional)]
        else:
            vectors = self.node_box_head(nodes), self._pair_vectors(edges, boxes, image_index, pairs, image_sizes)
            inputs = self._inputs(vectors, (nodes, edges), boxes, image_index, pairs, image_sizes, **optional)
            outputs = [self.relation_head(replace(inputs, mode=mode, labels=labels)) for mode, labels in runs.items()]
        return self._by_mode(given, outputs, nodes, pairs)

    @torch.no_grad()
    def predict(self, given: Mapping[Mode, Tensor | None], feature_map: Tensor, boxes: Tensor, image_index: Tensor,
                pairs: Tensor, image_sizes: Tensor, **optional: HeadInput) -> dict[Mode, HeadOutputs]:
        """As `in_modes`, from a feature map [B, channels, h, w], for evaluation: without gradient, and in parts where
        there are more pairs than fit into memory together (`pair_parts`). Among `optional` may be the names of
        counterfactual logits."""
        parts = pair_parts(len(pairs), self.regions.pair_channels * self.regions.size**2)
        if len(parts) == 1:
            nodes, edges = self.features(feature_map, boxes, image_index, pairs)
            return self.in_modes(given, nodes, edges, boxes, image_index, pairs, image_sizes, **optional)
        nodes = self.regions.of_objects(feature_map, boxes, image_index)
        held = self.regions.of_pairs(feature_map, boxes, image_index, pairs) if "maps" in self.needs else None

        def vectors() -> Iterator[tuple[slice, Tensor]]:
            for rows in parts:
                of_part = pairs[rows]
                pooled = self.regions.of_pairs(feature_map, boxes, image_index, of_part) if held is None else held[rows]
                yield rows, self._pair_vectors(pooled, boxes, image_index, of_part, image_sizes)

        of_objects = self.node_box_head(nodes)
        inputs = self._inputs((of_objects, of_objects[:0]), (nodes, held), boxes, image_index, pairs, image_sizes,
                              **optional)
        runs = [replace(inputs, mode=mode, labels=labels) for mode, labels in self._runs(given).items()]
        return self._by_mode(given, self._outputs_of(runs, vectors()), nodes, pairs)

    def _outputs_of(self, runs: Sequence[HeadInputs], vectors: Iterator[tuple[slice, Tensor]]) -> list[HeadOutputs]:
        """The outputs of the head for each of `runs`, which lack the vectors of pairs. vectors: these, in parts."""
        head = self.relation_head
        if isinstance(head, StreamingHead):
            streams = [head.stream_pairs(inputs) for inputs in runs]
            for rows, part in vectors:
                for stream in streams:
                    stream.add(rows, part)
            return [stream.outputs() for stream in streams]
        edges = runs[0].edges
        for rows, part in vectors:
            if not len(edges):
                edges = part.new_empty(len(runs[0].pairs), part.shape[1])
            edges[rows] = part
        return [head(replace(inputs, edges=edges)) for inputs in runs]

    def _runs(self, given: Mapping[Mode, Tensor | None]) -> Mapping[Mode, Tensor | None]:
        """The modes in which the head runs, with their labels."""
        if self.conditions_on_labels:
            return given
        return {next(iter(given)) if len(given) == 1 else "sgcls": None}

    def _by_mode(self, given: Mapping[Mode, Tensor | None], outputs: Sequence[HeadOutputs], nodes: Tensor,
                 pairs: Tensor) -> dict[Mode, HeadOutputs]:
        """The outputs of each mode, with labels and bias. outputs: of the `_runs` of the head."""
        of_modes = outputs if len(outputs) == len(given) else [*outputs] * len(given)
        return {mode: self._with_labels_and_bias(self._checked(one, nodes, pairs), pairs, labels, True)
                for (mode, labels), one in zip(given.items(), of_modes, strict=True)}

    def _checked(self, outputs: HeadOutputs, nodes: Tensor, pairs: Tensor) -> HeadOutputs:
        """The same outputs. Their shapes are checked in the first call, outside the compiled method."""
        if not self._shapes_checked:
            require_shapes(outputs, self.relation_head, len(nodes), len(pairs), *self.outputs)
            self._shapes_checked = True
        return outputs

    def _with_labels_and_bias(self, outputs: HeadOutputs, pairs: Tensor, given: Tensor | None,
                              biased: bool) -> HeadOutputs:
        """The outputs with labels and, where `biased`, with the frequency bias of these labels.

        The labels are the given ones, else those of the head, else the most likely ones. Where the bias is added, the
        logits without it are among the counterfactual ones.
        """
        labels = given if given is not None else outputs.labels
        if labels is None:
            labels = most_likely_labels(outputs.label_logits.detach())[0]
        logits = outputs.predicate_logits
        if not biased or self.frequency_bias is None:
            return replace(outputs, labels=labels)
        return replace(outputs, labels=labels, predicate_logits=self.with_bias(logits, labels, pairs),
                       counterfactuals={**outputs.counterfactuals, WITHOUT_BIAS: logits})

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
