"""The losses of the first steps of a training, in this commit or an older one.

    python -P benchmarks/common/first_losses.py SETTINGS_FILE STEPS OUT_FILE [--moved]

This runs with the files of the commit whose root is PYTHONPATH (`benchmarks/common/older.py`), by what every commit
has. --moved: before each step, every weight of the model is moved to a float32 beside it, the least that a weight can
differ.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from sgg import systems
from sgg.config import validate

try:  # the older names first, since an editable installation adds the newer modules to every commit
    from sgg.fit import train_epoch
    from sgg.seeding import seed_everything
except ModuleNotFoundError:
    from sgg.common.seeding import seed_everything
    from sgg.training.epoch import train_epoch


class Enough(Exception):
    """All wanted steps are taken."""


def main() -> None:
    """Train, write one mapping from names to losses for each step."""
    settings, steps, out = json.loads(Path(sys.argv[1]).read_text()), int(sys.argv[2]), Path(sys.argv[3])
    torch.set_num_threads(1)
    foundation = systems.prepare(validate(settings))
    experiment = foundation.experiment
    seed_everything(experiment.config.seed, "weights")
    system = foundation.build()
    losses: list[dict[str, float]] = []
    step = system.training_step

    def recorded(*arguments: Any) -> Any:
        if "--moved" in sys.argv:
            move(system.model.parameters(), up=len(losses) % 2)
        result = step(*arguments)
        losses.append({name: float(value) for name, value in result.losses.items()})
        if len(losses) == steps:
            raise Enough
        return result

    system.training_step = recorded
    older = [system.repeats(experiment)] if hasattr(system, "repeats") else []
    try:
        train_epoch(system, experiment.config, experiment.training_batches(*older), 1)
    except Enough:
        out.write_text(json.dumps(losses))


@torch.no_grad()
def move(weights: Iterable[torch.Tensor], up: int) -> None:
    """Move each number to the next one, every second one up. up: 0 or 1, the first that goes up."""
    for weight in weights:
        numbers = weight.view(-1)
        ways = torch.where(torch.arange(len(numbers)) % 2 == up, torch.inf, -torch.inf)
        numbers.copy_(torch.nextafter(numbers, ways))


if __name__ == "__main__":
    main()
