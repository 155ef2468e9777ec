"""Annotated relations of the training images, and where their features are stored."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sgg.data import Split
from sgg.features import FeatureStore
from sgg.methods.augmentation import PendingFeatures, RelationSource

from .extraction import REGIONS


class TrainingRelations(RelationSource):
    """The relations of a split, without features (`sgg.methods.augmentation.RelationSource`)."""

    def __init__(self, split: Split) -> None:
        self._annotations = split.annotations

    @cached_property
    def triplets(self) -> np.ndarray:
        """[K, 3] subject class, predicate, object class."""
        return self._annotations.triplets

    @cached_property
    def boxes(self) -> np.ndarray:
        """[K, 2, 4] of subject and object, in pixels of the image."""
        return self._annotations.boxes[self._annotations.related_objects]

    def request(self, relations: np.ndarray, device: torch.device) -> PendingFeatures:
        """As `RelationSource.request`."""
        raise NotImplementedError


class StoredRelations(TrainingRelations):
    """The same with the store of their features, which `extraction.training_relations` made of the split.

    A store groups rows by predicate; those of a predicate have the order of the annotation.
    """

    def __init__(self, split: Split, store: FeatureStore) -> None:
        super().__init__(split)
        self._store = store
        self._rows = np.empty(len(self.triplets), np.int64)
        self._rows[np.argsort(self.triplets[:, 1], kind="stable")] = np.arange(len(self.triplets))

    def request(self, relations: np.ndarray, device: torch.device) -> PendingFeatures:
        """As `RelationSource.request`. `.result()` raises ValueError if the store is damaged (it names rows and
        shards), or if it was deleted or written again since it was opened."""
        if not len(relations):
            channels, *size = self._store.row_shape
            return RelationsOfShape(0, channels // REGIONS, size[0], device)
        return _Apart(self._store.request_rows(self._rows[relations], device))


class RelationsOfShape:
    """Features of n relations that are all zero.

    channels, size: of a region. device: where they are.
    """

    def __init__(self, number: int, channels: int, size: int, device: torch.device) -> None:
        self._shape, self._device = (number, REGIONS, channels, size, size), device

    def result(self) -> Tensor:
        """[n, 3, channels, size, size]."""
        return torch.zeros(self._shape, device=self._device)


class _Apart:
    """Stored rows, with the regions of each apart."""

    def __init__(self, pending: Any) -> None:
        self._pending = pending

    def result(self) -> Tensor:
        """[n, 3, channels, 7, 7]."""
        rows: Tensor = self._pending.result()
        return rows.unflatten(1, (REGIONS, -1))
