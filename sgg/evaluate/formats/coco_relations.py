"""Predictions in COCO with relations: the layout of a split's annotation (sgg/data/readers/coco_relations.py), with a
`score` in every record of `annotations` and `rel_annotations`.

The score of a relation is that of its predicate. Triplets are ranked by it times the scores of both objects. A pair may
have several relations. Images are found by `file_name`; by `id` only if no `file_name` of the file is one of the data
set, since writers may number images as they like. Classes and predicates are those of the data set by name, whatever
their ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import write_json
from sgg.data.readers.coco_relations import Content, Names, ObjectRecord, column, corners_of, names_of, read_content
from sgg.data.readers.ids import Ids
from sgg.data.records import located
from sgg.data.writers.coco_relations import categories
from sgg.evaluate.listed_triplets import from_triplets
from sgg.evaluate.truth_images import TruthImages, require_names
from sgg.structures import Prediction, SceneGraph

scored = False


def read(path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    """See `PredictionFormat`."""
    content = read_content(path, "name a file of predictions")
    with located(f"{path}:"):
        classes, predicates = (names_of(getattr(content, key), key) for key in ("categories", "rel_categories"))
        require_names(classes.names[1:], images.classes, "classes")
        require_names(predicates.names[1:], images.predicates, "predicates")
        yield from _predictions(content, classes, predicates, images)


def _predictions(content: Content, classes: Names, predicates: Names,
                 images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    objects, relations = content.annotations, content.rel_annotations
    labels = _numbers(classes, images.classes)[Ids(classes.ids, "categories").rows(
        column(objects, "category_id"), "annotations", "category_id")]
    numbers = _numbers(predicates, images.predicates)[Ids(predicates.ids, "rel_categories").rows(
        column(relations, "predicate_id"), "rel_annotations", "predicate_id")]
    object_scores, scores = _scores(objects, "annotations"), _scores(relations, "rel_annotations")
    ids = Ids(column(objects, "id"), "annotations")
    ends = np.column_stack([ids.rows(column(relations, key), "rel_annotations", key)
                            for key in ("subject_id", "object_id")])
    owners = Ids(column(content.images, "id"), "images").rows(column(objects, "image_id"), "annotations", "image_id")
    if len(across := np.flatnonzero(owners[ends[:, 0]] != owners[ends[:, 1]])):
        raise ValueError(f"rel_annotations[{across[0]}] joins objects of two images")
    if not content.images:
        return
    boxes = corners_of(objects)
    rows_of, relations_of = (np.split(np.argsort(of, kind="stable"), np.searchsorted(np.sort(of), range(
        1, len(content.images)))) for of in (owners, owners[ends[:, 0]]))
    named = images.any_named(image.file_name for image in content.images)
    for image, rows, own in zip(content.images, rows_of, relations_of, strict=True):
        row = images.of_path(image.file_name) if named else images.of_id(str(image.id))
        if row is not None:
            local = np.searchsorted(rows, ends[own])  # rows ascend, since the sort is stable
            yield row, from_triplets(boxes[rows], labels[rows], object_scores[rows], np.column_stack(
                [local, numbers[own]]), scores[own], len(images.predicates))


def _numbers(names: Names, known: Sequence[str]) -> np.ndarray:
    """The number in the data set of each name of the file, without the background."""
    number_of = {name: number for number, name in enumerate(known)}
    return np.array([number_of[name] for name in names.names[1:]], dtype=np.int64)


def _scores(records: Sequence[ObjectRecord] | Sequence[Any], section: str) -> np.ndarray:
    for number, record in enumerate(records):
        if record.score is None or not 0 <= record.score <= 1:
            raise ValueError(f"{section}[{number}] must have a 'score' from 0 to 1, got {record.score}; predictions "
                             "have one in every record")
    return column(records, "score", float)


class Writer:
    """Writes such a file; see `FormatWriter`. All ids count from 1."""

    def __init__(self, classes: tuple[str, ...], predicates: tuple[str, ...]) -> None:
        self._categories = categories(classes, predicates)
        self._images: list[dict[str, Any]] = []
        self._objects: list[dict[str, Any]] = []
        self._relations: list[dict[str, Any]] = []

    def add(self, name: str, size: tuple[int, int], graph: SceneGraph, label_scores: np.ndarray,
            predicate_scores: np.ndarray) -> None:
        """Add an image."""
        whole, image, first = graph.numpy(), len(self._images) + 1, len(self._objects) + 1
        corners = np.asarray(whole.boxes, float)
        boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1).round(2)
        self._images.append({"id": image, "file_name": name, "width": size[1], "height": size[0]})
        self._objects += [
            {"id": first + number, "image_id": image, "category_id": label, "bbox": box, "score": round(score, 6)}
            for number, (label, box, score) in enumerate(zip(np.asarray(whole.labels).tolist(), boxes.tolist(),
                                                             label_scores.tolist(), strict=True))]
        self._relations += [
            {"id": len(self._relations) + number, "image_id": image, "subject_id": first + subject,
             "object_id": first + object_, "predicate_id": predicate, "score": round(score, 6)}
            for number, ((subject, object_, predicate), score) in enumerate(zip(
                np.asarray(whole.relations).tolist(), predicate_scores.tolist(), strict=True), start=1)]

    def write(self, path: Path) -> None:
        """Write the file."""
        write_json(path, {"images": self._images, "annotations": self._objects, "rel_annotations": self._relations,
                          **self._categories}, indent=None)
