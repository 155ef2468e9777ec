"""What is derived from a data set and kept in its cache, detectors and feature stores, and whether it still fits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sgg.common.run_log import read_optional_json
from sgg.data import DataSet
from sgg.data.verify import Verified
from sgg.detector.cache import FOLDER as DETECTORS
from sgg.detector.cache import PICTURES
from sgg.detector.files import METADATA
from sgg.features.identity import StoreIdentity
from sgg.features.metadata import attributes_of, identity_of, require_shards
from sgg.systems.extraction import FOLDER as FEATURES

DAMAGED = "derived files that are damaged"
OTHER_PICTURES = "derived files of other pictures"
OTHER_ANNOTATION = "derived files of other annotation"
UNKNOWN_PICTURES = "derived files that do not say of which pictures they are"
EFFECTS = {
    DAMAGED: "A run that reads it is refused; delete it, and it is made anew.",
    OTHER_PICTURES: "It is not used, and made anew from these pictures; it can be deleted.",
    OTHER_ANNOTATION: "It is not used with these settings of the data set (num_val_images, self_relations, ...); it "
                      "can be deleted unless others need it.",
    UNKNOWN_PICTURES: "It is used as it is, whatever the pictures are now; delete it to have it made anew.",
}


def check_derived(found: Verified, data: DataSet) -> None:
    """Note what lies in the cache of an opened data set and is damaged, stale or of unknown origin.

    Other data sets may share the cache: what has other classes is taken for theirs.
    """
    of_kind: dict[str, list[str]] = {kind: [] for kind in EFFECTS}
    looked_at = 0
    for kind, text in (*_detectors(data), *_stores(data)):
        looked_at += 1
        if kind:
            of_kind[kind].append(text)
    for kind, texts in of_kind.items():
        found.add(kind, texts, looked_at, EFFECTS[kind], "fault" if kind == DAMAGED else "note")
    found.sort()


def _detectors(data: DataSet) -> Iterator[tuple[str, str]]:
    """The kind of what is wrong with each kept detector of these classes, "" where nothing is, and which one it is."""
    for path in _below(data, DETECTORS, f"*/{METADATA}"):
        try:
            metadata = read_optional_json(path, hash=str) or {}
        except ValueError as error:
            yield DAMAGED, str(error)
            continue
        if metadata.get("classes", data.classes) == data.classes:
            current = data.image_hash(data.split("detector"))
            kind = _kind(data, metadata.get("data_hash", ""), metadata.get(PICTURES, ""), current)
            yield kind, f"detector {path.parent}"


def _stores(data: DataSet) -> Iterator[tuple[str, str]]:
    """The same of each kept feature store; one that is still being written is passed over."""
    for path in _below(data, FEATURES, "*.zarr"):
        try:
            attributes = attributes_of(path)
            identity = identity_of(path, attributes)
            require_shards(path, attributes["shard_bytes"])
        except ValueError as error:
            yield DAMAGED, str(error)
            continue
        if list(identity.classes) in (data.classes, data.predicates, ["image"]) and not identity.is_imported:
            current = _pictures(data, identity) if identity.data == data.hash else ""
            yield _kind(data, identity.data, identity.pictures, current), f"feature store {path}"


def _pictures(data: DataSet, identity: StoreIdentity) -> str:
    """The hash of the pictures that a store of the same annotation would be made from now."""
    settings = identity.settings
    part = data.split(settings.get("part", "train"), settings.get("subset", "all"))
    return data.image_hash(part.head(settings.get("images")))


def _kind(data: DataSet, annotation: str, pictures: str, current: str) -> str:
    if annotation != data.hash:
        return OTHER_ANNOTATION
    if not pictures:
        return UNKNOWN_PICTURES
    return "" if pictures == current else OTHER_PICTURES


def _below(data: DataSet, folder: str, pattern: str) -> list[Path]:
    return sorted((data.cache / folder).glob(pattern)) if data.cache is not None else []
