"""What the detector and the training frequencies reach without a scene-graph model."""

from __future__ import annotations

import torch

from sgg.detector.evaluation import both_objects_right
from sgg.evaluate.evaluation import metric_values
from sgg.models.frequency_bias import frequency_table
from sgg.models.ranking import rank
from sgg.models.sampling import all_pairs
from sgg.systems.two_stage.foundation import TwoStageFoundation


def frequency_only(foundation: TwoStageFoundation) -> tuple[dict[str, float], dict[str, float]]:
    """Test metrics of the frequency table, on the detector's labels in SGCls and on given ones in PredCls; and of each
    subset the ceiling: the fraction of relations of whose two objects the detector predicts the right classes."""
    experiment = foundation.experiment
    table = frequency_table(*experiment.pair_counts)
    metrics, named = experiment.metrics("test"), {}
    for batch in experiment.evaluation_batches("test"):
        classes = foundation.detector.classify(batch.images, batch.boxes, batch.image_index)
        scores, labels = classes[:, 1:].max(1)
        counts = batch.objects_per_image().tolist()
        for name, graph, found, confidence in zip(batch.image_ids, batch.graphs(), (labels + 1).split(counts),
                                                  scores.split(counts), strict=True):
            named[name] = found.numpy()
            pairs = all_pairs(torch.zeros(len(found), dtype=torch.long))
            logits = table[found[pairs[:, 0]], found[pairs[:, 1]]]
            for mode, shown, sure in (("sgcls", found, confidence), ("predcls", graph.labels, torch.ones(len(found)))):
                prediction = rank(graph.boxes, shown, sure, pairs, logits)
                metrics[mode].update(graph.numpy(), prediction.numpy(), name)
    ceiling = {}
    for subset in ("zs", "10s", "100s", "all"):
        split = experiment.data.split("test", subset).head(experiment.config.data.eval_images)
        known = [image for image in range(len(split)) if split.image_id(image) in named]
        ceiling[subset] = both_objects_right([split.graph(image) for image in known],
                                             [named[split.image_id(image)] for image in known])
    return metric_values(metrics), ceiling
