"""The evaluation of a test split from images and from stored maps, beside an older commit from images.

    python benchmarks/evaluation_epoch.py [--quick] [--json FILE] [--against COMMIT] [--turns N] [--images N]

SGCls and PredCls of a model of paper size (VGG16, IMP, 12 objects), all subsets, four values of pred_weight. Each way
trains for one batch and then evaluates, in a process of its own; the time is that between the checkpoint and the
metrics of the test split. --images: of the test split. --quick: the toy genome of a few images.

A full run takes 4 minutes a turn on two idle cores, half of them for the older commit, and 10 GiB.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import small_genome
from benchmarks.common.older import HERE, files_of, train_in
from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg.data.toy import Sizes, generate

IMAGES, MAPS, OLDER = "images", "maps", "older"
QUICK = Sizes(train=4, val=2, test=2, detector=8)
PRED_WEIGHTS = [0, 0.25, 0.5, 1]
GOAL = 3.0
"""How many times as fast as the code before stored maps, from images, an evaluation from maps should be."""
TRAINED = 2
"""Training images: one batch."""


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "the toy genome of a few images, one turn")
    parser.add_argument("--against", metavar="COMMIT", help="an older commit to compare with")
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="turns of all ways (3)")
    parser.add_argument("--images", type=int, default=24, metavar="N", help="test images (24)")
    options = parser.parse_args()
    return report(measure(options), options)


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """The rows."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        settings = settings_of(root, options.quick, options.images)
        ways = {IMAGES: (HERE, {"features": {"maps": "off"}}), MAPS: (HERE, {"features": {"maps": "exact"}})}
        if options.against:
            ways[OLDER] = (stack.enter_context(files_of(options.against)), {})
        seconds_of(HERE, {**settings, "features": {"maps": "exact"}}, root)  # makes what the others find
        turns = [{way: seconds_of(folder, settings | own, root) for way, (folder, own) in ways.items()}
                 for _ in range(1 if options.quick else options.turns)]
    yield from rows_of(turns)


def settings_of(root: Path, quick: bool, images: int) -> dict[str, Any]:
    """Settings that every commit reads; the data that they name are there afterwards."""
    settings: dict[str, Any] = {
        "evaluation": {"every": 1000, "modes": ["sgcls", "predcls"], "pred_weight": PRED_WEIGHTS},
        "resources": {"cpus": os.cpu_count(), "gpus": 0},
        "training": {"epochs": 1, "batch_size": TRAINED, "learning_rate": 1e-6}}  # random weights diverge
    if quick:
        generate(root / "toy", sizes=QUICK)
        return {**settings, "data": {"root": str(root), "name": "toy"}, "detector": {"epochs": 1}}
    weights = small_genome.write(root, TRAINED, images)
    return {**settings, "data": {"root": str(root), "name": "vg", "num_val_images": small_genome.EVALUATED},
            "detector": {"backbone": "vgg16", "weights": str(weights)}}


def seconds_of(folder: Path, settings: dict[str, Any], root: Path) -> float:
    """The seconds between the checkpoint and the test metrics of a training with the files of `folder`. Raises what
    `train_in` raises."""
    with tempfile.TemporaryDirectory(dir=root) as name:
        trial = Path(name) / "trial"
        train_in(folder, "epoch_of_older.py", settings, trial)
        checkpoint = max((trial / "checkpoints").glob("epoch_*/meta.json"))  # of the last epoch
        return (trial / "test.json").stat().st_mtime - checkpoint.stat().st_mtime


def rows_of(turns: Sequence[dict[str, float]]) -> Iterator[Row]:
    """The rows of some turns: seconds of each way, and the ratios as the medians of those of the turns."""
    for way in turns[0]:
        yield below(f"evaluation_epoch/{way}", statistics.median(turn[way] for turn in turns), "s")
    for way, goal in ((IMAGES, 1.0), (OLDER, GOAL)):
        if way in turns[0]:
            value = statistics.median(turn[way] / turn[MAPS] for turn in turns)
            yield judged(f"evaluation_epoch/speed_of_maps_over_{way}", value, "x", None, f">= {goal:g}", value >= goal)


if __name__ == "__main__":
    sys.exit(main())
