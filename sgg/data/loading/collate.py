"""Put single images together into a Batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sgg.structures import Batch, SceneGraph


class Sample(NamedTuple):
    """One image: a square [3, s, s], or None where nobody needs the pixels; height and width of the image in it, its
    graph, its id; its number in the split and whether it is mirrored."""

    image: Tensor | None
    size: tuple[int, int]
    graph: SceneGraph
    image_id: str
    view: tuple[int, bool]


def collate(samples: Sequence[Sample]) -> Batch:
    """The Batch of B samples, on the CPU."""
    graphs = [sample.graph for sample in samples]
    counts = [len(graph) for graph in graphs]
    starts = np.cumsum(counts) - counts
    relations = [np.column_stack([np.full(len(graph.relations), image), graph.relations + np.array([start, start, 0])])
                 for image, (graph, start) in enumerate(zip(graphs, starts, strict=True))]
    return Batch(
        images=tuple(sample.image for sample in samples if sample.image is not None),
        sizes=torch.tensor([sample.size for sample in samples]),
        boxes=torch.from_numpy(np.concatenate([graph.boxes for graph in graphs])),
        labels=torch.from_numpy(np.concatenate([graph.labels for graph in graphs])),
        image_index=torch.from_numpy(np.repeat(np.arange(len(samples)), counts)),
        relations=torch.from_numpy(np.concatenate(relations)),
        image_ids=tuple(sample.image_id for sample in samples),
        views=tuple(sample.view for sample in samples),
    )
