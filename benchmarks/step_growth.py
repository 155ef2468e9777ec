"""What one more image, object and pair cost in a training step of the papers' size: time, and peak memory.

    python benchmarks/step_growth.py [--quick] [--json FILE] [--turns N]

The step has no GAN where time is measured. Images of 12 objects go from 2 to 24 a batch; objects of 24 images from 6 to
24 each, with 720 pairs in all; pairs from 3,000 to 12,000 in 24 images of 23 objects. All sizes take turns; each
counts with its shortest time. Memory is computed from shapes (`benchmarks/common/live_memory.py`), with and without the
GAN, so it is exact and needs no such memory.

The goal: one more image or pair costs the same between all sizes, within 15 %. The peak of memory is the larger one of
several moments: while the first gradients are computed all activations are held, at the end all gradients are. Each
grows in a straight line, so the peak has a kink where another moment takes over, and misses the goal there.

--quick: a small model without GAN, as a test that it runs. A full run takes 13 minutes on two idle cores, and 9 GiB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.floor import seconds_of
from benchmarks.common.live_memory import peak_of_shapes
from benchmarks.common.paper_step import Size, batch_of, build
from benchmarks.common.results import Row, arguments_of, below, report
from sgg.common.heap import freed_memory_kept

IMAGES, OBJECTS, PAIRS = (2, 8, 16, 24), (6, 12, 18, 24), (3_000, 6_000, 9_000, 12_000)
OBJECTS_OF = {"images": 24, "pairs": 24 * 6 * 5}
"""The batch in which the objects of an image are counted: with as many pairs as 6 objects have."""
PAIRS_OF = {"images": 24, "objects": 23}
"""The batch in which pairs are counted."""
TOLERANCE = 0.15
Sizes = Mapping[int, Size]


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "a small model, small batches, one turn")
    parser.add_argument("--turns", type=int, default=2, metavar="N", help="turns of all sizes (2)")
    options = parser.parse_args()
    with freed_memory_kept(torch.device("cpu")):  # as an epoch of training does
        return report(measure(options.quick, 1 if options.quick else options.turns), options)


def measure(quick: bool, turns: int) -> Iterator[Row]:
    """The rows of time and memory."""
    paper = Size().quick() if quick else Size()
    by_images: Sizes = {count: replace(paper, images=count) for count in ((1, 2) if quick else IMAGES)}
    batch = {"images": 2, "objects": 5} if quick else PAIRS_OF
    of_objects = {"images": 2, "pairs": 24} if quick else OBJECTS_OF
    by_objects: Sizes = {count: replace(paper, **of_objects, objects=count) for count in ((4, 6) if quick else OBJECTS)}
    by_pairs: Sizes = {count: replace(paper, **batch, pairs=count) for count in ((10, 30) if quick else PAIRS)}
    for name, sizes, goal in (("image", by_images, TOLERANCE), ("object_of_each_image", by_objects, None),
                              ("pair", by_pairs, TOLERANCE)):
        for gan in (False,) if quick else (False, True):
            points = {count: peak_of_shapes(size, gan) / 2**20 for count, size in sizes.items()}
            yield from rows_of(f"step_growth/{name}/memory_{'with' if gan else 'without'}_gan", points, "MiB", goal)
        yield from rows_of(f"step_growth/{name}/time", seconds(sizes, turns), "s", goal)


def seconds(sizes: Sizes, turns: int) -> dict[int, float]:
    """The shortest time of a step of each size. The sizes take turns; the first turn is not counted."""
    step = build(replace(next(iter(sizes.values())), pairs=None), False)
    plan, calls = step.system.plan, {}
    for count, size in sizes.items():
        calls[count] = _step_of(replace(step, batch=batch_of(size)), plan, size)
    taken = [{count: seconds_of(call) for count, call in calls.items()} for _ in range(1 + turns)]
    return {count: min(turn[count] for turn in taken[1:]) for count in sizes}


def _step_of(step, plan, size: Size) -> Callable[[], None]:
    """A step whose plan has the number of pairs that the size names, at equal distances over the batch."""
    def planned(*arguments):
        whole = plan(*arguments)
        if size.pairs is None:
            return whole
        assert size.pairs <= len(whole.pairs)
        rows = torch.linspace(0, len(whole.pairs) - 1, size.pairs).round().long()
        return replace(whole, pairs=whole.pairs[rows], predicates=whole.predicates[rows])

    def run() -> None:
        step.system.plan = planned
        step()

    return run


def marginals(points: Mapping[int, float]) -> list[float]:
    """The cost of one more between each two neighbouring sizes. points: costs by size, ascending."""
    return [(more - less) / (upper - lower) for (lower, less), (upper, more) in pairwise(points.items())]


def rows_of(name: str, points: Mapping[int, float], unit: str, goal: float | None) -> Iterator[Row]:
    """The cost of each size, the marginal cost over all of them, and how far that between neighbours is from it."""
    for count, value in points.items():
        yield below(f"{name}/of_{count}", value, unit)
    (first, *_, last), found = points, marginals(points)
    over_all = (points[last] - points[first]) / (last - first)
    yield below(f"{name}/one_more", over_all, unit)
    yield below(f"{name}/largest_deviation", max(abs(one / over_all - 1) for one in found), "", None, goal)


if __name__ == "__main__":
    sys.exit(main())
