"""GQA's scene graphs (docs/SYSTEM.md section 1).

    <directory>/sceneGraphs/{train,val}_sceneGraphs.json
    <directory>/{train,val}_balanced_questions.json, or in questions/ or sceneGraphs/: which images are used
    <directory>/{train,val}_images.json                 the same as a plain list, where other programs wrote one
    <cache>/gqa/{train,val}_images.json                 the same, with the file it was read from; written at first use
    pictures: <image_id>.jpg in Visual Genome's folder
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_json
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CORNER_AND_SIZE
from sgg.data.checks.consistency import USUAL, Rules, checked
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.findings import Finding
from sgg.data.readers.origin import Origin
from sgg.data.records import AnnotationsBuilder, Record, located, short, typed
from sgg.data.splits import NONE, TEST, TRAIN, VAL, require_splits

NUM_VAL_IMAGES = 5000
LEFT_RIGHT = ("to the left of", "to the right of")
STRAY_SHARE = 1 / 2000
REMEDY = "get the data set with: python -m sgg.data prepare gqa --root ROOT"


def open_gqa(directory: Path | str, image_folder: Path | str, exclude_left_right: bool = False,
             num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL,
             cache: Path | None = None) -> DataSet:
    """The data set under `directory` (ROOT/GQA). Validation is the first training ids in sorted order; the public
    validation file is the test set.

    exclude_left_right: drop the predicates "to the left of" and "to the right of", which are two thirds of GQA. cache:
    where the list of used images is kept, which the questions take long to give; None: nowhere.

    Raises FileNotFoundError or ValueError naming the file and the record that is wrong.
    """
    directory = Path(directory)
    paths = {split: directory / "sceneGraphs" / f"{split}_sceneGraphs.json" for split in ("train", "val")}
    graphs = {split: require_json(path, dict, REMEDY, unique_keys=True) for split, path in paths.items()}
    dropped = LEFT_RIGHT if exclude_left_right else ()
    classes, predicates = _names(graphs, paths, dropped)
    listed: list[Finding] = []
    ids = {split: _used_images(directory, split, graphs[split], paths[split], cache, listed) for split in paths}
    builder, left_out = AnnotationsBuilder(), []
    numbers = ({name: number for number, name in enumerate(names)} for names in (classes, predicates))
    class_numbers, predicate_numbers = numbers
    for split, path in paths.items():
        for image_id in ids[split]:
            with located(f"{path}: image {image_id}"):
                left_out += [f"{path}: image {image_id} object {key}" for key in _add(
                    builder, image_id, graphs[split][image_id], class_numbers, predicate_numbers)]
    annotations, findings = checked(builder.build(), str(directory / "sceneGraphs"), classes, predicates,
                                    rules, CORNER_AND_SIZE, STRAY_SHARE)
    title = "GQA without left and right" if exclude_left_right else "GQA"
    splits = _partition(annotations, len(ids["train"]), num_val_images)
    with located(f"{directory}:"):
        require_splits(annotations, splits, num_val_images, findings)
    return DataSet("gqa", title, classes, predicates, annotations, splits, Path(image_folder), REMEDY,
                   findings=(*findings, *_of_left_out(left_out, annotations), *listed))


def _of_left_out(objects: list[str], annotations: Annotations) -> list[Finding]:
    if not objects:
        return []
    return [Finding("objects before their picture or without extent", len(objects),
                    len(objects) + len(annotations.labels), objects[0],
                    "The object is left out, and its relations, as in the papers' system.")]


def _partition(annotations: Annotations, num_train_file: int, num_val_images: int) -> np.ndarray:
    splits = np.full(len(annotations), TEST, dtype=np.int8)
    splits[:num_train_file] = TRAIN
    splits[:min(num_val_images, num_train_file)] = VAL
    splits[annotations.objects_per_image == 0] = NONE
    return splits


def _names(graphs: dict[str, Record], paths: dict[str, Path], dropped: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """Names of classes and predicates over both files, sorted, background first."""
    classes: set[str] = set()
    predicates: set[str] = set()
    for split, images in graphs.items():
        for image_id, graph in images.items():
            with located(f"{paths[split]}: image {image_id}"):
                for key, record in typed(graph, "objects", dict).items():
                    with located(f"object {key}"):
                        classes.add(typed(record, "name", str))
                        predicates.update(typed(relation, "name", str) for relation in typed(record, "relations", list))
    return [BACKGROUND, *sorted(classes)], [BACKGROUND, *sorted(predicates.difference(dropped))]


def _used_images(directory: Path, split: str, graphs: Record, graphs_path: Path, cache: Path | None,
                 found: list[Finding]) -> list[str]:
    """The sorted ids of the images that the balanced questions ask about: from a plain list where there is one, from
    ours where it is of these questions, else from the questions themselves. What was found goes to `found`.
    """
    plain = directory / f"{split}_images.json"
    if plain.is_file():
        ids, source = require_json(plain, list), plain
        found.append(_of_plain_list(plain, _questions(directory, split), len(ids)))
    else:
        ids, source = _asked_images(directory, split, cache and cache / "gqa" / f"{split}_images.json")
    for index, image_id in enumerate(ids):
        if not isinstance(image_id, str) or image_id not in graphs:
            raise ValueError(f"{source}: entry {index}, {short(image_id)}, is not an image of {graphs_path}")
    return sorted(set(ids))


def _of_plain_list(path: Path, questions: Path, images: int) -> Finding:
    """That the origin of a list is not known, and whether the questions are newer."""
    newer = questions.is_file() and questions.stat().st_mtime > path.stat().st_mtime
    effect = f"Its images are used, whatever the questions say; delete {path.name} to have the questions read."
    return Finding("images listed by a file of unknown origin", images, None,
                   f"{path}, older than {questions}" if newer else str(path), effect, "fault" if newer else "note")


def _questions(directory: Path, split: str) -> Path:
    """The file of a part's questions, or where it should be."""
    name = f"{split}_balanced_questions.json"
    places = [directory / name, directory / "questions" / name, directory / "sceneGraphs" / name]
    return next((place for place in places if place.is_file()), places[0])


