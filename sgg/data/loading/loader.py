"""Batches of a split, which are the same for any number of worker processes.

The order of the images is drawn from a generator of (seed, epoch), the augmentation of an image from a generator of
(seed, epoch, image). So no draw depends on earlier draws, on the workers, or on the place at which an epoch resumed.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from sgg.data import boxes as box_math
from sgg.data.dataset import Split
from sgg.data.images.corruption import Corruption
from sgg.data.images.image_files import read_image
from sgg.data.loading.collate import Sample, collate
from sgg.data.loading.shared_batch import SharedBatch
from sgg.data.loading.shared_memory import AHEAD, MEMORY, REMEDY, require
from sgg.data.loading.transforms import to_square
from sgg.data.mirroring import NO_PARTNER
from sgg.structures import Batch, SceneGraph, to_numpy


def _generator(seed: int, *key: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def flip_graph(graph: SceneGraph, width: int, mirrored: np.ndarray | None = None) -> SceneGraph:
    """The graph of the mirrored image.

    width: of the image in pixels. mirrored: [R] the predicate that each predicate becomes (see `mirrored_predicates`);
    None: itself.
    """
    relations = to_numpy(graph.relations)
    if mirrored is not None:
        relations = np.column_stack([relations[:, :2], mirrored[relations[:, 2]]])
    return SceneGraph(box_math.flip(to_numpy(graph.boxes), width), graph.labels, relations)


def draw_predicates(relations: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Draw one relation for each (subject, object) pair of `relations` [E, 3]: [E', 3] in the order of the file.

    The draw is uniform over the annotated relations, so a predicate that is annotated twice is twice as likely.
    """
    shuffled = generator.permutation(len(relations))
    _, first = np.unique(relations[shuffled, :2], axis=0, return_index=True)
    return relations[np.sort(shuffled[first])]


class SplitImages(Dataset[Sample]):
    """The samples of a split under the keys (epoch, image). pixels: whether they have the images themselves. largest:
    as in `to_square`. corruption: of every image; None: of none."""

    def __init__(self, split: Split, augment: bool, seed: int, flip: bool = True, exchange_predicates: bool = True,
                 pixels: bool = True, largest: int | None = None, corruption: Corruption | None = None) -> None:
        self.split, self.augment, self.seed, self.flip, self.pixels = split, augment, seed, flip, pixels
        self.largest, self.corruption = largest, corruption
        self.mirrored = split.mirrored if exchange_predicates else None

    def __len__(self) -> int:
        return len(self.split)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        epoch, image = key
        graph, size = self.split.graph(image), self.split.size(image)
        flipped = False
        if self.augment:
            generator = _generator(self.seed, epoch, image)
            flipped = bool(generator.random() < 0.5) and self.flip and self._has_mirror(graph)
            graph = SceneGraph(graph.boxes, graph.labels, draw_predicates(to_numpy(graph.relations), generator))
            graph = flip_graph(graph, size[1], self.mirrored) if flipped else graph
        square = self._square(image, flipped) if self.pixels else None
        return Sample(square, size, graph, self.split.image_id(image), (image, flipped))

    def _square(self, image: int, flipped: bool) -> Tensor:
        return to_square(self._decoded(image), flipped, self.largest)

    def _decoded(self, image: int) -> np.ndarray:
        pixels = read_image(self.split.image_path(image), self.split.size(image))
        return pixels if self.corruption is None else self.corruption(pixels, self.split.image_id(image))

    def _has_mirror(self, graph: SceneGraph) -> bool:
        """Whether all predicates of an image have one for the mirrored image. All annotated predicates count, not only
        the drawn ones, so an image is mirrored either in half of the epochs or never."""
        return self.mirrored is None or bool((self.mirrored[graph.relations[:, 2]] != NO_PARTNER).all())

    def __getitems__(self, keys: list[tuple[int, int]]) -> list[Sample] | OSError | ValueError:
        """The samples of a batch; torch calls this method. The error of an image file is returned, not raised: torch
        would raise it with the worker's traceback as the message.
        """
        try:
            return [self[key] for key in keys]
        except (OSError, ValueError) as error:
            return _alone(error)


def _alone(error: OSError | ValueError) -> OSError | ValueError:
    """The error without the frames that raised it: they would hold it, and all that they loaded, in a circle."""
    error.__context__ = error.__cause__ = None
    return error.with_traceback(None)


def _batch(samples: list[Sample] | OSError | ValueError) -> Batch | SharedBatch | OSError | ValueError:
    """The result for a batch: the batch itself, in a loading process a `SharedBatch`, or an error."""
    if isinstance(samples, Exception):
        return samples
    batch = collate(samples)
    if get_worker_info() is None:
        return batch
    try:
        return SharedBatch.of(batch)
    except OSError as error:
        return _alone(error)


def _received(loading: Iterator[Any], processes: list[BaseProcess]) -> Iterator[Batch]:
    while True:
        with _explaining_dead_workers(processes):
            batch = next(loading, None)
        if batch is None:
            return
        if isinstance(batch, Exception):
            try:
                raise batch
            finally:
                del batch, loading  # the error has this frame, which would keep the error and the processes alive
        yield batch.unpack() if isinstance(batch, SharedBatch) else batch


@contextmanager
def _explaining_dead_workers(processes: list[BaseProcess]) -> Iterator[None]:
    """In the block, replace torch's error that a worker has died by one with the cause and the remedy."""
    try:
        yield
    except RuntimeError as error:
        if "DataLoader worker" not in str(error):
            raise
        ended = [f"process {one.pid} {_cause(one.exitcode)}" for one in processes if one.exitcode]
        causes = ", ".join(ended) or str(error)
        raise ChildProcessError(f"data.workers: a process that loads images has died: {causes}; use fewer "
                                "data.workers, or set data.workers=0, which loads in the training process") from error


