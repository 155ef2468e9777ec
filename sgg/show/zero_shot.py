"""The zero-shot triplets of a data set: how often they occur, their images, and the triplets of training nearest to
them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from sgg.common.progress import image_bar
from sgg.data.dataset import DataSet, Split
from sgg.data.images.image_files import read_image
from sgg.data.statistics import TripletCounts
from sgg.structures import to_numpy
from sgg.viz.box_picture import box_picture
from sgg.viz.labels import COLOURS
from sgg.viz.strokes import DASHED, Stroke

from .markup import Markup, definitions, joined, name, tag
from .page import Page, require_page_folder

Triplet = tuple[int, int, int]
"""Subject class, predicate class, object class."""
ROLES = ("subject", "predicate", "object")
SUBJECT, OBJECT = Stroke(COLOURS[0]), Stroke(COLOURS[5], DASHED)
"""The boxes of subjects are blue and unbroken, those of objects red and dashed."""
LIMIT, EXAMPLES, NEIGHBOURS = 50, 3, 8
"""Defaults: triplets of a page, images of a triplet, and neighbours of a triplet in each role."""


class Neighbour(NamedTuple):
    """A triplet of training, and how often it occurs there."""

    triplet: Triplet
    times: int


@dataclass(frozen=True)
class ZeroShotTriplet:
    """A triplet that occurs in a split and not in training. rank: from 1, by `count`, its occurrences in the split;
    triplets that occur equally often are in the order of their classes."""

    rank: int
    triplet: Triplet
    count: int


@dataclass(frozen=True, eq=False)
class ZeroShotTriplets:
    """The zero-shot triplets of a split, the most frequent ones first.

    split: the images that have one, with their zero-shot relations only. seen: the triplets of training and their
    counts: of train, for test of train and val together (docs/SYSTEM.md section 1).
    """

    split: Split
    seen: TripletCounts

    @classmethod
    def of(cls, data: DataSet, split: str = "test") -> ZeroShotTriplets:
        """Those of a split, val or test. Raises ValueError for another one, and where there is none."""
        if split not in ("val", "test"):
            raise ValueError(f"--split {split}: zero-shot triplets are those of val or test that training lacks")
        found = data.split(split, "zs")
        if not len(found):
            raise ValueError(f"{split} of {data.title} has no zero-shot triplet, because all its triplets occur in "
                             f"{training_of(split)}: choose another --split, or data with another division")
        return cls(found, data.seen(split))

    @cached_property
    def ranked(self) -> list[ZeroShotTriplet]:
        """All of them."""
        counted = self.split.triplets()
        order = np.argsort(-counted.counts, kind="stable")
        return [ZeroShotTriplet(rank, _triplet(counted.triplets[row]), int(counted.counts[row]))
                for rank, row in enumerate(order, 1)]

    def images(self, triplet: Triplet) -> np.ndarray:
        """[n] the images of `split` that have the triplet, in their order."""
        return np.unique(self.split.annotations.image_of_relation[self._rows(triplet)])

    def pairs(self, image: int, triplet: Triplet) -> np.ndarray:
        """[m, 2] the pairs of objects in an image that have the triplet, each once."""
        annotations = self.split.annotations
        rows = self._rows(triplet) & (annotations.image_of_relation == image)
        return np.unique(annotations.relations[rows, :2], axis=0)

    def _rows(self, triplet: Triplet) -> np.ndarray:
        return (self.split.annotations.triplets == triplet).all(axis=1)

    def neighbours(self, triplet: Triplet) -> dict[str, list[Neighbour]]:
        """The triplets of training that differ from a triplet in one role only, by that role; the most frequent ones
        first, equally frequent ones in the order of their classes."""
        same = self.seen.triplets == triplet
        found = {}
        for column, role in enumerate(ROLES):
            rows = np.flatnonzero((same.sum(axis=1) == 2) & ~same[:, column])
            rows = rows[np.argsort(-self.seen.counts[rows], kind="stable")]
            found[role] = [Neighbour(_triplet(self.seen.triplets[row]), int(self.seen.counts[row])) for row in rows]
        return found


def show_zero_shot(data: DataSet, out: Path | str, split: str = "test", limit: int = LIMIT, examples: int = EXAMPLES,
                   neighbours: int = NEIGHBOURS) -> Path:
    """Write a page with the `limit` most frequent zero-shot triplets of a split, each with its first `examples` images
    and its `neighbours` most frequent neighbours in each role. Returns the path of the page.

    Raises FileNotFoundError or ValueError that names an image that is missing or cannot be read; also what
    `ZeroShotTriplets.of` and `require_page_folder` raise.
    """
    out = Path(out)
    require_page_folder(out)
    found = ZeroShotTriplets.of(data, split)
    shown = found.ranked[:limit]
    images = {one.triplet: found.images(one.triplet) for one in shown}
    drawn = np.unique(np.concatenate([of_one[:examples] for of_one in images.values()]))
    data.require_images(replace(found.split, annotations=found.split.annotations.select(drawn)))
    page = Page(out, f"Zero-shot triplets of {data.title}", f"Compositions of {split} that {training_of(split)} never "
                "shows, the most frequent ones first. Below each: the triplets of training that differ from it in one "
                "part only, with their numbers.", _facts(data, found, len(shown)), [_legend()],
                placeholder="a class or a predicate")
    with page, image_bar("zero-shot triplets") as on_triplet:
        for done, one in enumerate(shown, 1):
            figures = [_figure(page, data, found, one, int(image), number)
                       for number, image in enumerate(images[one.triplet][:examples], 1)]
            names = names_of(data, one.triplet)
            page.add(joined([tag("span", f"{one.rank}. ", class_="rank"), _sentence(names), " ",
                             tag("span", f"×{one.count:,}", class_="times")]),
                     tag("div", *figures, class_="figures few"), _left_out(images[one.triplet], examples),
                     *_nearest(data, found.neighbours(one.triplet), neighbours), words=names)
            on_triplet(done, len(shown))
    return page.path


def training_of(split: str) -> str:
    """The name of the splits that decide what is zero-shot in another one."""
    return "training (train and val)" if split == "test" else "training (train)"


def names_of(data: DataSet, triplet: Sequence[int]) -> tuple[str, str, str]:
    """Subject, predicate and object in words."""
    subject, predicate, other = triplet
    return data.classes[subject], data.predicates[predicate], data.classes[other]


def _triplet(row: np.ndarray) -> Triplet:
    subject, predicate, other = row.tolist()
    return subject, predicate, other


def _facts(data: DataSet, found: ZeroShotTriplets, shown: int) -> list[tuple[str, str]]:
    triplets, relations = len(found.ranked), len(found.split.annotations.relations)
    everything = "all of them are" if shown == triplets else f"the {shown:,} most frequent ones are"
    return [("data", f"{data.description} [{data.hash}]"),
            (found.split.name, f"{triplets:,} zero-shot triplets, {relations:,} relations in {len(found.split):,} "
             f"images; {everything} shown"),
            ("zero-shot", f"the triplet (subject class, predicate, object class) does not occur in "
             f"{training_of(found.split.name)}, which has {len(found.seen):,} others")]


def _legend() -> Markup:
    return tag("ul", tag("li", tag("span", "subject", class_="subject"), " unbroken blue box"),
               tag("li", tag("span", "object", class_="object"), " dashed red box"), class_="legend")


def _sentence(names: tuple[str, str, str]) -> Markup:
    subject, predicate, other = names
    return joined([tag("span", name(subject), class_="subject"), " ", name(predicate), " ",
                   tag("span", name(other), class_="object")])


def _figure(page: Page, data: DataSet, found: ZeroShotTriplets, one: ZeroShotTriplet, image: int,
            number: int) -> Markup:
    """The picture of an image with the boxes of a triplet."""
    path, size, image_id = found.split.image_path(image), found.split.size(image), found.split.image_id(image)
    subject, predicate, other = names_of(data, one.triplet)
    drawn = picture_of_pairs(read_image(path, size), to_numpy(found.split.graph(image).boxes),
                             found.pairs(image, one.triplet), subject, other)
    return page.picture(f"{one.rank:05d}_{number}.png", drawn, f"{subject} {predicate} {other} in image {image_id}",
                        joined(["image ", name(image_id)]))


def picture_of_pairs(image: np.ndarray, boxes: np.ndarray, pairs: np.ndarray, subject: str,
                     other: str) -> Image.Image:
    """An image [h, w, 3] with the boxes of pairs of objects. boxes: [N, 4] in pixels. pairs: [m, 2] rows of `boxes`."""
    height, width, _ = image.shape
    subjects, objects = (np.unique(column) for column in pairs.T)
    rows = np.concatenate([subjects, objects])
    return box_picture(image, boxes[rows] / np.array([width, height, width, height]),
                       [subject] * len(subjects) + [other] * len(objects),
                       [SUBJECT] * len(subjects) + [OBJECT] * len(objects))


def _left_out(images: np.ndarray, examples: int) -> Markup | None:
    if len(images) <= examples:
        return None
    return tag("p", f"and in {len(images) - examples:,} more images", class_="note")


def _nearest(data: DataSet, neighbours: Mapping[str, Sequence[Neighbour]], most: int) -> list[Markup]:
    """The neighbours of a triplet: of each role a line."""
    rows: list[tuple[str, str]] = []
    for column, role in enumerate(ROLES):
        found = neighbours[role]
        chips = [tag("span", _with_other(names_of(data, one.triplet), column),
                     tag("span", f"×{one.times:,}", class_="times"), class_="chip") for one in found[:most]]
        rest = f"and {len(found) - most:,} more" if len(found) > most else None
        rows.append((f"another {role}", joined([*chips, rest]) if found else "training has none"))
    return [tag("h3", "Seen in training"), definitions(rows)]


def _with_other(names: tuple[str, str, str], column: int) -> Markup:
    """A triplet in words, in which the part that differs stands out."""
    return joined(part for place, text in enumerate(names)
                  for part in (" " if place else "", tag("strong", name(text)) if place == column else name(text)))
