"""The room on version 3 of the toy genome: what an observer predicts who knows how scenes are drawn, by difficulty.

    python benchmarks/toy_room.py [--quick] [--json FILE] [--seeds 0,1,2]

PredCls on the test split, without images: the oracle (`sgg/data/toy/oracle.py`) sees the measures that tell predicates
apart. Once its prior is that of training, by the classes of both objects (with habits), once that of their kinds
(without). The first gains on frequent compositions, and loses on unseen ones. Recall is graph-constrained, so that only
the best predicate of a pair counts; values are means over the seeds of the genome.

--quick: a few images, as a test that it runs.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.results import Row, arguments_of, below, report
from sgg.data.toy.editions import edition_of
from sgg.data.toy.genome import scenes_of
from sgg.data.toy.oracle import Oracle
from sgg.data.toy.scene import Scene
from sgg.data.toy.sizes import Sizes
from sgg.data.toy.world import World
from sgg.metrics import SceneGraphMetrics
from sgg.structures import SceneGraph

DIFFICULTIES = (0.0, 0.25, 0.5, 0.75, 1.0)
METRICS = ("zs/R@20", "10s/R@20", "100s/R@20", "all/R@20", "all/mR@20")


def main() -> int:
    """Compute, print, write."""
    parser = arguments_of(__doc__, "a few images")
    parser.add_argument("--seeds", default="0,1,2", metavar="N,...", help="of the genomes (0,1,2)")
    options = parser.parse_args()
    return report(measure([int(seed) for seed in options.seeds.split(",")], options.quick), options)


def measure(seeds: Sequence[int], quick: bool) -> Iterator[Row]:
    """The rows: for each difficulty, with habits and without, each metric in percent."""
    for difficulty in DIFFICULTIES[::4] if quick else DIFFICULTIES:
        worlds = [(World.build(edition_of(3, difficulty), seed), seed) for seed in seeds]
        sizes = Sizes(150, 4, 60, 1) if quick else worlds[0][0].edition.sizes
        for habits in (False, True):
            found = [values(world, seed, sizes, habits) for world, seed in worlds]
            for metric in METRICS:
                name = f"toy_room/difficulty_{difficulty:g}/{'with' if habits else 'without'}_habits/{metric}"
                yield below(name, 100 * float(np.mean([one[metric] for one in found])), "%")


def values(world: World, seed: int, sizes: Sizes, habits: bool) -> dict[str, float]:
    """The metrics of the oracle on the test split of a genome."""
    scenes = [scene for split in ("train", "val") for scene in scenes_of(world, split, seed, getattr(sizes, split))]
    seen = Counter(triplet for scene in scenes for triplet in triplets(scene))
    metrics = SceneGraphMetrics("predcls", num_predicates=len(world.edition.predicates), train_triplets=dict(seen))
    oracle = Oracle(world, habits)
    for scene in scenes_of(world, "test", seed, sizes.test):
        boxes = np.array([thing.box for thing in scene.things], np.float32)
        labels = np.array([thing.label for thing in scene.things])
        metrics.update(SceneGraph(boxes, labels, np.array(scene.relations)), oracle.predict(scene))
    return metrics.compute()


def triplets(scene: Scene) -> list[tuple[int, int, int]]:
    """Subject class, predicate and object class of each annotated relation."""
    return [(scene.things[s].label, p, scene.things[o].label) for s, o, p in scene.relations]


if __name__ == "__main__":
    sys.exit(main())
