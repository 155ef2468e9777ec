"""Write the files of Visual Genome's split (sgg/data/readers/visual_genome.py)."""

from __future__ import annotations

from itertools import count, islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from sgg.common.atomic import replaced, write_json
from sgg.data.annotation_files import require_new
from sgg.data.annotations import Annotations
from sgg.data.dataset import DataSet, stem
from sgg.data.readers.visual_genome import CORRUPT_IMAGES, FOLDER, H5, IMAGES, LONGER_SIDE, NAMES, SIZES
from sgg.data.splits import TEST
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, validation_first, validation_size

ATTRIBUTES_PER_OBJECT = 10


def write_visual_genome(data: DataSet, directory: Path) -> dict[str, Any]:
    """Write VG-SGG-with-attri.h5 and the two JSON files, and links to the images. No object has an attribute. Boxes are
    written as floating-point numbers, so that the frame of 1024 pixels does not round them. Images whose names are
    no numbers get some, and are there under both.

    Raises FileExistsError for a file that is there already.
    """
    h5, names = H5[1], NAMES[1]
    folder = require_new(directory / FOLDER, [*H5, *NAMES, SIZES])
    order = validation_first(data)
    annotations = data.annotations.select(order)
    folder.mkdir(parents=True, exist_ok=True)
    files = annotations.files.tolist()
    numbers, paths = _numbers(files), image_paths(data, annotations)
    for named in files, [f"{number}.jpg" for number in numbers]:  # the second for other readers
        link_images((directory / IMAGES / name, path) for name, path in zip(named, paths, strict=True))
    write_json(folder / SIZES, [
        {"image_id": number, "width": width, "height": height, "file_name": file} for number, file, (height, width)
        in zip(numbers, files, annotations.sizes.tolist(), strict=True)], indent=None)
    write_json(folder / names, _dictionaries(data, annotations), indent=None)
    with replaced(folder / h5) as temporary, h5py.File(temporary, "w") as file:
        _fill(file, annotations, data.splits[order] == TEST)
    return validation_size(data)


def _dictionaries(data: DataSet, annotations: Annotations) -> dict[str, Any]:
    """Numbers, names and counts of classes and predicates."""
    content: dict[str, Any] = {"attribute_to_idx": {}, "idx_to_attribute": {}, "attribute_count": {}}
    for kind, counted, names, used in (("label", "object", data.classes, annotations.labels),
                                       ("predicate", "predicate", data.predicates, annotations.relations[:, 2])):
        counts = np.bincount(used, minlength=len(names)).tolist()
        numbered = list(enumerate(names))[1:]
        content |= {f"{kind}_to_idx": {name: number for number, name in numbered},
                    f"idx_to_{kind}": {str(number): name for number, name in numbered},
                    f"{counted}_count": {name: counts[number] for number, name in numbered}}
    return content


def _fill(file: h5py.File, annotations: Annotations, is_test: np.ndarray) -> None:
    corners = annotations.boxes.astype(float)
    scale = annotations.sizes.max(axis=1)[annotations.image_of_object, None]
    centred = np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], axis=1) / scale
    file["split"] = np.where(is_test, 2, 0).astype(np.int32)
    for name, ptr in (("box", annotations.box_ptr), ("rel", annotations.rel_ptr)):
        empty = np.diff(ptr) == 0
        file[f"img_to_first_{name}"] = np.where(empty, -1, ptr[:-1]).astype(np.int32)
        file[f"img_to_last_{name}"] = np.where(empty, -1, ptr[1:] - 1).astype(np.int32)
    for side in (LONGER_SIDE, LONGER_SIDE // 2):
        file[f"boxes_{side}"] = centred * side
    file["labels"] = annotations.labels[:, None]
    file["relationships"] = annotations.related_objects.astype(np.int32)
    file["predicates"] = annotations.relations[:, 2:]
    file["attributes"] = np.zeros((len(annotations.labels), ATTRIBUTES_PER_OBJECT), np.int64)
    file["active_object_mask"] = np.ones((len(annotations.labels), 1), bool)


def _numbers(files: list[str]) -> list[int]:
    """The id of each image: the number that is its name if all have one, else 1, 2, and so on."""
    names = [stem(file) for file in files]
    if all(name.isascii() and name.isdigit() and len(name) < 18 and str(int(name)) == name for name in names):
        numbers = list(map(int, names))
        if not set(numbers) & set(CORRUPT_IMAGES):
            return numbers
    return list(islice((number for number in count(1) if number not in CORRUPT_IMAGES), len(files)))
