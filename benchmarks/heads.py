"""One training step of each relation head, forward and backward without the rest of the model, compared with IMP.

    python benchmarks/heads.py [--quick] [--json FILE]

Every registered head runs with its default settings: vectors of 4,096 numbers as with VGG16, 151 classes, 51
predicates, 4 images of 12 objects and 256 pairs, random inputs. Heads take turns, and each time is the best of its
turns, in processor time of one thread, which does not grow when other processes wait for the same core. The baseline is
IMP with hidden width 512 and 3 iterations. The goals: at most 1.5 times its step for Neural Motifs, and 3 times for
VCTree, whose states follow from one another. Other heads have none. Beside the time stand the additions and
multiplications of a step's matrix products, of which a head cannot save any: PE-Net is slow by its arithmetic.
--quick: one small image, as a test that it runs.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg.methods.head import HEADS, HeadInputs, HeadSizes, Mode
from sgg.settings.marks import defaults_for

BASELINE, GOALS, SIDE = "imp", {"imp": 1.0, "motifs": 1.5, "vctree": 3.0}, 592
PAPER = HeadSizes(vector=4096, classes=151, predicates=51, embedding=200, channels=512)
SMALL = HeadSizes(vector=64, classes=11, predicates=7, embedding=8, channels=16)


def random_inputs(sizes: HeadSizes, mode: Mode, images: int, objects: int, pairs: int) -> HeadInputs:
    """A training batch with all inputs that a head may need. objects, pairs: numbers per image."""
    index = torch.arange(images).repeat_interleave(objects)
    subject = torch.randint(objects, (images, pairs))
    object_ = (subject + torch.randint(1, objects, subject.shape)) % objects
    ends = torch.stack([subject, object_], dim=2) + objects * torch.arange(images)[:, None, None]
    corner = torch.rand(len(index), sizes.classes, 2) * 400
    boxes = torch.cat([corner, corner + 20 + torch.rand_like(corner) * 150], dim=2)
    labels = torch.randint(1, sizes.classes, (len(index),))
    predicates = torch.randint(sizes.predicates, (images * pairs,))

    def maps(count: int) -> Tensor:
        return torch.rand(count, sizes.channels, 7, 7, requires_grad=True)

    return HeadInputs(
        torch.rand(len(index), sizes.vector, requires_grad=True), torch.rand(len(predicates), sizes.vector,
                                                                             requires_grad=True),
        boxes[:, 0], index, torch.full((images, 2), SIDE), ends.flatten(0, 1), mode,
        labels=labels if mode == "predcls" else None, detector_logits=torch.randn(len(index), sizes.classes),
        class_boxes=boxes if mode == "sgdet" else None, class_vectors=torch.randn(sizes.classes, sizes.embedding),
        predicate_vectors=torch.randn(sizes.predicates, sizes.embedding), node_maps=maps(len(index)),
        edge_maps=maps(len(predicates)), box_masks=torch.rand(len(predicates), 2, 27, 27), target_labels=labels,
        target_predicates=predicates, related=predicates > 0)


def build(name: str, sizes: HeadSizes, small: bool = False) -> nn.Module:
    """A head with its default settings, or small ones, in training mode."""
    words = torch.randn(sizes.classes, sizes.embedding), torch.randn(sizes.predicates, sizes.embedding)
    table = torch.rand(sizes.classes, sizes.classes, sizes.predicates).log()
    settings = defaults_for(HEADS[name], "toy") if small else {}
    return HEADS[name](**settings).build(replace(sizes, frequency_table=table), words).train()


def seconds(head: nn.Module, inputs: HeadInputs) -> float:
    """Processor time of a forward and a backward pass."""
    head.zero_grad()
    for given in (inputs.nodes, inputs.edges):
        given.grad = None
    begun = time.process_time()
    outputs = head(inputs)
    loss = outputs.predicate_logits.square().mean() + sum(outputs.losses.values())
    if outputs.label_logits.requires_grad:  # where labels are given, the logits have no gradient
        loss = loss + outputs.label_logits.square().mean()
    loss.backward()
    return time.process_time() - begun


def measure(sizes: HeadSizes, images: int, objects: int, pairs: int, turns: int) -> Iterable[Row]:
    """The step of each head in each mode."""
    torch.manual_seed(0)
    heads = {name: build(name, sizes, sizes is SMALL) for name in HEADS}
    for mode in get_args(Mode):
        inputs = random_inputs(sizes, mode, images, objects, pairs)
        best, work = dict.fromkeys(heads, float("inf")), {}
        for name, head in heads.items():  # the first step allocates, and is not timed
            with FlopCounterMode(display=False) as counter:
                seconds(head, inputs)
            work[name] = counter.get_total_flops()
        for _ in range(turns):
            for name, head in heads.items():
                best[name] = min(best[name], seconds(head, inputs))
        for name, taken in best.items():
            goal = GOALS.get(name)
            yield below(f"heads/{name}/{mode}/arithmetic", work[name] / 1e9, "GFLOP", work[BASELINE] / 1e9)
            yield judged(f"heads/{name}/{mode}", taken, "s", best[BASELINE], goal and f"<= {goal} x {BASELINE}",
                         goal is None or taken <= goal * best[BASELINE])


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "a small image").parse_args()
    torch.set_num_threads(1)
    return report(measure(SMALL, 1, 4, 6, 1) if options.quick else measure(PAPER, 4, 12, 256, 5), options)


if __name__ == "__main__":
    sys.exit(main())