def _cause(code: int) -> str:
    if code >= 0:
        return f"ended with exit status {code}"
    name = signal.Signals(-code).name
    reason = {"SIGKILL": ", as the system does if memory runs out",
              "SIGBUS": f", as the system does if {MEMORY} is full: {REMEDY}"}.get(name, "")
    return f"was ended by {name}{reason}"


class Order(Sampler[list[tuple[int, int]]]):
    """The keys (epoch, image) of an epoch's batches. Each key holds the epoch, since workers live longer than an epoch.
    """

    epoch = 0
    first = 0

    def __len__(self) -> int:
        raise NotImplementedError


class BatchSampler(Order):
    """The order of `load_batches`."""

    def __init__(self, images: int, batch_size: int, shuffle: bool, seed: int, share: tuple[int, int],
                 drop_last: bool, repeats: np.ndarray | None = None) -> None:
        self.images = np.arange(images) if repeats is None else np.arange(images).repeat(repeats)
        self.batch_size, self.shuffle, self.seed, self.share = batch_size, shuffle, seed, share
        images = len(self.images) if shuffle else len(self.images[share[0]::share[1]])
        self.batches, rest = divmod(images, batch_size)
        if not drop_last:  # every process that trains together must get every batch
            self.batches += rest >= (share[1] if shuffle else 1)

    def __len__(self) -> int:
        return self.batches

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        rank, workers = self.share
        order = self.images[rank::workers]
        if self.shuffle:
            order = _generator(self.seed, self.epoch).permutation(self.images)
        for batch in range(self.first, self.batches):
            chosen = order[batch * self.batch_size:(batch + 1) * self.batch_size]
            mine = chosen[rank::workers] if self.shuffle else chosen
            yield [(self.epoch, image) for image in mine.tolist()]


class Batches:
    """The batches of a split, epoch by epoch: see `load_batches`."""

    def __init__(self, images: SplitImages, order: Order, workers: int, start_method: str | None) -> None:
        self._order = order
        self._loader = DataLoader(
            images, batch_sampler=order, collate_fn=_batch, num_workers=workers, persistent_workers=workers > 0,
            multiprocessing_context=start_method if workers else None, prefetch_factor=AHEAD if workers else None,
            generator=torch.Generator())  # otherwise each epoch would draw from torch's global generator

    def __len__(self) -> int:
        return len(self._order)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """The batches of one epoch from batch `first` on, counted from 0; the images before it are not loaded. Starting
        another epoch ends this one.

        `next` raises FileNotFoundError or ValueError that names a missing or faulty image file; ChildProcessError if a
        loading process was killed, which is noticed within about five seconds; OSError if shared memory is full.
        """
        self._order.epoch, self._order.first = number, first
        with _explaining_dead_workers([]):
            loading = iter(self._loader)
        return _received(loading, multiprocessing.active_children())


def load_batches(split: Split, batch_size: int, *, augment: bool = False, flip: bool = True,
                 exchange_predicates: bool = True, shuffle: bool = False,
                 seed: int = 0, workers: int = 0, start_method: str | None = None,
                 share: tuple[int, int] = (0, 1), drop_last: bool = False,
                 repeats: np.ndarray | None = None, pixels: bool = True, largest: int | None = None,
                 corruption: Corruption | None = None) -> Batches:
    """Batches of the images and graphs of a split.

    augment: mirror half of the images (unless `flip` is False) and draw one predicate for a pair with several, as
    training does.
    exchange_predicates: in a mirrored image "left of" becomes "right of", by `Split.mirrored`. An image with a
    predicate that has no such partner is not mirrored. False: predicates stay.
    workers: the number of processes that decode images; 0: this process decodes them.
    start_method: how these processes start, fork or spawn; None: Python's default.
    share: (r, W) for process r of W that train together. With `shuffle` it gets the images r, r + W, ... of every
    batch, and a last batch with fewer than W images is left out. Without, its batches consist of the images r, r + W,
    ... of the split.
    drop_last: leave out a last batch with fewer than `batch_size` images.
    repeats: [I] how often each image occurs in an epoch; None: once. The draws for an image are the same each time.
    pixels: False: no image file is read, and batches have no images; `workers` is then 0.
    largest: the image size of the detector that will get the batches. Larger images are resized to it while they are
    loaded, and rounded to 8 bits (docs/SYSTEM.md section 8); boxes and sizes stay those of the whole image. None: no
    image is resized.

    Raises ValueError for an empty split, a split that `drop_last` leaves without a batch, or a wrong number;
    FileNotFoundError if the image folder is missing; OSError if shared memory is too small for the batches that the
    workers load ahead.
    """
    if batch_size < 1 or workers < 0:
        raise ValueError(f"batch_size must be >= 1 and workers >= 0, got {batch_size} and {workers}")
    if not len(split):
        raise ValueError(f"the split {split.name} has no images")
    if pixels and not split.image_folder.is_dir():
        raise FileNotFoundError(f"image folder {split.image_folder} is missing")
    order = BatchSampler(len(split), batch_size, shuffle, seed, share, drop_last, repeats)
    if drop_last and not len(order):
        repeated = "" if repeats is None else " in an epoch, as often as the augmentation repeats each"
        raise ValueError(f"the split {split.name} has {len(order.images)} images{repeated}, fewer than a batch of "
                         f"{batch_size}, and drop_last leaves out an incomplete batch: use smaller batches, or set "
                         "drop_last to false")
    workers = workers if pixels else 0
    require(split, batch_size, workers, largest)
    images = SplitImages(split, augment, seed, flip, exchange_predicates, pixels, largest, corruption)
    return Batches(images, order, workers, start_method)
