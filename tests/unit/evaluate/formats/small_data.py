"""A data set whose test images are given graphs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sgg.data.annotations import Annotations
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.splits import SPLITS
from sgg.structures import SceneGraph

SIDE = 400
"""Pixels of the sides of every image."""


def data_of(graphs: Sequence[SceneGraph], classes: Sequence[str], predicates: Sequence[str],
            sizes: Sequence[tuple[int, int]] | None = None) -> DataSet:
    """A data set with these graphs as images of test, and the first of them as the image of train and of val. Images
    are test/0.jpg and so on. classes, predicates: names without the background. sizes: heights and widths."""
    every = [graphs[0], graphs[0], *graphs]
    own = [(SIDE, SIDE)] * len(graphs) if sizes is None else list(sizes)
    splits = np.array([SPLITS["train"], SPLITS["val"], *[SPLITS["test"]] * len(graphs)], np.int8)
    annotations = Annotations(
        np.array(["train/0.jpg", "val/0.jpg", *(f"test/{number}.jpg" for number in range(len(graphs)))]),
        np.array([own[0], own[0], *own]), np.cumsum([0, *map(len, every)]),
        np.concatenate([graph.boxes for graph in every]).astype(np.float32),
        np.concatenate([graph.labels for graph in every]), np.cumsum([0, *(len(graph.relations) for graph in every)]),
        np.concatenate([graph.relations for graph in every]))
    return DataSet("small", "small", [BACKGROUND, *classes], [BACKGROUND, *predicates], annotations, splits,
                   Path("none"))
