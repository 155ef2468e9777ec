"""Write a data set in the layout for people's own data (sgg/data/readers/custom.py)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from sgg.common.atomic import write_json
from sgg.data.annotation_files import require_new
from sgg.data.dataset import DataSet
from sgg.data.readers.custom import FILE
from sgg.data.splits import NONE, SPLITS


def write_custom(data: DataSet, directory: Path | str) -> Path:
    """Write a data set as annotations.json under `directory`; its image files stay where they are. Reading it again
    gives the same hash, unless the data set has images for the detector only, which are not written. Returns the file.

    Raises what `require_new` raises.
    """
    directory, annotations = require_new(Path(directory), [FILE]), data.annotations
    split_names = {NONE: "train"} | {code: name for name, code in SPLITS.items()}
    splits = [split_names[split] for split in data.splits.tolist()]
    corners = annotations.boxes.astype(float)
    boxes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    owners, ends = annotations.image_of_object, annotations.related_objects
    content = {
        "title": data.title,
        "image_folder": os.path.relpath(data.image_folder, directory),
        "images": [{"id": row, "file_name": file, "width": width, "height": height, "split": split}
                   for row, (file, (height, width), split) in enumerate(
                       zip(annotations.files.tolist(), annotations.sizes.tolist(), splits, strict=True))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(data.classes) if number],
        "annotations": [{"id": row, "image_id": image, "category_id": label, "bbox": box} for row, (image, label, box)
                        in enumerate(zip(owners.tolist(), annotations.labels.tolist(), boxes.tolist(), strict=True))],
        "predicates": [{"id": number, "name": name} for number, name in enumerate(data.predicates) if number],
        "relations": [{"subject_id": subject, "object_id": object_, "predicate_id": predicate}
                      for (subject, object_), predicate
                      in zip(ends.tolist(), annotations.relations[:, 2].tolist(), strict=True)],
    }
    if data.mirror_pairs is not None:
        content["mirror_pairs"] = [list(pair) for pair in data.mirror_pairs]
    directory.mkdir(parents=True, exist_ok=True)
    write_json(directory / FILE, content, indent=None)
    return directory / FILE
