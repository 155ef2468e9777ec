"""Extract features of images into stores: the map of the frozen detector or of a generator, pooled over nodes, edges,
both together or the whole image."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg.common.hashing import value_hash
from sgg.data import DataSet, Split, load_batches
from sgg.data.loading.transforms import pixels_identity
from sgg.detector.model import Detector
from sgg.detector.rcnn import POOLED
from sgg.features import (
    FeatureStore,
    Progress,
    StoreIdentity,
    StoreMismatchError,
    StoreWriter,
    ensure_store,
    rows_per_part,
    stored_identity,
)
from sgg.features.metadata import FOLDER
from sgg.models.roi_align import pool
from sgg.models.union_boxes import union
from sgg.structures import Batch

from .encoding import Encoding, encode_annotated

log = logging.getLogger(__name__)

REGIONS = 3
"""The regions of a relation in a row of its features: subject, object, and the smallest box around both."""
PART_IMAGES = 256
"""At most so many images per part of a store, so that little is lost with a writer and several share small stores."""
EncodeBatch = Callable[[Batch], tuple[Encoding, Tensor]]
"""Encodes a batch; returns the encoding and the labels [N] of its nodes."""
AddMaps = Callable[[Iterator[Batch]], Iterator[Batch]]
"""Gives batches without images their maps."""


def _none(split: Split) -> AddMaps | None:
    """The maps of a split where none are stored."""
    return None


@dataclass(frozen=True, eq=False)
class Extraction:
    """The features of one kind from one split of a data set, in parts of a store that fit in memory.

    kind: node (each box, labelled by its class), edge (the union box of each relation, labelled by its predicate),
    relation (the subject, the object and the union box of each relation in one row, labelled by its predicate) or
    global (the map averaged over space). encode: gives the maps; None: the detector. settings: what else decides the
    rows, for the identity of the store. maps: reads the maps of a split where they are stored, so that the detector
    does not compute them again; returns None where it has none. An extraction can be pickled if `encode` and `maps`
    can, so any process may write a part. Raises ValueError for a detector whose map is a pyramid.
    """

    data: DataSet
    split: Split
    detector: Detector
    detector_hash: str
    kind: str = "node"
    source: str = "real"
    encode: EncodeBatch | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 8
    workers: int = 0
    maps: Callable[[Split], AddMaps | None] = _none

    def __post_init__(self) -> None:
        if self.detector.levels > 1:
            raise ValueError(f"detector.backbone {self.detector.backbone} has a feature pyramid, so there is no single "
                             "map to extract features from: use another backbone")

    @cached_property
    def identity(self) -> StoreIdentity:
        """The identity of the store."""
        predicates = self.data.predicates
        classes = {"node": self.data.classes, "edge": predicates, "relation": predicates, "global": ["image"]}[
            self.kind]
        settings = {"part": self.split.name, "images": len(self.split), "pooled": POOLED,
                    **pixels_identity(self.split.annotations.sizes, self.detector.image_size), **self.settings}
        return StoreIdentity(classes, self.detector_hash, self.data.hash, self.kind, self.source, settings,
                             self.data.image_hash(self.split))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one feature."""
        size, regions = 1 if self.kind == "global" else POOLED, REGIONS if self.kind == "relation" else 1
        return regions * self.detector.channels, size, size

    def ranges(self) -> list[range]:
        """The images of each part of the store."""
        annotations = self.split.annotations
        rows = {"node": annotations.objects_per_image, "global": np.ones(len(annotations), np.int64)}
        return image_ranges(rows.get(self.kind, annotations.relations_per_image), rows_per_part(self.row_shape),
                            PART_IMAGES)

    def batches(self, images: range) -> Iterable[Batch]:
        """The images of one of `ranges`, in batches."""
        split = replace(self.split, annotations=self.split.annotations.select(np.array(images)))
        return batches_of(split, self.maps(split), self.detector.image_size, self.batch_size, self.workers)

    def num_batches(self, images: range) -> int:
        """The number of these batches."""
        return -(-len(images) // self.batch_size)

    def write_part(self, writer: StoreWriter, number: int, batches: Iterable[Batch]) -> None:
        """Extract the features of one part of the store and write them."""
        pairs = [self._features(batch) for batch in batches]
        writer.write_part(number, torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs]))

    def ensure(self, path: Path, progress: Progress = iter) -> FeatureStore:
        """The sealed store at `path`; it is written where it is missing, see `sgg.features.ensure_store`."""
        ranges = self.ranges()

        def write(writer: StoreWriter, missing: list[int]) -> None:
            batches = iter(progress(_Work(self, [ranges[number] for number in missing])))
            for number in missing:
                self.write_part(writer, number, islice(batches, self.num_batches(ranges[number])))
            next(batches, None)  # finishes a progress bar

        return ensure_store(path, self.identity, len(ranges), write)

    @torch.no_grad()
    def _features(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Float16 features [n, *row_shape] of a batch, on the host, and their labels [n]."""
        batch = batch.to(next(self.detector.parameters()).device)
        encoding, labels = self.encode(batch) if self.encode else (encode_annotated(self.detector, batch), batch.labels)
        if self.kind == "global":
            labels = labels.new_zeros(len(batch))
        elif self.kind != "node":
            labels = batch.relations[:, 3]
        features = pooled_features(self.kind, encoding, batch.relations, self.detector.stride)
        return features.half().cpu(), labels.cpu()


@dataclass(frozen=True)
class _Work:
    """The batches of several parts of a store, one part after another."""

    extraction: Extraction
    ranges: list[range]

    def __len__(self) -> int:
        return sum(map(self.extraction.num_batches, self.ranges))

    def __iter__(self) -> Iterator[Batch]:
        return chain.from_iterable(map(self.extraction.batches, self.ranges))


def pooled_features(kind: str, encoding: Encoding, relations: Tensor, stride: int) -> Tensor:
    """The features of a kind (`Extraction`) [n, channels, 7, 7], with `global` [n, channels, 1, 1], from the map of an
    encoding. relations: [E, 4] image, subject, object, predicate. stride: of the map."""
    if kind == "global":
        return encoding.map.mean((2, 3), keepdim=True)
    boxes, images = encoding.boxes, encoding.image_index
    if kind != "node":
        subjects, objects = relations[:, 1], relations[:, 2]
        boxes, images = union(boxes[subjects], boxes[objects]), images[subjects]
        if kind == "relation":
            ends = encoding.boxes[relations[:, 1:3].T.flatten()]
            boxes, images = torch.cat([ends, boxes]), images.repeat(REGIONS)
    features = pool(encoding.map, boxes, images, POOLED, 1 / stride)
    return features.unflatten(0, (REGIONS, -1)).transpose(0, 1).flatten(1, 2) if kind == "relation" else features


def batches_of(split: Split, add_maps: AddMaps | None, image_size: int, batch_size: int = 8,
               workers: int = 0) -> Iterator[Batch]:
    """The images of a split in their order, as they are, in batches. add_maps: gives them their maps instead of pixels;
    None: they have pixels, of at most `image_size` a side. workers: processes that decode images."""
    if add_maps is None:
        return load_batches(split, batch_size, workers=workers, largest=image_size).epoch(0)
    return add_maps(load_batches(split, batch_size, pixels=False).epoch(0))


def image_ranges(rows_per_image: np.ndarray, rows: int, images: int) -> list[range]:
    """Ranges of consecutive images: at most `images` each, and at most `rows` rows together unless one image has more.

    rows_per_image: [I].
    """
    ends = np.cumsum(rows_per_image)
    ranges, start, before = [], 0, 0
    while start < len(ends):
        stop = max(start + 1, int(np.searchsorted(ends, before + rows, side="right")))
        stop = min(stop, start + images)
        ranges.append(range(start, stop))
        start, before = stop, ends[stop - 1]
    return ranges


def store_path(cache: Path, identity: StoreIdentity) -> Path:
    """The path of the store of an identity; its name gives the kind and ends with a hash of the rest.

    Where there is no such store, a sealed store of the first edition, which does not record its images, is used. The
    log reports that. It also reports stores of the same identity but other images, and imported stores.
    """
    path = _named(cache, identity)
    if identity.pictures and not path.exists():
        for other in _imported_stores(cache, identity):
            log.warning("%s holds imported features of these data. They are not used; features are extracted. Set "
                        "detector.features=%s to train on the imported features", other, other)
        for other, images in _stores_of_other_images(cache, identity):
            if not images:
                log.warning("%s does not say from which images it is, because it is of the first edition; it is used",
                            other)
                return other
            log.warning("%s was made from other images (%s, now %s); features are extracted again", other, images,
                        identity.pictures)
    return path


def _named(cache: Path, identity: StoreIdentity) -> Path:
    return cache / FOLDER / f"{identity.source}-{identity.kind}-{value_hash(identity.to_json())}.zarr"


def _stores_of_other_images(cache: Path, identity: StoreIdentity) -> Iterator[tuple[Path, str]]:
    """Sealed stores of the identity except for the images, with the hash of their images; first a store without that
    hash."""
    paths = sorted((cache / FOLDER).glob(f"{identity.source}-{identity.kind}-*.zarr"))
    for path in sorted(paths, key=lambda path: path != _named(cache, replace(identity, pictures=""))):
        found = stored_identity(path)
        if found is not None and found.pictures != identity.pictures and \
                replace(found, pictures=identity.pictures) == identity:
            yield path, found.pictures


def _imported_stores(cache: Path, identity: StoreIdentity) -> Iterator[Path]:
    """Sealed stores of imported features that could replace those of an identity."""
    for path in sorted((cache / FOLDER).glob(f"{identity.source}-{identity.kind}-*.zarr")):
        found = stored_identity(path)
        if found is not None and found.is_imported:
            with suppress(StoreMismatchError):
                identity.require_stand_in(found, path)
                yield path


def training_relations(data: DataSet, kept: np.ndarray, detector: Detector, detector_hash: str, workers: int = 0,
                       maps: Callable[[Split], AddMaps | None] = _none) -> Extraction:
    """Real features of relations of the training images, which an augmentation mixes in (docs/SYSTEM.md section 5).

    kept: [U] bool, which of the annotated relations. workers: processes that decode images. maps: as in `Extraction`.
    """
    split = data.split("train")
    split = replace(split, annotations=split.annotations.keep_relations(kept))
    return Extraction(data, split, detector, detector_hash, "relation", workers=workers, maps=maps,
                      settings={"relations": value_hash(np.flatnonzero(kept).tolist())})


def training_nodes(data: DataSet, detector: Detector, detector_hash: str, workers: int = 0,
                   maps: Callable[[Split], AddMaps | None] = _none) -> Extraction:
    """Real node features of the training images, on which the generator is conditioned (docs/SYSTEM.md section 4).

    workers: processes that decode images. maps: as in `Extraction`.
    """
    return Extraction(data, data.split("train"), detector, detector_hash, workers=workers, maps=maps)
