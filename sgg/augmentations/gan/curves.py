"""Curves of feature quality: generated features beside real ones, and F on both, measured while G and F train.

The generator gets the graphs of validation images as annotated, in evaluation mode. Its features, and the real ones of
the same images, are compared with real features of training images. `sgg.evaluate.feature_quality` does the same with a
checkpoint, on test and with more features.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor, nn

from sgg.common.metric_names import QUALITY
from sgg.common.seeding import generator
from sgg.detector.model import Detector
from sgg.gan import GAN
from sgg.methods.augmentation import FeatureSource
from sgg.metrics.quality import comparable_quality
from sgg.models.sampling import all_pairs
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch
from sgg.systems.contract import DivergedError, Foundation
from sgg.systems.two_stage.encoding import Encoding, encode_annotated, first_not_finite
from sgg.systems.two_stage.extraction import pooled_features
from sgg.systems.two_stage.predictor import PAIRS_TOGETHER, scored_labels

from .generation import generated_map

KINDS = ("node", "edge", "global")
SAMPLES = ("real", "generated")
K = 5
"""The number of nearest neighbours that set how far a feature reaches."""
Values = dict[str, float]


@dataclass(frozen=True, eq=False)
class FeatureCurves:
    """What is measured at a point of the curves.

    features: the real features on which the generator is conditioned; None: it is not. images: the number of images of
    val, and of train, at equal distances over the split.
    """

    foundation: Foundation
    detector: Detector
    features: FeatureSource | None
    images: int

    def point(self, gan: GAN, model: SceneGraphModel | None) -> Values:
        """The values `quality/<real|generated>/<node|edge|global>/<metric>` of a generator: those of `sgg.metrics.
        quality` and `count`, the number of features; of nodes also `recognised`, the fraction whose class the detector
        gives. With a `model`, its `accuracy`: of nodes, the fraction whose class it gives (SGCls); of edges, the
        fraction of annotated relations whose predicate it ranks first for their pair (PredCls).

        Networks are left as they are. Raises DivergedError, naming an image, for features that are not finite.
        """
        with torch.no_grad(), in_evaluation(gan, *([] if model is None else [model])):
            tallies = {name: _Tally() for name in SAMPLES}
            for batch in self._batches("val"):
                real = encode_annotated(self.detector, batch, () if model is None else model.needs)
                for name, encoding in (("real", real), ("generated", self._generated(gan, real, batch))):
                    tallies[name].add(encoding, batch, self.detector, model)
        return {f"{QUALITY}{name}/{value}": number for name, tally in tallies.items()
                for value, number in tally.values(self._reference).items()}

    @cached_property
    def _reference(self) -> dict[str, Tensor]:
        """Real features of training images, by kind."""
        tally = _Tally()
        with torch.no_grad():
            for batch in self._batches("train"):
                tally.add(encode_annotated(self.detector, batch), batch, self.detector, None)
        return tally.features

    def _batches(self, split: str) -> Iterator[Batch]:
        device = next(self.detector.parameters()).device
        for batch in self.foundation.some_batches(split, self.images):
            yield from (part.to(device) for part in batch.split_by_pairs(PAIRS_TOGETHER))

    def _generated(self, gan: GAN, real: Encoding, batch: Batch) -> Encoding:
        visual = None
        if self.features is not None:
            draws = generator(0, "quality", "visual", *batch.image_ids)  # the same for every trial and epoch
            visual = self.features.request(batch.labels, draws, batch.labels.device).result()
        made = generated_map(gan, real, batch.labels, batch.relations, visual)
        if (bad := first_not_finite(made)) is not None:
            raise DivergedError(f"the generator has diverged: its features of image {batch.image_ids[bad]} are not "
                                "finite")
        return replace(real, map=made)


class _Tally:
    """The features of a sample, and how many objects and relations were told."""

    def __init__(self) -> None:
        self._parts: dict[str, list[Tensor]] = {kind: [] for kind in KINDS}
        self._told: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, encoding: Encoding, batch: Batch, detector: Detector, model: SceneGraphModel | None) -> None:
        """Add the objects, relations and images of a batch with the map of an encoding."""
        pooled = {kind: pooled_features(kind, encoding, batch.relations, detector.stride) for kind in KINDS}
        for kind, features in pooled.items():
            self._parts[kind].append(features.mean((2, 3)))
        logits = detector.logits_of(pooled["node"])
        self._told["node/recognised"].append(logits[:, 1:].argmax(1) + 1 == batch.labels)
        if model is not None:
            own = replace(encoding, logits=None if encoding.logits is None else logits)
            for name, right in told_by(model, own, batch).items():
                self._told[name].append(right)

    @property
    def features(self) -> dict[str, Tensor]:
        """[n, C] of each kind, averaged over space."""
        return {kind: torch.cat(parts) for kind, parts in self._parts.items()}

    def values(self, reference: dict[str, Tensor]) -> Values:
        """The metrics of the sample beside the features of `reference`, by name."""
        found: Values = {}
        for kind, features in self.features.items():
            found[f"{kind}/count"] = float(len(features))
            found |= {f"{kind}/{name}": value for name, value in comparable_quality(reference[kind], features,
                                                                                    [K]).items()}
        told = {name: torch.cat(parts) for name, parts in self._told.items()}
        return found | {name: float(right.double().mean()) for name, right in told.items() if len(right)}


def told_by(model: SceneGraphModel, encoding: Encoding, batch: Batch) -> dict[str, Tensor]:
    """`node/accuracy` [N] bool: whether the model gives the class of each object, in SGCls. `edge/accuracy` [E] bool:
    whether it gives the predicate of each relation, given the classes (PredCls); it does so where this is the most
    likely foreground predicate of the pair."""
    pairs, objects = all_pairs(encoding.image_index), len(batch.labels)
    outputs = model.predict({"sgcls": None, "predcls": batch.labels}, encoding.map, encoding.boxes,
                            encoding.image_index, pairs, encoding.image_sizes, detector_logits=encoding.logits,
                            largest=encoding.largest)
    subjects, others, predicates = batch.relations[:, 1:].unbind(1)
    places, wanted = pairs[:, 0] * objects + pairs[:, 1], subjects * objects + others
    found = predicates.new_zeros(len(predicates))
    if len(pairs):  # ascending, without pairs of an object with itself
        rows = torch.searchsorted(places, wanted).clamp(max=len(pairs) - 1)
        likely = outputs["predcls"].predicate_logits[rows, 1:].argmax(1) + 1
        found = torch.where(places[rows] == wanted, likely, found)
    return {"node/accuracy": scored_labels(outputs["sgcls"], None)[0] == batch.labels,
            "edge/accuracy": found == predicates}


@contextmanager
def in_evaluation(*networks: nn.Module) -> Iterator[None]:
    """In the block networks are in evaluation mode, in which BatchNorm and spectral norm change nothing; afterwards
    each of their modules is in its former mode."""
    before = [(module, module.training) for network in networks for module in network.modules()]
    for network in networks:
        network.eval()
    try:
        yield
    finally:
        for module, was_training in before:
            module.training = was_training
