"""Write COCO with relations (sgg/data/readers/coco_relations.py)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_new
from sgg.data.annotations import Annotations
from sgg.data.dataset import DataSet
from sgg.data.readers.coco_relations import FILE
from sgg.data.splits import SPLITS
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, images_of


def write_coco_relations(data: DataSet, directory: Path) -> None:
    """Write a file for each split, and links to the images beside it. All ids count from 1.

    Raises FileExistsError for a file that is there already.
    """
    require_new(directory, [f"{split}/{FILE}" for split in SPLITS])
    first = 1
    for split in SPLITS:
        annotations = data.annotations.select(images_of(data, split))
        folder = directory / split
        folder.mkdir(parents=True, exist_ok=True)
        files = _below(annotations.files.tolist(), split)
        link_images((folder / file, path) for file, path in zip(files, image_paths(data, annotations), strict=True))
        write_json(folder / FILE, {**_records(annotations, files, first), **categories(data.classes, data.predicates)},
                   indent=None)
        first += len(annotations)


def categories(classes: Sequence[str], predicates: Sequence[str]) -> dict[str, Any]:
    """The lists of classes and predicates, with ids from 1. classes, predicates: names, background first."""
    return {"categories": [{"id": number, "name": name, "supercategory": name} for number, name in enumerate(classes)
                           if number],
            "rel_categories": [{"id": number, "name": name} for number, name in enumerate(predicates) if number]}


def _below(files: list[str], split: str) -> list[str]:
    """The files below the folder of their split. A data set that was in this layout had them there already."""
    return [file.removeprefix(f"{split}/") for file in files]


def _records(annotations: Annotations, files: list[str], first: int) -> dict[str, Any]:
    """The lists of images, objects and relations. first: the id of the first image."""
    corners = annotations.boxes.astype(float)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    areas = boxes[:, 2:].prod(axis=1)
    owners, ends = annotations.image_of_object + first, annotations.related_objects + 1
    return {
        "images": [{"id": number, "file_name": file, "width": width, "height": height} for number, (
            file, (height, width)) in enumerate(zip(files, annotations.sizes.tolist(), strict=True), start=first)],
        "annotations": [{"id": number, "image_id": image, "category_id": label, "bbox": box, "area": area, "iscrowd": 0,
                         "segmentation": []} for number, (image, label, box, area) in enumerate(zip(
                             owners.tolist(), annotations.labels.tolist(), boxes.tolist(), areas.tolist(), strict=True),
                             start=1)],
        "rel_annotations": [{"id": number, "image_id": image, "subject_id": subject, "object_id": object_,
                             "predicate_id": predicate} for number, (image, (subject, object_), predicate)
                            in enumerate(zip((annotations.image_of_relation + first).tolist(), ends.tolist(),
                                             annotations.relations[:, 2].tolist(), strict=True), start=1)]}
