"""The images of a data set as writers need them: by split, since formats tell splits by files or by order; in lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sgg.data.annotations import Annotations
from sgg.data.dataset import DataSet
from sgg.data.splits import NONE, SPLITS, TEST, TRAIN, VAL
from sgg.structures import to_numpy


def images_of(data: DataSet, split: str) -> np.ndarray:
    """The images of a split, those without a relation among them. Images in no split count as those of train."""
    codes = [SPLITS[split], *([NONE] if split == "train" else [])]
    return np.flatnonzero(np.isin(data.splits, codes))


def validation_first(data: DataSet) -> np.ndarray:
    """All images: those of val, of train, of test, and those in no split."""
    return np.concatenate([np.flatnonzero(data.splits == code) for code in (VAL, TRAIN, TEST, NONE)])


def validation_size(data: DataSet) -> dict[str, int]:
    """The setting under which the first training images of `validation_first` are the validation split."""
    related = data.annotations.relations_per_image > 0
    return {"num_val_images": int(((data.splits == VAL) & related).sum())}


def in_lists(annotations: Annotations, image: int) -> tuple[list[list[float]], list[int], list[list[int]]]:
    """Boxes [N, 4], labels [N] and relations [E, 3] of an image, as values of JSON."""
    graph = annotations.graph(image)
    return to_numpy(graph.boxes).astype(float).tolist(), graph.labels.tolist(), graph.relations.tolist()


def image_paths(data: DataSet, annotations: Annotations) -> list[Path]:
    """The image file of each image."""
    return [data.image_folder / file for file in annotations.files.tolist()]
