"""Systems: what turns pictures into scene graphs, and learns to. Training, evaluation and checkpoints know the protocol
of `contract.py` only; `two_stage` is the one system so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sgg.common.metric_names import PARTS

if TYPE_CHECKING:
    from sgg.config import Config

    from .contract import Check, Foundation



def open_foundation(config: Config, check: Check | None = None) -> Foundation:
    """What all trials of a config share, without what only training needs: opened, and made where it is missing.

    check: called before anything is made; where a part had to be trained, once more after that.

    Safe to call from several processes at once: one makes, the others wait. Raises FileNotFoundError or ValueError
    naming the file and the remedy where data or weights are missing or do not fit.
    """
    from .two_stage.foundation import TwoStageFoundation

    return TwoStageFoundation.open(config, check)


def prepare(config: Config, check: Check | None = None) -> Foundation:
    """As `open_foundation`, with all that training needs. Every trial then finds it ready.

    What comes next computes with the threads and number formats of the settings; what trials share is made without.
    """
    from sgg.experiment.torch_setup import configure_torch

    foundation = open_foundation(config, check)
    foundation.make_ready()
    configure_torch(foundation.experiment.config)
    return foundation


def reads_features(config: Config) -> bool:
    """Whether training with a config reads features that we extract and store (`Foundation.training_features`)."""
    return "features" in config.augmentation.needs and config.detector.features is None


def parts_of(facts: Mapping[str, object]) -> dict[str, str]:
    """The hashes of what a result was made with, from the facts of its data (`sgg.data.provenance.DataProvenance`)."""
    return {name: str(value) for name in PARTS if (value := facts.get(name))}
