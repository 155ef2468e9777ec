"""From a model and images to numbers (SPEC section 6)."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from sgg.inference import predict
from sgg.metrics import SceneGraphMetrics
from sgg.models.detector import Detector
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch


def evaluate(
    model: SceneGraphModel,
    detector: Detector,
    batches: Iterable[Batch],
    metrics: dict[str, SceneGraphMetrics],
    device: torch.device | str = "cpu",
) -> dict[str, float]:
    """One pass over `batches`; the figures of every mode, named `<mode>/<subset>/<metric>`.

    metrics: mode (sgcls, predcls, sgdet) -> fresh metrics of that mode. The model is left in the state it came in.
    """
    was_training = model.training
    model.eval()
    for batch in batches:
        predictions = predict(model, detector, batch.to(device), list(metrics))
        for mode, of_mode in metrics.items():
            for graph, prediction in zip(batch.graphs(), predictions[mode], strict=True):
                of_mode.update(graph.numpy(), prediction.numpy())
    model.train(was_training)
    return {f"{mode}/{name}": value for mode, of_mode in metrics.items() for name, value in of_mode.compute().items()}
