"""Open the data set of a config and find problems before anything is made or started.

Torch is imported only where a check needs it.
"""

from __future__ import annotations

import os
from pathlib import Path

from sgg.common.atomic import nearest_existing
from sgg.config import Config
from sgg.data import DataSet, Split
from sgg.data.catalogue import open_with
from sgg.data.checks.consistency import Rules
from sgg.data.images.corruption import corrupt
from sgg.data.loading.shared_memory import require as require_shared_memory
from sgg.data.splits import SPLITS
from sgg.data.zero_shot_list import ZeroShotList
from sgg.methods.adjustment import ADJUSTMENTS
from sgg.methods.edge_loss import EDGE_LOSSES
from sgg.methods.plugin_errors import naming_faults


def open_data(config: Config) -> DataSet:
    """The data set of a config. Its annotation is read, and every image file that will be read is checked.

    Raises FileNotFoundError or ValueError naming file or setting and remedy; OSError where shared memory is too small
    for processes that load images; also what `check_files` and `check_classes` raise.
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
    require_shared_memory(split_of(config, data, "train"), config.training.batch_size, settings.workers,
                          config.detector.spec.image_size)
    check_classes(config, data)
    check_triplets(config, data)
    zero_shot_list(config, data)
    return data


def zero_shot_list(config: Config, data: DataSet) -> ZeroShotList | None:
    """The list of triplets that `evaluation.zero_shot_list` names. Raises what `ZeroShotList.read` raises."""
    path = config.evaluation.zero_shot_list
    return None if path is None else ZeroShotList.read(path, data.classes, data.predicates)


def open_for_training(config: Config) -> DataSet:
    """As `open_data`, for a config that will be trained. It also raises what `require_a_batch` raises, and
    FileNotFoundError where `detector.features` or the path of `augmentation.generator` does not exist."""
    generator = config.augmentation.generator_source
    if isinstance(generator, Path) and not generator.exists():
        raise FileNotFoundError(f"augmentation.generator: {generator} does not exist; name the folder of a trial with "
                                "a generator, or one of its checkpoints, or set shared to have one trained")
    features = config.detector.features
    if features is not None and not features.exists():
        raise FileNotFoundError(f"detector.features: {features} does not exist (the path does not depend on "
                                "data.root); name a store made by `python -m sgg.features import-hdf5`, or leave the "
                                "setting out to have features extracted")
    data = open_data(config)
    require_a_batch(config, data)
    return data


def filtered_training(config: Config, data: DataSet) -> Split:
    """The training images and relations that the `data` settings and the mode of training admit."""
    settings = config.data
    return data.split("train", min_objects=settings.min_objects, max_objects=settings.max_objects,
                     overlapping=config.training.mode == "sgdet")


def split_of(config: Config, data: DataSet, name: str) -> Split:
    """The images of a split (train, val, test) that a run reads, reduced as the settings say."""
    if name == "train":
        return filtered_training(config, data).head(config.data.train_images)
    measured = data.split(name).head(config.data.eval_images)
    return measured.spread(config.evaluation.val_images) if name == "val" else measured


def image_hashes(config: Config, data: DataSet) -> dict[str, str]:
    """The hash of the images of each split: of all images that training may read, and of those that are measured."""
    return {"train": data.image_hash(data.split("train")),
            **{name: data.image_hash(split_of(config, data, name)) for name in ("val", "test")}}


def require_a_batch(config: Config, data: DataSet) -> None:
    """Raise ValueError where `training.drop_last` would leave out every batch of an epoch."""
    settings, images = config.training, len(split_of(config, data, "train"))
    if settings.drop_last and settings.epochs and images < settings.batch_size:
        raise ValueError("training.drop_last leaves out an epoch's incomplete batch, and "
                         f"the {images} training images of {data.title} are fewer than training.batch_size, "
                         f"{settings.batch_size}, so no batch would be left: set training.batch_size to at most "
                         f"{images}, or training.drop_last=false")


def check_files(config: Config) -> None:
    """Raise FileNotFoundError or ValueError where device, word vectors, detector weights, the corruption of images or
    cache cannot be used; one error lists all of them."""
    faults: list[FileNotFoundError | ValueError] = []
    for check in (_check_device, _check_vectors, _check_weights, _check_corruption, _check_cache):
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
    """Raise ValueError where nothing can be written to the cache, unless it already has a detector."""
    nearest = nearest_existing(config.cache)
    if not nearest.is_dir() or not (os.access(nearest, os.W_OK | os.X_OK) or (config.cache / "detectors").is_dir()):
        raise ValueError(f"nothing can be written to {config.cache} (data.cache), the folder of detectors and "
                         f"features: {nearest} is {'read-only' if nearest.is_dir() else 'no folder'}; set data.cache "
                         "to a writable folder, on a cluster to one that all nodes share")


def _check_vectors(config: Config) -> None:
    if config.embeddings.source == "glove" and not config.glove.is_file():
        raise FileNotFoundError(f"embeddings.source is glove, but {config.glove} does not exist: get it with `python "
                                "-m sgg.data prepare glove`, name another file (embeddings.path), or set "
                                "embeddings.source=cooccurrence")
    if config.compares_classes and config.embeddings.source != "cooccurrence" and config.glove.is_file():
        from sgg.data.word_vectors import require_width

        require_width(config.glove, config.embeddings.dim)


def _check_weights(config: Config) -> None:
    weights = config.detector.weights
    if weights is not None:
        if not weights.exists():
            raise FileNotFoundError(f"detector.weights: {weights} does not exist (the path does not depend on "
                                    "data.root); name a published file or a folder made by `python -m sgg.detector "
                                    "train` (detector.weights=...)")
        if "sgdet" in (config.training.mode, *config.evaluation.modes):
            from sgg.detector.proposals import require_proposals

            require_proposals(weights, "sgdet in " + ("training.mode" if config.training.mode == "sgdet" else
                                                      "evaluation.modes"))


def _check_corruption(config: Config) -> None:
    if config.evaluation.corruption != "off":
        corrupt()


def check_classes(config: Config, data: DataSet) -> None:
    """Raise ValueError where the augmentation needs more classes than the data set has, and PluginError where the code
    of a plugin fails that says so."""
    augmentation = config.augmentation
    with naming_faults("augmentation", type(augmentation)):
        fault = augmentation.fault_of_classes(len(data.classes) - 1, data.title)
    if fault:
        raise ValueError(f"augmentation.{fault}")


def check_triplets(config: Config, data: DataSet) -> None:
    """Raise ValueError where the loss or an adjustment needs training relations, and the training images have none."""
    settings = config.evaluation
    needing = {f"loss.kind {EDGE_LOSSES.kind_of(config.loss)}": "use another loss.kind"} if config.loss.needs_triplets \
        else {}
    needing |= {f"evaluation.{name}": f"leave evaluation.{name} out" for name, entry in ADJUSTMENTS.entries.items()
                if entry.needs_triplets and any(value != entry.neutral for value in settings.values_of(name))}
    if needing and not len(filtered_training(config, data).triplets().counts):
        raise ValueError(f"{' and '.join(needing)}: counts of training triplets are needed, and the training images of "
                         f"{data.title} have no relations: use images with relations, or "
                         f"{' and '.join(needing.values())}")


def check_metric(config: Config, data: DataSet) -> None:
    """Raise ValueError where validation has no relation on which a metric of `search.metric` can be measured, naming
    other metrics. Only a search needs this check, because only a search compares trials."""
    for metric, _ in config.search.objectives:
        if metric != "loss":
            _require_relations(metric, config, data)


def _require_relations(metric: str, config: Config, data: DataSet) -> None:
    settings = config.data
    _, mode, subset, name = metric.split("/")
    relations = data.relations_by_subset("val", settings.eval_images, config.evaluation.val_images)
    if relations[subset]:
        return
    others = ", ".join(f"{other} {count:,}" for other, count in relations.items())
    instead = [f"val/{mode}/{other}/{name}" for other, count in relations.items() if count]
    more = "raise evaluation.val_images" if config.evaluation.val_images else \
        "raise data.eval_images" if settings.eval_images else \
        "raise data.num_val_images" if hasattr(settings, "num_val_images") else "give more images to val"
    raise ValueError(f"search.metric {metric} cannot be measured: validation on {data.title} has no relation of the "
                     f"subset {subset} (it has {others}), so no trial could be ranked; set search.metric to "
                     f"{' or '.join(instead)}, or {more}")
