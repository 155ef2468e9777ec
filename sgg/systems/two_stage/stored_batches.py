"""Batches whose detector outputs are read from stores, beside the training steps."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace

from sgg.common.ahead import ahead
from sgg.data import Batches
from sgg.structures import Batch, DetectorOutputs

from .stored import OpenedSplit

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
