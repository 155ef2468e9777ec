"""Read COCO with relations, the layout of SGG-Benchmark: one JSON file for each split, beside its images.

    <directory>/{train,val,test}/_annotations.coco.json
    <directory>/{train,val,test}/<file_name>

    {"images":          [{"id": 7, "file_name": "a.jpg", "width": 640, "height": 480}, ...],
     "categories":      [{"id": 1, "name": "dog"}, ...],                     object classes
     "annotations":     [{"id": 3, "image_id": 7, "category_id": 1, "bbox": [x, y, width, height]}, ...],
     "rel_categories":  [{"id": 1, "name": "on"}, ...],                      predicates; or names alone: ids 1, 2, ...
     "rel_annotations": [{"id": 1, "image_id": 7, "subject_id": 3, "object_id": 4, "predicate_id": 1}, ...]}

Ids are whole numbers, unique in their list of a file. `subject_id` and `object_id` are ids of `annotations`. All files
have the same categories. An entry for the background may be in the categories, as long as no record refers to it. Other
keys are ignored. Classes and predicates are numbered in ascending order of their ids.

The layout says that ids of categories count from 1, and some readers take 0 for the background. This one reads ids from
0 as they are, and says so.
"""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import msgspec
import numpy as np

from sgg.data.annotation_files import require_file
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CORNER_AND_SIZE
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import DataSet
from sgg.data.findings import Finding
from sgg.data.readers.file_names import is_below, require_below, require_distinct
from sgg.data.readers.ids import Ids
from sgg.data.readers.names import is_background, with_background
from sgg.data.records import located
from sgg.data.splits import NONE, SPLITS, require_splits

FILE = "_annotations.coco.json"
REMEDY = ("put the files {train,val,test}/" + FILE + " and their images there (sgg/data/readers/coco_relations.py "
          "describes them), or name the folder (data.folder)")
Id = Annotated[int, msgspec.Meta(ge=0, lt=2**62)]
Side = Annotated[int, msgspec.Meta(ge=1, lt=2**31)]


class ImageRecord(msgspec.Struct, gc=False):
    """An image."""

    id: Id
    file_name: str
    width: Side
    height: Side


class ObjectRecord(msgspec.Struct, gc=False):
    """An object of an image. score: in files of predictions."""

    id: Id
    image_id: Id
    category_id: Id
    bbox: tuple[float, float, float, float]
    score: float | None = None


class RelationRecord(msgspec.Struct, gc=False):
    """A relation of two objects. score: in files of predictions."""

    subject_id: Id
    object_id: Id
    predicate_id: Id
    image_id: Id | None = None
    score: float | None = None


class NamedRecord(msgspec.Struct):
    """A class or a predicate."""

    id: Id
    name: str


class Content(msgspec.Struct):
    """The content of a file."""

    images: list[ImageRecord]
    annotations: list[ObjectRecord]
    rel_annotations: list[RelationRecord]
    categories: list[NamedRecord]
    rel_categories: list[NamedRecord | str]


class Names(NamedTuple):
    """Names of classes or predicates, background first, and their ids in ascending order, without the background."""

    names: list[str]
    ids: np.ndarray


class _SplitFile(NamedTuple):
    """What one file holds. image_ids: [I] as text. strays, flat: places of objects that are left out, since the file
    does not list their image, or they have no extent. objects: the number of all objects, those among them."""

    classes: Names
    predicates: Names
    annotations: Annotations
    image_ids: list[str]
    strays: list[str]
    flat: list[str]
    objects: int


