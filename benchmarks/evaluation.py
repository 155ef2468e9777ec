"""Evaluation of one image at the size of the papers: memory and time, by its number of objects.

    python benchmarks/evaluation.py [--quick] [--json FILE] [--objects 400]

VGG16's detector, both copies of its box head and IMP with random weights, 151 classes, 51 predicates, random boxes,
every ordered pair of objects; SGCls and PredCls, each under two adjustments, with their metrics. The peak of memory of
the large image is that of a whole process, weights included. The other rows leave the detector out: processor time of
the model in one thread, beside the same with all pairs at once, in turns; and how time and memory grow with the number
of pairs. --objects: of the large image; 400 objects have 159,600 pairs, which take 10 minutes of processor time.
--quick: the tiny detector and few objects, as a test that it runs.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.fresh_process import printed_by_child
from benchmarks.common.process_memory import clear_peak, status_bytes
from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg.detector.model import Detector
from sgg.evaluate.evaluation import evaluate
from sgg.methods.variants import Adjuster
from sgg.metrics import SceneGraphMetrics
from sgg.models import pair_parts
from sgg.models.box_head import BoxHead
from sgg.models.heads.imp.network import MessagePassing
from sgg.models.roi_features import RoIFeatures
from sgg.models.sampling import all_pairs
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch, DetectorOutputs
from sgg.systems.two_stage.encoding import encode_annotated
from sgg.systems.two_stage.predictor import TwoStagePredictor

CLASSES, PREDICATES, RELATIONS = 151, 51, 20
GROWTH = (39, 55, 78, 95, 110)
"""Numbers of objects with about 1,500, 3,000, 6,000, 9,000 and 12,000 pairs."""
GOAL_MIB, MARGIN, TURNS = 3 * 1024, 0.15, 2
NARROW, REPEATS = 64, 5
AT_ONCE = 1 << 62
"""Bytes of a part into which every image fits."""
MAPPED = {"MALLOC_MMAP_THRESHOLD_": "65536"}
"""The C library returns freed memory at once, so the peak is that of what is held."""


def build(backbone: str, dim: int | None = None) -> TwoStagePredictor:
    """Detector and model, with random weights. dim: of the box heads; None: as the detector's."""
    torch.manual_seed(0)
    detector = Detector(backbone, CLASSES)
    if dim is None:
        box_heads = [detector.box_head_copy(role) for role in ("node", "edge")]
    else:
        box_heads = [BoxHead(detector.channels * 49, dim) for _ in range(2)]
    head = MessagePassing(dim or detector.head_dim, 512, CLASSES, PREDICATES)
    model = SceneGraphModel(RoIFeatures(detector.channels, 1 / detector.stride), *box_heads, head)
    return TwoStagePredictor(model, detector)


def image_of(objects: int, side: int) -> Batch:
    """One image."""
    generator = torch.Generator().manual_seed(objects)
    corners = torch.rand(objects, 2, generator=generator) * side * 0.7
    extent = side * (0.05 + 0.25 * torch.rand(objects, 2, generator=generator))
    relations = torch.tensor([[0, one % objects, (one + 1) % objects, 1 + one] for one in range(RELATIONS)])
    return Batch((torch.rand(3, side, side, generator=generator),), torch.full((1, 2), side),
                 torch.cat([corners, corners + extent], dim=1),
                 torch.randint(1, CLASSES, (objects,), generator=generator), torch.zeros(objects, dtype=torch.long),
                 relations, (f"{objects} objects",))


def evaluate_image(system: TwoStagePredictor, batch: Batch) -> None:
    """Predict and score, as a validation does."""
    adjusters = {"": Adjuster(()), "/less": Adjuster((("less", lambda logits, context, value: logits - value, 1.0),))}
    weights = {0.5: torch.ones(PREDICATES).numpy()}
    metrics = {mode + suffix: SceneGraphMetrics(mode, PREDICATES, {(1, 1, 1): 1}, predicate_weights=weights)
               for mode in ("sgcls", "predcls") for suffix in adjusters}
    evaluate(system, [batch], metrics, adjusters=adjusters)


def detected(system: TwoStagePredictor, objects: int) -> Batch:
    """An image after the detector, with a random map: its time and memory are not measured."""
    detector = system.detector
    batch = image_of(objects, detector.image_size)
    return replace(batch, outputs=DetectorOutputs(torch.rand(1, *detector.map_shape)))


def model_seconds(system: TwoStagePredictor, objects: int, part_bytes: int) -> float:
    """Processor time of the model on an image."""
    batch = detected(system, objects)
    encoding, pairs = encode_annotated(system.detector, batch), all_pairs(batch.image_index)
    given = {"sgcls": None, "predcls": batch.labels}
    before, pair_parts.PART_BYTES = pair_parts.PART_BYTES, part_bytes
    try:
        with system.evaluating():
            begun = time.process_time()
            system.model.predict(given, encoding.map, encoding.boxes, encoding.image_index, pairs, encoding.image_sizes)
            return time.process_time() - begun
    finally:
        pair_parts.PART_BYTES = before


