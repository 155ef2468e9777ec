"""Write Open Images in its prepared form (sgg/data/readers/open_images_json.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_new
from sgg.data.dataset import DataSet, stem
from sgg.data.readers.open_images_json import ANNOTATIONS, IMAGES, NAMES, SUFFIX, file_of
from sgg.data.splits import SPLITS
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, images_of, in_lists


def write_open_images_json(data: DataSet, directory: Path) -> dict[str, Any]:
    """Write a file for each split and one of names, and links to the images, whose names end in .jpg there.

    Raises FileExistsError for a file that is there already.
    """
    require_new(directory, [*(file_of(split) for split in SPLITS), f"{ANNOTATIONS}/{NAMES}"])
    (directory / ANNOTATIONS).mkdir(parents=True, exist_ok=True)
    for split in SPLITS:
        annotations = data.annotations.select(images_of(data, split))
        names = [stem(file) for file in annotations.files.tolist()]
        link_images((directory / IMAGES / f"{name}{SUFFIX}", path) for name, path in zip(
            names, image_paths(data, annotations), strict=True))
        content = []
        for number, (name, (height, width)) in enumerate(zip(names, annotations.sizes.tolist(), strict=True)):
            boxes, labels, relations = in_lists(annotations, number)
            content.append({"img_fn": name, "img_size": [width, height], "bbox": boxes,
                            "det_labels": [label - 1 for label in labels],
                            "rel": [[subject, object_, predicate - 1] for subject, object_, predicate in relations]})
        write_json(directory / file_of(split), content, indent=None)
    write_json(directory / ANNOTATIONS / NAMES, {"obj": data.classes[1:], "rel": data.predicates[1:]})
    return {}
