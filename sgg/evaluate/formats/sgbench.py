"""SGBench's predictions with boxes (version 1 of its format): a ranked list of triplets for each image, without scores.

    {"version": 1, "images": [{"id": "8", "annotation": [{"category": 0, "bbox": [x1, y1, x2, y2]}, ...],
                               "triplets": [[subject, object, predicate], ...],           best first
                               "ng_triplets": [...]}, ...]}                               not read

Numbers count from 0: classes, predicates, and subject and object in `annotation`. Files with `bboxes` and `categories`
in place of `annotation`, as the package's README has them, are read too. `triplets` may have a pair with several
predicates. Masks are not read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_json
from sgg.data.records import located, short, typed
from sgg.evaluate.listed_triplets import from_triplets
from sgg.evaluate.truth_images import TruthImages, require_numbers
from sgg.structures import Prediction, SceneGraph

scored = False
VERSION = 1


def read(path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    """See `PredictionFormat`. The scores fall evenly from rank to rank."""
    if zipfile.is_zipfile(path):
        raise ValueError(f"{path} is an archive with masks, which are not read: name a file with boxes (triplets.json)")
    content = require_json(path, dict, "name a file of predictions in SGBench's format (triplets.json)")
    with located(f"{path}:"):
        if (version := content.get("version")) != VERSION:
            raise ValueError(f"must have 'version' {VERSION}, got {short(version)}")
        records = typed(content, "images", list)
    names = []
    for number, record in enumerate(records):
        with located(f"{path}: images[{number}]"):
            names.append(str(typed(record, "id", str, int)))
    find = images.finder(names)
    for number, (name, record) in enumerate(zip(names, records, strict=True)):
        with located(f"{path}: images[{number}]"):
            if (row := find(name)) is not None:
                yield row, _prediction(record, images)


def _prediction(record: dict[str, Any], images: TruthImages) -> Prediction:
    categories, boxes = _objects(record)
    triplets = _whole(typed(record, "triplets", list), 3, "triplets")
    if len(categories):
        require_numbers(int(categories.max()), images.classes, "class")
    if len(triplets):
        require_numbers(int(triplets[:, 2].max()), images.predicates, "predicate")
        if triplets[:, :2].max() >= len(boxes):
            raise ValueError(f"'triplets' has the object {triplets[:, :2].max()}, but the image has {len(boxes)}, "
                             "counted from 0")
    scores = 1 - np.arange(len(triplets)) / max(len(triplets), 1)
    return from_triplets(boxes, categories + 1, np.ones(len(boxes)), triplets + np.array([0, 0, 1]), scores,
                         len(images.predicates))


def _objects(record: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Classes [N] from 0 and boxes [N, 4]."""
    categories: list[Any]
    boxes: list[Any]
    if "annotation" in record:
        objects = typed(record, "annotation", list)
        categories, boxes = ([one.get(key) if isinstance(one, dict) else None for one in objects]
                             for key in ("category", "bbox"))
    else:
        categories, boxes = (typed(record, key, list) for key in ("categories", "bboxes"))
    for number, box in enumerate(boxes):
        if not isinstance(box, list) or len(box) < 4 or not all(
                type(side) in (int, float) and abs(side) < 2**31 for side in box[:4]):
            raise ValueError(f"object {number} must have a 'bbox' [x1, y1, x2, y2], got {short(box)}")
    if len(categories) != len(boxes):
        raise ValueError(f"must have as many 'categories' as 'bboxes', got {len(categories)} and {len(boxes)}")
    return (_whole([[one] for one in categories], 1, "category")[:, 0],
            np.array([box[:4] for box in boxes], np.float32).reshape(-1, 4))


def _whole(rows: list[Any], width: int, key: str) -> np.ndarray:
    """[n, width] whole numbers >= 0."""
    for number, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width or not all(
                type(value) is int and 0 <= value < 2**31 for value in row):
            raise ValueError(f"{key}[{number}] must be {width} whole numbers >= 0, got {short(row)}")
    return np.array(rows, np.int64).reshape(-1, width)


class Writer:
    """Writes such a file; see `FormatWriter`. The id of an image is its name without the ending."""

    def __init__(self, classes: tuple[str, ...], predicates: tuple[str, ...]) -> None:
        self._images: list[dict[str, Any]] = []

    def add(self, name: str, size: tuple[int, int], graph: SceneGraph, label_scores: np.ndarray,
            predicate_scores: np.ndarray) -> None:
        """Add an image."""
        whole = graph.numpy()
        triplets = (np.asarray(whole.relations) - [0, 0, 1]).tolist()
        self._images.append({
            "id": str(Path(name).with_suffix("")),
            "annotation": [{"category": label - 1, "bbox": box} for label, box in zip(
                np.asarray(whole.labels).tolist(), np.asarray(whole.boxes, float).round(2).tolist(), strict=True)],
            "triplets": triplets})

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, {"version": VERSION, "images": self._images}, indent=None)