def _asked_images(directory: Path, split: str, kept: Path | None) -> tuple[list[Any], Path]:
    """The `imageId` of every balanced question, and the file they are in.

    kept: our list of them, used while the questions are those that it was read from, and written anew else.
    """
    path = _questions(directory, split)
    if kept is not None and kept.is_file():
        known = require_json(kept, dict)
        with located(f"{kept}:"):
            ids, origin = typed(known, "images", list), Origin.from_json(typed(known, "origin", dict))
        if not path.is_file() or origin.is_of(path):
            return ids, kept
    # The file is a gigabyte: a question becomes its image's id as soon as it is read.
    questions = require_json(path, dict, REMEDY, object_hook=lambda record: record.get("imageId", record))
    for number, image_id in questions.items():
        if not isinstance(image_id, str):
            raise ValueError(f"{path}: question {number} must have str under 'imageId'")
    ids = list(questions.values())
    if kept is not None:
        with suppress(OSError):  # a list that cannot be kept is read again next time
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_json(kept, {"origin": Origin.of(path).to_json(), "images": sorted(set(ids))}, indent=None)
    return ids, path


def _add(builder: AnnotationsBuilder, image_id: str, graph: Record, classes: dict[str, int],
         predicates: dict[str, int]) -> list[str]:
    """Add one image. Objects that start outside it or have no area are left out, and their relations; returns the keys
    of these objects."""
    boxes, labels = [], []
    rows: dict[str, int] = {}
    for key, record in graph["objects"].items():
        with located(f"object {key}"):
            x, y, width, height = (typed(record, side, int, float) for side in "xywh")
            if x >= 0 and y >= 0 and width > 0 and height > 0:
                rows[key] = len(rows)
                boxes.append((x, y, x + width, y + height))
                labels.append(classes[record["name"]])
    relations = []
    for key, record in graph["objects"].items():
        for index, relation in enumerate(record["relations"]):
            with located(f"object {key}, relation {index}"):
                other = typed(relation, "object", str)
                if other not in graph["objects"]:
                    raise ValueError(f"names the object {other!r}, which is not in this image")
                if key in rows and other in rows and relation["name"] in predicates:
                    relations.append((rows[key], rows[other], predicates[relation["name"]]))
    size = (typed(graph, "height", int), typed(graph, "width", int))
    if min(size) < 1:
        raise ValueError(f"must have a height and width >= 1, got {size[0]} and {size[1]}")
    builder.add(f"{image_id}.jpg", size, boxes, labels, relations)
    return [key for key in graph["objects"] if key not in rows]
