"""A whole configuration: settings that fit together, and what follows from them."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from .agreement import disagreements
from .schema import Settings


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
