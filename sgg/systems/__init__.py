"""Systems turn images into scene graphs and learn to do so.

Training, evaluation and checkpoints use only the protocol of `contract.py`; `two_stage` is the only system so far.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from sgg.common.metric_names import PARTS

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from sgg.config import Config
    from sgg.data import DataSet
    from sgg.experiment.context import Experiment

    from .contract import Check, Foundation, Predictor, Use, Vocabulary
    from .forecast import SharedPart, StepMemory


def open_foundation(config: Config, check: Check | None = None, use: Use = "features") -> Foundation:
    """Open what all trials of a config share, without the parts that only training needs; make it where it is missing.

    check: called before anything is made, and once more after a part had to be trained. use: the parts of plugins that
    are tried before that (`faults_of_plugins`).

    Several processes may call this at once: one makes the parts, the others wait. Raises FileNotFoundError or
    ValueError, naming the file and the remedy, where data or weights are missing or do not fit, and PluginError where
    a part of a plugin cannot be used.
    """
    from .two_stage.foundation import TwoStageFoundation

    return TwoStageFoundation.open(config, check, use)


def prepare(config: Config, check: Check | None = None, use: Use = "features", make_maps: bool = True) -> Foundation:
    """As `open_foundation`, and also make all that training needs, so that every trial finds it; all but a generator,
    which `sgg.training.preparation.prepare` trains.

    make_maps: as in `Foundation.make_ready`.

    Afterwards torch computes with the threads and number formats of the settings. The shared parts are made without
    them.
    """
    from sgg.experiment.torch_setup import configure_torch

    foundation = open_foundation(config, check, use)
    foundation.make_ready(make_maps)
    configure_torch(foundation.experiment.config)
    return foundation


def faults_of_plugins(experiment: Experiment, use: Use = "training") -> list[str]:
    """One line, with file and line, for each plugin part of an experiment's method that cannot be used. The parts that
    a use needs are built and tried once, on tiny inputs."""
    from .two_stage import construction

    return construction.faults_of_plugins(experiment, use)


def open_predictor(config: Config, folder: Path, device: torch.device,
                   parts: Mapping[str, str]) -> tuple[Predictor, Vocabulary]:
    """The predictor of a config, with fresh weights, and the names of its classes, from the files that
    `Foundation.write_parts` wrote into `folder`. It needs no data set.

    parts: the hashes of the parts of the training (`parts_of`). Raises FileNotFoundError or ValueError that names a
    file that is missing, damaged, or of another training.
    """
    from .two_stage.parts import open_parts

    return open_parts(folder, config, device, parts.get("detector"))


def copy_parts(source: Path, folder: Path) -> None:
    """Copy the files that `Foundation.write_parts` wrote into the folder `source` into another one."""
    from .two_stage import parts

    parts.copy_parts(source, folder)


def require_detections(folder: Path, asking: str) -> None:
    """Raise ValueError where the parts that `Foundation.write_parts` wrote into `folder` cannot find boxes in images.

    asking: who wants boxes, for the message.
    """
    from .two_stage import parts

    parts.require_detections(folder, asking)


def reads_features(config: Config) -> bool:
    """Whether training with a config reads features that we extract and store (`Foundation.training_features`)."""
    needs = config.augmentation.needs
    return "relation_features" in needs or ("features" in needs and config.detector.features is None)


def generator_key(config: Config) -> str:
    """Equal for configs of the same data and detector that share a generator, which is trained before the trials; "" if
    none is."""
    from sgg.methods.augmentation import GeneratorTraining

    source = config.augmentation.generator_source
    if not isinstance(source, GeneratorTraining):
        return ""
    from .two_stage.generator_source import deciding, training_config

    return repr(deciding(training_config(config, source)))


def parts_of(provenance: Mapping[str, object]) -> dict[str, str]:
    """The hashes of the parts with which a result was made, from its provenance (`sgg.data.provenance.DataProvenance`).
    """
    return {name: str(value) for name in PARTS if (value := provenance.get(name))}


def shared_parts(config: Config, data: DataSet) -> list[SharedPart]:
    """The parts that all trials of a config with opened data share: which are there, and what making the others takes.
    Nothing is made. Raises what `prepare` would raise before it makes them."""
    from sgg.experiment.context import Experiment

    from .two_stage.forecast import shared_parts as parts

    return list(parts(Experiment(config, data)))


def step_memory(config: Config, data: DataSet) -> StepMemory:
    """The memory of a training step of a config with opened data, computed from shapes. Raises NeedsValuesError if a
    network needs values, and what else a network raises, such as one of a plugin."""
    from sgg.common.live_memory import needs_values
    from sgg.experiment.context import Experiment

    from .forecast import NeedsValuesError
    from .two_stage.step_memory import step_memory as memory

    try:
        return memory(Experiment(config, data))
    except Exception as error:
        if needs_values(error):
            raise NeedsValuesError("it needs values of tensors, and a plan has their shapes alone") from error
        raise


def smaller_steps(config: Config) -> list[dict[str, object]]:
    """Changes of settings that lower the memory of a step, by dotted key."""
    from .two_stage.step_memory import smaller_steps as changes

    return changes(config)


def memory_key(config: Config) -> str:
    """Equal for configs whose training steps take the same memory."""
    from .two_stage.step_memory import memory_key as key

    return key(config)
