"""The room on version 3 of the toy genome: what an observer predicts who knows how scenes are drawn, by difficulty.

    python benchmarks/toy_room.py [--quick] [--json FILE] [--seeds 0,1,2] [--study runs/study/room] [--picture FILE]

PredCls on the test split, without images: the oracle (`sgg/data/toy/oracle.py`) sees the measures that tell predicates
apart. Once its prior is that of training, by the classes of both objects (with habits), once that of their kinds
(without). The first gains on frequent compositions, and loses on unseen ones. Recall is graph-constrained, so that only
the best predicate of a pair counts; values are means over the seeds of the genome.

--study: also the results of tune_configs/study/room.yaml, on the genomes of that study: its models, and what its
detectors reach without one: in SGCls the frequency table on their labels, and the fraction of relations of whose two
objects they predict the right classes. --picture: draws all of it. --quick: a few images, as a test that it runs.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
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
from sgg.settings.keys import with_values
from sgg.structures import SceneGraph

DIFFICULTIES = (0.0, 0.25, 0.5, 0.75, 1.0)
METRICS = ("zs/R@20", "10s/R@20", "100s/R@20", "all/R@20", "all/mR@20")
DIFFICULTY, GENOME = "data.difficulty", "data.seed"
RIGHT = "detector, both classes right"


def main() -> int:
    """Compute, print, write, draw."""
    parser = arguments_of(__doc__, "a few images")
    parser.add_argument("--seeds", default="0,1,2", metavar="N,...", help="of the genomes (0,1,2)")
    parser.add_argument("--study", type=Path, metavar="RUN_DIR", help="a run of tune_configs/study/room.yaml, whose "
                                                                      "genomes are taken")
    parser.add_argument("--picture", type=Path, metavar="FILE", help="draw recall against difficulty")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    rows = measure(seeds, options.quick) if options.study is None else of_study(options.study, options.quick)
    measured = list(rows)
    if options.picture is not None:
        draw(measured, options.picture)
    return report(measured, options)


def measure(seeds: Sequence[int], quick: bool, difficulties: Sequence[float] = DIFFICULTIES) -> Iterator[Row]:
    """The rows of the oracle: for each difficulty, with habits and without, each metric in percent."""
    for difficulty in difficulties[::4] if quick else difficulties:
        worlds = [(World.build(edition_of(3, difficulty), seed), seed) for seed in seeds]
        sizes = Sizes(150, 4, 60, 1) if quick else worlds[0][0].edition.sizes
        for habits in (False, True):
            found = [values(world, seed, sizes, habits) for world, seed in worlds]
            for metric in METRICS:
                name = f"observer {'with' if habits else 'without'} habits"
                yield row_of(difficulty, name, f"predcls/{metric}", [one[metric] for one in found])


def of_study(study: Path, quick: bool) -> Iterator[Row]:
    """The rows of the oracle on the genomes of a study, of its models, and of its detectors alone."""
    found = json.loads((study / "study.json").read_text())
    difficulties, seeds = (found["axes"][key]["of"] for key in (DIFFICULTY, GENOME))
    yield from measure(seeds, quick, difficulties)
    results = json.loads((study / "results.json").read_text())
    for result in sorted(results, key=lambda one: one[DIFFICULTY]):
        for metric in (f"{mode}/{metric}" for mode in ("predcls", "sgcls") for metric in METRICS):
            if (cell := result.get(f"test/{metric}")) is not None:
                yield row_of(result[DIFFICULTY], result["row"], metric, [cell["mean"]])
    for difficulty in difficulties:
        yield from of_detectors(difficulty, [without_model(found, difficulty, seed) for seed in seeds])


def without_model(study: dict[str, Any], difficulty: float, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """What the detector of a genome of a study reaches without a model (`benchmarks/common/without_model.py`)."""
    from benchmarks.common.without_model import frequency_only  # it imports torch, which the oracle does not need
    from sgg import systems
    from sgg.config import validate

    config = validate(with_values(study["given"], {DIFFICULTY: difficulty, GENOME: seed}))
    return frequency_only(systems.prepare(config))


def of_detectors(difficulty: float, found: Sequence[tuple[dict[str, float], dict[str, float]]]) -> Iterator[Row]:
    """The rows of the detectors of several genomes."""
    for metric in METRICS:
        yield row_of(difficulty, "detector and frequency table", f"sgcls/{metric}",
                     [metrics[f"sgcls/{metric}"] for metrics, _ in found])
    for subset in found[0][1]:
        yield row_of(difficulty, RIGHT, f"sgcls/{subset}/both right", [ceiling[subset] for _, ceiling in found])


def row_of(difficulty: float, name: str, metric: str, found: Iterable[float]) -> Row:
    """A row: the mean over genomes, in percent."""
    return below(f"toy_room/difficulty_{difficulty:g}/{name}/{metric}", 100 * float(np.mean(list(found))), "%")


def draw(rows: Sequence[Row], path: Path) -> None:
    """Recall at 20 against difficulty: PredCls and SGCls, zero-shot and all."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    colours: dict[str, str] = {}
    figure, axes = plt.subplots(1, 4, figsize=(16, 4.6), sharey=True, layout="constrained")
    for axis, (mode, subset) in zip(axes, product(("predcls", "sgcls"), ("zs", "all")), strict=True):
        for name, points in lines(rows, mode, subset).items():
            colour = colours.setdefault(name, f"C{len(colours)}")
            axis.plot(*zip(*sorted(points), strict=True), marker="o", color=colour)
        axis.set(title=f"{'PredCls' if mode == 'predcls' else 'SGCls'}, {'zero-shot' if subset == 'zs' else subset}",
                 xlabel="difficulty")
    axes[0].set(ylabel="R@20 on test, %", ylim=(0, 100))
    figure.legend([plt.Line2D([], [], marker="o", color=colour) for colour in colours.values()], list(colours),
                  loc="outside lower center", ncols=len(colours))
    figure.savefig(path, dpi=110)
    plt.close(figure)


def lines(rows: Sequence[Row], mode: str, subset: str) -> dict[str, list[tuple[float, float]]]:
    """Who reaches what: name -> (difficulty, percent) of each difficulty."""
    found: dict[str, list[tuple[float, float]]] = {}
    for row in rows:
        _, difficulty, name, *metric = row["name"].split("/")
        if metric in ([mode, subset, "R@20"], [mode, subset, "both right"]):
            found.setdefault(name, []).append((float(difficulty.removeprefix("difficulty_")), row["value"]))
    return found


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
