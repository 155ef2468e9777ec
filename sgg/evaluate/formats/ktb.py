"""Predictions of Scene-Graph-Benchmark.pytorch (KaihuaTang) and its descendants.

eval_results.pytorch: what its test writes, all images of the test split in their order, in pixels of the images. It is
a pickle, read without running any code of it: only tensors, plain values and the container `BoxList` are accepted. It
has no names, so its annotation is compared with that of the data set.

custom_prediction.json: predictions on a folder of images, by number, with custom_data_info.json beside it, which has
the names of images, classes and predicates. Boxes are in pixels of the images as the toolkit resizes them (`RESIZED`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from sgg.data.annotation_files import require_json
from sgg.data.dataset import BACKGROUND
from sgg.data.readers.names import is_background
from sgg.data.records import located, short, typed
from sgg.evaluate.truth_images import TruthImages, require_names
from sgg.structures import Prediction

scored = True
RESIZED = 600, 1000
"""The toolkit's usual sizes of images in tests: the shorter side, and the most pixels of the longer one."""
SLACK = 2.0
"""Pixels by which a box may leave the resized image: rounding, and the toolkit's +1."""
CONTAINER = "maskrcnn_benchmark.structures.bounding_box.BoxList"
NAMES = "custom_data_info.json"


def read(path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    """See `PredictionFormat`. A file that begins like JSON is a custom_prediction.json."""
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such file of predictions (eval_results.pytorch, custom_prediction.json)")
    with path.open("rb") as file:
        is_json = file.read(1) == b"{"
    yield from _of_custom(path, images) if is_json else _of_test(path, images)


class _BoxList:
    """What the toolkit's container of this name holds."""

    bbox: Any
    size: tuple[int, int]
    mode: str
    extra_fields: dict[str, Any]


def _of_test(path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    from sgg.common.pickles import read_pickle  # imports torch

    content = read_pickle(path, {CONTAINER: _BoxList})
    with located(f"{path}:"):
        truths, predictions = (_containers(content, key) for key in ("groundtruths", "predictions"))
        if not len(truths) == len(predictions) == len(images):
            raise ValueError(f"it has {len(truths):,} annotated and {len(predictions):,} predicted images, but the "
                             f"split has {len(images):,} with a relation: choose the data set and split of the "
                             "predictions (--data, --split)")
        for row, (truth, prediction) in enumerate(zip(truths, predictions, strict=True)):
            with located(f"image {row} ({images.image_id(row)}):"):
                _require_truth(truth, images, row)
                yield row, _prediction(prediction, images, row)


def _containers(content: dict[str, Any], key: str) -> list[_BoxList]:
    values = typed(content, key, list)
    for number, value in enumerate(values):
        if not isinstance(value, _BoxList) or not isinstance(getattr(value, "extra_fields", None), dict):
            raise ValueError(f"{key}[{number}] must be a {CONTAINER}, got {type(value).__name__}")
    return values


def _field(container: _BoxList, key: str, *shape: int | None) -> np.ndarray:
    """A field as an array. shape: None accepts any length."""
    value = container.bbox if key == "bbox" else container.extra_fields.get(key)
    if value is None or not hasattr(value, "is_floating_point"):
        raise ValueError(f"must have a tensor {key!r}, got {type(value).__name__}")
    array: np.ndarray = value.detach().cpu().float().numpy() if value.is_floating_point() else value.cpu().numpy()
    if array.ndim != len(shape) or any(want not in (None, got) for want, got in zip(shape, array.shape, strict=True)):
        raise ValueError(f"{key!r} must have shape {list(shape)}, got {list(array.shape)}")
    return array


def _require_truth(truth: _BoxList, images: TruthImages, row: int) -> None:
    """Raise ValueError unless the file annotates an image as the data set does: classes in their order."""
    labels, own = _field(truth, "labels", None), images.graph(row).numpy().labels
    if not np.array_equal(labels, own):
        def named(numbers: np.ndarray) -> str:
            return ", ".join(images.classes[number] if 0 < number < len(images.classes) else f"class {number}"
                             for number in np.asarray(numbers).tolist()[:8])

        raise ValueError(f"its annotation is not that of the data set: by the data set's names it has {len(labels)} "
                         f"objects ({named(labels)}), the data set has {len(own)} ({named(np.asarray(own))}); choose "
                         "the data set and split of the predictions (--data, --split)")


def _prediction(found: _BoxList, images: TruthImages, row: int) -> Prediction:
    if found.mode != "xyxy":
        raise ValueError(f"boxes must have the mode xyxy, got {found.mode!r}")
    height, width = images.size(row)
    boxes = _field(found, "bbox", None, 4) * (np.array([width, height] * 2) / np.tile(found.size, 2))
    count, predicates = len(boxes), len(images.predicates)
    scores = _field(found, "pred_rel_scores", None, None)
    if scores.shape[1] != predicates:
        raise ValueError(f"'pred_rel_scores' has {scores.shape[1]} columns, background included, but the data set has "
                         f"{predicates - 1} predicates: {', '.join(images.predicates[1:9])}, ...; choose the data set "
                         "of the predictions (--data)")
    labels = _field(found, "pred_labels", count)
    _require_labels(labels, images)
    return Prediction(boxes.astype(np.float32), labels.astype(np.int64), _field(found, "pred_scores", count),
                      _field(found, "rel_pair_idxs", len(scores), 2).astype(np.int64), scores)


def _require_labels(labels: np.ndarray, images: TruthImages) -> None:
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(images.classes):
        raise ValueError(f"it has the class {labels.min() if labels.min() < 0 else labels.max()}, but the data set has "
                         f"{len(images.classes) - 1}: "
                         f"{', '.join(images.classes[1:9])}, ...; choose the data set of the predictions (--data)")


def _of_custom(path: Path, images: TruthImages) -> Iterator[tuple[int, Prediction]]:
    content = require_json(path, dict)
    info_path = path.parent / NAMES
    info = require_json(info_path, dict,
                        f"put the {NAMES} that was written with {path.name} beside it: it has the names")
    with located(f"{info_path}:"):
        files, classes, predicates = (typed(info, key, list) for key in
                                      ("idx_to_files", "ind_to_classes", "ind_to_predicates"))
        for key, names, known, kind in (("ind_to_classes", classes, images.classes, "classes"),
                                        ("ind_to_predicates", predicates, images.predicates, "predicates")):
            _require_background(names, key)
            require_names(list(map(str, names[1:])), known, kind)
        labels = np.array([0, *(images.classes.index(name) for name in classes[1:])])
        columns = [0, *(images.predicates.index(name) for name in predicates[1:])]
    files = [str(file) for file in files]
    find = images.finder(files)
    for key, record in content.items():
        with located(f"{path}: image {key!r}"):
            if not key.isdecimal() or int(key) >= len(files):
                raise ValueError(f"must be the number of an image of {info_path}, which has {len(files)}")
            if (row := find(files[int(key)])) is not None:
                yield row, _custom_prediction(record, labels, columns, images, row)


def _require_background(names: list[Any], key: str) -> None:
    """Raise ValueError unless a list of names begins with the background, as numbers of labels and columns count it."""
    if not names or not isinstance(names[0], str) or not is_background(names[0]):
        raise ValueError(f"{key!r} must begin with an entry for the background, such as {BACKGROUND!r}, got "
                         f"{short(names[0]) if names else 'no name'}: labels and scores count it as 0, so add it as "
                         "the first entry")


def _custom_prediction(record: dict[str, Any], labels: np.ndarray, columns: list[int], images: TruthImages,
                       row: int) -> Prediction:
    def array(key: str, width: int | None = None, kind: type = float) -> np.ndarray:
        values = typed(record, key, list)
        try:
            return np.array(values, kind).reshape((-1, width) if width else (-1,))
        except (ValueError, TypeError, OverflowError):
            raise ValueError(f"{key!r} must be numbers{f', {width} in a row' if width else ''}, got "
                             f"{short(values)}") from None

    boxes, pairs = array("bbox", 4), array("rel_pairs", 2, np.int64)
    of_pairs, own = array("rel_all_scores", len(columns)), array("bbox_labels", kind=np.int64)
    scores = array("bbox_scores")
    if not len(boxes) == len(own) == len(scores) or len(pairs) != len(of_pairs):
        raise ValueError(f"has {len(boxes)} boxes, {len(own)} labels and {len(scores)} scores, {len(pairs)} pairs and "
                         f"{len(of_pairs)} rows of scores of predicates")
    if len(own) and not 0 <= own.min() <= own.max() < len(labels):
        raise ValueError(f"has a label {own.max()}, but {NAMES} has the classes 0 to {len(labels) - 1}")
    if len(pairs) and not 0 <= pairs.min() <= pairs.max() < len(boxes):
        raise ValueError(f"has a pair with object {pairs.max()}, but the image has {len(boxes)}, counted from 0")
    in_columns = np.zeros((len(pairs), len(images.predicates)))
    in_columns[:, columns] = of_pairs
    order = np.argsort(-in_columns[:, 1:].max(axis=1, initial=0) * scores[pairs].prod(axis=1), kind="stable")
    return Prediction(_in_image(boxes, images.size(row)).astype(np.float32), labels[own], scores, pairs[order],
                      in_columns[order])


def _in_image(boxes: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes in pixels of the image, from those of the resized one. Raises ValueError for a box that leaves that."""
    height, width = size
    resized = np.array(resized_size(width, height))
    beyond = (boxes < -SLACK).any(axis=1) | (boxes[:, 2:] > resized + SLACK).any(axis=1)
    if beyond.any():
        raise ValueError(f"has the box {boxes[np.argmax(beyond)].round(2).tolist()}, but the toolkit resizes the image "
                         f"from {width}x{height} to {resized[0]}x{resized[1]} pixels (INPUT.MIN_SIZE_TEST "
                         f"{RESIZED[0]}, MAX_SIZE_TEST {RESIZED[1]}): predict again with these settings, or write "
                         "eval_results.pytorch")
    return boxes * np.tile(np.array([width, height]) / resized, 2)


def resized_size(width: int, height: int) -> tuple[int, int]:
    """Width and height to which the toolkit resizes an image in tests: the shorter side becomes RESIZED[0], unless the
    longer one would exceed RESIZED[1]; sides are rounded as there."""
    shorter, longest = RESIZED
    if max(width, height) / min(width, height) * shorter > longest:
        shorter = round(longest * min(width, height) / max(width, height))
    if min(width, height) == shorter:
        return width, height
    if width < height:
        return shorter, int(shorter * height / width)
    return int(shorter * width / height), shorter
