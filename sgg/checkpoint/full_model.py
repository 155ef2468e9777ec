"""A detector and a scene-graph model together, as in a published checkpoint."""

from __future__ import annotations

from torch import nn

from sgg.detector.model import Detector
from sgg.models.scene_graph import SceneGraphModel


class FullModel(nn.Module):
    """A container; `TwoStagePredictor(full.scene_graph, full.detector)` runs it."""

    def __init__(self, detector: Detector, scene_graph: SceneGraphModel) -> None:
        super().__init__()
        self.detector = detector
        self.scene_graph = scene_graph
