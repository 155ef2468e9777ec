"""The trained generator with which an augmentation begins: where it is, what it follows from, whether it fits.

`sgg/training/generator_training.py` trains one that trials share; `sgg/systems/generator_files.py` says what is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sgg import checkpoint
from sgg.checkpoint.paths import WEIGHTS
from sgg.common.hashing import file_hash, value_hash
from sgg.common.metric_names import GENERATOR, SETTINGS_OF_PARTS
from sgg.config import Config
from sgg.config.by_role import role_of
from sgg.config.conditions import without_idle
from sgg.config.schema import Settings
from sgg.experiment.context import Experiment
from sgg.methods.augmentation import AUGMENTATIONS, GeneratorTraining
from sgg.settings.keys import flatten
from sgg.systems.generator_files import FOLDER, METADATA, generator_hash, read_generator, seal_generator

SEED = 0
"""The seed of a shared generator, since it is that of trials of all seeds."""
SETTING = SETTINGS_OF_PARTS[GENERATOR]
KEPT = {"experiment": ("plugins", "allow_changed_plugins"), "model": ("pairs_per_image", "foreground_share"),
        "training": ("batch_size", "drop_last", "accumulate", "device", "tf32")}
"""The settings of these sections that act on the training of a generator. Those of the data, the detector and the
augmentation do so, too."""


@dataclass(frozen=True, eq=False)
class GivenGenerator:
    """The generator of a checkpoint.

    path: of the checkpoint, or of the folder of its trial. parts: the hashes of the detector and of given features.
    """

    experiment: Experiment
    parts: Mapping[str, str]
    path: Path

    @cached_property
    def hash(self) -> str | None:
        """That of its file of weights; None where there is none."""
        try:
            return file_hash(self._checkpoint.path / WEIGHTS)
        except (OSError, ValueError):
            return None

    @cached_property
    def _checkpoint(self) -> checkpoint.Checkpoint:
        """The newest one of a trial, when this is first asked for."""
        return checkpoint.open_checkpoint(self.path)

    def missing(self) -> None:
        """It is never trained here. Raises what `open` raises."""
        self.open()

    def open(self) -> checkpoint.Checkpoint:
        """The checkpoint. Raises FileNotFoundError, or ValueError that names the setting and what does not fit: another
        augmentation, other sizes of networks, another detector, other data or images."""
        try:
            found = self._checkpoint
            augmentation = self.experiment.config.augmentation
            wanted, trained = AUGMENTATIONS.kind_of(augmentation), found.meta.get("config", {}).get("augmentation", {})
            if (kind := trained.get("kind")) != wanted:
                raise ValueError(f"{found.path} was trained with augmentation.kind {kind}, so it has no such "
                                 f"generator: name a checkpoint of a run with augmentation.kind {wanted}")
            if fault := augmentation.fault_of_generator(trained):
                raise ValueError(f"{found.path} {fault}: set what it was trained with, or name another one")
            found.require_origin(self.experiment.data.hash, self.parts,
                                 {"train": self.experiment.image_hashes["train"]})
        except (FileNotFoundError, ValueError) as error:
            raise type(error)(f"{SETTING}: {error}") from None
        return found


@dataclass(frozen=True, eq=False)
class SharedGenerator:
    """The generator that is trained once, before the trials.

    training: what the augmentation says of it. parts: the hashes of the detector and of given features.
    """

    experiment: Experiment
    parts: Mapping[str, str]
    training: GeneratorTraining

    @cached_property
    def config(self) -> Config:
        """The settings of its training. What does not act on it has its default, so that all trials that share the
        generator have the same ones."""
        return training_config(self.experiment.config, self.training)

    @cached_property
    def identity(self) -> dict[str, Any]:
        """Everything that decides it, as JSON values."""
        experiment = Experiment(self.config, self.experiment.data)
        words: Mapping[str, Any] = experiment.vector_provenance if self.config.compares_classes else {}
        return {"settings": deciding(self.config), "data": experiment.data.hash,
                "images": experiment.data.image_hash(experiment.split("train")), "mirrored": experiment.exchanged,
                **self.parts, **words}

    @cached_property
    def folder(self) -> Path:
        """Where it is kept."""
        kind = AUGMENTATIONS.kind_of(self.training.augmentation)
        return self.experiment.cache / FOLDER / f"{kind}-{value_hash(self.identity)}"

    @property
    def hash(self) -> str | None:
        """That of its weights; None where it is not trained yet."""
        return generator_hash(self.folder)

    def missing(self) -> Path | None:
        """Its folder, if it is not trained yet; else None. Raises what `open` raises."""
        if self.hash is None:
            return self.folder
        self.open()
        return None

    def open(self) -> checkpoint.Checkpoint:
        """Its checkpoint. Raises FileNotFoundError where it is not trained yet, and ValueError that names a file that
        is damaged, or of another generator."""
        found = read_generator(self.folder)
        if found is None:
            raise FileNotFoundError(f"{self.folder}: this generator is not trained yet; a run with {SETTING}=shared, "
                                    "or `python -m platform.extract`, trains it")
        then, now = found["identity"], self.identity
        if differing := [name for name in {**then, **now} if then.get(name) != now.get(name)]:
            raise ValueError(f"{self.folder / METADATA} is of another generator ({', '.join(differing)}): delete "
                             f"{self.folder}, and a run trains this one")
        return checkpoint.open_checkpoint((self.folder / found["weights"]).parent)

    def seal(self, found: checkpoint.Checkpoint) -> None:
        """Say that it is trained, and that its weights are those of a checkpoint in its folder."""
        seal_generator(self.folder, found.path / WEIGHTS, self.identity, self.experiment.data.classes)


def generator_of(experiment: Experiment, parts: Mapping[str, str]) -> GivenGenerator | SharedGenerator | None:
    """The trained generator of an experiment; None where a trial begins with a fresh one. parts: the hashes of the
    detector and of given features."""
    source = experiment.config.augmentation.generator_source
    if source is None:
        return None
    if isinstance(source, GeneratorTraining):
        return SharedGenerator(experiment, parts, source)
    return GivenGenerator(experiment, parts, source)


def hash_of(source: GivenGenerator | SharedGenerator | None) -> dict[str, str]:
    """The hash of a generator by the name of that part; empty where there is none, or it is not trained yet."""
    known = None if source is None else source.hash
    return {} if known is None else {GENERATOR: known}


def training_config(config: Config, training: GeneratorTraining) -> Config:
    """The settings of the training of a generator that trials with a config share."""
    given = config.model_dump(mode="json")
    whole = ["data", "detector", "features", "resources"]
    if "class_vectors" in training.augmentation.needs:
        whole.append("embeddings")
    settings: dict[str, Any] = {section: given[section] for section in whole}
    settings |= {section: {name: given[section][name] for name in names} for section, names in KEPT.items()}
    settings["experiment"]["seed"] = [SEED]
    settings["training"] |= {"epochs": training.epochs, "f_updates": 0}
    settings["augmentation"] = training.augmentation.model_dump(mode="json")
    return Config.model_validate(without_idle(Settings, settings))


def deciding(config: Config) -> dict[str, Any]:
    """The settings that decide a generator, by dotted key. Those of the detector are in its hash."""
    return {key: value for key, value in flatten(config.model_dump(mode="json")).items()
            if role_of(key).identity and not key.startswith("detector.")}
