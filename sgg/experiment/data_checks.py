"""The data set of a config, and what is known to go wrong with it there. Told before anything is made or started, and
without torch where nothing asks for it.
"""

from __future__ import annotations

import os

from sgg.common.atomic import nearest_existing
from sgg.config import Config
from sgg.data import DataSet, Split
from sgg.data.catalogue import open_with
from sgg.data.checks.consistency import Rules
from sgg.data.loading.shared_memory import require as require_shared_memory
from sgg.data.splits import SPLITS


def open_data(config: Config) -> DataSet:
    """The data set of a config, its annotation read and every picture that will be read looked at.

    Raises FileNotFoundError or ValueError naming file or setting and remedy; OSError where shared memory is too small
    for processes that load pictures; also what `check_files` and `check_classes` raise.
    """
    check_files(config)
    settings = config.data
    data = open_with(settings, Rules(settings.allow_clipping, settings.self_relations), config.cache)
    if settings.flip and settings.flip_predicates == "refuse":
        data.require_mirrors()
    trains_detector = config.detector.weights is None
    if trains_detector:
        data.require_boxes()
    data.require_images(*(split_of(config, data, name) for name in SPLITS),
                        *([data.split("detector")] if trains_detector else []))
    require_shared_memory(split_of(config, data, "train"), config.training.batch_size, settings.workers)
    check_classes(config, data)
    return data


def open_for_training(config: Config) -> DataSet:
    """As `open_data`, where the config is to be trained with; raises what `require_a_batch` raises, too, and
    FileNotFoundError where there are no features of that name."""
    features = config.detector.features
    if features is not None and not features.exists():
        raise FileNotFoundError(f"detector.features: there is no {features}, a path that does not follow data.root; "
                                "name a store that `python -m sgg.features import-hdf5` has made, or leave the "
                                "setting out, and features are extracted")
    data = open_data(config)
    require_a_batch(config, data)
    return data


def filtered_training(config: Config, data: DataSet) -> Split:
    """The training images and relations that the `data` settings and the mode of training admit."""
    settings = config.data
    return data.split("train", min_objects=settings.min_objects, max_objects=settings.max_objects,
                     overlapping=config.training.mode == "sgdet")


def split_of(config: Config, data: DataSet, name: str) -> Split:
    """The images of a part (train, val, test) that a run reads: cut down as the `data` settings say."""
    if name == "train":
        return filtered_training(config, data).head(config.data.train_images)
    return data.split(name).head(config.data.eval_images)


def image_hashes(config: Config, data: DataSet) -> dict[str, str]:
    """The hash of the pictures of each part: of all that training may read, of those that are measured."""
    return {"train": data.image_hash(data.split("train")),
            **{name: data.image_hash(split_of(config, data, name)) for name in ("val", "test")}}


def require_a_batch(config: Config, data: DataSet) -> None:
    """Raise ValueError where `training.drop_last` would leave out every batch of an epoch."""
    settings, images = config.training, len(split_of(config, data, "train"))
    if settings.drop_last and settings.epochs and images < settings.batch_size:
        raise ValueError(f"training.drop_last leaves out an epoch's incomplete batch, and {images} training images of "
                         f"{data.title} are fewer than training.batch_size, {settings.batch_size}, so that nothing "
                         f"would be trained on: set training.batch_size to at most {images}, or "
                         "training.drop_last=false")


def check_files(config: Config) -> None:
    """Raise FileNotFoundError or ValueError where device, word vectors or the detector's weights cannot serve; all that
    cannot are told at once."""
    faults: list[FileNotFoundError | ValueError] = []
    for check in (_check_device, _check_vectors, _check_weights, _check_cache):
        try:
            check(config)
        except (FileNotFoundError, ValueError) as fault:
            faults.append(fault)
    if len(faults) > 1:
        raise ValueError("\n  ".join([f"{len(faults)} faults", *map(str, faults)]))
    if faults:
        raise faults[0]


def _check_device(config: Config) -> None:
    if config.training.device not in ("auto", "cpu"):
        from sgg.common.device import find_device

        find_device(config.training.device, "training.device")


def _check_cache(config: Config) -> None:
    """A cache that is there and cannot be written may still hold all that is asked for."""
    nearest = nearest_existing(config.cache)
    if not nearest.is_dir() or not (os.access(nearest, os.W_OK | os.X_OK) or (config.cache / "detectors").is_dir()):
        raise ValueError(f"nothing can be written to {config.cache} (data.cache), where detectors and features are "
                         f"kept: {nearest} is {'read-only' if nearest.is_dir() else 'no folder'}; set data.cache to a "
                         "folder that can be written, on a cluster one that all nodes see")


def _check_vectors(config: Config) -> None:
    if config.embeddings.source == "glove" and not config.glove.is_file():
        raise FileNotFoundError(f"embeddings.source is glove, but there is no {config.glove}: get it with `python -m "
                                "sgg.data prepare glove`, name another file (embeddings.path), or set "
                                "embeddings.source=cooccurrence")
    if config.compares_classes and config.embeddings.source != "cooccurrence" and config.glove.is_file():
        from sgg.data.word_vectors import require_width

        require_width(config.glove, config.embeddings.dim)


def _check_weights(config: Config) -> None:
    weights = config.detector.weights
    if weights is not None:
        if not weights.exists():
            raise FileNotFoundError(f"detector.weights: there is no {weights}, a path that does not follow data.root; "
                                    "name a published file or a folder that `python -m sgg.detector train` has made "
                                    "(detector.weights=...)")
        if "sgdet" in (config.training.mode, *config.evaluation.modes):
            from sgg.detector.proposals import require_proposals

            require_proposals(weights, "sgdet in " + ("training.mode" if config.training.mode == "sgdet" else
                                                      "evaluation.modes"))


def check_classes(config: Config, data: DataSet) -> None:
    """Raise ValueError where the augmentation wants more of the classes than the data set has."""
    classes = len(data.classes) - 1
    if fault := config.augmentation.fault_of_classes(classes, data.title):
        raise ValueError(f"augmentation.{fault}")


def check_metric(config: Config, data: DataSet) -> None:
    """Raise ValueError where validation has no relation to measure `search.metric` on, naming what could be ranked
    instead. Only a search needs it: nothing else compares trials.
    """
    metric, settings = config.search.metric, config.data
    if metric == "loss":
        return
    _, mode, subset, figure = metric.split("/")
    relations = data.relations_by_subset("val", settings.eval_images)
    if relations[subset]:
        return
    others = ", ".join(f"{name} {count:,}" for name, count in relations.items())
    instead = [f"val/{mode}/{name}/{figure}" for name, count in relations.items() if count]
    more = "raise data.eval_images" if settings.eval_images else \
        "raise data.num_val_images" if hasattr(settings, "num_val_images") else "give more images to val"
    raise ValueError(f"search.metric {metric} cannot be measured: validation on {data.title} has no relation of the "
                     f"subset {subset} (it has {others}), so no trial could be ranked; set search.metric to "
                     f"{' or '.join(instead)}, or {more}")
