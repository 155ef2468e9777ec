"""The views of images, as they are and mirrored, in a given order: what a detector computes of them can be stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sgg.data.dataset import Split
from sgg.data.images.image_files import read_image
from sgg.data.loading.collate import Sample
from sgg.data.loading.loader import Batches, Order, SplitImages, flip_graph
from sgg.data.loading.shared_memory import require
from sgg.data.loading.transforms import to_square
from sgg.structures import SceneGraph


class SplitViews(SplitImages):
    """The views of the images of a split under the keys (epoch, view), where a view is `views * image + mirrored`. They
    have no relations."""

    def __init__(self, split: Split, views: int) -> None:
        super().__init__(split, augment=False, seed=0)
        self.views = views
        self._last: tuple[int, np.ndarray] | None = None

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        image, second = divmod(key[1], self.views)
        size, mirrored = self.split.size(image), bool(second)
        graph = self.split.graph(image)
        graph = SceneGraph(graph.boxes, graph.labels, np.empty((0, 3), np.int64))
        return Sample(to_square(self._pixels(image, size), mirrored), size,
                      flip_graph(graph, size[1]) if mirrored else graph, self.split.image_id(image), (image, mirrored))

    def _pixels(self, image: int, size: tuple[int, int]) -> np.ndarray:
        """The pixels of an image, which is decoded once for both of its views if these are asked for in turn."""
        if self._last is None or self._last[0] != image:
            self._last = image, read_image(self.split.image_path(image), size)
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


def load_views(split: Split, views: int, batches: Sequence[Sequence[int]], workers: int = 0) -> Batches:
    """Batches of views of a split, without relations. views: 2 where mirrored images count, else 1. batches: the views
    of each batch, `views * image + mirrored`. workers: the number of processes that decode images.

    Raises FileNotFoundError if the image folder is missing, and OSError if shared memory is too small for the batches
    that the workers load ahead.
    """
    if not split.image_folder.is_dir():
        raise FileNotFoundError(f"image folder {split.image_folder} is missing")
    require(split, max(map(len, batches), default=1), workers)
    return Batches(SplitViews(split, views), _Listed(batches), workers, None)
