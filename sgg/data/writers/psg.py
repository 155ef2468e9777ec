"""Write PSG's own file, without masks (sgg/data/readers/psg.py)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_new
from sgg.data.dataset import DataSet
from sgg.data.readers.psg import CORNERS_MODE, FILE
from sgg.data.splits import TEST
from sgg.data.writers.image_links import link_images
from sgg.data.writers.image_records import image_paths, in_lists, validation_first, validation_size


def write_psg(data: DataSet, directory: Path) -> dict[str, Any]:
    """Write psg.json, and links to the images beside it. All classes are things, since masks decide what is stuff. Ids
    of images are those of the data set's file if it has some, else numbers.

    Raises FileExistsError for a file that is there already.
    """
    require_new(directory, [FILE])
    order = validation_first(data)
    annotations = data.annotations.select(order)
    own = None if data.image_ids is None else data.image_ids[order].tolist()
    ids = own if own is not None and len(set(own)) == len(own) else list(map(str, range(len(order))))
    images = []
    for number, (file, (height, width)) in enumerate(zip(annotations.files.tolist(), annotations.sizes.tolist(),
                                                         strict=True)):
        boxes, labels, relations = in_lists(annotations, number)
        images.append({
            "file_name": file, "height": height, "width": width, "image_id": ids[number], "segments_info": [],
            "annotations": [{"bbox": box, "bbox_mode": CORNERS_MODE, "category_id": label - 1}
                            for box, label in zip(boxes, labels, strict=True)],
            "relations": [[subject, object_, predicate - 1] for subject, object_, predicate in relations]})
    test = data.splits[order] == TEST
    directory.mkdir(parents=True, exist_ok=True)
    link_images((directory / file, path) for file, path in zip(annotations.files.tolist(),
                                                               image_paths(data, annotations), strict=True))
    write_json(directory / FILE, {
        "data": images, "thing_classes": data.classes[1:], "stuff_classes": [],
        "predicate_classes": data.predicates[1:],
        "test_image_ids": [one for one, is_test in zip(ids, test.tolist(), strict=True) if is_test]}, indent=None)
    return validation_size(data)
