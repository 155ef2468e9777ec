"""One training step of the papers' size: its time by phase, beside its floor and beside an older commit.

    python benchmarks/step.py [--quick] [--json FILE] [--turns N] [--against COMMIT] [--profile FILE]

The model has VGG16 heads, 151 classes and 51 predicates; the batch has 4 images of 12 objects, 528 pairs and 512 x 38 x
38 maps. The detector is not measured: `benchmarks/epoch.py` has phases with data and detector, at paper and toy size,
from images and from maps. The floor (`benchmarks/common/floor.py`) is the time of the matrix products and convolutions
that the step must do, and of one pass of each optimiser over its weights at the measured bandwidth of the memory. Step
and floor take turns; the ratio is the median of the turns' ratios.

--against: an older commit, whose step takes turns with ours, each in a process of its own. Its `training_step.py` takes
the pooling of real features and the plan as given; ours does both within the time that is compared. feb61e0 is the last
commit of the first edition. --profile: writes the most expensive operators. --alone: only the time of a step, without
floor. --quick: a small model, as a test that it runs.

A full run takes about 5 minutes on two idle cores, and 3 more for each turn with an older commit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.floor import Bandwidth, take_turns, work_of
from benchmarks.common.older import HERE, alone_name, files_of, step_seconds
from benchmarks.common.paper_step import PaperStep, Size, build
from benchmarks.common.phases import PLAN, REAL, Phases, backward_as_phase, watch
from benchmarks.common.results import Row, arguments_of, below, report
from sgg.common.heap import freed_memory_kept

FLOOR_GOALS = {False: 1.25, True: 1.35}
"""The goal of the step's time over its floor's, without and with the GAN."""
OLDER_GOALS = {False: 0.75, True: 0.85}
"""The goal of the step's time over that of the first edition."""
OPERATORS = 20
"""The operators in a profile."""


def main() -> int:
    """Measure, print, write."""
    options = _arguments().parse_args()
    rows = _alone(options) if options.alone else _all(options)
    with freed_memory_kept(torch.device("cpu")):  # as an epoch of training does
        return report(rows, options)


def _arguments() -> argparse.ArgumentParser:
    parser = arguments_of(__doc__, "a small model, one turn")
    parser.add_argument("--turns", type=int, default=5, metavar="N", help="turns of step and floor (5)")
    parser.add_argument("--older-turns", type=int, default=3, metavar="N", help="turns with the older commit (3)")
    parser.add_argument("--against", metavar="COMMIT", help="an older commit to compare with")
    parser.add_argument("--profile", type=Path, metavar="FILE", help="write the most expensive operators to this file")
    parser.add_argument("--alone", action="store_true", help="only the time of a step")
    return parser


def size_of(options: argparse.Namespace) -> Size:
    """The size of the step that is measured."""
    return Size().quick() if options.quick else Size()


def _all(options: argparse.Namespace) -> Iterator[Row]:
    texts = []
    for gan in (False, True):
        step = build(size_of(options), gan)
        yield from beside_floor(step, 1 if options.quick else options.turns, 1 << (20 if options.quick else 26))
        if options.profile:
            texts.append(f"{_name(gan)}\n\n{profile_of(step)}")
        yield from phases_of(step, 1 if options.quick else 2)
        del step
    if options.profile:
        options.profile.write_text("\n".join(texts))
    if options.against:
        with files_of(options.against) as older:
            yield from beside_older(older, 1 if options.quick else options.older_turns, options.quick)


def _alone(options: argparse.Namespace) -> Iterator[Row]:
    """The time of a step, as `step_seconds` reads it: both from steps with the GAN."""
    seconds = phase_seconds(build(size_of(options), True), 1 if options.quick else 2)
    plain = sum(value for phase, value in seconds.items() if phase.startswith((PLAN, REAL)))
    yield below(alone_name(False), plain, "s")
    yield below(alone_name(True), sum(seconds.values()), "s")


def beside_floor(step: PaperStep, turns: int, numbers: int) -> Iterator[Row]:
    """The step's time, its floor, and the floating-point operations in it. numbers: of the vectors that measure the
    memory's bandwidth."""
    work, name = work_of(step), _name(step.gan)
    found = take_turns(step, work, Bandwidth(numbers, step.system.device), turns)
    flops, products = work.flops(), statistics.median(found.products)
    yield below(f"step/{name}/products", flops / 1e9, "GFLOP")
    yield below(f"step/{name}/rate_of_products", flops / products / 1e9, "GFLOP/s")
    yield below(f"step/{name}/passes_of_optimisers", statistics.median(found.passes), "s")
    yield below(f"step/{name}/floor", statistics.median(found.floors), "s")
    yield below(f"step/{name}", statistics.median(found.step), "s")
    yield below(f"step/{name}/ratio_to_floor", found.ratio, "x", None, FLOOR_GOALS[step.gan])


def phases_of(step: PaperStep, steps: int) -> Iterator[Row]:
    """Seconds by phase, in the order of their first time."""
    for phase, seconds in phase_seconds(step, steps).items():
        yield below(f"step/{_name(step.gan)}/{phase}", seconds, "s")


def phase_seconds(step: PaperStep, steps: int) -> dict[str, float]:
    """The mean over some steps, after one that is not counted. Afterwards the step has timers."""
    phases = Phases(torch.cuda.synchronize if step.system.device.type == "cuda" else lambda: None)
    watch(step.system, phases)
    with backward_as_phase(phases):
        step()
        phases.seconds.clear()
        for _ in range(steps):
            step()
    return {phase: seconds / steps for phase, seconds in phases.seconds.items()}


def profile_of(step: PaperStep) -> str:
    """A table of the operators that take the most time themselves, with their shares."""
    cuda = step.system.device.type == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU] + [torch.profiler.ProfilerActivity.CUDA] * cuda
    step()
    with torch.profiler.profile(activities=activities) as profile:
        step()
    time_of = "self_device_time_total" if cuda else "self_cpu_time_total"
    operators = sorted(profile.key_averages(), key=lambda one: -getattr(one, time_of))
    spent = sum(getattr(one, time_of) for one in operators)
    lines = [f"{'share':>7}  {'ms':>10}  {'calls':>6}  operator"]
    for one in operators[:OPERATORS]:
        own = getattr(one, time_of)
        lines.append(f"{100 * own / spent:6.1f}%  {own / 1e3:10.1f}  {one.count:6d}  {one.key}")
    return "\n".join([*lines, ""])


def beside_older(older: Path, turns: int, quick: bool) -> Iterator[Row]:
    """The step's time over that of an older commit: the median of the turns' ratios."""
    found = [(step_seconds(HERE, quick), step_seconds(older, quick)) for _ in range(turns)]
    for gan in (False, True):
        ratio = statistics.median(ours[gan] / theirs[gan] for ours, theirs in found)
        yield below(f"step/{_name(gan)}/older", statistics.median(theirs[gan] for _, theirs in found), "s")
        yield below(f"step/{_name(gan)}/ratio_to_older", ratio, "x", None, OLDER_GOALS[gan])


def _name(gan: bool) -> str:
    return "with_gan" if gan else "without_gan"


if __name__ == "__main__":
    sys.exit(main())
