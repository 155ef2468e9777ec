"""Whether a step computes what it computed in an older commit: the losses of the first steps of a training.

    python benchmarks/same_losses.py [--quick] [--json FILE] [--against 20e5236] [--steps 50] [--root DIR]

The loss dnorm on the toy genome, without and with the GAN of the main job. In float64 the losses must be equal to 1e-5,
relative, over all steps. In float32 both commits round otherwise, and training makes small differences larger: the rows
say for how many steps the losses are equal. A third pair compares this commit from images and from maps in float16.
--quick: three steps.

A full run takes 4 minutes with the data there, 8 without.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.common.older import BEFORE_MAPS, HERE, files_of, train_in
from benchmarks.common.results import Row, arguments_of, below, report

EQUAL, CLOSE = 1e-5, 1e-2
"""What losses of two commits may differ by, relative, and those from maps in float16."""
GAN = {"kind": "gan", "perturb": {"method": "graphn", "intensity": 0.2, "alpha": 5, "topk": 10}}
Losses = list[dict[str, float]]


def main() -> int:
    """Measure, print, write."""
    parser = arguments_of(__doc__, "three steps")
    parser.add_argument("--against", metavar="COMMIT", default=BEFORE_MAPS, help=f"the older commit ({BEFORE_MAPS})")
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
            ours, float16 = ({**settings, "features": {"maps": maps}} for maps in ("off", "float16"))
            yield from compared(f"{name}/float64", losses_of(older, settings, steps, "--float64"),
                                losses_of(HERE, ours, steps, "--float64"), EQUAL, goal=EQUAL)
            of_images = losses_of(HERE, ours, steps)
            yield from compared(f"{name}/float32", losses_of(older, settings, steps), of_images, EQUAL)
            yield from compared(f"{name}/maps_in_float16", of_images, losses_of(HERE, float16, steps), CLOSE,
                                mean_goal=CLOSE)


def losses_of(folder: Path, settings: dict[str, Any], steps: int, *flags: str) -> Losses:
    """The losses of the first steps with the files of a folder. Raises what `train_in` raises."""
    with tempfile.TemporaryDirectory() as name:
        out = Path(name) / "losses.json"
        train_in(folder, "first_losses.py", settings, out, str(steps), *flags)
        return json.loads(out.read_text())


def compared(name: str, ones: Losses, others: Losses, limit: float, goal: float | None = None,
             mean_goal: float | None = None) -> Iterator[Row]:
    """Rows of two trainings: the largest difference of a loss, the number of steps from the first on in which no loss
    differs by more than the limit, and the difference of the mean over all steps."""
    differences = [max(abs(a[loss] - b[loss]) / abs(a[loss]) for loss in a) for a, b in zip(ones, others, strict=True)]
    equal = next((step for step, difference in enumerate(differences) if difference > limit), len(differences))
    yield below(f"losses/{name}/largest_difference", max(differences), "relative", goal=goal)
    yield below(f"losses/{name}/first_steps_within_{limit:g}", equal, "steps")
    means = [np.mean([sum(step.values()) for step in losses]) for losses in (ones, others)]
    yield below(f"losses/{name}/difference_of_the_mean", float(abs(means[1] / means[0] - 1)), "relative",
                goal=mean_goal)


if __name__ == "__main__":
    sys.exit(main())
