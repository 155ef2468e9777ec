"""From images to feature stores: the frozen detector's map, or a generator's, pooled over nodes, edges or the image."""

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
from sgg.data.loading.transforms import padding_identity
from sgg.detector.model import Detector
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
from sgg.models.roi_features import pool
from sgg.models.union_boxes import union
from sgg.structures import Batch
from sgg.systems.two_stage.encoding import Encoding, encode_annotated

log = logging.getLogger(__name__)

FOLDER = "features"
"""Where stores are kept, below the cache."""
POOLED = 7
PART_IMAGES = 256  # at most, so that little is lost with a writer, and small stores too are shared among several
Look = Callable[[Batch], tuple[Encoding, Tensor]]
"""What is seen in a batch, and the labels [N] that its nodes are taken to have."""


@dataclass(frozen=True, eq=False)
class Extraction:
    """The features of one kind of one part of a data set, in parts of a store that fit in memory.

    kind: node (each box, labelled by its class), edge (the union box of each relation, labelled by its predicate) or
    global (the map averaged over space). look: where maps come from, the detector if None. settings: what else decides
    the rows, in words, beside what is here. Can be pickled where `look` can: the parts may be written anywhere.
    """

    data: DataSet
    split: Split
    detector: Detector
    detector_hash: str
    kind: str = "node"
    source: str = "real"
    look: Look | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    batch_size: int = 8
    workers: int = 0

    @cached_property
    def identity(self) -> StoreIdentity:
        """What the store will say of itself."""
        classes = {"node": self.data.classes, "edge": self.data.predicates, "global": ["image"]}[self.kind]
        settings = {"part": self.split.name, "images": len(self.split), "pooled": POOLED,
                    **padding_identity(self.split.annotations.sizes), **self.settings}
        return StoreIdentity(classes, self.detector_hash, self.data.hash, self.kind, self.source, settings,
                             self.data.image_hash(self.split))

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one feature."""
        size = 1 if self.kind == "global" else POOLED
        return self.detector.channels, size, size

    def ranges(self) -> list[range]:
        """The images of each part of the store."""
        annotations = self.split.annotations
        rows = {"node": annotations.objects_per_image, "edge": annotations.relations_per_image,
                "global": np.ones(len(annotations), np.int64)}
        return image_ranges(rows[self.kind], rows_per_part(self.row_shape), PART_IMAGES)

    def batches(self, images: range) -> Iterable[Batch]:
        """Some images, one of `ranges`, in batches."""
        split = replace(self.split, annotations=self.split.annotations.select(np.array(images)))
        return load_batches(split, self.batch_size, workers=self.workers).epoch(0)

    def num_batches(self, images: range) -> int:
        """How many batches these are."""
        return -(-len(images) // self.batch_size)

    def write_part(self, writer: StoreWriter, number: int, batches: Iterable[Batch]) -> None:
        """Look at the images of one part of the store and write their features."""
        pairs = [self._features(batch) for batch in batches]
        writer.write_part(number, torch.cat([one for one, _ in pairs]), torch.cat([one for _, one in pairs]))

    def ensure(self, path: Path, progress: Progress = iter) -> FeatureStore:
        """The sealed store at `path`, written here where it is missing; see `sgg.features.ensure_store`."""
        ranges = self.ranges()

        def write(writer: StoreWriter, missing: list[int]) -> None:
            batches = iter(progress(_Work(self, [ranges[number] for number in missing])))
            for number in missing:
                self.write_part(writer, number, islice(batches, self.num_batches(ranges[number])))
            next(batches, None)  # lets a progress bar end

        return ensure_store(path, self.identity, len(ranges), write)

    @torch.no_grad()
    def _features(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Float16 features [n, *row_shape] of a batch on the host, and their labels [n]."""
        batch = batch.to(next(self.detector.parameters()).device)
        seen, labels = self.look(batch) if self.look else (encode_annotated(self.detector, batch), batch.labels)
        if self.kind == "global":
            features, labels = seen.map.mean((2, 3), keepdim=True), labels.new_zeros(len(batch))
        else:
            boxes, images = seen.boxes, seen.image_index
            if self.kind == "edge":
                subjects, objects, labels = batch.relations[:, 1:].unbind(1)
                boxes, images = union(boxes[subjects], boxes[objects]), images[subjects]
            features = pool(seen.map, boxes, images, POOLED, 1 / self.detector.stride)
        return features.half().cpu(), labels.cpu()


@dataclass(frozen=True)
class _Work:
    """The batches of some parts of a store, one part after another."""

    extraction: Extraction
    ranges: list[range]

    def __len__(self) -> int:
        return sum(map(self.extraction.num_batches, self.ranges))

    def __iter__(self) -> Iterator[Batch]:
        return chain.from_iterable(map(self.extraction.batches, self.ranges))


def image_ranges(rows_per_image: np.ndarray, rows: int, images: int) -> list[range]:
    """At most `images` consecutive ones whose rows are at most `rows` together, where no single image has more.

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
    """Where the store of an identity is kept: its name tells the kind and ends with a digest of the rest.

    A sealed store of the first edition, which does not say of which pictures it is, is taken where there is no other;
    the log tells that. It also tells where there is a store of the same, but of other pictures, or an imported one.
    """
    path = _named(cache, identity)
    if identity.pictures and not path.exists():
        for other in _imported_stores(cache, identity):
            log.warning("%s holds imported features of these data, which are not used: our own are extracted. Set "
                        "detector.features=%s to train on the imported ones", other, other)
        for other, pictures in _stores_of_other_pictures(cache, identity):
            if not pictures:
                log.warning("%s does not say of which pictures it is (it is of the first edition); it is used as it is",
                            other)
                return other
            log.warning("the pictures are not those that %s was made from (%s, now %s): features are made anew", other,
                        pictures, identity.pictures)
    return path


def _named(cache: Path, identity: StoreIdentity) -> Path:
    return cache / FOLDER / f"{identity.source}-{identity.kind}-{value_hash(identity.to_json())}.zarr"


def _stores_of_other_pictures(cache: Path, identity: StoreIdentity) -> Iterator[tuple[Path, str]]:
    """Sealed stores of that identity but for the pictures, and the hash of theirs; first one that does not know it."""
    paths = sorted((cache / FOLDER).glob(f"{identity.source}-{identity.kind}-*.zarr"))
    for path in sorted(paths, key=lambda path: path != _named(cache, replace(identity, pictures=""))):
        found = stored_identity(path)
        if found is not None and found.pictures != identity.pictures and \
                replace(found, pictures=identity.pictures) == identity:
            yield path, found.pictures


def _imported_stores(cache: Path, identity: StoreIdentity) -> Iterator[Path]:
    """Sealed stores of imported features that could serve in place of those of an identity."""
    for path in sorted((cache / FOLDER).glob(f"{identity.source}-{identity.kind}-*.zarr")):
        found = stored_identity(path)
        if found is not None and found.is_imported:
            with suppress(StoreMismatchError):
                identity.require_stand_in(found, path)
                yield path


def training_nodes(data: DataSet, detector: Detector, detector_hash: str, workers: int = 0) -> Extraction:
    """Real node features of the training images, which the generator is conditioned on (docs/SYSTEM.md section 4).

    workers: processes that decode pictures.
    """
    return Extraction(data, data.split("train"), detector, detector_hash, workers=workers)
