"""A training sample: a batch with the pairs that are classified in it, planned on the host and put on the device."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from sgg.common import distributed as parallel
from sgg.detector.model import Detector
from sgg.methods.head import Mode
from sgg.models.assignment import assign
from sgg.models.sampling import PairSampler, training_pairs
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch

from .encoding import Encoding, encode_annotated, encode_detected
from .totals import Totals, count_foreground


@dataclass(frozen=True, slots=True)
class Plan:
    """The host's part of a training step: the objects and pairs of a batch that are classified. All is on the CPU, so
    nobody waits for the device; only the map, and the detector's scores of objects, may be on the device already.

    encoding: boxes and images. labels: [N] classes of the objects. relations: [E, 4] of the annotation. pairs: [P, 2].
    predicates: [P], or soft predicates [P, R]; 0 is background. hard: [P] the predicate that stands for a soft one
    where a single one is needed; None: the most likely one. related: [P] whether each pair counts as related;
    None: the pairs with a predicate do.
    """

    encoding: Encoding
    labels: Tensor
    relations: Tensor
    pairs: Tensor
    predicates: Tensor
    hard: Tensor | None = None
    related: Tensor | None = None

    @property
    def counts(self) -> tuple[int, int, float, int]:
        """The numbers of objects, pairs, pairs with a relation, and images."""
        return len(self.labels), len(self.pairs), count_foreground(self.predicates), len(self.encoding.image_sizes)

    def sample(self, model: SceneGraphModel, device: torch.device, totals: Totals | None = None) -> Sample:
        """The sample on a device, with the visual features of objects and pairs. totals: as in `Sample`."""
        encoding = self.encoding.to(device)
        pairs = self.pairs.to(device, non_blocking=True)
        with torch.no_grad():
            nodes, edges = model.features(encoding.map, encoding.boxes, encoding.image_index, pairs)
        return Sample(encoding, self.labels.to(device, non_blocking=True), self.relations.to(device, non_blocking=True),
                      pairs, self.predicates.to(device, non_blocking=True), nodes, edges, encoding.map, encoding.logits,
                      totals, *(None if one is None else one.to(device, non_blocking=True)
                                for one in (self.hard, self.related)))


@dataclass(frozen=True, slots=True)
class Sample:
    """A training batch with its encoding and the pairs to classify, on the device of the model.

    encoding, labels, relations, pairs, predicates, hard, related: as in `Plan`. nodes, edges: visual features of
    objects and pairs [n, channels, 7, 7]. map: the feature map from which they were pooled. logits: [N, C] the
    detector's scores of the objects, if the head needs them. totals: of the whole batch; None: this sample is the whole
    batch. Whoever replaces objects, pairs or predicates must set `totals` anew, or to None, and so `related`.
    """

    encoding: Encoding
    labels: Tensor
    relations: Tensor
    pairs: Tensor
    predicates: Tensor
    nodes: Tensor
    edges: Tensor
    map: Tensor
    logits: Tensor | None = None
    totals: Totals | None = None
    hard: Tensor | None = None
    related: Tensor | None = None

    @property
    def num_images(self) -> int:
        """B."""
        return len(self.encoding.image_sizes)

    @property
    def hard_predicates(self) -> Tensor:
        """[P] one predicate for each pair."""
        if self.hard is not None:
            return self.hard
        return self.predicates if self.predicates.dim() == 1 else self.predicates.argmax(dim=1)

    @property
    def related_pairs(self) -> Tensor:
        """[P] whether each pair counts as related."""
        return self.hard_predicates > 0 if self.related is None else self.related

    @property
    def whole(self) -> Totals:
        """The totals of the whole batch. Where they are unknown, this waits for the device."""
        if self.totals is not None:
            return self.totals
        counts = len(self.labels), len(self.pairs), count_foreground(self.predicates), self.num_images
        return Totals.of(*parallel.totals([counts], self.labels.device)[0])

    def detached(self) -> Sample:
        """The same sample without gradient."""
        logits = None if self.logits is None else self.logits.detach()
        return replace(self, nodes=self.nodes.detach(), edges=self.edges.detach(), map=self.map.detach(), logits=logits)

    def on_map(self, model: SceneGraphModel, detector: Detector, feature_map: Tensor, labels: Tensor) -> Sample:
        """The same graph with other `labels` [N] and features of another map [B, channels, h, w]."""
        encoding = self.encoding
        nodes, edges = model.features(feature_map, encoding.boxes, encoding.image_index, self.pairs)
        logits = None if self.logits is None else detector.logits_of(nodes)
        return replace(self, labels=labels, nodes=nodes, edges=edges, map=feature_map, logits=logits)


def draw_plan(batch: Batch, mode: Mode, detector: Detector, needs: Collection[str], pairs_per_image: int,
              foreground_share: float, generator: Generator, sampler: PairSampler | None = None) -> Plan:
    """Encode a batch with the detector and sample the pairs to classify. batch: on the CPU. needs: of the relation
    head. The other arguments are those of `training_pairs`.

    Where the detector's outputs are not stored, it runs here, and this waits for it: once, or with SGDet for its
    detections too.
    """
    if mode == "sgdet":
        encoding = encode_detected(detector, batch, needs)
        assert encoding.detected_labels is not None  # encode_detected sets them
        labels, relations = assign(encoding.image_boxes, encoding.detected_labels, encoding.image_index, batch.boxes,
                                   batch.labels, batch.image_index, batch.relations)
        background = encoding.overlapping_pairs()
    else:
        encoding, labels, relations, background = (encode_annotated(detector, batch, needs), batch.labels,
                                                   batch.relations, None)
    pairs, predicates = training_pairs(encoding.image_index, relations, len(batch), pairs_per_image, foreground_share,
                                       generator, background, sampler)
    return Plan(encoding, labels, relations, pairs, predicates)
