"""What the papers' rows cost on Visual Genome and one GPU: hours, memory and disk, computed from shapes.

    python benchmarks/full_scale.py [--quick] [--json FILE] [--markdown FILE]

No GPU is needed, and none was at hand. A training step and an evaluated image of the papers' size run once without
values. Each of their operators takes at least its floating-point operations over the rate of a GPU, and at least the
bytes that it reads and writes over the GPU's bandwidth; the sums are the least time of a step on that GPU
(`benchmarks/common/roofline.py`). Rates are those of data sheets. A real run takes longer: operators have to be
started, and no kernel reaches a data sheet's rate. `python benchmarks/gpu.py` measures the step where there is a GPU.

--markdown: also write the tables, for docs/FULL_SCALE.md. --quick: a small model, as a test that it runs.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.floor import OPTIMIZER_PASSES
from benchmarks.common.live_memory import peak_of_shapes
from benchmarks.common.paper_step import Size
from benchmarks.common.results import Row, arguments_of, below, report
from benchmarks.common.roofline import Rates, Work, work_of
from benchmarks.common.shapes import StepOfShapes, step_of_shapes
from sgg.common.live_memory import without_values
from sgg.detector.model import Detector
from sgg.experiment.validation import is_due

GPUS = (Rates("H100 SXM", 495e12, 3.35e12), Rates("H200 SXM", 495e12, 4.8e12), Rates("RTX 4090", 82.6e12, 1.008e12))
"""TF32 without sparsity, and memory bandwidth."""
TRAIN, VAL, TEST = 57_723, 5_000, 26_446
"""Images of Visual Genome's splits."""
BATCH, EPOCHS, EVERY = 24, 20, 5
"""Of the configs in tune_configs/paper: images of a batch, epochs, and epochs between two validations."""
STEPS = EPOCHS * (TRAIN // BATCH)
ROWS = {"imp, imp_dnorm": False, "imp_gan, imp_gan_graphn": True}
"""The configs of tune_configs/paper, and whether they have a GAN. Perturbation is work of the host."""
TRIALS, SEARCH_GPUS = 100, 8
GiB = 2**30


@dataclass(frozen=True)
class Costs:
    """The work of one training step, of one evaluated image, and of the detector's backbone for one image; the peak
    bytes of a step, and the bytes of a checkpoint."""

    step: Work
    image: Work
    backbone: Work
    peak: int
    checkpoint: int

    def hours(self, gpu: Rates, from_images: bool) -> float:
        """The least hours of a whole trial: its training, its validations and its test. from_images: the backbone runs
        for every image, each time."""
        validations = sum(is_due(epoch, EVERY, EPOCHS) for epoch in range(1, EPOCHS + 1))
        images = validations * VAL + TEST
        seconds = STEPS * self.step.seconds(gpu) + images * self.image.seconds(gpu)
        if from_images:
            seconds += (STEPS * BATCH + images) * self.backbone.seconds(gpu)
        return seconds / 3600


def main() -> int:
    """Compute, print, write."""
    parser = arguments_of(__doc__, "a small model")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables to this file")
    options = parser.parse_args()
    size = replace(Size().quick() if options.quick else Size(), images=2 if options.quick else BATCH)
    costs = {row: costs_of(size, gan, options.quick) for row, gan in ROWS.items()}
    if options.markdown:
        options.markdown.write_text("\n".join(tables(costs)) + "\n")
    return report(rows(costs), options)


def costs_of(size: Size, gan: bool, quick: bool) -> Costs:
    """The costs of a row. Everything is counted in the second run of a step, when the moments of Adam are there."""
    with step_of_shapes(size, gan) as shapes:
        shapes.advance()
        step = work_of(shapes.advance)
        step.operators.append((0, bytes_of_updates(shapes)))
        saved = bytes_of_checkpoint(shapes)
    with step_of_shapes(replace(size, images=1), False) as shapes:
        image = work_of(shapes.forward)
    return Costs(step, image, work_of_backbone("tiny" if quick else "vgg16"), peak_of_shapes(size, gan), saved)


def bytes_of_checkpoint(shapes: StepOfShapes) -> int:
    """The bytes of all networks and of the moments of their optimisers."""
    system = shapes.step.system
    weights = sum(one.numel() * one.element_size() for network in system.networks.values()
                  for one in network.state_dict().values())
    return weights + sum((OPTIMIZER_PASSES[type(optimizer).__name__] - 3) // 2 * weight.numel() * weight.element_size()
                         for optimizer in system.optimizers.values()
                         for group in optimizer.param_groups for weight in group["params"])


def bytes_of_updates(shapes: StepOfShapes) -> int:
    """The bytes that the passes of the optimisers move in a step."""
    return sum(OPTIMIZER_PASSES[type(optimizer).__name__] * weight.numel() * weight.element_size()
               for optimizer in shapes.step.system.optimizers.values()
               for group in optimizer.param_groups for weight in group["params"] if weight.requires_grad)


def work_of_backbone(name: str) -> Work:
    """The work of a backbone for one image, padded as the detector pads it."""
    with without_values(), torch.no_grad():
        detector = Detector(name, Size.classes)
        side = detector.map_size * detector.stride
        image = torch.empty(1, 3, side, side)
        return work_of(lambda: detector.rcnn.backbone(image))


def rows(costs: dict[str, Costs]) -> Iterator[Row]:
    """One row for each number."""
    for row, cost in costs.items():
        name = f"full_scale/{'with' if ROWS[row] else 'without'}_gan"
        yield below(f"{name}/step", cost.step.flops / 1e12, "TFLOP")
        yield below(f"{name}/step/moved", cost.step.bytes / 1e9, "GB")
        yield below(f"{name}/step/operators", len(cost.step.operators), "")
        yield below(f"{name}/peak", cost.peak / GiB, "GiB")
        yield below(f"{name}/checkpoint", cost.checkpoint / GiB, "GiB")
        for gpu in GPUS:
            yield below(f"{name}/step/{gpu.name}", 1000 * cost.step.seconds(gpu), "ms")
            for source in ("maps", "images"):
                yield below(f"{name}/trial_from_{source}/{gpu.name}", cost.hours(gpu, source == "images"), "h")
    cost = next(iter(costs.values()))
    yield below("full_scale/evaluated_image", cost.image.flops / 1e9, "GFLOP")
    yield below("full_scale/backbone", cost.backbone.flops / 1e9, "GFLOP")


def tables(costs: dict[str, Costs]) -> Iterator[str]:
    """The tables of docs/FULL_SCALE.md."""
    names = [gpu.name for gpu in GPUS]
    yield ("| one trial | step, TFLOP | GB moved | operators | GPU memory, GiB | checkpoint, GiB | "
           f"{' | '.join(f'{name}, h' for name in names)} |")
    yield "|---|---|---|---|---|---|" + "---|" * len(names)
    for row, cost in costs.items():
        for source in ("maps", "images"):
            hours = " | ".join(f"{cost.hours(gpu, source == 'images'):.2f}" for gpu in GPUS)
            yield (f"| {row}, from {source} | {cost.step.flops / 1e12:.2f} | {cost.step.bytes / 1e9:.0f} | "
                   f"{len(cost.step.operators):,} | {cost.peak / GiB:.1f} | {cost.checkpoint / GiB:.1f} | {hours} |")
    yield ""
    yield f"| {TRIALS} trials on {SEARCH_GPUS} GPUs | {' | '.join(f'{name}, h' for name in names)} |"
    yield "|---|" + "---|" * len(names)
    for row, cost in costs.items():
        yield (f"| {row} | "
               + " | ".join(f"{TRIALS / SEARCH_GPUS * cost.hours(gpu, False):.1f}" for gpu in GPUS) + " |")


if __name__ == "__main__":
    sys.exit(main())
