"""Batches whose detector outputs are read from stores, beside the training steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from sgg.common.ahead import ahead
from sgg.data import Batches, Split
from sgg.structures import Batch, DetectorOutputs

from .extraction import AddMaps
from .stored import OpenedSplit, StoredSplit

READING = 2
"""The number of batches whose rows are being read at the same time."""


class StoredBatches:
    """Batches without images, each with its outputs from the stores of their split."""

    def __init__(self, batches: Batches, stores: OpenedSplit) -> None:
        self._batches, self._stores = batches, stores

    def __len__(self) -> int:
        return len(self._batches)

    def epoch(self, number: int, first: int = 0) -> Iterator[Batch]:
        """As `Batches.epoch`; raises what `with_outputs` raises."""
        return with_outputs(self._batches.epoch(number, first), self._stores)


class StoredMaps:
    """Reads the exact maps of images as they are, for the extraction of features (`Extraction.maps`).

    stored: the stores of a split by its name.
    """

    def __init__(self, stored: Callable[[str], StoredSplit]) -> None:
        self._stored = stored
        self._opened: dict[str, tuple[OpenedSplit, dict[str, int]]] = {}

    def __call__(self, split: Split) -> AddMaps | None:
        """A function that gives batches of `split` their maps; None unless those of all its images are stored as
        float32. Raises what `ImageStore.open` raises."""
        stores, numbers = self._of(split.name) or (None, {})
        images = [numbers.get(file) for file in split.annotations.files.tolist()]
        if stores is None or None in images:
            return None
        views = [(image, False) for image in images if image is not None]

        def renumbered(batches: Iterator[Batch]) -> Iterator[Batch]:
            for batch in batches:
                yield replace(batch, views=tuple(views[image] for image, _ in batch.views))

        return lambda batches: with_outputs(renumbered(batches), stores)

    def _of(self, name: str) -> tuple[OpenedSplit, dict[str, int]] | None:
        """The store of the maps of a split, and the number of each image in it by its file."""
        if name not in self._opened:
            stored = self._stored(name)
            if not (stored.in_use and stored.exact and stored.paths["map"].exists()):
                return None
            files = stored.split.annotations.files.tolist()
            self._opened[name] = stored.open(["map"]), {file: number for number, file in enumerate(files)}
        return self._opened[name]


def with_outputs(batches: Iterator[Batch], stores: OpenedSplit) -> Iterator[Batch]:
    """The same batches with the detector's outputs. One thread makes batches and reads ahead, so that a step does not
    wait. `next` raises ValueError, naming images, where a store is damaged or was written again."""
    return ahead(_read(batches, stores))


def _read(batches: Iterator[Batch], stores: OpenedSplit) -> Iterator[Batch]:
    reading: deque[tuple[Batch, Callable[[], DetectorOutputs]]] = deque()
    for batch in batches:
        reading.append((batch, stores.request(batch)))
        if len(reading) > READING:
            yield _filled(*reading.popleft())
    while reading:
        yield _filled(*reading.popleft())


def _filled(batch: Batch, outputs: Callable[[], DetectorOutputs]) -> Batch:
    return replace(batch, outputs=outputs())
