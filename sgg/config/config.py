"""`Config`: settings that agree with each other, and values that follow from them. Its schema is rebuilt when a
registry gets or loses an entry.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, model_validator

from sgg.config.reference.json_schema import forget_schema
from sgg.methods.registry import Registry
from sgg.settings.section import section_type

from .adjustment_settings import declare_adjustments
from .agreement import disagreements
from .choice import choice_of
from .schema import Evaluation, Settings
from .setting import forget_settings


class Config(Settings):
    """The settings of one experiment, or the base of a search. Every Config is valid and complete. `sgg.config.load`
    keeps the axes of a search apart.
    """

    @model_validator(mode="after")
    def _require_agreement(self) -> Config:
        if faults := disagreements(self):
            raise ValueError("; ".join(faults))
        return self

    @property
    def glove(self) -> Path:
        """The file of word vectors: `embeddings.path`, else its place under `data.root`."""
        return self.embeddings.path or self.data.root / "glove" / "glove.6B.200d.txt"

    @property
    def cache(self) -> Path:
        """The folder of files that are derived from the data: `data.cache`, else the folder `cache` of `data.root`."""
        return self.data.cache or self.data.root / "cache"

    @property
    def compares_classes(self) -> bool:
        """Whether the head or the augmentation needs word vectors."""
        return self.model.head.needs_words or "class_vectors" in self.augmentation.needs

    @property
    def seed(self) -> int:
        """The seed of a trial: the first of the list (a search gives each trial a list of one)."""
        return self.experiment.seed[0]

    @property
    def directory(self) -> Path:
        """The folder that this run writes to."""
        return self.experiment.output / self.experiment.name


def renew_schema() -> None:
    """Rebuild all sections of settings for the current entries of the registries."""
    declare_adjustments(Evaluation)
    _renew(Settings)
    Settings.model_rebuild(force=True)
    Config.model_rebuild(force=True)
    forget_settings()
    forget_schema()


def _renew(section: type[BaseModel]) -> bool:
    """Rebuild the sections that hold a registry's section, innermost first. Returns whether `section` holds one."""
    holds = False
    for field in section.model_fields.values():
        if (choice := choice_of(field)) is not None:
            holds = True
            for entry in choice.registry.entries.values():
                _renew(entry)
        elif (below := section_type(field)) is not None:
            holds |= _renew(below)
    if holds:
        section.model_rebuild(force=True)
    return holds


Registry.on_change.append(renew_schema)
