"""Read GQA's scene graphs (docs/SYSTEM.md section 1).

    <directory>/sceneGraphs/{train,val}_sceneGraphs.json
    <directory>/{train,val}_balanced_questions.json, or in questions/ or sceneGraphs/: they decide which images are used
    <directory>/{train,val}_images.json                 a plain list of these images, if another program wrote one
    <cache>/gqa/{train,val}_images.json                 our list, with the file that it comes from; written at first use
    image files: <image_id>.jpg in Visual Genome's folder
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sgg.common.atomic import keep_json
from sgg.data.annotation_files import require_json
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import CORNER_AND_SIZE
from sgg.data.checks.consistency import STRAY_SHARE, USUAL, Rules, checked
from sgg.data.dataset import BACKGROUND, DataSet
from sgg.data.findings import Finding
from sgg.data.readers.origin import Origin
from sgg.data.records import AnnotationsBuilder, Record, located, short, typed
from sgg.data.splits import NONE, TEST, TRAIN, VAL, require_splits

NUM_VAL_IMAGES = 5000
LEFT_RIGHT = ("to the left of", "to the right of")
REMEDY = "get the data set with: python -m sgg.data prepare gqa --root ROOT"


def open_gqa(directory: Path | str, image_folder: Path | str, exclude_left_right: bool = False,
             num_val_images: int = NUM_VAL_IMAGES, rules: Rules = USUAL,
             cache: Path | None = None) -> DataSet:
    """Open the data set under `directory` (ROOT/GQA). The first training ids in sorted order are the validation split;
    the public validation file is the test split.

    exclude_left_right: drop the predicates "to the left of" and "to the right of", which are two thirds of GQA. cache:
    the folder in which the list of used images is kept, since reading it from the questions takes long; None: it is not
    kept.

    Raises FileNotFoundError, or ValueError that names the file and the record.
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
    return [Finding("objects before their image or without extent", len(objects),
                    len(objects) + len(annotations.labels), objects[0],
                    "The object and its relations are left out, as in the papers' system.")]


def _partition(annotations: Annotations, num_train_file: int, num_val_images: int) -> np.ndarray:
    splits = np.full(len(annotations), TEST, dtype=np.int8)
    splits[:num_train_file] = TRAIN
    splits[:min(num_val_images, num_train_file)] = VAL
    splits[annotations.objects_per_image == 0] = NONE
    return splits


def _names(graphs: dict[str, Record], paths: dict[str, Path], dropped: tuple[str, ...]) -> tuple[list[str], list[str]]:
    """The names of classes and predicates in both files, sorted, background first."""
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
    """The sorted ids of the images that the balanced questions ask about. They come from a plain list if there is one,
    from our list if it belongs to these questions, else from the questions. Findings are added to `found`.
    """
    plain = directory / f"{split}_images.json"
    if plain.is_file():
        ids, source = require_json(plain, list), plain
        found.append(_of_plain_list(plain, _questions(directory, split), len(ids)))
    else:
        ids, source = _asked_images(directory, split, cache and cache / "gqa" / f"{split}_images.json")
    for index, image_id in enumerate(ids):
        if not isinstance(image_id, str) or image_id not in graphs:
            raise ValueError(f"{source}: entry {index}, {short(image_id)}, is not an image of {graphs_path}: use files "
                             "of one release")
    return sorted(set(ids))


def _of_plain_list(path: Path, questions: Path, images: int) -> Finding:
    """A finding: the origin of a list is unknown. It is a fault if the questions are newer."""
    newer = questions.is_file() and questions.stat().st_mtime > path.stat().st_mtime
    effect = f"Its images are used, even if the questions differ; delete {path.name} so that the questions are read."
    return Finding("images listed by a file of unknown origin", images, None,
                   f"{path}, older than {questions}" if newer else str(path), effect, "fault" if newer else "note")


def _questions(directory: Path, split: str) -> Path:
    """The file of a split's questions; if it is missing, its first possible place."""
    name = f"{split}_balanced_questions.json"
    places = [directory / name, directory / "questions" / name, directory / "sceneGraphs" / name]
    return next((place for place in places if place.is_file()), places[0])


def _asked_images(directory: Path, split: str, kept: Path | None) -> tuple[list[Any], Path]:
    """The `imageId` of every balanced question, and the file that they come from.

    kept: the file of our list. It is used if the questions have not changed since, else it is written again.
    """
    path = _questions(directory, split)
    if kept is not None and kept.is_file():
        known = require_json(kept, dict)
        with located(f"{kept}:"):
            ids, origin = typed(known, "images", list), Origin.from_json(typed(known, "origin", dict))
        if not path.is_file() or origin.is_of(path):
            return ids, kept
    # The file has a gigabyte, so the id of the image replaces each question as soon as it is read.
    questions = require_json(path, dict, REMEDY, object_hook=lambda record: record.get("imageId", record))
    for number, image_id in questions.items():
        if not isinstance(image_id, str):
            raise ValueError(f"{path}: question {number} must have str under 'imageId'")
    ids = list(questions.values())
    if kept is not None:
        # Without a kept list the questions are read again next time.
        keep_json(kept, {"origin": Origin.of(path).to_json(), "images": sorted(set(ids))})
    return ids, path


def _add(builder: AnnotationsBuilder, image_id: str, graph: Record, classes: dict[str, int],
         predicates: dict[str, int]) -> list[str]:
    """Add one image, without objects that start outside it or have no area, and without their relations. Returns the
    keys of these objects."""
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
                    raise ValueError(f"names the object {other!r}, which is not in this image: correct its key, or "
                                     "leave the relation out")
                if key in rows and other in rows and relation["name"] in predicates:
                    relations.append((rows[key], rows[other], predicates[relation["name"]]))
    size = (typed(graph, "height", int), typed(graph, "width", int))
    if min(size) < 1:
        raise ValueError(f"must have a height and width >= 1, got {size[0]} and {size[1]}")
    builder.add(f"{image_id}.jpg", size, boxes, labels, relations)
    return [key for key in graph["objects"] if key not in rows]