def open_coco_relations(directory: Path | str, rules: Rules = USUAL) -> DataSet:
    """Open the data set under `directory`.

    Raises FileNotFoundError, or ValueError that names the file and the record.
    """
    directory = Path(directory)
    parts = {split: _read_split(directory / split / FILE, split) for split in SPLITS}
    first = parts["train"]
    for split, part in parts.items():
        for kind, names, others in (("categories", first.classes, part.classes),
                                    ("rel_categories", first.predicates, part.predicates)):
            _require_same(names, others, kind, directory / "train" / FILE, directory / split / FILE)
    splits = np.repeat(np.array(list(SPLITS.values()), np.int8), [len(part.annotations) for part in parts.values()])
    source, classes, predicates = str(directory), first.classes.names, first.predicates.names
    annotations, findings = checked(Annotations.joined([part.annotations for part in parts.values()]), source, classes,
                                    predicates, rules, CORNER_AND_SIZE, STRAY_SHARE,
                                    file_of=lambda image: str(directory / image.partition("/")[0] / FILE))
    splits[annotations.objects_per_image == 0] = NONE
    findings = (*findings, *_of_zero(first.classes, "class", directory / "train" / FILE, "categories"),
                *_of_zero(first.predicates, "predicate", directory / "train" / FILE, "rel_categories"),
                *_of_left_out(list(parts.values())))
    with located(f"{source}:"):
        require_splits(annotations, splits, findings=findings)
    image_ids = np.array([one for part in parts.values() for one in part.image_ids], dtype=str)
    return DataSet("coco-relations", f"{directory.name} (COCO with relations)", classes, predicates, annotations,
                   splits, directory, REMEDY, findings=findings, image_ids=image_ids)


def read_content(path: Path, remedy: str = REMEDY) -> Content:
    """The records of a file. Raises FileNotFoundError, or ValueError that names the file and the record."""
    require_file(path, remedy)
    try:
        with _no_collection():
            return msgspec.json.decode(path.read_bytes(), type=Content)
    except msgspec.ValidationError as error:
        raise ValueError(f"{path}: {error}; sgg/data/readers/coco_relations.py describes the layout") from None
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        raise ValueError(f"{path} is not JSON, or is cut off: {error}") from None


