"""Read VRD, visual relationship detection (Lu et al. 2016), from its published files.

    <directory>/annotations_{train,test}.json    {"a.jpg": [{"predicate": 3, "subject": {"category": 0, "bbox": [ymin,
                                                 ymax, xmin, xmax]}, "object": {...}}, ...], ...}
    <directory>/{objects,predicates}.json        names; numbers in records count their places from 0
    <directory>/sg_{train,test}_images/a.jpg

The files have neither objects nor sizes of images. The objects of an image are the distinct pairs of class and box
among its subjects and objects. An object without extent is left out, with its relations. The sizes are those of the
image files, whose headers are read. An image may have another ending than in the annotation, as one of the published
images has.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sgg.data.annotation_files import require_json
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CORNERS
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import DataSet
from sgg.data.findings import Finding
from sgg.data.readers.file_names import require_below, require_distinct
from sgg.data.readers.image_sizes import read_sizes, with_their_endings
from sgg.data.readers.names import numbered_by_place
from sgg.data.records import AnnotationsBuilder, located, short, typed
from sgg.data.splits import partition

CLASSES, PREDICATES = "objects.json", "predicates.json"
PARTS = {"annotations_train.json": "sg_train_images", "annotations_test.json": "sg_test_images"}
"""Each file of annotation, and the folder of its images."""
FILES = {folder: file for file, folder in PARTS.items()}
NUM_VAL_IMAGES = 400
REMEDY = (f"put VRD's {', '.join(PARTS)}, {CLASSES} and {PREDICATES} there, and the images into "
          f"{' and '.join(PARTS.values())}")
Object = tuple[int, tuple[float, float, float, float]]
"""Class and box x1, y1, x2, y2."""


def open_vrd(directory: Path | str, num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL,
             cache: Path | None = None) -> DataSet:
    """Open the data set under `directory` (ROOT/VRD). The first training images with a relation are the validation
    split. cache: the folder in which sizes of images are kept.

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    directory = Path(directory)
    classes, class_shift = _names(directory / CLASSES)
    predicates, predicate_shift = _names(directory / PREDICATES)
    builder, is_test, left_out = AnnotationsBuilder(), [], []
    for name, folder in PARTS.items():
        path = directory / name
        images = require_json(path, dict, REMEDY, unique_keys=True)
        for file, relations in images.items():
            with located(f"{path}: image {file}"):
                boxes, labels, rows, flat = _graph(relations, class_shift, predicate_shift)
            builder.add(f"{folder}/{require_below(file, str(path))}", (1, 1), boxes, labels, rows)
            left_out += [f"{path}: image {file} relation {row}" for row in flat]
            is_test.append(folder.startswith("sg_test"))
    with located(f"{directory}:"):
        require_distinct(builder.files, "images")
    builder.files = with_their_endings(directory, builder.files)
    builder.sizes = read_sizes(directory, builder.files, cache, REMEDY)
    annotations, findings = checked(builder.build(), str(directory), classes, predicates, rules, CORNERS, STRAY_SHARE,
                                    shifts=(class_shift, predicate_shift), file_of=lambda image: str(
                                        directory / FILES[image.partition("/")[0]]))
    with located(f"{directory}:"):
        splits = partition(annotations, np.array(is_test, dtype=bool), num_val_images, findings)
    return DataSet("vrd", "VRD", classes, predicates, annotations, splits, directory, REMEDY,
                   findings=(*findings, *_of_left_out(left_out, annotations)))


def _of_left_out(places: list[str], annotations: Annotations) -> list[Finding]:
    if not places:
        return []
    return [Finding("relations of objects without extent", len(places), len(places) + len(annotations.relations),
                    places[0], "The relation and such an object are left out.")]


def _names(path: Path) -> tuple[list[str], int]:
    names = require_json(path, list, REMEDY)
    with located(f"{path}:"):
        return numbered_by_place(names, "names")


def _graph(relations: Any, class_shift: int, predicate_shift: int) -> tuple[
        list[tuple[float, ...]], list[int], list[tuple[int, ...]], list[int]]:
    """Boxes [N, 4], labels [N] and relations [E, 3] of an image; and the numbers of the relations that are left out,
    since an object has no extent."""
    if not isinstance(relations, list):
        raise ValueError(f"must have a list of relations, got {short(relations)}")
    objects: dict[Object, int] = {}
    rows, left_out = [], []
    for index, relation in enumerate(relations):
        with located(f"relation {index}:"):
            ends = [_object(typed(relation, end, dict), class_shift) for end in ("subject", "object")]
            predicate = typed(relation, "predicate", int) + predicate_shift
        if all(right > left and bottom > top for _, (left, top, right, bottom) in ends):
            rows.append((*(objects.setdefault(end, len(objects)) for end in ends), predicate))
        else:
            left_out.append(index)
    return [box for _, box in objects], [label for label, _ in objects], rows, left_out


def _object(record: dict[str, Any], class_shift: int) -> Object:
    box = typed(record, "bbox", list)
    if len(box) != 4 or not all(type(side) in (int, float) and abs(side) < 2**31 for side in box):
        raise ValueError(f"must have a 'bbox' [ymin, ymax, xmin, xmax], got {short(box)}")
    top, bottom, left, right = box
    return typed(record, "category", int) + class_shift, (left, top, right, bottom)
