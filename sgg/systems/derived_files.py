"""Check the files in the cache of a data set that were derived from it: detectors, feature stores, arrays of methods
and generators. It needs no torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sgg.common.run_log import read_optional_json
from sgg.data import DataSet, Split
from sgg.data.verify import Verified
from sgg.detector.layout import FOLDER as DETECTORS
from sgg.detector.layout import IMAGE_HASH, METADATA
from sgg.experiment.derived_arrays import FOLDER as ARRAYS
from sgg.experiment.derived_arrays import read
from sgg.features.identity import StoreIdentity
from sgg.features.image_metadata import SHARDS_REMEDY, image_attributes, is_image_store
from sgg.features.metadata import FOLDER as FEATURES
from sgg.features.metadata import attributes_of, identity_of, require_shards
from sgg.systems.generator_files import FOLDER as GENERATORS
from sgg.systems.generator_files import METADATA as GENERATOR
from sgg.systems.generator_files import read_generator

DAMAGED = "derived files that are damaged"
OTHER_IMAGES = "derived files of other images"
OTHER_ANNOTATION = "derived files of other annotation"
UNKNOWN_IMAGES = "derived files that do not say from which images they are"
EFFECTS = {
    DAMAGED: "A run that needs the file refuses to start; delete the file, and a run makes it again.",
    OTHER_IMAGES: "Either images have changed since, or settings of the data set (min_objects, max_objects, ...) chose "
                  "other ones. Runs with other images do not use the file; it can be deleted unless such settings need "
                  "it.",
    OTHER_ANNOTATION: "Runs with these settings of the data set (num_val_images, self_relations, ...) do not use the "
                      "file; it can be deleted unless other settings need it.",
    UNKNOWN_IMAGES: "Runs use the file, whatever the images are now; delete it, and a run makes it again.",
}


def check_derived(found: Verified, data: DataSet) -> None:
    """Note the files in the cache of an opened data set that are damaged, stale or of unknown origin.

    Several data sets may share the cache: a file with other classes counts as a file of another data set.
    """
    of_kind: dict[str, list[str]] = {kind: [] for kind in EFFECTS}
    checked = 0
    for kind, text in (*_detectors(data), *_stores(data), *_arrays(data), *_generators(data)):
        checked += 1
        if kind:
            of_kind[kind].append(text)
    for kind, texts in of_kind.items():
        found.add(kind, texts, checked, EFFECTS[kind], "fault" if kind == DAMAGED else "note")
    found.sort()


def _detectors(data: DataSet) -> Iterator[tuple[str, str]]:
    """For each stored detector of these classes: the kind of its fault, "" without one, and its description."""
    for path in _below(data, DETECTORS, f"*/{METADATA}"):
        try:
            metadata = read_optional_json(path, hash=str) or {}
        except ValueError as error:
            yield DAMAGED, str(error)
            continue
        if metadata.get("classes", data.classes) == data.classes:
            current = data.image_hash(data.split("detector"))
            kind = _kind(data, metadata.get("data_hash", ""), metadata.get(IMAGE_HASH, ""), current)
            yield kind, f"detector {path.parent}"


def _stores(data: DataSet) -> Iterator[tuple[str, str]]:
    """The same for each store of features, maps and other outputs of a detector; stores that are still being written
    are skipped."""
    for path in _below(data, FEATURES, "*.zarr"):
        of_images = is_image_store(path)
        try:
            attributes = image_attributes(path)[0] if of_images else attributes_of(path)
            identity = identity_of(path, attributes)
            require_shards(path, attributes["shard_bytes"], SHARDS_REMEDY if of_images else "")
        except ValueError as error:
            yield DAMAGED, str(error)
            continue
        if list(identity.classes) in (data.classes, data.predicates, ["image"]) and not identity.is_imported:
            current = _image_hash(data, identity) if identity.data == data.hash else ""
            name = "store of images" if of_images else "feature store"
            yield _kind(data, identity.data, identity.pictures, current), f"{name} {path}"


def _arrays(data: DataSet) -> Iterator[tuple[str, str]]:
    """The same for each file of arrays, which is named by what it follows from: it can be damaged, but never stale."""
    for path in _below(data, ARRAYS, "*.npz"):
        try:
            read(path)
        except ValueError as error:
            yield DAMAGED, str(error)
        else:
            yield "", f"derived arrays {path}"


def _generators(data: DataSet) -> Iterator[tuple[str, str]]:
    """The same for each generator that trials share; one that is still being trained is skipped."""
    for path in _below(data, GENERATORS, f"*/{GENERATOR}"):
        try:
            metadata = read_generator(path.parent) or {}
        except ValueError as error:
            yield DAMAGED, str(error)
            continue
        if metadata["classes"] == data.classes:
            identity = metadata["identity"]
            current = data.image_hash(_trained_on(data, identity["settings"])) if identity["data"] == data.hash else ""
            yield _kind(data, identity["data"], identity["images"], current), f"generator {path.parent}"


def _trained_on(data: DataSet, settings: dict[str, Any]) -> Split:
    """The training images that settings, by dotted key, admit."""
    return data.split("train", min_objects=settings["data.min_objects"], max_objects=settings["data.max_objects"]).head(
        settings["data.train_images"])


def _image_hash(data: DataSet, identity: StoreIdentity) -> str:
    """The hash of the images from which a store of the same annotation would be made now."""
    settings = identity.settings
    split = data.split(settings.get("part", "train"), settings.get("subset", "all"))
    return data.image_hash(split.head(settings.get("images")))


def _kind(data: DataSet, annotation: str, images: str, current: str) -> str:
    if annotation != data.hash:
        return OTHER_ANNOTATION
    if not images:
        return UNKNOWN_IMAGES
    return "" if images == current else OTHER_IMAGES


def _below(data: DataSet, folder: str, pattern: str) -> list[Path]:
    return sorted((data.cache / folder).glob(pattern)) if data.cache is not None else []
