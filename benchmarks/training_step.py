"""One update of the model at the size of the papers, with and without the GAN: seconds, and the most expensive parts.

    python benchmarks/training_step.py [--quick] [--json FILE]

The model has VGG16 heads, 151 classes and 51 predicates; the batch has 4 images of 12 objects, 528 pairs and 512 x 38 x
38 maps; the detector is not measured. The ratio is the step with the GAN over the step without it, in one run. The
system behind the published numbers once took 4.8 s without and 12.2 s with the GAN on two cores of an AMD EPYC.
--quick: 64 channels and narrow heads, as a test that it runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import arguments_of, judged, report
from sgg.augmentations.gan.updates import GANAugmenter
from sgg.config import validate
from sgg.gan import GAN
from sgg.models.box_head import BoxHead
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.roi_features import RoIFeatures
from sgg.models.sampling import training_pairs
from sgg.models.scene_graph import SceneGraphModel
from sgg.perturbations.perturber import Contexts, Perturber
from sgg.structures import Batch
from sgg.systems.contract import Draws
from sgg.systems.optimization import build_optimizer
from sgg.systems.two_stage.encoding import Encoding
from sgg.systems.two_stage.learner import GraphLearner
from sgg.systems.two_stage.sample import Plan
from sgg.systems.two_stage.system import TwoStage

CLASSES, PREDICATES, IMAGES, OBJECTS, RELATIONS, SIDE = 151, 51, 4, 12, 6, 592


class RandomStore:
    """Replaces the feature store, because the time of reading is not measured here."""

    def __init__(self, channels: int) -> None:
        self.channels = channels

    def request(self, labels: Tensor, generator: torch.Generator, device: torch.device) -> RandomStore:
        """The request before the update of F."""
        self.requested, self.generator = len(labels), generator
        return self

    def result(self) -> Tensor:
        """The features, after the update of F: [N, channels, 7, 7]."""
        return torch.rand(self.requested, self.channels, 7, 7, generator=self.generator)


def random_batch(generator: torch.Generator) -> Batch:
    """Boxes, labels and relations of the sizes of Visual Genome's images."""
    objects = IMAGES * OBJECTS
    corner = torch.rand(objects, 2, generator=generator) * 400
    boxes = torch.cat([corner, corner + 20 + torch.rand(objects, 2, generator=generator) * 150], dim=1)
    labels = torch.randint(1, CLASSES, (objects,), generator=generator)
    relations = torch.tensor([[image, image * OBJECTS + i, image * OBJECTS + (i + 1) % OBJECTS, 1 + i]
                              for image in range(IMAGES) for i in range(RELATIONS)])
    index = torch.arange(objects) // OBJECTS
    return Batch((), torch.full((IMAGES, 2), SIDE), boxes, labels, index, relations, tuple("abcd"))


def timed(part: str, call: Callable[..., Any], seconds: dict[str, float]) -> Callable[..., Any]:
    """A function that calls `call` and adds its time to `seconds[part]`."""
    def wrapper(*args: Any) -> Any:
        begun = time.perf_counter()
        try:
            return call(*args)
        finally:
            seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - begun
    return wrapper


def main() -> int:
    """Time the step, print its parts."""
    options = arguments_of(__doc__, "a small model, one step").parse_args()
    channels, head, steps = (64, 128, 1) if options.quick else (512, 4096, 2)
    generator = torch.Generator().manual_seed(0)
    torch.manual_seed(0)
    config = validate({"augmentation": {"kind": "gan", "perturb": {"method": "graphn"}}})

    model = SceneGraphModel(RoIFeatures(channels, 1 / 16), BoxHead(channels * 49, head, 0.5),
                            BoxHead(channels * 49, head, 0.5, final_relu=False),
                            MessagePassing(head, 512, CLASSES, PREDICATES))
    gan = GAN(CLASSES, PREDICATES, channels, 38, large_discriminator=True, visual_conditioning=True)
    triplets = {(int(s), int(p), int(o)): 3 for s, p, o in zip(
        *(torch.randint(1, size, (30_000,), generator=generator) for size in (CLASSES, PREDICATES, CLASSES)),
        strict=True)}
    perturber = Perturber("graphn", Contexts.from_triplets(triplets, CLASSES),
                          torch.randn(CLASSES, 200, generator=generator), 0.2, 5, 2)
    optimizer = build_optimizer(config.training, model.parameter_groups(0.004, 0.1))
    device = torch.device("cpu")
    learner = GraphLearner(model, None, config.loss.build(None), optimizer, config, device)
    augmenter = GANAugmenter(gan, config.augmentation, perturber, RandomStore(channels))
    system = TwoStage(learner, augmenter, config, device)

    batch = random_batch(generator)
    pairs, predicates = training_pairs(batch.image_index, batch.relations, IMAGES)
    image_sizes = torch.full((IMAGES, 2), SIDE)
    encoding = Encoding(torch.rand(IMAGES, channels, 38, 38), batch.boxes, batch.boxes, batch.image_index, image_sizes,
                        largest=OBJECTS)
    plan = Plan(encoding, batch.labels, batch.relations, pairs, predicates)
    system.plan = lambda *_: plan
    draws = Draws(0, 1)

    seconds: dict[str, float] = {}
    learner.update = timed("F on real features", learner.update, seconds)
    augmenter.request = timed("perturbation", augmenter.request, seconds)
    augmenter.update_generator = timed("update of G, and of F on generated features", augmenter.update_generator,
                                       seconds)
    augmenter.update_discriminators = timed("update of D", augmenter.update_discriminators, seconds)
    for number in range(1 + steps):
        if number == 1:
            seconds.clear()  # the first step allocates
        system.training_step(batch, draws)
    parts = {name: value / steps for name, value in seconds.items()}
    plain, whole = parts["F on real features"], sum(parts.values())
    print(f"{len(pairs)} pairs, {torch.get_num_threads()} threads: {plain:.2f} s without, {whole:.2f} s with the GAN, "
          f"which takes {100 * (1 - plain / whole):.0f} % of it")
    for name, value in sorted(parts.items(), key=lambda item: -item[1]):
        print(f"  {value:6.2f} s  {name}")
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        system.training_step(batch, draws)
    operators = sorted(profile.key_averages(), key=lambda operator: -operator.self_cpu_time_total)
    spent = sum(operator.self_cpu_time_total for operator in operators)
    print("most expensive operators: " + ", ".join(f"{operator.key} {100 * operator.self_cpu_time_total / spent:.0f} %"
                                            for operator in operators[:3]))
    return report([judged("training step with the GAN, paper size", whole, "s", plain,
                          "<= 12.2 / 4.8 of the step without", whole / plain <= 12.2 / 4.8)], options)


if __name__ == "__main__":
    sys.exit(main())
