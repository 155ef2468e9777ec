"""Zero-shot relations that were hit or missed, as pictures: what a trial keeps of its last evaluation for the report.

A relation is hit at K if its rank in recall's own list without graph constraint is below K, under unadjusted scores.
The sample does not depend on the model: relations are ordered by a hash of image and place, and the first `EACH` hits
and the first `EACH` misses are kept, at most one of an image and of a triplet. The file zero_shot.json:

    format, split, epoch, mode, k
    relations, hits    numbers of zero-shot relations of the split, and of hits at k among them
    examples           the hits, then the misses; each has
        hit            true or false
        image          its name
        subject, predicate, object    names of classes and predicate
        rank           from 1; null if it is not in the list
        predicted      three names: the model's best triplet on this pair; null where boxes are detected
        picture        JPEG in base64, of at most `sgg.viz.thumbnail.MOST_BYTES` bytes
"""

from __future__ import annotations

import base64
import logging
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sgg.common.atomic import write_json
from sgg.common.metric_names import telling_k
from sgg.common.run_log import ZERO_SHOT
from sgg.data import Split
from sgg.data.images.image_files import read_image
from sgg.metrics.checks import ImageArrays
from sgg.metrics.counted import CountedImages
from sgg.metrics.ranking import MISSED
from sgg.viz.thumbnail import Box, thumbnail

log = logging.getLogger(__name__)

FORMAT = 1
EACH = 6
Triplet = tuple[int, int, int]


class Example(NamedTuple):
    """A zero-shot relation of an evaluated image.

    place: its number among the relations of the image. triplet: subject class, predicate, object class. rank: from 0.
    predicted: the best triplet of the model on the same pair of boxes; None where boxes are not given.
    """

    image: str
    place: int
    triplet: Triplet
    subject: Box
    other: Box
    rank: int
    predicted: Triplet | None

    @property
    def order(self) -> str:
        """A text by which examples are sorted, the same for every model."""
        return sha256(f"{self.image} {self.place}".encode()).hexdigest()


def zero_shot_of(counted: CountedImages, boxes_given: bool) -> list[Example]:
    """The zero-shot relations among counted images."""
    first = np.searchsorted(counted.image, np.arange(len(counted.arrays)))
    found = []
    for number in np.flatnonzero(counted.shots == 0).tolist():
        image = int(counted.image[number])
        arrays, place = counted.arrays[image], number - int(first[image])
        subject, other, predicate = arrays.relations[place].tolist()
        labels = arrays.truth_labels
        found.append(Example(
            str(counted.names[image]), place, (int(labels[subject]), predicate, int(labels[other])),
            _box(arrays, subject), _box(arrays, other), int(counted.unconstrained[number]),
            _predicted(arrays, subject, other) if boxes_given else None))
    return found


def _box(arrays: ImageArrays, row: int) -> Box:
    x1, y1, x2, y2 = arrays.truth_boxes[row].tolist()
    return x1, y1, x2, y2


def _predicted(arrays: ImageArrays, subject: int, other: int) -> Triplet | None:
    """The classes and the best predicate of a pair of given boxes; None if the model did not rank the pair."""
    rows = np.flatnonzero((arrays.pairs == [subject, other]).all(1))
    if not len(rows):
        return None
    predicate = 1 + int(arrays.predicate_scores[rows[0], 1:].argmax())
    return int(arrays.labels[subject]), predicate, int(arrays.labels[other])


def sample(found: Iterable[Example], hit: bool, k: int) -> list[Example]:
    """The hits, or the misses, in the order of the sample, at most one of an image and of a triplet."""
    images: set[str] = set()
    triplets: set[Triplet] = set()
    chosen = []
    for one in sorted(found, key=lambda example: example.order):
        if (one.rank < k) is hit and one.image not in images and one.triplet not in triplets:
            images.add(one.image)
            triplets.add(one.triplet)
            chosen.append(one)
    return chosen


def write_zero_shot(path: Path, found: Sequence[Example], recall: Mapping[int, float], split: Split,
                    names: tuple[Sequence[str], Sequence[str]], said: Mapping[str, object]) -> None:
    """Write zero_shot.json to the folder `path`, complete or not at all. Nothing is written without zero-shot relation.

    found: all zero-shot relations that were counted. recall: of all relations without graph constraint, by K. split:
    has the images; those that cannot be read are passed over. names: of classes and of predicates, background first.
    said: the split, epoch and mode.
    """
    if not found:
        return
    k, images = telling_k(recall), {split.image_id(image): image for image in range(len(split))}
    examples: list[dict[str, object]] = []
    for hit in (True, False):
        drawn = (_entry(one, hit, split, images, names) for one in sample(found, hit, k))
        examples += islice((entry for entry in drawn if entry is not None), EACH)
    write_json(path / ZERO_SHOT, {"format": FORMAT, **said, "k": k, "relations": len(found),
                                  "hits": sum(one.rank < k for one in found), "examples": examples})


def _entry(one: Example, hit: bool, split: Split, images: Mapping[str, int],
           names: tuple[Sequence[str], Sequence[str]]) -> dict[str, object] | None:
    """An example as it is written; None if its image cannot be read."""
    try:
        picture = thumbnail(read_image(split.image_path(images[one.image])), one.subject, one.other)
    except (OSError, ValueError) as error:
        log.warning("no picture of a zero-shot relation: %s", error)
        return None
    subject, predicate, other = _named(one.triplet, names)
    return {"hit": hit, "image": one.image, "subject": subject, "predicate": predicate, "object": other,
            "rank": None if one.rank == MISSED else one.rank + 1,
            "predicted": None if one.predicted is None else _named(one.predicted, names),
            "picture": base64.b64encode(picture).decode("ascii")}


def _named(triplet: Triplet, names: tuple[Sequence[str], Sequence[str]]) -> list[str]:
    (subject, predicate, other), (classes, predicates) = triplet, names
    return [classes[subject], predicates[predicate], classes[other]]
