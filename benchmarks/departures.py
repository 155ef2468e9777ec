"""The effect of our departures from the reference (docs/SYSTEM.md section 8) on the toy genome.

    python benchmarks/departures.py [--quick] [--json FILE] [--root data] [--images 400]

- drawings: a model trained with one drawing of box pairs, evaluated with it and with the other (`model.edge_boxes`);
- batch norm: a GAN without the term `rec`. In the reference F runs on the generated scene in training mode; here it
  does not. Weights and random numbers are the same; only the running statistics differ;
- mirrored: node features of training images of which half are mirrored, compared with those of the original images;
- resized: object scores where images of 176 pixels are resized to 120 and rounded to 8 bits in loading, compared with
  those where the detector resizes them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, add_root, arguments_of, judged, report
from sgg import systems
from sgg.augmentations.gan.updates import GANAugmenter
from sgg.common.seeding import seed_everything
from sgg.config import validate
from sgg.config.edge_boxes import OF_PAPERS
from sgg.data import load_batches
from sgg.detector.model import Detector
from sgg.evaluate.evaluation import evaluate
from sgg.metrics.quality import frechet_distance
from sgg.models.roi_align import pool
from sgg.structures import Batch
from sgg.systems.contract import Losses
from sgg.systems.two_stage.encoding import encode_annotated, sides_of
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.systems.two_stage.sample import Sample
from sgg.systems.two_stage.system import TwoStage
from sgg.training.epoch import train_epoch

METRICS = ("predcls/all/ngR@20", "predcls/zs/ngR@50", "sgcls/all/ngR@50")
Settings = dict[str, Any]


def trained(settings: Settings, options: Any, augmenter: type | None = None) -> tuple[TwoStageFoundation, TwoStage]:
    """A trial after its epochs; only the detector is written. augmenter: another class for the augmenter, if not None.
    """
    foundation = systems.prepare(validate({
        "experiment": {"seed": 0}, "evaluation": {"ks": [20, 50]},
        "data": {"name": "toy", "root": options.root, "train_images": options.images, "eval_images": options.images},
        **settings}))
    config = foundation.config
    seed_everything(config.seed, "weights")
    system, batches = foundation.build(), foundation.experiment.training_batches()
    if augmenter is not None:
        system.augmenter.__class__ = augmenter
    for epoch in range(1, (1 if options.quick else config.training.epochs) + 1):
        train_epoch(system, config, batches, epoch)
    return foundation, system


def metrics_on_test(foundation: TwoStageFoundation, system: TwoStage) -> dict[str, float]:
    """The metrics of a trial on test."""
    experiment = foundation.experiment
    return evaluate(system, experiment.evaluation_batches("test"), experiment.metrics("test"))


def compared(name: str, ours: dict[str, float], theirs: dict[str, float]) -> Iterator[Row]:
    """Rows of the metrics, in per cent."""
    for metric in METRICS:
        yield judged(f"{name}, {metric}", 100 * ours[metric], "%", 100 * theirs[metric], None, True)


def drawings(options: Any) -> Iterator[Row]:
    """The drawing with which the model was trained, compared with the other one."""
    for kind in OF_PAPERS:
        trial = trained({"model": {"edge_boxes": kind}}, options)
        own = metrics_on_test(*trial)
        (trial[1].model.regions.box_pairs.kind,) = set(OF_PAPERS) - {kind}
        yield from compared(f"drawings: trained and evaluated with {kind}", own, metrics_on_test(*trial))


class GANWithF(GANAugmenter):
    """F also runs on the generated sample when no loss uses it, as in the reference."""

    def update_generator(self, reals: Any, inputs: Any, learner: Any,
                         reconstructs: bool = True) -> tuple[Losses, list[Sample]]:
        """As GANAugmenter's, and a forward pass of F."""
        losses, fakes = super().update_generator(reals, inputs, learner, reconstructs)
        with torch.no_grad(), torch.random.fork_rng():  # dropout must not change the other random numbers
            for fake in fakes:
                learner.losses(fake)
        return losses, fakes


