"""An experiment: settings and data, and the statistics, metrics and batches that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from sgg.common import distributed as parallel
from sgg.common.seeding import derive
from sgg.config import Config
from sgg.data import Batches, DataSet, Split, load_batches
from sgg.data.dataset import BACKGROUND
from sgg.data.images.corruption import Corruption
from sgg.data.mirroring import exchanged_names
from sgg.data.provenance import DataProvenance, VectorProvenance
from sgg.data.statistics import background_counts, foreground_counts
from sgg.data.zero_shot_list import ZeroShotList
from sgg.experiment import data_checks, derived_arrays
from sgg.experiment.data_checks import filtered_training, image_hashes, open_data, require_a_batch, split_of
from sgg.experiment.embeddings import vector_provenance, word_vectors
from sgg.methods.counterfactual import Trained
from sgg.methods.derived import DerivedFile
from sgg.methods.plugins import loaded_digests
from sgg.methods.variants import Adjuster, Variant, adjusters, variants_of
from sgg.metrics import SceneGraphMetrics, predicate_weights
from sgg.structures import Batch

if TYPE_CHECKING:
    from sgg.data.word_vectors import ClassEmbeddings


@dataclass(frozen=True, eq=False)
class Experiment:
    """Settings and the data set that they name. It provides `sgg.methods.statistics.Statistics` of the training data.
    """

    config: Config
    data: DataSet

    @classmethod
    def open(cls, config: Config) -> Experiment:
        """The experiment of a config. Raises what `sgg.experiment.data_checks.open_data` raises."""
        return cls(config, open_data(config))

    @property
    def cache(self) -> Path:
        """The folder of the files that are derived from the data once."""
        return self.config.cache

    @property
    def exchanged(self) -> dict[str, str | None]:
        """The predicates that mirroring changes in training, with their partners (`sgg.data.mirroring.Exchanged`)."""
        settings = self.config.data
        if not settings.flip or settings.flip_predicates == "keep":
            return {}
        return exchanged_names(self.data.predicates, self.data.mirrored)

    def provenance(self) -> DataProvenance:
        """The description of the data in every result file."""
        missing = self.embeddings.missing if self.config.compares_classes else ()  # otherwise nobody reads the vectors
        measured, first = self.data.description, self.config.data.eval_images
        if first is not None:  # metrics of other images cannot be compared
            measured += f", measured on the first {first} images of val and test"
        if (validated := self.config.evaluation.val_images) is not None:
            measured += f", validated on {validated} of val"
        provenance: DataProvenance = {
            "name": self.data.name, "description": measured, "hash": self.data.hash, "pictures": self.image_hashes,
            "mirrored": self.exchanged, "embeddings": self.vector_provenance["embeddings"],
            "embeddings_hash": self.vector_provenance["embeddings_hash"],
            "embeddings_missing": [name for name in missing if name != BACKGROUND]}
        if plugins := loaded_digests(self.config.experiment.plugins):
            provenance["plugins"] = plugins
        if self.zero_shot_list is not None:
            provenance["zero_shot_list"] = self.zero_shot_list.provenance(self.data.triplets("train").as_dict())
        if self.config.evaluation.relation_nms:
            provenance["relation_nms"] = True
        corruption = self.corruption("test")
        return provenance if corruption is None else corruption.described(provenance)

    def corruption(self, split: str) -> Corruption | None:
        """The corruption of the images of a split that the settings ask for. It is for test alone, so that nothing is
        chosen by corrupted images."""
        settings = self.config.evaluation
        if settings.corruption == "off" or split != "test":
            return None
        return Corruption(settings.corruption, settings.severity, self.config.seed)

    @cached_property
    def image_hashes(self) -> dict[str, str]:
        """As `sgg.experiment.data_checks.image_hashes`."""
        return image_hashes(self.config, self.data)

    def split(self, name: str) -> Split:
        """A split of the data set, reduced as the `data` settings say."""
        return split_of(self.config, self.data, name)

    @cached_property
    def filtered_training(self) -> Split:
        """The training images and relations that the settings admit. Frequencies and contexts are counted in them.
        Zero- and few-shot triplets follow from the whole split (docs/SYSTEM.md section 1)."""
        return filtered_training(self.config, self.data)

    def training_batches(self, repeats: np.ndarray | None = None, pixels: bool = True,
                         largest: int | None = None) -> Batches:
        """Shuffled, mirrored batches of the training split.

        repeats: [I] how often each image occurs in an epoch; None: once. pixels, largest: as in `load_batches`.
        Raises ValueError where there is no batch.
        """
        config = self.config
        require_a_batch(config, self.data)
        return load_batches(self.split("train"), config.training.batch_size, augment=True, flip=config.data.flip,
                            exchange_predicates=config.data.flip_predicates != "keep", shuffle=True,
                            seed=derive(config.seed, "batches"), workers=config.data.workers, share=parallel.place(),
                            drop_last=config.training.drop_last, repeats=repeats, pixels=pixels, largest=largest)

    def evaluation_batches(self, split: str, pixels: bool = True, largest: int | None = None,
                           corruption: Corruption | None = None) -> Iterator[Batch]:
        """Batches of `val` or `test`, in order. pixels, largest, corruption: as in `load_batches`."""
        config = self.config
        batches = load_batches(self.split(split), config.evaluation.batch_size, workers=config.data.workers,
                               share=parallel.place(), pixels=pixels, largest=largest, corruption=corruption)
        return batches.epoch(0)

    def metrics(self, split: str) -> dict[str, SceneGraphMetrics]:
        """Fresh metrics of each mode under each of the `adjusters`, with the shot counts of the split (docs/SYSTEM.md
        section 1). The list of zero-shot triplets is for test alone, so that nothing is chosen by it."""
        settings, listed = self.config.evaluation, self.zero_shot_list
        return {mode + adjusted: SceneGraphMetrics(
            mode, len(self.data.predicates), self.data.triplets("train").as_dict(), self.data.seen(split).as_dict(),
            ks=tuple(settings.ks), predicate_weights=self.predicate_weights,
            zero_shot_list=listed.triplets if listed is not None and split == "test" else None,
            relation_nms=settings.relation_nms)
            for mode in settings.modes for adjusted in self.adjusters}

    @cached_property
    def zero_shot_list(self) -> ZeroShotList | None:
        """The list of triplets of `zs-list`; None where no setting names one."""
        return data_checks.zero_shot_list(self.config, self.data)

    @property
    def trained(self) -> Trained:
        """The settings that the model is trained with, as far as adjustments depend on them."""
        return self.config.trained

    @property
    def num_classes(self) -> int:
        """C, background included."""
        return len(self.data.classes)

    @property
    def num_predicates(self) -> int:
        """R, background included."""
        return len(self.data.predicates)

    @cached_property
    def triplets(self) -> tuple[np.ndarray, np.ndarray]:
        """[K, 3] triplets of classes of the filtered training images, and [K] their counts."""
        counted = self.filtered_training.triplets()
        return counted.triplets, counted.counts

    @cached_property
    def pair_counts(self) -> tuple[np.ndarray, np.ndarray]:
        """Counts of training relations [C, C, R] and of overlapping training pairs [C, C]."""
        annotations = self.filtered_training.annotations
        return (foreground_counts(annotations, self.num_classes, self.num_predicates),
                background_counts(annotations, self.num_classes))

    @cached_property
    def predicate_weights(self) -> dict[float, Any]:
        """Weights [R] for each exponent to evaluate."""
        return {x: predicate_weights(*self.pair_counts, x) for x in self.config.evaluation.values_of("pred_weight")
                if x}

    @cached_property
    def variants(self) -> list[Variant]:
        """Every combination of the values of all adjustments to measure."""
        return variants_of(dict(self.config.evaluation))

    @cached_property
    def adjusters(self) -> dict[str, Adjuster]:
        """Functions that adjust predicate logits, by the suffix of the metrics that are measured under them; first the
        one that changes nothing."""
        return adjusters(self.variants, self)

    @cached_property
    def vector_provenance(self) -> VectorProvenance:
        """The source and the hash of the word vectors."""
        return vector_provenance(self.config)

    @cached_property
    def embeddings(self) -> ClassEmbeddings:
        """Vectors of classes and predicates."""
        return word_vectors(self.config, self.data)

    @property
    def word_vectors(self) -> tuple[Tensor, Tensor]:
        """[C, D] vectors of classes, and [R, D] of predicates."""
        return self.embeddings.classes, self.embeddings.predicates

    def derived(self, file: DerivedFile) -> Mapping[str, np.ndarray]:
        """As `sgg.experiment.derived_arrays.ensure`, in the cache."""
        return derived_arrays.ensure(self.cache, file)
