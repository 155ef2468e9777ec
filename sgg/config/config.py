"""`Config`: settings that agree with each other, and values that follow from them."""

from __future__ import annotations

from pathlib import Path

from pydantic import model_validator

from .agreement import disagreements
from .schema import Settings


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
        """Whether the head, the loss or the augmentation needs word vectors."""
        return self.model.head.needs_words or self.loss.needs_words or "class_vectors" in self.augmentation.needs

    @property
    def seed(self) -> int:
        """The seed of a trial: the first of the list (a search gives each trial a list of one)."""
        return self.experiment.seed[0]

    @property
    def directory(self) -> Path:
        """The folder that this run writes to."""
        return self.experiment.output / self.experiment.name
