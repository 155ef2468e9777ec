"""The outputs of the frozen detector for a split, in stores that all trials read instead of images.

The detector never trains, so one pass over the images makes the stores for all trials of all searches. `exact` stores
float32 and gives results that are bitwise those of computing from images. `float16` halves the size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import Tensor

from sgg.data import Batches, Split
from sgg.data.loading.transforms import pixels_identity
from sgg.data.loading.views import load_views, views_of
from sgg.detector.model import SCORE_THRESHOLDS, Detector, Output
from sgg.detector.rcnn import DETECTIONS
from sgg.experiment.context import Experiment
from sgg.experiment.torch_setup import as_in_training, threads_of
from sgg.features.held_rows import HeldRows
from sgg.features.identity import StoreIdentity
from sgg.features.image_store import ImageStore, row_of
from sgg.features.image_writer import ImageStoreWriter, ensure_image_stores, rows_per_shard
from sgg.features.other_stores import differences
from sgg.structures import Batch, Detections, DetectorOutputs

from .encoding import observe, wanted_outputs
from .extraction import store_path

MIB = 2**20
BATCH = 8
"""The number of views that are loaded together. Each is computed by itself, so it changes no result."""
Kind = str
"""`map`, or an `Output`: the kind of a store."""


@dataclass(frozen=True, eq=False)
class StoredSplit:
    """The stores of a split, as the settings of an experiment want them: one for the maps, and one for each other
    output that the relation head and the modes need.

    name: of the split.
    """

    experiment: Experiment
    detector: Detector
    detector_hash: str
    name: str

    @cached_property
    def split(self) -> Split:
        """The images."""
        return self.experiment.split(self.name)

    @property
    def views(self) -> int:
        """As `views_of`."""
        return views_of(self.name, self.experiment.config.data.flip)

    @property
    def wanted(self) -> frozenset[Output]:
        """The outputs beside the map."""
        config = self.experiment.config
        modes = [config.training.mode] if self.name == "train" else config.evaluation.modes
        return wanted_outputs(modes, config.model.head.needs)

    @property
    def in_use(self) -> bool:
        """Whether the settings let anyone read stores."""
        return self.experiment.config.features.maps != "off"

    @property
    def exact(self) -> bool:
        """Whether maps are float32; they are float16 otherwise."""
        return self.experiment.config.features.maps != "float16"

    @property
    def rows(self) -> int:
        """The number of rows of each store."""
        return self.views * len(self.split)

    @property
    def kinds(self) -> list[Kind]:
        """The kinds of the stores."""
        return ["map", *sorted(self.wanted)]

    def row_shape(self, kind: Kind) -> tuple[int, ...]:
        """The shape of a row of a kind."""
        classes = self.experiment.num_classes
        if kind == "map":
            return self.detector.map_shape
        if kind == "object_logits":
            return max(1, int(self.split.annotations.objects_per_image.max(initial=0))), classes
        return DETECTIONS + 1, len(FIXED) + (5 * classes if kind == "class_detections" else 0)

    def dtype_of(self, kind: Kind) -> str:
        """The type of the numbers of a kind."""
        return "float32" if self.exact or kind != "map" else "float16"

    @cached_property
    def identities(self) -> dict[Kind, StoreIdentity]:
        """Everything that decides the rows of each store. What is exact also depends on the machine's arithmetic."""
        data = self.experiment.data
        settings: dict[str, Any] = {"part": self.split.name, "images": len(self.split), "views": self.views,
                                    **pixels_identity(self.split.annotations.sizes, self.detector.image_size)}
        if self.exact:
            settings["computed"] = self._arithmetic
        images = data.image_hash(self.split)
        return {kind: StoreIdentity(data.classes, self.detector_hash, data.hash, kind, pictures=images, settings={
            **settings, "dtype": self.dtype_of(kind)}) for kind in self.kinds}

    @cached_property
    def paths(self) -> dict[Kind, Path]:
        """The path of each store."""
        return {kind: store_path(self.experiment.cache, identity) for kind, identity in self.identities.items()}

    @property
    def complete(self) -> bool:
        """Whether all stores are there."""
        return all(path.exists() for path in self.paths.values())

    def open(self, kinds: Sequence[Kind] | None = None) -> OpenedSplit:
        """The stores, or those of some `kinds`, for reading. Raises what `ImageStore.open` raises."""
        return OpenedSplit({kind: ImageStore.open(self.paths[kind], self.identities[kind])
                            for kind in (self.kinds if kinds is None else kinds)}, self.views,
                           MIB * self.experiment.config.features.in_memory)

    def writers(self) -> dict[Kind, ImageStoreWriter]:
        """A writer for each store. Their shards hold the same images."""
        return {kind: self.writer(kind) for kind in self.kinds}

    def writer(self, kind: Kind) -> ImageStoreWriter:
        """The writer of a store."""
        step = rows_per_shard(self.row_shape("map"), self.dtype_of("map"), self.views)
        return ImageStoreWriter(self.paths[kind], self.identities[kind], self.rows, self.row_shape(kind), step,
                                self.dtype_of(kind))

    def ensure(self, progress: Callable[[Sequence[Any]], Iterable[Any]] = iter) -> None:
        """Make the stores that are missing. A pass that was interrupted goes on. Raises what `write` raises."""
        if not self.complete:
            writers = self.writers()
            ensure_image_stores(list(writers.values()), lambda shards: self.write(writers, shards, progress))

    def write(self, writers: Mapping[Kind, ImageStoreWriter], shards: Sequence[int],
              progress: Callable[[Sequence[Any]], Iterable[Any]] = iter) -> None:
        """Compute shards and write them into every store that lacks them. Raises ValueError, naming the image, where an
        image file is faulty, the detector has diverged, or this process would compute other numbers than those that the
        stores are for; OSError where a store cannot be written."""
        for kind, writer in writers.items():
            if writer.identity != (own := self.identities[kind]):
                raise ValueError(f"{writer.path}: this process would compute other numbers than the one that began the "
                                 f"store ({'; '.join(differences(own, writer.identity))}): let nodes of one kind write "
                                 "it, or set features.maps=float16, which does not depend on them")
        ranges = {shard: writers["map"].rows_of(shard) for shard in shards}
        parts = {shard: [rows[start:start + BATCH] for start in range(0, len(rows), BATCH)]
                 for shard, rows in ranges.items()}
        every = [part for shard in shards for part in parts[shard]]
        loaded = load_views(self.split, self.views, every, self.experiment.config.data.workers,
                            self.detector.image_size)
        batches = iter(progress(_Counted(loaded)))
        with as_in_training(self.experiment.config):
            for shard in shards:
                found = [self._rows(batch) for batch in islice(batches, len(parts[shard]))]
                for kind, writer in writers.items():
                    if not writer.has(shard):
                        writer.write(shard, np.concatenate([one[kind] for one in found]))
            next(batches, None)  # finishes a progress bar

    def compute(self, rows: Sequence[int]) -> dict[Kind, np.ndarray]:
        """Rows [n, *row_shape] float32 of every kind, computed from images. Raises what `write` raises."""
        parts = [rows[start:start + BATCH] for start in range(0, len(rows), BATCH)]
        with as_in_training(self.experiment.config):
            loaded = load_views(self.split, self.views, parts, largest=self.detector.image_size)
            found = [self._rows(batch) for batch in loaded.epoch(0)]
        return {kind: np.concatenate([one[kind] for one in found]) for kind in self.kinds}

    def _rows(self, batch: Batch) -> dict[Kind, np.ndarray]:
        """The rows of a batch of views, by kind."""
        counts = batch.objects_per_image().tolist()
        outputs = observe(self.detector, batch, self.wanted).outputs
        assert outputs is not None  # observe sets them
        rows = {"map": outputs.map.cpu().numpy()}
        for kind in self.wanted:
            shape = self.row_shape(kind)
            if kind == "object_logits":
                assert outputs.object_logits is not None  # as asked for
                rows[kind] = np.stack([_padded(one, shape) for one in outputs.object_logits.split(counts)])
            else:
                assert outputs.detections is not None
                rows[kind] = np.stack([_padded(_packed(one), shape) for one in outputs.detections])
        return rows

    @property
    def _arithmetic(self) -> dict[str, Any]:
        """What decides the last bits of exact maps."""
        device, config = next(self.detector.parameters()).device, self.experiment.config
        where: dict[str, Any] = {"device": "cpu", "threads": threads_of(config)}
        if device.type != "cpu":
            where = {"device": torch.cuda.get_device_name(device), "tf32": config.training.tf32}
        return {**where, "torch": torch.__version__, "torchvision": torchvision.__version__}


