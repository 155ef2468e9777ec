"""All that trials share, made before they train: also a generator, which is trained by the loop that trains trials."""

from __future__ import annotations

from pathlib import Path

from sgg import systems
from sgg.common import distributed as parallel
from sgg.common.locking import held
from sgg.common.metric_names import GENERATOR
from sgg.config import Config
from sgg.systems.contract import Check, Foundation, Use
from sgg.training.generator_training import train_generator


def prepare(config: Config, check: Check | None = None, use: Use = "features", make_maps: bool = True) -> Foundation:
    """As `sgg.systems.prepare`, and also train the generator that trials share (`augmentation.generator`), where it is
    missing. Other processes that need it wait.

    Raises FloatingPointError where the generator diverges, and what `Foundation.missing_generator` raises.
    """
    foundation = systems.prepare(config, check, use, make_maps)
    if (folder := foundation.missing_generator()) is not None:
        _train_generator(foundation, folder)
    if check is not None and GENERATOR in foundation.parts:
        check(foundation.experiment, foundation.parts)
    return foundation


def _train_generator(foundation: Foundation, folder: Path) -> None:
    """Train the generator that belongs into a folder, unless another process does so. It is trained with the threads of
    a trial, so that its weights do not depend on the number of cores."""
    if parallel.num_workers() > 1:
        raise ValueError(f"{folder}: the generator that trials share is not trained yet, and the processes of one "
                         "trial cannot train it: let `python -m platform.extract` train it, with the settings of this "
                         "trial")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with held(folder.with_name(f"{folder.name}.lock")):
        if foundation.missing_generator() is not None:
            train_generator(foundation.generator_run())