def batch_norm(options: Any) -> Iterator[Row]:
    """Ours, compared with the reference."""
    settings = {"augmentation": {"kind": "gan", "terms": ["D", "G"], "visual_conditioning": False}}
    foundation, system = trained(settings, options)
    ours = metrics_on_test(foundation, system)
    other_foundation, other = trained(settings, options, GANWithF)
    own, others = system.model.state_dict(), other.model.state_dict()
    weights = [name for name, _ in system.model.named_parameters()]
    assert all(torch.equal(own[name], others[name]) for name in weights)
    means = [name for name in own if name.endswith("running_mean")]
    away = max(float((own[name] - others[name]).norm() / others[name].norm()) for name in means)
    yield judged("batch norm: running means, largest relative distance", away, "", None, None, True)
    theirs = metrics_on_test(other_foundation, other)
    yield from compared("batch norm: F at rest, beside F on the generated scene", ours, theirs)


def mirrored(options: Any) -> Iterator[Row]:
    """The Frechet distance between two halves of the images, and after the second half is mirrored at random."""
    foundation = systems.open_foundation(validate({"data": {"name": "toy", "root": options.root}}))
    split, detector = foundation.experiment.split("train").head(options.images), foundation.detector

    def mean_features(half: int, augment: bool) -> np.ndarray:
        chosen = replace(split, annotations=split.annotations.select(np.arange(half, len(split), 2)))
        pooled = []
        for batch in load_batches(chosen, 8, augment=augment, seed=1).epoch(0):
            encoding = encode_annotated(detector, batch)
            features = pool(encoding.map, encoding.boxes, encoding.image_index, 7, 1 / detector.stride)
            pooled.append(features.mean((2, 3)).numpy())
        return np.concatenate(pooled)

    first, second, other = mean_features(0, False), mean_features(1, False), mean_features(1, True)
    yield judged("mirrored: Frechet distance of two halves of the images, one of them mirrored by chance",
                 frechet_distance(first, other), "", frechet_distance(first, second), None, True)


def resized(options: Any) -> Iterator[Row]:
    """The largest change of an object's probability, and the part of the objects that get another class."""
    foundation = systems.open_foundation(validate({"data": {"name": "toy", "root": options.root}}))
    split, trained = foundation.experiment.split("train").head(options.images), foundation.detector
    detector = Detector(trained.settings, trained.num_classes, 120)
    detector.load_state_dict(trained.state_dict())
    ours, theirs = (torch.cat([object_probabilities(detector, batch) for batch in
                               load_batches(split, 8, largest=largest).epoch(0)]) for largest in (120, None))
    yield judged("resized: largest change of an object's probability", float((ours - theirs).abs().max()), "", None,
                 None, True)
    changed = float((ours.argmax(1) != theirs.argmax(1)).double().mean())
    yield judged("resized: objects that get another class", 100 * changed, "%", None, None, True)


def object_probabilities(detector: Detector, batch: Batch) -> torch.Tensor:
    """[N, C] of the annotated boxes."""
    boxes = batch.boxes.split(batch.objects_per_image().tolist())
    logits = detector.outputs(batch.images, sides_of(batch), boxes, ("object_logits",)).object_logits
    assert logits is not None  # as asked for
    return logits.softmax(1)


def main() -> int:
    """Measure and report."""
    parser = arguments_of(__doc__, "few images and one epoch")
    add_root(parser)
    parser.add_argument("--images", type=int, default=400, help="number of images of each split (%(default)s)")
    options = parser.parse_args()
    if options.quick:
        options.images = 32
    return report((row for measure in (mirrored, resized, batch_norm, drawings) for row in measure(options)), options)


if __name__ == "__main__":
    raise SystemExit(main())
