"""Evaluation of one model under several adjustments, compared with its plain evaluation.

    python benchmarks/adjustments.py [--quick] [--json FILE]

Predictions and metrics, SGCls and PredCls, of 8 images of 12 objects from the detector's maps, at the size of the
papers: box heads of 4,096 numbers, 151 classes, 51 predicates, random weights. The head is the causal one. The ways
take turns, and each time is the best of its turns, in processor time of one thread. The goals: at most 1.5 times the
plain evaluation for four swept adjustments with two values each, a grid of 16 (`four`), and at most 2.2 times for
`tde`, alone and with the other effects. The rows `head` leave out box heads, ranking and metrics.
--quick: small networks and two images, as a test that it runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.paper_step import STRIDE, FrameOfDetector, Size, batch_of, seeded
from benchmarks.common.results import Row, arguments_of, judged, report
from benchmarks.heads import build as build_head
from benchmarks.heads import random_inputs
from sgg.config import validate
from sgg.evaluate.evaluation import evaluate
from sgg.methods.counterfactual import Trained
from sgg.methods.head import HEADS, HeadSizes
from sgg.methods.variants import Adjuster, adjusters, counterfactuals_of, variants_of
from sgg.metrics import SceneGraphMetrics
from sgg.models.box_head import BoxHead
from sgg.models.roi_features import RoIFeatures
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch
from sgg.systems.two_stage.predictor import TwoStagePredictor

HEAD, EMBEDDING, TRIPLETS, MODES = "causal", 200, 29_000, ("sgcls", "predcls")
Ways = Mapping[str, tuple[dict[str, list[Any]], float | None]]
WAYS: Ways = {
    "plain": ({}, None),
    "four": ({"effect": ["none", "te"], "logit_adjustment": [0.0, 1.0], "tcar": [0.0, 1.0], "pred_weight": [0.0, 0.5]},
             1.5),
    "four values of one": ({"logit_adjustment": [0.0, 0.5, 1.0, 2.0]}, 1.5),
    "tde": ({"effect": ["tde"]}, 2.2),
    "all effects": ({"effect": ["none", "tde", "nie", "te"]}, 2.2)}
"""The values of adjustments of each way, and the goal: how many times the plain evaluation it may take."""


@dataclass(frozen=True)
class Counts:
    """Takes the place of an experiment: the triplets of a training set, drawn at random."""

    num_classes: int
    num_predicates: int

    @property
    def trained(self) -> Trained:
        """The settings of the model."""
        config = validate({"model": {"head": HEAD}})
        return Trained(config.model.head, config.loss, "off")

    @property
    def triplets(self) -> tuple[np.ndarray, np.ndarray]:
        """Different triplets, and their counts."""
        draws = np.random.default_rng(0)
        ends, middle = (draws.integers(1, many, TRIPLETS) for many in (self.num_classes, self.num_predicates))
        found, counts = np.unique(np.stack([ends, middle, np.roll(ends, 1)], axis=1), axis=0, return_counts=True)
        return found, counts


def build(size: Size) -> TwoStagePredictor:
    """The model on the place of a detector, with random weights."""
    quick = size.head < Size().head
    sizes = HeadSizes(size.head, size.classes, size.predicates, 8 if quick else EMBEDDING, size.channels)
    with seeded():
        head = build_head(HEAD, sizes, small=quick)
        boxes = [BoxHead(size.channels * 49, size.head, size.dropout, final_relu=last) for last in (True, False)]
        model = SceneGraphModel(RoIFeatures(size.channels, 1 / STRIDE), *boxes, head, needs=HEADS[HEAD].needs,
                                conditions_on_labels=HEADS[HEAD].conditions_on_labels)
    return TwoStagePredictor(model, FrameOfDetector())


def with_scores(batch: Batch, classes: int) -> Batch:
    """The batch with scores of the detector."""
    assert batch.outputs is not None
    return replace(batch, outputs=batch.outputs._replace(object_logits=torch.randn(len(batch.labels), classes)))


def evaluation(system: TwoStagePredictor, batch: Batch, size: Size, values: dict[str, list[Any]]) -> Callable[[], None]:
    """A function that predicts and counts a batch under all values."""
    counts = Counts(size.classes, size.predicates)
    found = adjusters(variants_of(values), counts)
    train = {tuple(one): count for one, count in zip(*(part.tolist() for part in counts.triplets), strict=True)}
    weights = {x: np.linspace(1, 2, size.predicates) ** x for x in values.get("pred_weight", ()) if x}

    def run() -> None:
        metrics = {mode + suffix: SceneGraphMetrics(mode, size.predicates, train, predicate_weights=weights)
                   for mode in MODES for suffix in found}
        evaluate(system, [batch], metrics, adjusters=found)

    return run


def of_head(size: Size, adjusted: Mapping[str, Adjuster]) -> Callable[[], None]:
    """A function that calls the head alone in both modes, and adjusts nothing."""
    sizes = HeadSizes(size.head, size.classes, size.predicates, 8 if size.head < Size().head else EMBEDDING,
                      size.channels)
    with seeded():
        head = build_head(HEAD, sizes, small=size.head < Size().head).eval()
        inputs = [replace(random_inputs(sizes, mode, size.images, size.objects, size.objects * (size.objects - 1)),
                          counterfactuals=counterfactuals_of(adjusted.values())) for mode in MODES]

    @torch.no_grad()
    def run() -> None:
        for given in inputs:
            head(given)

    return run


def measure(size: Size, turns: int) -> Iterator[Row]:
    """The time of each way, beside the plain one in the same turns."""
    torch.set_num_threads(1)
    system, batch = build(size), with_scores(batch_of(size), size.classes)
    runs = {name: evaluation(system, batch, size, values) for name, (values, _) in WAYS.items()}
    counts = Counts(size.classes, size.predicates)
    runs |= {f"head, {name}": of_head(size, adjusters(variants_of(WAYS[name][0]), counts))
             for name in ("plain", "tde", "all effects")}
    best = dict.fromkeys(runs, float("inf"))
    for turn in range(1 + turns):
        for name, run in runs.items():
            begun = time.process_time()
            run()
            if turn:  # the first one allocates
                best[name] = min(best[name], time.process_time() - begun)
    for name, taken in best.items():
        _, goal = WAYS[name.removeprefix("head, ")]
        plain = best["head, plain" if name.startswith("head, ") else "plain"]
        yield judged(f"adjustments/{name}", taken, "s", plain, goal and f"<= {goal} x plain",
                     goal is None or taken <= goal * plain)


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "small networks").parse_args()
    size = Size(images=8, dropout=0.0)
    return report(measure(size.quick(), 1) if options.quick else measure(size, 5), options)


if __name__ == "__main__":
    sys.exit(main())
