"""What a run would make before its first trial, what there is already, and what making takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from sgg.common.live_memory import bytes_of, without_values
from sgg.common.metric_names import GENERATOR
from sgg.common.sizes import gigabytes
from sgg.config import Config
from sgg.data.loading.views import views_of
from sgg.detector import ensure_detector, folder_of, known_hash
from sgg.detector.model import Detector
from sgg.detector.rcnn import POOLED
from sgg.experiment.context import Experiment
from sgg.experiment.derived_arrays import path_of
from sgg.experiment.embeddings import has_glove
from sgg.experiment.torch_setup import device_of
from sgg.methods.augmentation import GeneratorTraining
from sgg.methods.derived import DerivedFile
from sgg.systems.forecast import SharedPart

from .augmentation_trial import parts_without_features
from .estimate import Estimate
from .extraction import REGIONS
from .foundation import SPLITS, TwoStageFoundation, stored_relations
from .generator_source import SharedGenerator
from .map_estimates import TYPES
from .storing import decide, explain_auto, free_bytes, reads_of, saves_time, too_large

NODES, RELATIONS = "node features", "relation features"
HALF = np.dtype("float16").itemsize
WITH_MOMENTS = 3
"""A checkpoint holds weights and two moments of each."""


def shared_parts(experiment: Experiment) -> Iterator[SharedPart]:
    """The parts that all trials share: detector, word vectors, maps, features, a generator. Nothing is written.

    Where the detector is there, it computes a few maps, to know time and compression. Raises what a run raises when it
    makes these parts: FileNotFoundError or ValueError where a given part is missing or does not fit, and ValueError
    where the disk has no room for maps.
    """
    config = experiment.config
    known = known_hash(experiment.data, experiment.cache, config.detector)
    yield _detector(experiment, known is not None)
    if config.compares_classes:
        yield _words(config)
    yield from (_derived(experiment, file) for file in config.loss.derived(experiment))
    if known is None:
        yield _maps_to_come(experiment)
        yield from _features(experiment, None)
        yield from _generator(experiment, None)
        return
    detector, identity = ensure_detector(experiment.data, experiment.cache, config.detector, config.data.workers)
    foundation = TwoStageFoundation(experiment, detector.to(device_of(config)), identity)
    yield _maps(foundation)
    yield from _features(experiment, foundation)
    yield from _generator(experiment, foundation)


def _detector(experiment: Experiment, there: bool) -> SharedPart:
    settings, data = experiment.config.detector, experiment.data
    path = folder_of(data, experiment.cache, settings) or settings.weights
    if there:
        return SharedPart("detector", ["is there" if settings.weights is None else "is given"], path, True, 0, 0.0)
    with without_values():
        weights = Detector(settings, experiment.num_classes).state_dict().values()
        size = bytes_of(weights)
    return SharedPart("detector", [f"is trained first: {settings.epochs} epochs on {len(data.split('detector')):,} "
                                   "images"], path, bytes=size)


def _words(config: Config) -> SharedPart:
    if has_glove(config):
        return SharedPart("word vectors", ["are there"], config.glove, True, 0, 0.0)
    absent = f", because {config.glove} is not there" if config.embeddings.source == "auto" else ""
    return SharedPart("word vectors", [f"are counted in the training graphs{absent}"], None, True, 0, 0.0)


def _derived(experiment: Experiment, file: DerivedFile) -> SharedPart:
    path = path_of(experiment.cache, file)
    if path.is_file():
        return SharedPart(file.what, ["is there"], path, True, 0, 0.0)
    return SharedPart(file.what, ["is made first, from the training data"], path)


def _maps(foundation: TwoStageFoundation) -> SharedPart:
    """The maps of a detector that is there."""
    config = foundation.config
    splits = [foundation.stored(name) for name in SPLITS]
    decision = decide(splits, config)
    stored = [one.name for one in splits if one.in_use and one.complete]
    said = [f"of {', '.join(stored)} are there"] if stored else []
    if not stored and not decision.said:
        said = ["features.maps=off: each trial computes from images"] if config.features.maps == "off" else \
            ["features.maps=auto stores none, because that saves no time"]
    return SharedPart("maps", [*said, *decision.said], None, not decision.splits, decision.bytes, decision.seconds)



def _maps_to_come(experiment: Experiment) -> SharedPart:
    """The maps of a detector that is not trained yet: their size before compression."""
    config, spec = experiment.config, experiment.config.detector.spec
    asked = config.features.maps
    if asked == "off":
        return SharedPart("maps", ["features.maps=off: each trial computes from images"], None, True, 0, 0.0)
    views = {name: views_of(name, config.data.flip) for name in SPLITS}
    rows = {name: views[name] * len(experiment.split(name)) for name in SPLITS if reads_of(config, name)}
    whole = Estimate.of_spec(rows, spec, TYPES.get(asked, "float32"))
    if asked != "auto":
        return SharedPart("maps", [f"features.maps={asked} stores {', '.join(rows)}: {gigabytes(whole.total)} before "
                                   "compression"], None, bytes=round(whole.total))
    chosen = {name: count for name, count in rows.items() if saves_time(config, name, views[name])}
    wanted, free = Estimate.of_spec(chosen, spec, "float32"), free_bytes(config.cache)
    said = [f"features.maps=auto {explain_auto(config, views, whole, free)}"]
    if not chosen:
        return SharedPart("maps", said, None, True, 0, 0.0)
    return SharedPart("maps", [*said, f"{gigabytes(wanted.total)} before compression"], None,
                      bytes=None if too_large(wanted, free) else round(wanted.total))


def _features(experiment: Experiment, foundation: TwoStageFoundation | None) -> Iterator[SharedPart]:
    """The features of training objects and relations, where an augmentation reads them."""
    config, paths = experiment.config, {}
    if foundation is not None:
        paths = {extraction.kind: path for extraction, path in foundation.training_features()}
    if "features" in config.augmentation.needs:
        if (given := config.detector.features) is not None:
            yield SharedPart(NODES, ["are given"], given, True, 0, 0.0)
        else:
            rows = int(experiment.data.split("train").annotations.objects_per_image.sum())
            yield _extracted(NODES, rows, "objects", 1, config, paths.get("node"))
    if "relation_features" in config.augmentation.needs:
        rows = int(stored_relations(experiment).sum())
        yield _extracted(RELATIONS, rows, "relations", REGIONS, config, paths.get("relation"))


def _generator(experiment: Experiment, foundation: TwoStageFoundation | None) -> Iterator[SharedPart]:
    """The trained generator with which trials begin, if they do not begin with a fresh one."""
    source = experiment.config.augmentation.generator_source
    if source is None:
        return
    missing = None if foundation is None else foundation.missing_generator()
    if not isinstance(source, GeneratorTraining):
        yield SharedPart(GENERATOR, ["is given"], source, True, 0, 0.0)
        return
    if foundation is not None and missing is None:
        assert isinstance(foundation.generator, SharedGenerator)  # as the settings say
        yield SharedPart(GENERATOR, ["is there"], foundation.generator.folder, True, 0, 0.0)
        return
    spec, settings = experiment.config.detector.spec, source.augmentation.for_memory()
    with without_values():
        augmenter = settings.build(parts_without_features(settings, experiment, spec.channels,
                                                          spec.map_size(spec.image_size)))
        size = sum(bytes_of(network.state_dict().values()) for network in augmenter.networks.values())
    images = len(experiment.split("train"))
    yield SharedPart(GENERATOR, [f"is trained first: {source.epochs} epochs on {images:,} images"], missing,
                     bytes=WITH_MOMENTS * size)


def _extracted(name: str, rows: int, what: str, regions: int, config: Config, path: Path | None) -> SharedPart:
    """A feature store of ours. rows: of some regions each. what: they are of. path: None: unknown yet."""
    size = rows * regions * config.detector.spec.channels * POOLED**2 * HALF
    if path is not None and path.exists():
        return SharedPart(name, ["are there"], path, True, 0, 0.0)
    return SharedPart(name, [f"are extracted first: {rows:,} {what}, {gigabytes(size)}"], path, bytes=size)
