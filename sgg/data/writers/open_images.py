"""Write Open Images' own tables of relations (sgg/data/readers/open_images.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from sgg.common.atomic import replaced
from sgg.data.annotation_files import require_new
from sgg.data.dataset import DataSet, stem
from sgg.data.readers.open_images import ATTRIBUTE, IMAGE, IMAGES, LABELS, PREDICATE, SIDES, SUFFIX
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, images_of

TABLES = {"test": "test-annotations-vrd.csv", "val": "validation-annotations-vrd.csv",
          "train": "train-annotations-vrd.csv"}
NAMES = "class-descriptions.csv"


def write_open_images(data: DataSet, directory: Path) -> dict[str, Any]:
    """Write a table for each split and one of names, and links to the images, whose names end in .jpg there. Names
    serve as labels. The format has no objects without relations and no two objects of one class and box, and so the
    written tables; classes and predicates without a relation are not in it either.

    Raises FileExistsError for a file that is there already, ValueError for a predicate "is", which the format has for
    attributes.
    """
    require_new(directory, [*TABLES.values(), NAMES])
    if ATTRIBUTE in data.predicates:
        raise ValueError(f"Open Images has the relationship {ATTRIBUTE!r} for attributes, but {data.title} has a "
                         "predicate of this name: choose another format")
    directory.mkdir(parents=True, exist_ok=True)
    for split, name in TABLES.items():
        annotations = data.annotations.select(images_of(data, split))
        names = np.array([stem(file) for file in annotations.files.tolist()], dtype=object)
        link_images((directory / IMAGES / f"{one}{SUFFIX}", path) for one, path in zip(
            names.tolist(), image_paths(data, annotations), strict=True))
        sizes = annotations.sizes[annotations.image_of_object]
        fractions = annotations.boxes.astype(float) / np.tile(sizes[:, ::-1], 2)
        ends, classes = annotations.related_objects, np.array(data.classes, dtype=object)
        columns: dict[str, Any] = {IMAGE: names[annotations.image_of_relation]}
        columns |= {label: classes[annotations.labels[ends[:, place]]] for place, label in enumerate(LABELS)}
        columns |= dict(zip(SIDES, fractions[ends].reshape(-1, 8).T, strict=True))
        columns[PREDICATE] = np.array(data.predicates, dtype=object)[annotations.relations[:, 2]]
        _write(directory / name, pd.DataFrame(columns), header=True)
        if split == "val":
            _write(directory / NAMES, pd.DataFrame({"label": data.classes[1:], "name": data.classes[1:]}), header=False)
    return {}


def _write(path: Path, table: pd.DataFrame, header: bool) -> None:
    with replaced(path) as temporary:
        table.to_csv(temporary, index=False, header=header)
