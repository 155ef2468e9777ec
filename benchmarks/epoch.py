"""An epoch of training from images and from stored maps, beside an older commit from images.

    python benchmarks/epoch.py [--quick] [--json FILE] [--toy] [--gan | --against COMMIT] [--turns N]
        [--images N] [--batch N] [--root DIR]

The data are random images in Visual Genome's files, 12 objects each, with VGG16's detector of random weights; with
--toy the toy genome, each commit with a detector that it trains once. There is no GAN unless --gan asks for it, which
has no older commit beside it; validation and checkpoints are not measured. Each way has its time by phase, from the
wait for data to the optimiser. The ways take turns in one process: from images; from maps (`features.maps: exact`); and
from maps that are in memory already, which is what removing decoding and detector altogether would gain. The older
commit trains in processes of its own, in the same turns; the second of two epochs counts. feb61e0 is the last commit of
the first edition. --root: a folder for the data, which stays; else a temporary one. --quick: the toy genome of a few
images.

A full run takes 4 minutes a turn on two idle cores, 2 of them for the older commit, and 12 GiB.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common import small_genome
from benchmarks.common.older import files_of, train_in
from benchmarks.common.phases import Phases, backward_as_phase, watch
from benchmarks.common.results import Row, arguments_of, below, judged, report
from sgg import systems
from sgg.config import validate
from sgg.data.toy import Sizes, generate
from sgg.experiment.context import Experiment
from sgg.structures import Batch
from sgg.systems.contract import TrainingBatches
from sgg.systems.two_stage.foundation import TwoStageFoundation
from sgg.training.epoch import train_epoch

IMAGES, MAPS, MEMORY = "images", "maps", "maps in memory"
DATA, DETECTOR, REST = "waiting for data", "detector", "the rest"
OLDER_GOALS = {False: 3.0, True: 1.5}
"""How many times as fast as the first edition an epoch from maps should be: at paper size, and on the toy genome."""
IMAGES_GOAL, GAIN_GOAL = 2.0, 0.9
QUICK = Sizes(train=8, val=2, test=2, detector=8)
Seconds = dict[str, float]


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "the toy genome of a few images, one turn")
    parser.add_argument("--toy", action="store_true", help="the toy genome, in place of paper size")
    others = parser.add_mutually_exclusive_group()
    others.add_argument("--gan", action="store_true", help="train the GAN, too")
    others.add_argument("--against", metavar="COMMIT", help="an older commit to compare with")
    parser.add_argument("--turns", type=int, default=3, metavar="N", help="turns of all ways (3)")
    parser.add_argument("--images", type=int, default=48, metavar="N", help="training images at paper size (48)")
    parser.add_argument("--batch", type=int, default=24, metavar="N", help="images of a batch at paper size (24)")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder for the data, which stays")
    return report(measure(parser.parse_args()), parser.parse_args())


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """The rows."""
    with ExitStack() as stack:
        root = (options.root or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        older = stack.enter_context(files_of(options.against)) if options.against else None
        settings = settings_of(options, root / "ours")
        ways = Ways(settings)
        turns: list[Seconds] = []
        for _ in range(1 if options.quick else options.turns):
            turns.append({way: ways.seconds(way) for way in (IMAGES, MAPS, MEMORY)})
            if older is not None:
                theirs = settings_of(options, root / ("older" if _is_toy(options) else "ours"))
                turns[-1]["older"] = seconds_of_older(older, theirs)
        size = "toy" if _is_toy(options) else "paper"
        yield from rows_of(turns, ways.parts, f"{size}_with_gan" if options.gan else size)


def _is_toy(options: argparse.Namespace) -> bool:
    return options.toy or options.quick


def settings_of(options: argparse.Namespace, root: Path) -> dict[str, Any]:
    """Settings that every commit reads; the data that they name are there afterwards."""
    shared: dict[str, Any] = {"evaluation": {"every": 1000, "test": False},
                              "resources": {"cpus": os.cpu_count(), "gpus": 0}}
    if options.gan:
        shared["augmentation"] = "gan"
    data = {"root": str(root), "eval_images": 1}
    if _is_toy(options):
        generate(root / "toy", sizes=QUICK if options.quick else Sizes())
        quick = {"detector": {"epochs": 1}} if options.quick else {}
        return {**shared, **quick, "data": {**data, "name": "toy"},
                "training": {"epochs": 2, "batch_size": 4 if options.quick else 8}}
    weights = small_genome.write(root, options.images)
    return {**shared, "data": {**data, "name": "vg", "num_val_images": small_genome.EVALUATED},
            "detector": {"backbone": "vgg16", "weights": str(weights)},
            "training": {"epochs": 2, "batch_size": options.batch, "learning_rate": 1e-6}}  # random weights diverge


class Ways:
    """The ways to get an epoch's batches, for one system.

    parts: seconds of each way's last epoch by part.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        stored = systems.prepare(validate({**settings, "features": {"maps": "exact"}}))
        assert isinstance(stored, TwoStageFoundation)  # the only system
        plain = TwoStageFoundation(Experiment(validate({**settings, "features": {"maps": "off"}}),
                                              stored.experiment.data), stored.detector, stored.detector_hash)
        self.config, self.system = plain.config, plain.build()
        self.parts: dict[str, Seconds] = {}
        self._phases = Phases()
        self._phases.around(stored.detector, "outputs", DETECTOR)
        watch(self.system, self._phases)
        from_maps = stored.training_batches()
        self._batches = {IMAGES: plain.training_batches(), MAPS: from_maps,
                         MEMORY: Held(list(from_maps.epoch(1)))}
        self.seconds(MEMORY)  # the first steps allocate

    def seconds(self, way: str) -> float:
        """The seconds of an epoch, the same one every time."""
        self._phases.seconds.clear()
        begun = time.perf_counter()
        with backward_as_phase(self._phases), self._phases.phase(REST):
            train_epoch(self.system, self.config, Awaited(self._batches[way], self._phases), 1)
        taken = time.perf_counter() - begun
        self.parts[way] = dict(self._phases.seconds)
        return taken


