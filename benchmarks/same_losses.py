"""How long the losses of a training equal those of an older commit, and how long they could.

    python benchmarks/same_losses.py [--quick] [--json FILE] [--against 20e5236] [--steps 50] [--root DIR]

The loss dnorm on the toy genome, without and with the GAN of the main job. Each row compares two trainings step by
step: the older commit with this one, and the older commit with itself, where before each step every weight of the model
is moved by one unit of rounding. Code that adds in another order rounds otherwise, too, so it can hardly stay equal for
longer than the second pair. --quick: three steps.

A full run takes 2 minutes with the data there, 6 without.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.older import HERE, files_of, run_in
from benchmarks.common.results import Row, arguments_of, below, report

EQUAL = 1e-5
GAN = {"kind": "gan", "perturb": {"method": "graphn", "intensity": 0.2, "alpha": 5, "topk": 10}}
Losses = list[dict[str, float]]


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "three steps")
    parser.add_argument("--against", metavar="COMMIT", default="20e5236", help="the older commit (20e5236)")
    parser.add_argument("--steps", type=int, default=50, metavar="N", help="steps of each training (50)")
    parser.add_argument("--root", type=Path, metavar="DIR", help="folder for the data, which stays")
    return report(measure(parser.parse_args()), parser.parse_args())


def measure(options: argparse.Namespace) -> Iterator[Row]:
    """The rows."""
    with ExitStack() as stack:
        root = (options.root or Path(stack.enter_context(tempfile.TemporaryDirectory()))).resolve()
        older = stack.enter_context(files_of(options.against))
        for name, augmentation in (("without_gan", {}), ("with_gan", {"augmentation": GAN})):
            settings = {"experiment": {"seed": 1}, "data": {"name": "toy", "root": str(root)},
                        "loss": {"kind": "dnorm"}, **augmentation}
            steps = 3 if options.quick else options.steps
            theirs = losses_of(older, settings, steps)
            yield from compared(f"{name}/this_commit", theirs, losses_of(
                HERE, settings | {"features": {"maps": "off"}}, steps))
            yield from compared(f"{name}/itself_with_other_roundings", theirs, losses_of(older, settings, steps, "--moved"))


def losses_of(folder: Path, settings: dict[str, Any], steps: int, *flags: str) -> Losses:
    """The losses of the first steps with the files of a folder. Raises what `run_in` raises."""
    with tempfile.TemporaryDirectory() as name:
        file, out = Path(name) / "settings.json", Path(name) / "losses.json"
        file.write_text(json.dumps(settings))
        run_in(folder, "-P", str(HERE / "benchmarks" / "common" / "first_losses.py"), str(file), str(steps), str(out),
               *flags)
        return json.loads(out.read_text())


def compared(name: str, one: Losses, other: Losses) -> Iterator[Row]:
    """Rows of two trainings: their first equal steps, and the differences of their losses and of the means of all."""
    differences = [max(abs(a[loss] - b[loss]) / abs(a[loss]) for loss in a) for a, b in zip(one, other, strict=True)]
    equal = next((step for step, difference in enumerate(differences) if difference > EQUAL), len(differences))
    yield below(f"losses/{name}/first_steps_equal_to_{EQUAL:g}", equal, "steps")
    yield below(f"losses/{name}/largest_difference", max(differences), "relative")
    means = [_mean(losses) for losses in (one, other)]
    yield below(f"losses/{name}/difference_of_the_mean", abs(means[0] - means[1]) / means[0], "relative")


def _mean(losses: Sequence[dict[str, float]]) -> float:
    return sum(sum(step.values()) for step in losses) / len(losses)


if __name__ == "__main__":
    sys.exit(main())