@contextmanager
def _no_collection() -> Iterator[None]:
    """No search for circular references, which a million new records would start again and again. They have none."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def column(records: Sequence[Any], key: str, kind: type = np.int64) -> np.ndarray:
    """[n] the values under `key` of all records."""
    return np.fromiter(map(attrgetter(key), records), kind, len(records))


def corners_of(objects: Sequence[ObjectRecord]) -> np.ndarray:
    """[n, 4] float32 x1, y1, x2, y2 of all objects."""
    numbers = np.fromiter(chain.from_iterable(map(attrgetter("bbox"), objects)), float, 4 * len(objects)).reshape(-1, 4)
    with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused later
        return CORNER_AND_SIZE.to_corners(numbers).astype(np.float32)


def names_of(records: Sequence[NamedRecord | str], key: str) -> Names:
    """The names of a list of categories. key: of the list, for messages. Raises ValueError that names the record."""
    if records and all(isinstance(one, str) for one in records):
        plain = [one for one in records if isinstance(one, str)]
        foreground = plain[1:] if is_background(plain[0]) else plain
        named = [NamedRecord(number, name) for number, name in enumerate(foreground, start=1)]
    else:
        for place, one in enumerate(records):
            if isinstance(one, str):
                raise ValueError(f"{key}[{place}] is a name alone, but others have ids: give all of them ids, or none")
        named = [one for one in records if not isinstance(one, str)]
        Ids(column(named, "id"), key)  # raises for an id twice
        named = sorted((one for one in named if not is_background(one.name)), key=attrgetter("id"))
    return Names(with_background([one.name for one in named], key), column(named, "id"))


def _read_split(path: Path, split: str) -> _SplitFile:
    content = read_content(path)
    with located(f"{path}:"):
        classes, predicates = (names_of(getattr(content, key), key) for key in ("categories", "rel_categories"))
        images = Ids(column(content.images, "id"), "images")
        if elsewhere := [row for row, image in enumerate(content.images) if not is_below(image.file_name)]:
            require_below(content.images[elsewhere[0]].file_name, f"images[{elsewhere[0]}]")
        files = [f"{split}/{image.file_name}" for image in content.images]
        require_distinct(files, "images")
        objects, relations = content.annotations, content.rel_annotations
        object_ids = Ids(column(objects, "id"), "annotations")
        labels = Ids(classes.ids, "categories").rows(column(objects, "category_id"), "annotations", "category_id") + 1
        predicate_numbers = Ids(predicates.ids, "rel_categories").rows(
            column(relations, "predicate_id"), "rel_annotations", "predicate_id") + 1
        ends = np.column_stack([object_ids.rows(column(relations, key), "rel_annotations", key)
                                for key in ("subject_id", "object_id")])
        object_images = column(objects, "image_id")
        _require_one_image(relations, ends, object_images)
    owners = images.find(object_images)
    boxes = corners_of(objects)
    flat = (owners >= 0) & (boxes[:, 2:] <= boxes[:, :2]).any(axis=1)
    if flat.sum() > STRAY_SHARE * len(flat):
        flat[:] = False  # so many are no slips, and are refused later
    kept = (owners >= 0) & ~flat
    related = kept[ends].all(axis=1)
    sizes = np.column_stack([column(content.images, "height"), column(content.images, "width")])
    annotations = Annotations.from_rows(np.array(files, dtype=str), sizes, owners[kept], boxes[kept], labels[kept],
                                        (np.cumsum(kept) - 1)[ends[related]], predicate_numbers[related])
    strays = [f"{path}: annotations[{row}] is of image {object_images[row]}" for row in np.flatnonzero(owners < 0)]
    return _SplitFile(classes, predicates, annotations, [str(image.id) for image in content.images], strays,
                      [f"{path}: annotations[{row}]" for row in np.flatnonzero(flat)], len(objects))


def _require_one_image(relations: Sequence[RelationRecord], ends: np.ndarray, object_images: np.ndarray) -> None:
    """Raise ValueError that names a relation whose objects are of two images, or of another image than it says."""
    subjects, objects = object_images[ends].T
    if (across := subjects != objects).any():
        row = int(np.argmax(across))
        raise ValueError(f"rel_annotations[{row}] joins objects of two images: subject_id "
                         f"{relations[row].subject_id} is of image {subjects[row]}, object_id "
                         f"{relations[row].object_id} of image {objects[row]}; ids of annotations must be unique in "
                         "the whole file")
    said = np.array([-1 if one.image_id is None else one.image_id for one in relations], dtype=np.int64)
    if (wrong := (said >= 0) & (said != subjects)).any():
        row = int(np.argmax(wrong))
        raise ValueError(f"rel_annotations[{row}] has image_id {said[row]}, but its objects are of image "
                         f"{subjects[row]}: correct image_id, or leave it out")


def _require_same(names: Names, others: Names, key: str, path: Path, other_path: Path) -> None:
    if names.names == others.names and np.array_equal(names.ids, others.ids):
        return
    listed, other_listed = (list(zip(one.ids.tolist(), one.names[1:], strict=True)) for one in (names, others))
    differing = next((pair for pair in zip(listed, other_listed, strict=False) if pair[0] != pair[1]),
                     (f"{len(listed)} names", f"{len(other_listed)} names"))
    raise ValueError(f"{other_path}: {key!r} must be those of {path}, but there is {differing[1]} in place of "
                     f"{differing[0]}")


def _of_zero(names: Names, kind: str, path: Path, key: str) -> Iterable[Finding]:
    if len(names.ids) and names.ids[0] == 0:
        yield Finding(f"{kind} ids that count from 0", 1, None, f"{path}: {key} has id 0, {names.names[1]!r}",
                      "They are read as they are. Other readers take 0 for the background and lose this one; "
                      "`python -m sgg.data convert --format coco-relations` writes ids from 1.")


def _of_left_out(parts: Sequence[_SplitFile]) -> Iterable[Finding]:
    objects, effect = sum(part.objects for part in parts), "The object and its relations are left out."
    if strays := [place for part in parts for place in part.strays]:
        yield Finding("objects of images that are not listed", len(strays), objects, strays[0], effect, "fault")
    if flat := [place for part in parts for place in part.flat]:
        yield Finding("objects without extent", len(flat), objects, flat[0], effect)