class _Counted(Sequence[Any]):
    """Batches with their number, as progress bars take them."""

    def __init__(self, batches: Batches) -> None:
        self._batches = batches

    def __len__(self) -> int:
        return len(self._batches)

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError

    def __iter__(self) -> Iterator[Batch]:
        return self._batches.epoch(0)


class OpenedSplit:
    """The stores of a split, opened for reading: by kind.

    in_memory: rows stay in memory once they are read, if all stores take no more than this number of bytes, unpacked.
    """

    def __init__(self, stores: dict[Kind, ImageStore], views: int, in_memory: int = 0) -> None:
        self.stores, self.views = stores, views
        holds = sum(len(store) * store.row_bytes for store in stores.values()) <= in_memory
        self._readers: dict[Kind, ImageStore | HeldRows] = {
            kind: HeldRows(store) if holds else store for kind, store in stores.items()}

    @property
    def unchanged(self) -> bool:
        """Whether no store was deleted or written again since it was opened."""
        return all(store.unchanged for store in self.stores.values())

    def request(self, batch: Batch) -> Callable[[], DetectorOutputs]:
        """Begin to read the outputs for the views of a batch; returns a function that waits for them.

        The function raises ValueError, naming images, if a store is damaged or was written again.
        """
        rows = [row_of(image, mirrored, self.views) for image, mirrored in batch.views]
        pending = {kind: reader.request(rows) for kind, reader in self._readers.items()}

        def outputs() -> DetectorOutputs:
            read = {kind: one.result() for kind, one in pending.items()}
            logits = read.get("object_logits")
            if logits is not None:
                counts = batch.objects_per_image().tolist()
                logits = torch.cat([row[:count] for row, count in zip(logits, counts, strict=True)])
            found = read.get("class_detections", read.get("detections"))
            return DetectorOutputs(read["map"], logits, None if found is None else tuple(map(_unpacked, found)))

        return outputs


