"""Write VRD's files (sgg/data/readers/vrd.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_new
from sgg.data.dataset import DataSet
from sgg.data.readers.vrd import CLASSES, PARTS, PREDICATES
from sgg.data.splits import TEST
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, in_lists, validation_first, validation_size


def write_vrd(data: DataSet, directory: Path) -> dict[str, Any]:
    """Write VRD's four files, and links to the images in its folders. The format has no objects without relations
    and no two objects of one class and box, and so the written files.

    Raises FileExistsError for a file that is there already.
    """
    require_new(directory, [*PARTS, CLASSES, PREDICATES])
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / CLASSES, data.classes[1:])
    write_json(directory / PREDICATES, data.predicates[1:])
    order = validation_first(data)
    for (name, folder), is_test in zip(PARTS.items(), (False, True), strict=True):
        annotations = data.annotations.select(order[(data.splits[order] == TEST) == is_test])
        files = [file.removeprefix(f"{folder}/") for file in annotations.files.tolist()]
        link_images((directory / folder / file, path) for file, path in zip(files, image_paths(data, annotations),
                                                                            strict=True))
        content = {}
        for number, file in enumerate(files):
            boxes, labels, relations = in_lists(annotations, number)
            ends = [{"category": label - 1, "bbox": [top, bottom, left, right]}
                    for label, (left, top, right, bottom) in zip(labels, boxes, strict=True)]
            content[file] = [{"predicate": predicate - 1, "subject": ends[subject], "object": ends[object_]}
                             for subject, object_, predicate in relations]
        write_json(directory / name, content, indent=None)
    return validation_size(data)
