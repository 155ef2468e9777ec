"""A toy genome as photographs are: images that are not square, boxes that stick out, relations annotated twice."""

import json
from pathlib import Path

import h5py
import numpy as np
from PIL import Image

from sgg.data.readers.visual_genome import LONGER_SIDE


def make_uneven(genome: Path) -> None:
    """Cut off, in place, the bottom of every second of four images and the right of every third, through the middle
    of the outermost object. In every fourth the first pair carries the first relation twice, and another predicate.

    The longer side stays, so the boxes in VG-SGG.h5, which are in its frame, are still where the objects are.
    """
    for folder in (genome, genome / "detector"):
        files = folder / "stanford_filtered"
        records = json.loads((files / "image_data.json").read_text())
        with h5py.File(files / "VG-SGG.h5", "r+") as file:
            centres = file["boxes_1024"][:, :2]
            boxes, relations = _rows(file, "box"), _rows(file, "rel")
            for number, record in enumerate(records):
                if number % 4 in (1, 2):
                    right, bottom = centres[boxes[number]].max(axis=0) / LONGER_SIDE
                    _cut(folder / "VG_100K" / f"{record['image_id']}.jpg", record,
                         **({"bottom": bottom} if number % 4 == 1 else {"right": right}))
                elif number % 4 == 3 and len(relations[number]) > 2:
                    _repeat(file["relationships"], file["predicates"], *relations[number][:3])
        (files / "image_data.json").write_text(json.dumps(records))


def _rows(file: h5py.File, kind: str) -> list[range]:
    """The rows of each image."""
    ends = zip(file[f"img_to_first_{kind}"][:], file[f"img_to_last_{kind}"][:], strict=True)
    return [range(first, last + 1) for first, last in ends]


def _repeat(pairs: h5py.Dataset, predicates: h5py.Dataset, first: int, twice: int, other: int) -> None:
    """Put the relation `first` also in the row `twice`, and in the row `other` with the next predicate."""
    pairs[twice] = pairs[other] = pairs[first]
    predicates[twice] = predicates[first]
    predicates[other] = predicates[first] % predicates[:].max() + 1


def _cut(path: Path, record: dict, right: float = 1.0, bottom: float = 1.0) -> None:
    """Cut an image at shares of its width and height, rounded up."""
    width, height = record["width"], record["height"]
    record["width"], record["height"] = int(np.ceil(right * width)), int(np.ceil(bottom * height))
    with Image.open(path) as picture:
        cut = picture.crop((0, 0, record["width"], record["height"]))
    cut.save(path, quality=90, subsampling=0)
