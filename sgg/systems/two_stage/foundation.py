"""The shared basis of all trials with one frozen detector, and the systems that are built on it."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from sgg.common.hashing import value_hash
from sgg.common.metric_names import GENERATOR
from sgg.common.seeding import seed_everything
from sgg.config import Config
from sgg.data.images.corruption import Corruption
from sgg.data.provenance import DataProvenance, DetectorMetrics
from sgg.detector import ensure_detector, folder_of, known_hash
from sgg.detector.model import Detector
from sgg.detector.quality import recorded_metrics
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import device_of
from sgg.features import FeatureStore, Progress, stored_identity
from sgg.features.image_writer import ImageStoreWriter
from sgg.methods.augmentation import Augmentation, AugmentationParts
from sgg.models.frequency_bias import frequency_table
from sgg.models.scene_graph import SceneGraphModel
from sgg.structures import Batch
from sgg.systems.contract import Check, GeneratorRun, MissingStores, TrainingBatches, Use

from .augmenter import require_augmenter
from .construction import require_plugins
from .extraction import Extraction, batches_of, store_path, training_nodes, training_relations
from .generator_source import GivenGenerator, SharedGenerator, generator_of, hash_of
from .model import build_model
from .opened_stores import OpenedStores
from .parts import write_parts
from .predictor import TwoStagePredictor
from .relation_features import StoredRelations
from .stored import StoredSplit
from .stored_batches import StoredBatches, StoredMaps, with_outputs
from .storing import decide, reads_of, store_outputs
from .system import TwoStage

log = logging.getLogger(__name__)

SPLITS = ("train", "val", "test")


@dataclass(frozen=True, eq=False)
class TwoStageFoundation:
    """An experiment and its detector.

    detector: frozen, on the device of training. detector_hash: identifies the detector.
    """

    experiment: Experiment
    detector: Detector
    detector_hash: str

    @classmethod
    def open(cls, config: Config, check: Check | None = None, use: Use = "features") -> TwoStageFoundation:
        """As `sgg.systems.open_foundation`."""
        device = device_of(config)
        experiment = Experiment.open(config)
        require_plugins(experiment, use)
        torch.set_num_threads(os.cpu_count() or 1)  # no trial runs while the shared parts are made
        cache, settings = config.cache, config.detector
        known = known_hash(experiment.data, cache, settings) if check is not None else None
        if check is not None:
            check(experiment, {"detector": known, **_of_features(config)})
        detector, detector_hash = ensure_detector(experiment.data, cache, settings, config.data.workers, device)
        if check is not None and known is None:
            check(experiment, {"detector": detector_hash, **_of_features(config)})
        return cls(experiment, detector.to(device), detector_hash)

    @property
    def config(self) -> Config:
        """The settings."""
        return self.experiment.config

    @property
    def parts(self) -> Mapping[str, str]:
        """The hash of the detector, of features that the user provides, and of a trained generator."""
        return {**self._basis, **hash_of(self.generator)}

    @property
    def _basis(self) -> Mapping[str, str]:
        return {"detector": self.detector_hash, **_of_features(self.config)}

    @cached_property
    def generator(self) -> GivenGenerator | SharedGenerator | None:
        """The trained generator with which the augmentation begins, if it does not begin with a fresh one."""
        return generator_of(self.experiment, self._basis)

    def missing_generator(self) -> Path | None:
        """As `Foundation.missing_generator`."""
        return None if self.generator is None else self.generator.missing()

    def generator_run(self) -> GeneratorRun:
        """As `Foundation.generator_run`."""
        shared = self.generator
        assert isinstance(shared, SharedGenerator)  # the caller has asked `missing_generator`
        foundation = replace(self, experiment=replace(self.experiment, config=shared.config))
        seed_everything(shared.config.seed, "weights")
        system = foundation.build()
        return GeneratorRun(foundation, system, system.augmenter.networks, system.augmenter.optimizers, shared.folder,
                            shared.seal)

    @property
    def provenance(self) -> DataProvenance:
        """The description of the data and of the detector in every result file."""
        provenance: DataProvenance = {**self.experiment.provenance(), "detector": self.detector_hash,
                                      "detector_metrics": self._detector_metrics}
        if given := _of_features(self.config):
            provenance["features"] = given["features"]
        if known := hash_of(self.generator):
            provenance["generator"] = known[GENERATOR]
        return provenance

    @cached_property
    def _detector_metrics(self) -> DetectorMetrics:
        folder = folder_of(self.experiment.data, self.config.cache, self.config.detector)
        return recorded_metrics(folder, self.detector_hash)

    @property
    def augmentation(self) -> Augmentation:
        """The settings of the augmentation."""
        return self.config.augmentation

    @cached_property
    def features(self) -> FeatureStore | None:
        """Real features of the training objects, if the augmentation needs them: those of the user, else our own, which
        are extracted where they are missing. Raises ValueError where the user's features are of something else."""
        if "features" not in self.augmentation.needs:
            return None
        if (given := self.config.detector.features) is not None:
            store = FeatureStore.open(given)
            self._extraction.identity.require_stand_in(store.identity, f"detector.features: {given}")
            log.info("real features are those of %s (%s), not our own extraction", given, store.identity.settings)
            return store
        return self._extracted(self._extraction)

    @cached_property
    def relations(self) -> StoredRelations | None:
        """Training relations with real features, if the augmentation needs them; extracted where they are missing."""
        if "relation_features" not in self.augmentation.needs:
            return None
        extraction = self._relation_extraction
        return StoredRelations(extraction.split, self._extracted(extraction))

    def training_features(self) -> list[tuple[Extraction, Path]]:
        """As `Foundation.training_features`."""
        wanted, given = self.augmentation.needs, self.config.detector.features
        extractions = [*([self._extraction] if "features" in wanted and given is None else []),
                       *([self._relation_extraction] if "relation_features" in wanted else [])]
        return [(one, self._path_of(one)) for one in extractions]

    def _extracted(self, extraction: Extraction) -> FeatureStore:
        return extraction.ensure(self._path_of(extraction), partial(track, description="features"))

    def _path_of(self, extraction: Extraction) -> Path:
        return store_path(self.experiment.cache, extraction.identity)

    @cached_property
    def _extraction(self) -> Extraction:
        return training_nodes(self.experiment.data, self.detector, self.detector_hash, self.config.data.workers,
                              self.stored_maps)

    @cached_property
    def _relation_extraction(self) -> Extraction:
        kept = stored_relations(self.experiment)
        return training_relations(self.experiment.data, kept, self.detector, self.detector_hash,
                                  self.config.data.workers, self.stored_maps)

    @cached_property
    def stored_maps(self) -> StoredMaps:
        """Reads maps that are stored, where the same maps would be computed otherwise."""
        return StoredMaps(self.stored)

    def missing_stores(self) -> MissingStores:
        """As `Foundation.missing_stores`."""
        found = decide([self.stored(name) for name in SPLITS], self.config)
        return MissingStores({one.name: one.writers() for one in found.splits}, found.said, found.seconds)

    def write_stores(self, split: str, writers: Mapping[str, ImageStoreWriter], shards: Sequence[int],
                     progress: Progress = iter) -> None:
        """As `Foundation.write_stores`."""
        self.stored(split).write(writers, shards, progress)

    def make_ready(self, make_maps: bool = True) -> None:
        """Make the stores and the files of the loss that training reads, where they are missing, and print what was
        decided on large ones."""
        for file in self.config.loss.derived(self.experiment):
            self.experiment.derived(file)
        if make_maps:
            store_outputs(decide([self.stored(name) for name in SPLITS], self.config))
        else:
            for split in SPLITS:
                if reads_of(self.config, split):
                    self._opened.warn_of_missing(split)
        self.features  # noqa: B018 - the property computes them once
        self.relations  # noqa: B018 - as above

    def stored(self, name: str) -> StoredSplit:
        """The stores of the detector's outputs for a split."""
        return self._stored[name]

    @cached_property
    def _stored(self) -> dict[str, StoredSplit]:
        return {name: StoredSplit(self.experiment, self.detector, self.detector_hash, name) for name in SPLITS}

    def training_batches(self, repeats: np.ndarray | None = None) -> TrainingBatches:
        """As `Experiment.training_batches`, with the detector's outputs where they are stored."""
        stores = self._opened.of("train")
        batches = self.experiment.training_batches(repeats, stores is None, self.detector.image_size)
        return batches if stores is None else StoredBatches(batches, stores)

    def evaluation_batches(self, split: str, corruption: Corruption | None = None) -> Iterator[Batch]:
        """As `Foundation.evaluation_batches`, with the detector's outputs where they are stored. Those of corrupted
        images never are."""
        corruption = corruption or self.experiment.corruption(split)
        stores = self._opened.of(split) if corruption is None else None
        batches = self.experiment.evaluation_batches(split, stores is None, self.detector.image_size, corruption)
        return batches if stores is None else with_outputs(batches, stores)

    def some_batches(self, split: str, images: int) -> Iterator[Batch]:
        """As `Foundation.some_batches`."""
        some = self.experiment.split(split).spread(images)
        return batches_of(some, self.stored_maps(some), self.detector.image_size)

    @cached_property
    def _opened(self) -> OpenedStores:
        return OpenedStores(self.stored, self.config)

    def build(self) -> TwoStage:
        """Networks and optimisers of the trial that the settings describe, with fresh weights."""
        config, device = self.config, device_of(self.config)
        model = self.build_model().to(device)
        augmenter = require_augmenter(self.augmentation.build(AugmentationParts(
            self.detector.channels, self.detector.map_size, self.experiment, device, self.features, self.relations,
            None if self.generator is None else self.generator.open())), self.augmentation)
        return TwoStage.assembled(model, self.detector, augmenter, config.loss.build(self.experiment), config, device)

    def build_predictor(self) -> TwoStagePredictor:
        """Detector and scene-graph model, with fresh weights, without the parts that only training needs."""
        device = device_of(self.config)
        return TwoStagePredictor(self.build_model().to(device), self.detector, device)

    def build_model(self) -> SceneGraphModel:
        """The scene-graph model; its box heads start from the detector's."""
        experiment = self.experiment
        words = experiment.word_vectors if self.config.model.head.needs_words else None
        table = frequency_table(*experiment.pair_counts) if self.config.model.needs_frequency_table else None
        outputs = experiment.num_classes, experiment.num_predicates
        return build_model(self.config, self.detector, outputs, words, table)

    def write_parts(self, folder: Path) -> None:
        """Write what a prediction needs beside a checkpoint (`sgg.systems.two_stage.parts`)."""
        write_parts(self.experiment, self.detector, self.detector_hash, folder)


def stored_relations(experiment: Experiment) -> np.ndarray:
    """[U] bool: which relations of the train split have stored features, as the augmentation decides among those of the
    images that training reads."""
    whole, read = experiment.data.split("train").annotations, experiment.split("train").annotations
    kept = np.isin(whole.files[whole.image_of_relation], read.files)
    kept[kept] = experiment.config.augmentation.stored_relations(whole.triplets[kept], experiment)
    return kept


def _of_features(config: Config) -> dict[str, str]:
    """The hash of the user's features that training reads, by the name of that part; empty where training extracts its
    own. An evaluation needs no features."""
    given = config.detector.features
    identity = None if given is None or "features" not in config.augmentation.needs else stored_identity(given)
    return {} if identity is None else {"features": value_hash(identity.to_json())}