def turns(system: TwoStagePredictor, objects: int, repeats: int) -> tuple[float, float]:
    """The best processor times in parts and with all pairs at once, which take turns."""
    ways = pair_parts.PART_BYTES, AT_ONCE
    times = [[model_seconds(system, objects, way) for way in ways] for _ in range(1 + repeats)]
    in_parts, at_once = (min(of_way) for of_way in zip(*times[1:], strict=True))  # the first turn allocates
    return in_parts, at_once


def held_mib(system: TwoStagePredictor, objects: int) -> float:
    """MiB that an image needs at its peak beside what the process holds anyway, from the map to the metrics."""
    batch = detected(system, objects)
    clear_peak()
    before = status_bytes("VmRSS")
    evaluate_image(system, batch)
    return (status_bytes("VmHWM") - before) / 2**20


def child(what: str, backbone: str, objects: Sequence[int]) -> None:
    """Print MiB: of this whole process on one image (peak), or of each image alone (held). No part of what is held of
    every pair depends on the width of the box heads, so they are narrow then, and take little time."""
    if what == "peak":
        system = build(backbone)
        evaluate_image(system, image_of(objects[0], system.detector.image_size))
        print(json.dumps([status_bytes("VmHWM") / 2**20]))
    else:
        system = build(backbone, NARROW)
        held_mib(system, objects[0])  # the first image allocates what stays
        print(json.dumps([median(held_mib(system, count) for _ in range(REPEATS)) for count in objects]))


def in_a_process(what: str, backbone: str, objects: Sequence[int]) -> list[float]:
    """What `child` prints in a fresh process."""
    found: list[float] = printed_by_child(__file__, what, backbone, *map(str, objects),
                                          environment=MAPPED if what == "held" else None)
    return found


def constant(name: str, unit: str, costs: Sequence[float], pairs: Sequence[int]) -> Row:
    """A row with the mean cost of one more pair. It should be within MARGIN of that between each two neighbours."""
    steps = [(after - before) / (more - fewer)
             for (before, after), (fewer, more) in zip(pairwise(costs), pairwise(pairs), strict=True)]
    mean = (costs[-1] - costs[0]) / (pairs[-1] - pairs[0])
    print(f"{name} between {', '.join(f'{count:,}' for count in pairs)} pairs: "
          f"{', '.join(f'{step:.4g}' for step in steps)} {unit}")
    reached = all(abs(step - mean) <= MARGIN * mean for step in steps)
    return judged(name, mean, unit, None, f"each within {MARGIN:.0%} of the mean", reached)


def measure(backbone: str, large: int, growth: Sequence[int], middle: int, repeats: int) -> Iterator[Row]:
    """All rows. large: objects of the image whose whole process is measured. middle: objects of an image in parts."""
    system = build(backbone)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # threads that wait for one another would count, too
    for objects, number in ((12, 5 * repeats), (middle, repeats)):
        in_parts, at_once = turns(system, objects, number)
        goal = "<= 1.05 of all pairs at once" if objects == 12 else None
        yield judged(f"{objects} objects, the model", in_parts, "s", at_once, goal,
                     goal is None or in_parts <= 1.05 * at_once)
    pairs = [objects * (objects - 1) for objects in growth]
    times = [[model_seconds(system, objects, pair_parts.PART_BYTES) for objects in growth] for _ in range(repeats)]
    seconds = [min(of_size) for of_size in zip(*times, strict=True)]
    torch.set_num_threads(threads)
    yield constant("one more pair, processor time", "ms", [1000 * value for value in seconds], pairs)
    del system
    kib = [1024 * value for value in in_a_process("held", backbone, growth)]
    yield constant("one more pair, memory", "KiB", kib, pairs)
    yield below(f"{large} objects, peak of the process", in_a_process("peak", backbone, [large])[0], "MiB",
                goal=GOAL_MIB)


def main() -> int:
    """Measure, print; return 1 where a goal is missed."""
    parser = arguments_of(__doc__, "the tiny detector and few objects: a test that it runs")
    parser.add_argument("--objects", type=int, default=400, metavar="N", help="objects of the large image")
    options = parser.parse_args()
    rows = measure("tiny", 30, (20, 30, 40), 20, 1) if options.quick else \
        measure("vgg16", options.objects, GROWTH, 48, TURNS)
    return report(rows, options)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], [int(word) for word in sys.argv[4:]])
        sys.exit()
    sys.exit(main())
