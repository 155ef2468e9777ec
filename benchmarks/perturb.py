"""Scene-graph perturbations of a training batch: time as intensity and batch grow, compared with loops over objects.

    python benchmarks/perturb.py [--quick] [--json FILE]

The baseline is `tests/oracles/perturb.py`, run on the same batches with the same random numbers; both must give the
same labels. The perturbations behind the published numbers once took 25.8 ms (L = .2), 55.1 ms (.5) and 78.7 ms (1) per
batch of 24 images, in one process on an AMD EPYC. All times are processor time of one thread, which is the wall time on
an idle machine and does not grow when other processes wait for the same cores.
"""

from __future__ import annotations

import math
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import arguments_of, below, report
from sgg.perturbations.contexts import Contexts
from sgg.perturbations.perturber import Perturber
from tests.oracles.perturb import PlainPerturber

OBJECTS, RELATIONS = 12, 6
TOPK, ALPHA = 5, 2
GOALS_MS = {("graphn", 0.2): 1.3, ("graphn", 1.0): 4.0}
Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


class World:
    """A vocabulary, its training triplets, and batches drawn from it. Popular classes are popular everywhere."""

    def __init__(self, classes: int, predicates: int, distinct_triplets: int):
        self.rng = np.random.default_rng(0)
        self.classes, self.predicates = classes, predicates
        self.triplets = self._training_triplets(distinct_triplets)
        self.embeddings = self.rng.normal(size=(classes, 200))
        self.contexts = Contexts.from_triplets(self.triplets, classes, predicates)

    def _popular(self, size: int, number: int, power: float) -> np.ndarray:
        weights = np.arange(1.0, size) ** -power
        return self.rng.choice(np.arange(1, size), number, p=weights / weights.sum())

    def _training_triplets(self, distinct: int) -> dict[tuple[int, int, int], int]:
        counts: Counter[tuple[int, int, int]] = Counter()
        while len(counts) < distinct:
            columns = [self._popular(size, distinct, power)
                       for size, power in ((self.classes, 0.7), (self.predicates, 1), (self.classes, 0.7))]
            counts.update(zip(*(column.tolist() for column in columns), strict=True))
        return dict(islice(counts.items(), distinct))

    def batch(self, images: int) -> Batch:
        """Labels, relations and image_index of `images` images."""
        pairs = np.argwhere(~np.eye(OBJECTS, dtype=bool))
        ends = np.concatenate([pairs[self.rng.choice(len(pairs), RELATIONS, replace=False)] + image * OBJECTS
                               for image in range(images)])
        predicates = self._popular(self.predicates, len(ends), 1)
        image_of = np.repeat(np.arange(images), RELATIONS)
        return (torch.from_numpy(self._popular(self.classes, images * OBJECTS, 0.7)),
                torch.from_numpy(np.column_stack([image_of, ends, predicates])),
                torch.arange(images).repeat_interleave(OBJECTS))

    def perturber(self, method: str, intensity: float) -> Perturber:
        """Our perturber with the tables of this world."""
        return Perturber(method, self.contexts, torch.from_numpy(self.embeddings), intensity, TOPK, ALPHA)

    def plain(self, method: str, batch: Batch, intensity: float) -> Callable[[int], list[int]]:
        """The loops on a batch, as a function of the seed."""
        perturber = PlainPerturber(self.triplets, self.embeddings, method, TOPK, ALPHA)
        labels, relations, _ = batch
        relations = torch.cat([relations[:, 1:3] % OBJECTS, relations[:, 3:]], dim=1).view(-1, RELATIONS, 3)
        graphs = list(zip(labels.view(-1, OBJECTS).tolist(), relations.tolist(), strict=True))

        def perturb(seed: int) -> list[int]:
            chance = torch.rand(3, len(labels), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            return [label for (own, among), numbers in zip(graphs, chance.split(OBJECTS, dim=1), strict=True)
                    for label in perturber.sample(own, among, intensity, *numbers.tolist())]

        return perturb


def milliseconds(perturb: Callable[[int], object], repeats: int) -> float:
    """Processor time of a call: the best of `repeats` rounds of 8 calls with different random numbers."""
    best = math.inf
    for _ in range(repeats):
        start = time.process_time()
        for seed in range(8):
            perturb(seed)
        best = min(best, (time.process_time() - start) / 8)
    return 1000 * best


def compare(world: World, name: str, method: str, intensity: float, images: int, repeats: int) -> dict:
    """The time of a batch both ways."""
    batch = world.batch(images)
    perturber, plain = world.perturber(method, intensity), world.plain(method, batch, intensity)

    def ours(seed: int) -> torch.Tensor:
        return perturber.sample_batch(*batch, torch.Generator().manual_seed(seed))

    if any(ours(seed).tolist() != plain(seed) for seed in range(3)):
        raise SystemExit(f"the two ways disagree in {name}")
    return below(name, milliseconds(ours, repeats), "ms/batch", milliseconds(plain, max(1, repeats // 10)),
               GOALS_MS.get((method, intensity)) if images == 24 and world.classes == 151 else None)


def measure(quick: bool) -> Iterable[dict]:
    repeats = 20 if quick else 50
    world = World(151, 51, 30_000)
    for method, intensity in (("graphn", 0.2), ("graphn", 0.5), ("graphn", 1.0), ("neigh", 0.2), ("rand", 0.2)):
        yield compare(world, f"perturb/{method}/L={intensity}", method, intensity, 24, repeats)
    for images in (240,) if quick else (48, 120, 240):
        for intensity in (0.2, 1.0):
            name = f"perturb/graphn/L={intensity}/images={images}"
            yield compare(world, name, "graphn", intensity, images, repeats // 4)
    yield from tables(world, "vg")
    world = World(1704, 311, 50_000 if quick else 500_000)
    for intensity in (0.2, 1.0):
        yield compare(world, f"perturb/graphn/L={intensity}/gqa", "graphn", intensity, 24, repeats // 4)
    yield from tables(world, "gqa")


def tables(world: World, name: str) -> Iterable[dict]:
    """The memory of the context tables, compared with 32-bit counts of all classes in all contexts."""
    dense = 2 * world.predicates * world.classes ** 2 * 4
    yield below(f"perturb/contexts/{name}/{len(world.triplets)}_triplets", world.contexts.nbytes / 2**20, "MiB",
              dense / 2**20, 64.0)
    start = time.process_time()
    Contexts.from_triplets(world.triplets, world.classes, world.predicates)
    yield below(f"perturb/contexts/{name}/build", 1000 * (time.process_time() - start), "ms")


def main() -> int:
    """Measure, print, and write the numbers."""
    options = arguments_of(__doc__, "fewer sizes and repetitions").parse_args()
    torch.set_num_threads(1)
    return report(measure(options.quick), options)


if __name__ == "__main__":
    sys.exit(main())