FIXED = ("x1", "y1", "x2", "y2", "label", "score")
"""The first columns of a stored detection. Row 0 of an image holds their number and the position of their threshold in
SCORE_THRESHOLDS; the scores and the boxes for every class follow in other columns."""


def _packed(found: Detections) -> Tensor:
    """[1 + D, columns] float32 of detections."""
    columns = [found.boxes, found.labels[:, None].float(), found.scores[:, None]]
    if found.logits is not None and found.class_boxes is not None:
        columns += [found.logits, found.class_boxes.flatten(1)]
    rows = torch.cat(columns, dim=1)
    first = rows.new_zeros(1, rows.shape[1])
    first[0, 0], first[0, 1] = len(rows), SCORE_THRESHOLDS.index(found.threshold)
    return torch.cat([first, rows])


def _unpacked(stored: Tensor) -> Detections:
    """The detections of `_packed`."""
    count, threshold = int(stored[0, 0]), SCORE_THRESHOLDS[int(stored[0, 1])]
    rows = stored[1:1 + count]
    boxes, labels, scores = rows[:, :4], rows[:, 4].long(), rows[:, 5]
    if rows.shape[1] == len(FIXED):
        return Detections(boxes, labels, scores, threshold)
    classes = (rows.shape[1] - len(FIXED)) // 5
    logits, class_boxes = rows[:, len(FIXED):].split([classes, 4 * classes], dim=1)
    return Detections(boxes, labels, scores, threshold, logits, class_boxes.unflatten(1, (classes, 4)))


def _padded(rows: Tensor, shape: Sequence[int]) -> np.ndarray:
    """Rows with zeros after them, to `shape`."""
    padded = np.zeros(shape, np.float32)
    padded[:len(rows)] = rows.cpu().numpy()
    return padded