class Held:
    """Batches that are in memory."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The same batches in every epoch."""
        return iter(self._batches[first:])


class Awaited:
    """Batches, each of which is a phase until it is there."""

    def __init__(self, batches: TrainingBatches, phases: Phases) -> None:
        self._batches, self._phases = batches, phases

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """As `TrainingBatches.epoch`."""
        batches = self._batches.epoch(number, first)
        while True:
            with self._phases.phase(DATA):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch


def seconds_of_older(folder: Path, settings: dict[str, Any]) -> float:
    """The seconds of the second epoch of a training in a worktree. Raises what `train_in` raises."""
    with tempfile.TemporaryDirectory() as name:
        trial = Path(name) / "trial"
        train_in(folder, "epoch_of_older.py", settings, trial)
        return json.loads((trial / "seconds.json").read_text())[-1]


def rows_of(turns: Sequence[Seconds], parts: dict[str, Seconds], name: str) -> Iterator[Row]:
    """The rows of some turns: seconds of each way, its parts, and the ratios as the medians of those of the turns."""
    for way in turns[0]:
        yield below(f"epoch/{name}/{way}", statistics.median(turn[way] for turn in turns), "s")
        for part, seconds in parts.get(way, {}).items():
            yield below(f"epoch/{name}/{way}/{part}", seconds, "s")

    def at_least(what: str, ratios: Iterator[float], goal: float) -> Row:
        value = statistics.median(ratios)
        return judged(f"epoch/{name}/{what}", value, "x", None, f">= {goal:g}", value >= goal)

    paper = name.startswith("paper")
    yield at_least("speed_of_maps_over_images", (turn[IMAGES] / turn[MAPS] for turn in turns),
                   IMAGES_GOAL if name == "paper" else 1)
    yield at_least("share_of_the_gain_without_decoding_and_detector",
                   ((turn[IMAGES] - turn[MAPS]) / (turn[IMAGES] - turn[MEMORY]) for turn in turns), GAIN_GOAL)
    if "older" in turns[0]:
        yield at_least("speed_of_images_over_older", (turn["older"] / turn[IMAGES] for turn in turns), 1)
        yield at_least("speed_of_maps_over_older", (turn["older"] / turn[MAPS] for turn in turns),
                       OLDER_GOALS[not paper])


if __name__ == "__main__":
    sys.exit(main())
