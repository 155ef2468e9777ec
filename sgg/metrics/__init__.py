"""Metrics of scene graph generation: exact recalls of all kinds, in one pass over the images."""

from sgg.metrics.accumulator import SceneGraphMetrics
from sgg.metrics.conventions import Conventions
from sgg.metrics.matching import box_iou
from sgg.metrics.ranking import Ranks, ranked_hits, relation_ranks
from sgg.metrics.reweight import predicate_weights, reweight

__all__ = ["Conventions", "Ranks", "SceneGraphMetrics", "box_iou", "predicate_weights", "ranked_hits",
           "relation_ranks", "reweight"]
