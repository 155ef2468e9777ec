"""The views of images, as they are and mirrored, in a given order: what a detector computes of them can be stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sgg.data.dataset import Split
from sgg.data.loading.collate import Sample
from sgg.data.loading.loader import Batches, Order, SplitImages, flip_graph
from sgg.data.loading.shared_memory import require
from sgg.structures import SceneGraph


class SplitViews(SplitImages):
    """The views of the images of a split under the keys (epoch, view), where a view is `views * image + mirrored`. They
    have no relations."""

    def __init__(self, split: Split, views: int, largest: int | None = None) -> None:
        super().__init__(split, augment=False, seed=0, largest=largest)
        self.views = views
        self._last: tuple[int, np.ndarray] | None = None

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        image, second = divmod(key[1], self.views)
        size, mirrored = self.split.size(image), bool(second)
        graph = self.split.graph(image)
        graph = SceneGraph(graph.boxes, graph.labels, np.empty((0, 3), np.int64))
        return Sample(self._square(image, mirrored), size, flip_graph(graph, size[1]) if mirrored else graph,
                      self.split.image_id(image), (image, mirrored))

    def _decoded(self, image: int) -> np.ndarray:
        """The pixels of an image, which is decoded once for both of its views if these are asked for in turn."""
        if self._last is None or self._last[0] != image:
            self._last = None  # so that two images are never held
            self._last = image, super()._decoded(image)
        return self._last[1]


class _Listed(Order):
    """Given batches of views."""

    def __init__(self, batches: Sequence[Sequence[int]]) -> None:
        self.batches = batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.batches:
            yield [(self.epoch, view) for view in batch]


def views_of(split: str, flip: bool) -> int:
    """The number of views of each image that a store of a split has: 2 where training mirrors images, else 1."""
    return 2 if split == "train" and flip else 1


def load_views(split: Split, views: int, batches: Sequence[Sequence[int]], workers: int = 0,
               largest: int | None = None) -> Batches:
    """Batches of views of a split, without relations. views: 2 where mirrored images count, else 1. batches: the views
    of each batch, `views * image + mirrored`. workers: the number of processes that decode images. largest: as in
    `load_batches`.

    Raises FileNotFoundError if the image folder is missing, and OSError if shared memory is too small for the batches
    that the workers load ahead.
    """
    if not split.image_folder.is_dir():
        raise FileNotFoundError(f"image folder {split.image_folder} is missing")
    require(split, max(map(len, batches), default=1), workers, largest)
    return Batches(SplitViews(split, views, largest), _Listed(batches), workers, None)
