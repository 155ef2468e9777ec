"""Read Open Images (V4, V6) in the form that scene graph repositories prepare.

    <directory>/annotations/categories_dict.json             {"obj": [names of classes], "rel": [names of predicates]}
    <directory>/annotations/vrd-{train,val,test}-anno.json   [{"img_fn": "a", "img_size": [width, height],
                                                               "bbox": [[x1, y1, x2, y2], ...], "det_labels": [3, ...],
                                                               "rel": [[subject, object, predicate], ...]}, ...]
    <directory>/images/<img_fn>.jpg

Numbers count places from 0: det_labels in "obj", subject and object in "bbox", predicates in "rel".
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sgg.data.annotation_files import require_json
from sgg.data.checks.box_conventions import CORNERS
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import DataSet
from sgg.data.readers.file_names import require_below, require_distinct
from sgg.data.readers.names import numbered_by_place
from sgg.data.records import AnnotationsBuilder, located, short, typed
from sgg.data.splits import NONE, SPLITS, require_splits

ANNOTATIONS, IMAGES, SUFFIX = "annotations", "images", ".jpg"
NAMES = "categories_dict.json"
REMEDY = (f"put {NAMES} and vrd-{{train,val,test}}-anno.json into {ANNOTATIONS}/ there, and the images into {IMAGES}/; "
          "Open Images' own tables are data.name=open-images")


def file_of(split: str) -> str:
    """The file of a split, below the folder of the data set."""
    return f"{ANNOTATIONS}/vrd-{split}-anno.json"


def open_open_images_json(directory: Path | str, rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory` (ROOT/open-images-json).

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    directory = Path(directory)
    path = directory / ANNOTATIONS / NAMES
    content = require_json(path, dict, REMEDY)
    with located(f"{path}:"):
        classes, class_shift = numbered_by_place(typed(content, "obj", list), "obj")
        predicates, predicate_shift = numbered_by_place(typed(content, "rel", list), "rel")
    builder, splits, file_of_image = AnnotationsBuilder(), [], dict[str, str]()
    for split, code in SPLITS.items():
        path = directory / file_of(split)
        for index, image in enumerate(require_json(path, list, REMEDY)):
            with located(f"{path}: [{index}]"):
                _add(builder, image, class_shift, predicate_shift)
            file_of_image.setdefault(builder.files[-1], str(path))
            splits.append(code)
    with located(f"{directory}:"):
        require_distinct(builder.files, "images")
    annotations, findings = checked(builder.build(), str(directory), classes, predicates, rules, CORNERS, STRAY_SHARE,
                                    shifts=(class_shift, predicate_shift), file_of=file_of_image.__getitem__)
    codes = np.array(splits, dtype=np.int8)
    codes[annotations.objects_per_image == 0] = NONE
    with located(f"{directory}:"):
        require_splits(annotations, codes, findings=findings)
    return DataSet("open-images-json", "Open Images (prepared)", classes, predicates, annotations, codes,
                   directory / IMAGES, REMEDY, findings=findings)


def _add(builder: AnnotationsBuilder, image: Any, class_shift: int, predicate_shift: int) -> None:
    width, height = _numbers(typed(image, "img_size", list), 2, "img_size")
    if min(width, height) < 1:
        raise ValueError(f"'img_size' must be a width and height >= 1, got {width} and {height}")
    boxes = [_numbers(box, 4, f"bbox[{row}]", (int, float)) for row, box in enumerate(typed(image, "bbox", list))]
    labels = _numbers(typed(image, "det_labels", list), len(boxes), "det_labels")
    relations = []
    for row, relation in enumerate(typed(image, "rel", list)):
        subject, object_, predicate = _numbers(relation, 3, f"rel[{row}]")
        if not (0 <= subject < len(boxes) and 0 <= object_ < len(boxes)):
            raise ValueError(f"rel[{row}] is {relation}, but subject and object count the {len(boxes)} boxes of the "
                             "image from 0: correct the numbers")
        relations.append((subject, object_, predicate + predicate_shift))
    file = require_below(f"{typed(image, 'img_fn', str)}{SUFFIX}", "'img_fn'")
    builder.add(file, (height, width), boxes, [label + class_shift for label in labels], relations)


def _numbers(values: Any, count: int, key: str, kinds: tuple[type, ...] = (int,)) -> list[Any]:
    if not isinstance(values, list) or len(values) != count or not all(
            type(value) in kinds and abs(value) < 2**31 for value in values):
        whole = "numbers" if float in kinds else "whole numbers"
        raise ValueError(f"{key!r} must be {count} {whole}, got {short(values)}")
    return values
