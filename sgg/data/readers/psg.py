"""Read PSG, panoptic scene graphs, from its own file. Boxes are read; masks are not, since only boxes are evaluated.

    <directory>/psg.json
    <directory>/<file_name>                 images of COCO: train2017/000000000001.jpg

    {"thing_classes": [...], "stuff_classes": [...], "predicate_classes": [...],    names, things before stuff
     "test_image_ids": ["8", ...],                                                  all others are for training
     "data": [{"file_name", "width", "height", "image_id",
               "annotations": [{"bbox": [x1, y1, x2, y2], "category_id"}, ...],
               "relations":   [[subject, object, predicate], ...]}, ...]}

Numbers count from 0: category_id in things and stuff together, subject and object in the annotations of the image,
predicates in their list. A relation that an image has twice counts once, as in the public loaders.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sgg.data.annotation_files import require_json
from sgg.data.checks.box_conventions import CORNERS
from sgg.data.checks.consistency import USUAL, Rules, checked
from sgg.data.dataset import DataSet
from sgg.data.findings import Finding
from sgg.data.readers.file_names import require_below, require_distinct
from sgg.data.readers.names import numbered_by_place
from sgg.data.records import AnnotationsBuilder, Record, located, short, typed
from sgg.data.splits import partition

FILE = "psg.json"
NUM_VAL_IMAGES = 1000
CORNERS_MODE = 0
"""The `bbox_mode` of x1, y1, x2, y2 in pixels."""
REMEDY = f"put PSG's {FILE} there, and COCO's folders train2017 and val2017 beside it"


def open_psg(directory: Path | str, num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory` (ROOT/PSG). The first training images with a relation are the validation
    split.

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    path = Path(directory) / FILE
    content = require_json(path, dict, REMEDY)
    with located(f"{path}:"):
        things, stuff, named = (typed(content, key, list) for key in
                                ("thing_classes", "stuff_classes", "predicate_classes"))
        classes, class_shift = numbered_by_place([*things, *stuff], "thing_classes + stuff_classes")
        predicates, predicate_shift = numbered_by_place(named, "predicate_classes")
        listed = {str(one) for one in typed(content, "test_image_ids", list)}
        builder, ids, repeated = AnnotationsBuilder(), [], []
        for index, image in enumerate(typed(content, "data", list)):
            with located(f"data[{index}]"):
                repeated += [f"data[{index}] relations[{row}]" for row in
                             _add(builder, image, class_shift, predicate_shift)]
                ids.append(str(typed(image, "image_id", str, int)))
        _require_ids(ids, listed)
        require_distinct(builder.files, "data")
    annotations, findings = checked(builder.build(), str(path), classes, predicates, rules, CORNERS,
                                    shifts=(class_shift, predicate_shift))
    with located(f"{path}:"):
        splits = partition(annotations, np.array([one in listed for one in ids], dtype=bool), num_val_images, findings)
    return DataSet("psg", "PSG", classes, predicates, annotations, splits, Path(directory), REMEDY,
                   findings=(*findings, *_of_repeated(repeated, builder), *_of_masks(content)),
                   image_ids=np.array(ids, dtype=str))


def _add(builder: AnnotationsBuilder, image: Any, class_shift: int, predicate_shift: int) -> list[int]:
    """Add an image. Returns the rows of relations that occurred before, which are left out."""
    size = typed(image, "height", int), typed(image, "width", int)
    if min(size) < 1:
        raise ValueError(f"must have a height and width >= 1, got {size[0]} and {size[1]}")
    boxes, labels = [], []
    for index, one in enumerate(typed(image, "annotations", list)):
        with located(f"annotations[{index}]"):
            boxes.append(_box(one))
            labels.append(typed(one, "category_id", int) + class_shift)
    relations: dict[tuple[int, int, int], int] = {}
    repeated = []
    for index, relation in enumerate(typed(image, "relations", list)):
        if not isinstance(relation, list) or len(relation) != 3 or not all(type(number) is int for number in relation):
            raise ValueError(f"relations[{index}] must be [subject, object, predicate], got {short(relation)}")
        subject, object_, predicate = relation
        if not (0 <= subject < len(boxes) and 0 <= object_ < len(boxes)):
            raise ValueError(f"relations[{index}] is {relation}, but subject and object count the {len(boxes)} "
                             "annotations of the image from 0: correct the numbers")
        row = subject, object_, predicate + predicate_shift
        if relations.setdefault(row, index) != index:
            repeated.append(index)
    builder.add(require_below(image.get("file_name"), "the image"), size, boxes, labels, list(relations))
    return repeated


def _box(record: Any) -> list[float]:
    box = typed(record, "bbox", list)
    if len(box) != 4 or not all(type(side) in (int, float) and abs(side) < 2**31 for side in box):
        raise ValueError(f"must have a 'bbox' [x1, y1, x2, y2], got {short(box)}")
    if record.get("bbox_mode", CORNERS_MODE) != CORNERS_MODE:
        raise ValueError(f"must have 'bbox_mode' {CORNERS_MODE} (x1, y1, x2, y2 in pixels), got "
                         f"{short(record['bbox_mode'])}: convert the boxes")
    return box


def _require_ids(ids: list[str], test: set[str]) -> None:
    """Raise ValueError unless the ids of images are distinct, and those of the test split are among them."""
    first: dict[str, int] = {}
    for index, one in enumerate(ids):
        if first.setdefault(one, index) != index:
            raise ValueError(f"data[{index}] and data[{first[one]}] have the same image_id {one!r}: list an "
                             "image once")
    if unknown := sorted(test - first.keys()):
        raise ValueError(f"'test_image_ids' has {len(unknown):,} ids that no image of 'data' has, such as "
                         f"{unknown[0]!r}: leave them out, or add their images to 'data'")


def _of_repeated(places: list[str], builder: AnnotationsBuilder) -> list[Finding]:
    if not places:
        return []
    return [Finding("repeated relations", len(places), len(places) + sum(map(len, builder.relations)), places[0],
                    "A relation that an image has twice counts once, as in the public loaders.")]


def _of_masks(content: Record) -> list[Finding]:
    masked = [image for image in content["data"] if image.get("segments_info")]
    if not masked:
        return []
    return [Finding("images with masks", len(masked), len(content["data"]),
                    str(masked[0].get("pan_seg_file_name", masked[0].get("file_name"))),
                    "Masks are not read: only boxes are trained on and evaluated.")]
