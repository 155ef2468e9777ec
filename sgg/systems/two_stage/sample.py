"""A training sample: a batch with the pairs that are classified in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from sgg.detector.model import Detector
from sgg.methods.head import Mode
from sgg.models.assignment import assign
from sgg.models.sampling import PairSampler, training_pairs
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch

from .encoding import Encoding, encode_annotated, encode_detected
from .totals import Totals


@dataclass(frozen=True, slots=True)
class Sample:
    """A training batch with what is asked about it.

    encoding: boxes and images. labels: [N] classes of the objects. relations: [E, 4] of the annotation. pairs: [P, 2]
    and predicates: [P] or soft ones [P, R], 0 for background. nodes, edges: visual features of objects and pairs
    [.., channels, 7, 7]. map: that they are pooled from. logits: [N, C] the detector's scores of the objects, where the
    head asks for them. totals: of the whole batch; None: this sample is all of it. It is None again
    where objects, pairs or predicates are replaced.
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

    @property
    def num_images(self) -> int:
        """B."""
        return len(self.encoding.image_sizes)

    @property
    def hard_predicates(self) -> Tensor:
        """[P] the most likely predicate of each pair."""
        return self.predicates if self.predicates.dim() == 1 else self.predicates.argmax(dim=1)

    @property
    def whole(self) -> Totals:
        """The totals of the whole batch."""
        return self.totals or totals_of([self])

    def detached(self) -> Sample:
        """The same, which passes no gradient on."""
        logits = None if self.logits is None else self.logits.detach()
        return replace(self, nodes=self.nodes.detach(), edges=self.edges.detach(), map=self.map.detach(), logits=logits)

    def on_map(self, model: SceneGraphModel, detector: Detector, feature_map: Tensor, labels: Tensor) -> Sample:
        """The same graph with other `labels` [N], seen on another map [B, channels, h, w]."""
        here = self.encoding
        nodes, edges = model.features(feature_map, here.boxes, here.image_index, self.pairs)
        logits = None if self.logits is None else detector.logits_of(nodes)
        return replace(self, labels=labels, nodes=nodes, edges=edges, map=feature_map, logits=logits)


def totals_of(samples: Sequence[Sample]) -> Totals:
    """The totals of a batch that is split up into samples."""
    return Totals.of([one.labels for one in samples], [one.predicates for one in samples],
                     [one.num_images for one in samples])


def draw_sample(batch: Batch, mode: Mode, detector: Detector, model: SceneGraphModel, pairs_per_image: int,
                foreground_share: float, generator: Generator, sampler: PairSampler | None = None) -> Sample:
    """The batch as the detector shows it, with the pairs to classify. Arguments as of `training_pairs`."""
    if mode == "sgdet":
        here = encode_detected(detector, batch, model.needs)
        assert here.detected_labels is not None  # for the boxes are the detector's own
        labels, relations = assign(here.picture_boxes, here.detected_labels, here.image_index, batch.boxes,
                                   batch.labels, batch.image_index, batch.relations)
        background = here.overlapping_pairs()
    else:
        here, labels, relations, background = (encode_annotated(detector, batch, model.needs), batch.labels,
                                               batch.relations, None)
    pairs, predicates = training_pairs(here.image_index, relations, len(batch), pairs_per_image, foreground_share,
                                       generator, background, sampler)
    with torch.no_grad():
        nodes, edges = model.features(here.map, here.boxes, here.image_index, pairs)
    return Sample(here, labels, relations, pairs, predicates, nodes, edges, here.map, here.logits)
