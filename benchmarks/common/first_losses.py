"""The losses of the first steps of a training, in this commit or an older one.

    python -P benchmarks/common/first_losses.py SETTINGS_FILE OUT_FILE STEPS [--float64]

This runs with the files of the commit whose root is PYTHONPATH (`benchmarks/common/older.py`), by what every commit
has. --float64: with the same weights and pixels, every operation of a step is one of float64.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map

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
    settings, out, steps = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(1)
    foundation = systems.prepare(validate(settings))
    experiment = foundation.experiment
    seed_everything(experiment.config.seed, "weights")
    system = foundation.build()
    losses: list[dict[str, float]] = []
    step = system.training_step

    def recorded(*arguments: Any) -> Any:
        result = step(*arguments)
        losses.append({name: float(value) for name, value in result.losses.items()})
        if len(losses) == steps:
            raise Enough
        return result

    system.training_step = recorded
    if hasattr(foundation, "training_batches"):
        batches = foundation.training_batches()
    else:
        batches = experiment.training_batches(system.repeats(experiment))
    with suppress(Enough), float64() if "--float64" in sys.argv else nullcontext():
        train_epoch(system, experiment.config, batches, 1)
    out.write_text(json.dumps(losses))


class Float64(TorchDispatchMode):
    """Operations get float64 in place of float32, so that they compute in it."""

    def __torch_dispatch__(self, function: Any, types: Any, arguments: Any = (), keywords: Any = None) -> Any:
        """Call the operation."""
        arguments, keywords = tree_map(_wide, arguments), tree_map(_wide, keywords or {})
        if "_fused_" in str(function) and keywords.get("grad_scale") is not None:  # the optimiser wants a float32 there
            divisor = keywords.pop("grad_scale")
            keywords.pop("found_inf")
            for gradient in arguments[1]:
                gradient.div_(divisor)
        return function(*arguments, **keywords)


def _wide(value: Any) -> Any:
    if isinstance(value, torch.Tensor) and value.dtype == torch.float32:
        return value.double()
    return torch.float64 if value is torch.float32 else value


@contextmanager
def float64() -> Iterator[None]:
    """In the block all training is in float64, from weights and pixels that are rounded to float32."""
    for thing in gc.get_objects():
        if isinstance(thing, torch.nn.Module):
            thing.double()
            for name in ("image_mean", "image_std"):
                if hasattr(thing, name):
                    setattr(thing, name, [float(np.float32(value)) for value in getattr(thing, name)])
        elif isinstance(thing, torch.optim.Optimizer):
            for state in thing.state.values():
                state.update({name: _wide(value) for name, value in state.items()})
    pixels_in_float32()
    torch.set_default_dtype(torch.float64)
    with Float64():
        yield


def pixels_in_float32() -> None:
    """Older commits divide the levels of pixels in numpy, which the mode does not reach; so it does not reach ours."""
    try:
        from sgg.detector import pixels
    except ImportError:
        return
    divided = pixels.as_floats

    def as_floats(image: torch.Tensor, *_: Any) -> torch.Tensor:
        with _disable_current_modes():
            return divided(image, torch.float32)

    for module in [*sys.modules.values()]:
        if getattr(module, "as_floats", None) is divided:
            module.as_floats = as_floats  # type: ignore[attr-defined]


if __name__ == "__main__":
    main()
