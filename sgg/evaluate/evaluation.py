"""Metric values of a model on images, or of saved predictions (docs/SYSTEM.md section 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sgg.common.background import Background
from sgg.common.metric_names import DETECTION_COUNTS
from sgg.evaluate.predictions import Predictions
from sgg.methods.variants import Adjuster, with_suffix
from sgg.metrics import SceneGraphMetrics
from sgg.structures import Batch, Prediction, SceneGraph

if TYPE_CHECKING:  # saved predictions are scored without torch
    from sgg.systems.contract import Predictor

FALLBACKS, FAILURES = (f"sgdet/{name}" for name in DETECTION_COUNTS)
Values = dict[str, float]
"""Metric values by name."""
EachImage = Callable[[str, SceneGraph, Predictions], None]
"""Gets the id of an image, its annotation and its predictions."""


def evaluate(
    predictor: Predictor,
    batches: Iterable[Batch],
    metrics: dict[str, SceneGraphMetrics],
    on_image: EachImage | None = None,
    adjusters: Mapping[str, Adjuster] | None = None,
) -> Values:
    """Predict and score every image of `batches`; return the metric values of all modes.

    Names are `<mode>/<subset>/<metric>`. Where SGDet is measured, two numbers of images come with them:
    `sgdet/fallbacks` counts the images for which the detector lowered its score threshold to find two boxes that
    overlap, and `sgdet/failures` counts those in which it found no such boxes at any threshold.

    metrics: fresh metrics by mode (sgcls, predcls, sgdet) followed by the suffix of an adjuster. Afterwards those of
    process 0 hold the images of all processes. on_image: gets the id, the annotation and the predictions of each image,
    in numpy, after the image is counted. adjusters: as in `Predictor.predict`; None leaves the scores as they are.
    Values that are measured under an adjuster have its suffix. Networks are left in the mode (training or evaluation)
    in which they came.

    Images are counted in their order, in a background thread beside the prediction of the next batch. `on_image` runs
    in that thread; its errors are raised here.

    Raises what `predictor.predict` raises where networks have diverged.
    """
    from sgg.common import distributed as parallel
    from sgg.systems.contract import UNADJUSTED

    adjusters = UNADJUSTED if adjusters is None else adjusters
    fallbacks = 0
    counter = _Counter(metrics, on_image)
    modes = [of_mode.mode for of_mode in unadjusted(metrics).values()]
    with predictor.evaluating(), Background("metrics") as background:
        for batch in batches:
            predicted = predictor.predict(batch, modes, adjusters)
            fallbacks += predicted.counts.get("fallbacks", 0)
            background.run(counter.count, batch.image_ids, [graph.numpy() for graph in batch.graphs()], {
                mode: [prediction.numpy() for prediction in of_mode]
                for mode, of_mode in predicted.predictions.items()})
            del predicted  # the predictions of a large image should not live longer than they are counted
    named = metric_values({mode: _of_all_workers(of_mode) for mode, of_mode in metrics.items()})
    if "sgdet" in metrics:
        totals = zip(*parallel.gathered((fallbacks, counter.failures)), strict=True)
        named |= dict(zip((FALLBACKS, FAILURES), map(sum, totals), strict=True))
    return named


def unadjusted(metrics: Mapping[str, SceneGraphMetrics]) -> dict[str, SceneGraphMetrics]:
    """The metrics of each mode, without those under an adjuster."""
    return {key: of_mode for key, of_mode in metrics.items() if "/" not in key}


class _Counter:
    """Counts images. failures: the number of images on which SGDet failed."""

    def __init__(self, metrics: dict[str, SceneGraphMetrics], on_image: EachImage | None) -> None:
        self._metrics, self._on_image, self.failures = metrics, on_image, 0

    def count(self, image_ids: Sequence[str], graphs: Sequence[SceneGraph],
              predictions: Mapping[str, Sequence[Prediction]]) -> None:
        """Count the images of a batch. predictions: of each image, by mode. All are in numpy."""
        for image_id, graph, *of_modes in zip(image_ids, graphs, *predictions.values(), strict=True):
            of_image = dict(zip(predictions, of_modes, strict=True))
            self.failures += _count(self._metrics, image_id, graph, of_image)
            if self._on_image is not None:
                self._on_image(image_id, graph, {mode: one for mode, one in of_image.items() if "/" not in mode})


def _count(metrics: dict[str, SceneGraphMetrics], image_id: str, graph: SceneGraph, of_image: Predictions) -> bool:
    """Count an image in every mode; return whether SGDet failed on it, that is, whether it has no pair of boxes that
    overlap."""
    failed = "sgdet" in metrics and not len(of_image["sgdet"].pairs)
    for mode, of_mode in metrics.items():
        of_mode.update(graph, of_image[mode], image_id, failed=failed and mode.startswith("sgdet"))
    return failed


def _of_all_workers(metrics: SceneGraphMetrics) -> SceneGraphMetrics:
    """The metrics of the images of all processes that work together."""
    from sgg.common import distributed as parallel

    if parallel.num_workers() == 1:
        return metrics
    first, *others = (metrics if rank == parallel.rank() else SceneGraphMetrics.from_state(state)
                      for rank, state in enumerate(parallel.gathered(metrics.state())))
    for other in others:
        first.merge(other)
    return first


def rescore(images: Iterable[tuple[str, SceneGraph, Predictions]], metrics: dict[str, SceneGraphMetrics]) -> Values:
    """Score saved predictions; return the values that `evaluate` returns.

    images: a `PredictionFile`, or any images with their predictions. metrics: as in `evaluate`. The result has no
    `sgdet/fallbacks`, because predictions do not show how often the detector lowered its threshold.
    """
    failures = sum(_count(metrics, *image) for image in images)
    return metric_values(metrics) | ({FAILURES: failures} if "sgdet" in metrics else {})


def metric_values(metrics: dict[str, SceneGraphMetrics]) -> Values:
    """The values of all modes, named `<mode>/<subset>/<metric>`; values under an adjuster end with its suffix."""
    named: Values = {}
    for key, of_mode in metrics.items():
        mode, slash, adjusted = key.partition("/")
        named |= {f"{mode}/{with_suffix(name, slash + adjusted)}": value for name, value in of_mode.compute().items()}
    return named
