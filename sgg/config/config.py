"""A whole configuration: settings that fit together, and what follows from them. Its schema is made anew after a
registry has got or lost an entry.
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
    """One experiment, or a search over experiments; one that exists is valid and complete. `axes` of a search are kept
    apart by `sgg.config.load`.
    """

    @model_validator(mode="after")
    def _what_belongs_together(self) -> Config:
        if faults := disagreements(self):
            raise ValueError("; ".join(faults))
        return self

    @property
    def glove(self) -> Path:
        """The file of word vectors: `embeddings.path`, else where they are found under `data.root`."""
        return self.embeddings.path or self.data.root / "glove" / "glove.6B.200d.txt"

    @property
    def cache(self) -> Path:
        """Where what is derived from the data once is kept: `data.cache`, else the folder `cache` of `data.root`."""
        return self.data.cache or self.data.root / "cache"

    @property
    def compares_classes(self) -> bool:
        """Whether anything asks for word vectors."""
        return self.model.head.needs_words or "class_vectors" in self.augmentation.needs

    @property
    def seed(self) -> int:
        """The seed of a trial: the first of the list (a search gives each trial a list of one)."""
        return self.experiment.seed[0]

    @property
    def directory(self) -> Path:
        """Where this run writes."""
        return self.experiment.output / self.experiment.name


def renew_schema() -> None:
    """Let all sections of settings allow the entries that registries have now."""
    declare_adjustments(Evaluation)
    _renew(Settings)
    Settings.model_rebuild(force=True)
    Config.model_rebuild(force=True)
    forget_settings()
    forget_schema()


def _renew(section: type[BaseModel]) -> bool:
    """Make anew what holds a registry's section, the innermost first; returns whether this does."""
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
