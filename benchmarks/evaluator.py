"""All metrics of test/all: time per image as objects and predicate weights grow, compared with plain loops.

    python benchmarks/evaluator.py [--quick] [--json FILE]

The baseline is `tests/oracles/evaluator.py`, run on the same images, with the same results. The evaluator behind the
published numbers once took 37 (predcls), 35 (sgcls) and 29 ms (sgdet) per image, at 12 objects, 151 classes and 51
predicates, in one process on an AMD EPYC. All times are processor time of one thread, which is the wall time on an idle
machine and does not grow when other processes wait for the same cores.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import arguments_of, below, report
from sgg.metrics import SceneGraphMetrics, box_iou
from sgg.structures import Prediction, SceneGraph
from tests.oracles.evaluator import plain_metrics

CLASSES, PREDICATES, RELATIONS = 151, 51, 7
TEST_IMAGES = 26_446
GOAL_MS = 0.5
Image = tuple[SceneGraph, Prediction]


def random_image(rng: np.random.Generator, objects: int, mode: str) -> Image:
    """Objects as dense as in Visual Genome, scores like those of a softmax, pairs in ranked order."""
    corner = rng.uniform(0, 400, (objects, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(20, 200, (objects, 2))], axis=1).astype(np.float32)
    labels = rng.integers(1, CLASSES, objects)
    pairs = np.argwhere(~np.eye(objects, dtype=bool))
    annotated = pairs[rng.choice(len(pairs), RELATIONS)]
    relations = np.concatenate([annotated, rng.integers(1, PREDICATES, (RELATIONS, 1))], axis=1)
    guesses = np.where(rng.random(objects) < 0.7, labels, rng.integers(1, CLASSES, objects))
    found = boxes
    if mode == "sgdet":
        found = boxes + rng.normal(0, 5, boxes.shape).astype(np.float32)
        pairs = pairs[box_iou(found, found)[pairs[:, 0], pairs[:, 1]] > 0]
    scores = np.exp(rng.normal(0, 2, (len(pairs), PREDICATES))).astype(np.float32)
    scores /= scores.sum(axis=1, keepdims=True)
    confidence = rng.uniform(0.3, 1, objects).astype(np.float32)
    order = np.argsort(-scores[:, 1:].max(axis=1) * (1 if mode == "predcls" else confidence[pairs].prod(axis=1)))
    return SceneGraph(boxes, labels, relations), Prediction(found, guesses, confidence, pairs[order], scores[order])


def training_counts(images: list[Image], unique: int = 29_283) -> dict[tuple[int, int, int], int]:
    """As many distinct triplets as Visual Genome has, among them most triplets of the images."""
    rng = np.random.default_rng(1)
    drawn = np.stack([rng.integers(1, size, unique) for size in (CLASSES, PREDICATES, CLASSES)], axis=1)
    own = np.concatenate([truth.triplets() for truth, _ in images])
    drawn[:len(own) * 4 // 5] = own[:len(own) * 4 // 5]
    return dict(zip(map(tuple, drawn.tolist()), rng.geometric(0.07, unique).tolist(), strict=True))


def weights(number: int) -> dict[float, np.ndarray]:
    """`number` values of `pred_weight`, for frequencies over three orders of magnitude."""
    return {x: np.geomspace(1000, 1, PREDICATES) ** x for x in (0.25, 0.5, 0.75, 1.0)[:number]}


def accumulate(metrics: SceneGraphMetrics, images: Iterable[Image]) -> dict[str, float]:
    for truth, prediction in images:
        metrics.update(truth, prediction)
    return metrics.compute()


class Setup:
    """Images of one kind, and both ways to evaluate them."""

    def __init__(self, mode: str, objects: int = 12, num_weights: int = 0, images: int = 64) -> None:
        rng = np.random.default_rng(0)
        self.mode, self.weights = mode, weights(num_weights)
        self.images = [random_image(rng, objects, mode) for _ in range(images)]
        self.train = training_counts(self.images)

    def metrics(self) -> SceneGraphMetrics:
        """Fresh metrics with the settings of this setup."""
        return SceneGraphMetrics(self.mode, PREDICATES, self.train, predicate_weights=self.weights)

    def ours(self, repeats: int, passes: int = 4) -> float:
        """Milliseconds per image, `compute` included; the best of `repeats`."""
        best = math.inf
        for _ in range(repeats):
            metrics = self.metrics()
            start = time.process_time()
            accumulate(metrics, self.images * passes)
            best = min(best, (time.process_time() - start) / (len(self.images) * passes))
        return 1000 * best

    def plain(self, images: int) -> float:
        """Milliseconds per image of the loops, over the first images. Both ways must give the same values."""
        start = time.process_time()
        want = plain_metrics(self.images[:images], self.mode, PREDICATES, self.train, weights=self.weights)
        seconds = time.process_time() - start
        got = accumulate(self.metrics(), self.images[:images])
        wrong = [name for name in got if not math.isclose(got[name], want[name], rel_tol=1e-6, abs_tol=1e-9)
                 and not (math.isnan(got[name]) and math.isnan(want[name]))]
        if wrong:
            raise SystemExit(f"the two ways disagree in {', '.join(wrong)}")
        return 1000 * seconds / images


def measure(quick: bool) -> Iterable[dict]:
    repeats, plain_images = (10, 8) if quick else (30, 24)
    for mode in ("predcls", "sgcls", "sgdet"):
        setup = Setup(mode)
        yield below(f"evaluator/{mode}", setup.ours(repeats), "ms/image", setup.plain(plain_images), GOAL_MS)
    for objects in (5, 20, 60) if quick else (5, 10, 20, 30, 40, 50, 60):
        setup = Setup("sgcls", objects, images=16)
        yield below(f"evaluator/sgcls/objects={objects}", setup.ours(repeats), "ms/image", setup.plain(2))
    for number in (1, 4) if quick else (1, 2, 3, 4):
        setup = Setup("sgcls", num_weights=number)
        yield below(f"evaluator/sgcls/pred_weights={number}", setup.ours(repeats // 2), "ms/image", setup.plain(4))
    yield stream(TEST_IMAGES // 10 if quick else TEST_IMAGES)


def stream(images: int) -> dict:
    """The memory held after as many images as Visual Genome's test set has, each with relations of its own."""
    setup, rng = Setup("predcls", images=16), np.random.default_rng(2)
    metrics = setup.metrics()
    for number in range(images):
        truth, prediction = setup.images[number % len(setup.images)]
        labels = rng.zipf(1.5, len(truth)) % (CLASSES - 1) + 1
        metrics.update(SceneGraph(truth.boxes, labels, truth.relations), prediction)
    held = sum(np.asarray(value).nbytes for value in metrics.state().values())
    return below(f"evaluator/held_after_{images}_images", held / 2**20, "MiB", goal=16.0)


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "fewer sizes and repetitions").parse_args()
    return report(measure(options.quick), options)


if __name__ == "__main__":
    sys.exit(main())
