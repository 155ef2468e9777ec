"""Read your own data set: a JSON file in COCO's layout with added predicates and relations, and a folder of images.

    <directory>/annotations.json
    <directory>/images/<file_name>

    {"title":        "my images",                                         optional: its name in messages
     "image_folder": "images",                                            optional: relative to the JSON file
     "images":       [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480, "split": "train"}, ...],
     "categories":   [{"id": 1, "name": "dog"}, ...],                     object classes
     "annotations":  [{"id": 3, "image_id": 7, "category_id": 1, "bbox": [x, y, width, height]}, ...],
     "predicates":   [{"id": 1, "name": "on"}, ...],
     "relations":    [{"subject_id": 3, "object_id": 4, "predicate_id": 1}, ...],
     "mirror_pairs": [["left of", "right of"], ...]}                      optional: see below

Ids are whole numbers or text, and unique in their list. File names are unique even without their endings. `split` is
train, val or test. Boxes are in pixels. Subject and object are annotations of the same image. Other keys (iscrowd,
area, licences, ...) are ignored. Classes and predicates are numbered in the order of the file, after the background.

`mirror_pairs` lists the predicates that mirroring an image exchanges; a pair of a name with itself is allowed. Without
this key the names decide (sgg/data/mirroring.py). With it, predicates in no pair stay as they are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sgg.data.annotation_files import require_json
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CORNER_AND_SIZE
from sgg.data.checks.consistency import USUAL, Rules, checked
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.readers.file_names import require_distinct
from sgg.data.readers.foreign import PAGE, foreign_layout
from sgg.data.records import Record, located, short, typed
from sgg.data.splits import NONE, SPLITS, require_splits

FILE = "annotations.json"
SECTIONS = ("images", "categories", "annotations", "predicates", "relations")
"""The lists that the file must have."""
REMEDY = ("write it in the layout of sgg/data/readers/custom.py, or convert a data set: "
          "python -m sgg.data convert --help")
_ID = (int, str)


def open_custom(directory: Path | str, file: str = FILE, rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory` (ROOT/custom).

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    path = Path(directory) / file
    content = require_json(path, (dict, list), REMEDY, unique_keys=True)
    if layout := foreign_layout(content):
        raise ValueError(f"{path} has another layout than custom data: {layout}; {PAGE}")
    if not isinstance(content, dict):
        raise ValueError(f"{path} must hold a dict, but holds a list; {PAGE}")
    if missing := [name for name in SECTIONS if name not in content]:
        empty = "" if content else "is empty: it "
        raise ValueError(f"{path}: {empty}has no {', '.join(map(repr, missing))}; the file must have each of them, as "
                         f"a list; {PAGE}")
    with located(f"{path}:"):
        classes, class_of = _names(content, "categories")
        predicates, predicate_of = _names(content, "predicates")
        pairs = _mirror_pairs(content, predicates)
        annotations, splits = _annotations(content, class_of, predicate_of)
        content = {"title": "custom data", "image_folder": "images", **content}
        title, folder = (typed(content, key, str) for key in ("title", "image_folder"))
    annotations, findings = checked(annotations, str(path), classes, predicates, rules,
                                    CORNER_AND_SIZE, mirror_pairs=pairs)
    splits[annotations.objects_per_image == 0] = NONE
    with located(f"{path}:"):
        require_splits(annotations, splits, findings=findings)
    return DataSet("custom", title, classes, predicates, annotations, splits, path.parent / folder,
                   f"put the images into {path.parent / folder}", findings=findings, mirror_pairs=pairs)


def _section(content: Record, name: str) -> list[Any]:
    return typed(content, name, list)


def _column(content: Record, section: str, key: str, *kinds: type) -> list[Any]:
    """The values content[section][i][key] for all i."""
    values = []
    for index, record in enumerate(_section(content, section)):
        with located(f"{section}[{index}]"):
            values.append(typed(record, key, *kinds))
    return values


def _rows(content: Record, section: str) -> dict[Any, int]:
    """The position of each id in its list."""
    ids = _column(content, section, "id", *_ID)
    rows = {identity: row for row, identity in enumerate(ids)}
    if len(rows) < len(ids):
        again = next(row for row, identity in enumerate(ids) if rows[identity] != row)
        raise ValueError(f"the id {short(ids[again])} occurs more than once in {section!r}: ids must be unique in "
                         "their list")
    return rows


def _references(content: Record, section: str, key: str, rows: dict[Any, int], target: str) -> np.ndarray:
    """[n] the positions in `target` that content[section][i][key] refers to."""
    found = np.empty(len(_section(content, section)), dtype=np.int64)
    for index, identity in enumerate(_column(content, section, key, *_ID)):
        if identity not in rows:
            raise ValueError(f"{section}[{index}] refers to {key} {short(identity)}, which is not in {target!r}: "
                             "correct the id, or add its record")
        found[index] = rows[identity]
    return found


def _names(content: Record, section: str) -> tuple[list[str], dict[Any, int]]:
    """Names, background first, and the position of each id among the foreground names."""
    names, rows = _column(content, section, "name", str), _rows(content, section)
    if not names or len({BACKGROUND, *names}) < 1 + len(names):
        raise ValueError(f"the names in {section!r} must be distinct, at least one, and none {BACKGROUND!r}")
    return [BACKGROUND, *names], rows


def _mirror_pairs(content: Record, predicates: list[str]) -> tuple[tuple[str, str], ...] | None:
    """The mirror pairs of the file; None if it has no such key."""
    if "mirror_pairs" not in content:
        return None
    partners: dict[str, str] = {}
    pairs = []
    for index, pair in enumerate(_section(content, "mirror_pairs")):
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(name, str) for name in pair):
            raise ValueError(f"mirror_pairs[{index}] must be two names of predicates, got {short(pair)}")
        for name, other in (pair, pair[::-1]):
            if name not in predicates[1:]:
                raise ValueError(f"mirror_pairs[{index}] names {short(name)}, which is not in 'predicates'")
            if partners.setdefault(name, other) != other:
                raise ValueError(f"mirror_pairs[{index}] gives {short(name)} a second partner: name it in one pair")
        pairs.append((pair[0], pair[1]))
    return tuple(pairs)


def _annotations(content: Record, class_of: dict[Any, int],
                 predicate_of: dict[Any, int]) -> tuple[Annotations, np.ndarray]:
    """The annotation of every image, unchecked, and the split of each image [I]."""
    image_of, annotation_of = _rows(content, "images"), _rows(content, "annotations")
    owners = _references(content, "annotations", "image_id", image_of, "images")
    labels = _references(content, "annotations", "category_id", class_of, "categories") + 1
    boxes = _boxes(content)
    subjects, objects = (_references(content, "relations", key, annotation_of, "annotations")
                         for key in ("subject_id", "object_id"))
    predicates = _references(content, "relations", "predicate_id", predicate_of, "predicates") + 1
    if (across := owners[subjects] != owners[objects]).any():
        raise ValueError(f"relations[{np.argmax(across)}] joins objects of two images: subject and object must "
                         "be of one")

    files, sizes, splits = _images(content)
    return Annotations.from_rows(files, sizes, owners, boxes, labels, np.column_stack([subjects, objects]),
                                 predicates), splits


def _images(content: Record) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """[I] files, [I, 2] heights and widths, [I] splits."""
    sizes = np.array([_column(content, "images", key, int) for key in ("height", "width")], dtype=object).T
    names = _column(content, "images", "split", str)
    for index, (size, split) in enumerate(zip(sizes, names, strict=True)):
        if split not in SPLITS:
            raise ValueError(f"images[{index}] must have 'split' train, val or test, got {short(split)}")
        if not all(1 <= side < 2**31 for side in size):
            raise ValueError(f"images[{index}] must have a height and width >= 1, got {size.tolist()}")
    files = _column(content, "images", "file_name", str)
    require_distinct(files, "images")
    splits = np.array([SPLITS[split] for split in names], dtype=np.int8)
    return np.array(files, dtype=str), sizes.astype(np.int64).reshape(-1, 2), splits


def _boxes(content: Record) -> np.ndarray:
    """[T, 4] float32 corners."""
    boxes = np.empty((len(_section(content, "annotations")), 4))
    for index, box in enumerate(_column(content, "annotations", "bbox", list)):
        if len(box) != 4 or not all(type(side) in (int, float) and abs(side) < 2**31 for side in box):
            raise ValueError(f"annotations[{index}] must have a 'bbox' [x, y, width, height], got {short(box)}")
        boxes[index] = box
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1).astype(np.float32)
