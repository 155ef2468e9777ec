"""Provenance of results: every file of results describes its data, so that readers know which results are comparable.
"""

from __future__ import annotations

from typing import TypedDict

from .mirroring import Exchanged
from .zero_shot_list import ListProvenance


class VectorProvenance(TypedDict):
    """embeddings: the origin of the word vectors, in words. embeddings_hash: the hash of their file; None if they are
    computed from the training graphs."""

    embeddings: str
    embeddings_hash: str | None


DetectorMetrics = TypedDict("DetectorMetrics", {"on": str, "mAP": float, "mAP@.5": float, "unknown": str}, total=False)
"""How good the detector is: COCO's mean average precision, as fractions of 1, and `on` which images it was measured; or
why that is `unknown`."""


class CorruptionProvenance(TypedDict):
    """name, severity, seed: of the corruption of test images (`sgg.data.images.corruption`). by: the package and its
    version."""

    name: str
    severity: int
    seed: int
    by: str


class DataProvenance(TypedDict, total=False):
    """The data and all other inputs, beside settings, that results depend on. Files of earlier versions lack some keys.

    name, description, hash: of the data set; an imported checkpoint has no hash. pictures: the hash of the image files
    of each split. mirrored: the predicates that mirroring changes, with their partners. embeddings, embeddings_hash:
    see `VectorProvenance`. embeddings_missing: names without a word vector. plugins: the hash of each plugin, by name.
    detector, features: the hash of each part that the system needs (`sgg.common.metric_names.PARTS`). detector_metrics:
    how good the detector is. generator: the hash of the trained generator with which a trial began. zero_shot_list: the
    list of `zs-list`, where one is measured. relation_nms: metrics are measured after relation NMS; missing where they
    are not. corruption: of the test images, where they are corrupted.
    """

    name: str
    description: str
    hash: str | None
    pictures: dict[str, str]
    mirrored: Exchanged
    embeddings: str
    embeddings_hash: str | None
    embeddings_missing: list[str]
    plugins: dict[str, str]
    detector: str
    features: str
    detector_metrics: DetectorMetrics
    generator: str
    zero_shot_list: ListProvenance
    relation_nms: bool
    corruption: CorruptionProvenance
