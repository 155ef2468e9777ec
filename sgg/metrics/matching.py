"""Match predicted triplets to annotated relations.

A predicted triplet (a row of `pairs` with a predicate) hits a relation when subject class, predicate and object class
agree and both boxes have an IoU of at least .5 with the annotated ones. Many images are matched at once, one after
another in one array: the time goes into the number of numpy calls, not into the few numbers of an image.

Shapes are those of `sgg.structures`, summed over all images; H is the number of hits.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sgg.metrics.checks import ImageArrays
from sgg.metrics.conventions import Conventions
from sgg.metrics.triplet import triplet_code
from sgg.structures import Array, to_numpy

MIN_IOU = np.float32(0.5)
TINY = np.finfo(np.float32).tiny


def box_iou(boxes1: Array, boxes2: Array) -> np.ndarray:
    """Intersection over union of every box of one set with every box of another.

    boxes1: [N, 4], boxes2: [M, 4] x1, y1, x2, y2 in continuous coordinates (a box is x2 - x1 wide, without + 1).
    Returns [N, M] float32; 0 where both boxes are empty.
    """
    sides1, sides2 = (to_numpy(boxes).astype(np.float32, copy=False).T for boxes in (boxes1, boxes2))
    return _iou(sides1[:, :, None], sides2[:, None, :])


class MatchedImages:
    """Images one after another, and the hits among all their pairs x predicates.

    images: results of `checks.checked_arrays`, each with at least one relation.

    num_relations: E. image, predicates, triplets: [E] the image, the predicate and the triplet code of each relation.
    pair_ptr: [B + 1] the first pair of each image, and the number of all pairs. pair_scores: [P] product of both label
    scores. predicate_scores: [P, R]. given: [P] whether the pair is annotated; no pair is given in sgdet. relation,
    row, predicate: [H] the relation of a hit, its pair and its predicate, by ascending relation. own_hits: [h] the hits
    on the pair of boxes of their own relation. contest, rival: all rows on that pair, as positions in `own_hits` and as
    rows.
    """

    def __init__(self, images: Sequence[ImageArrays], mode: str, conventions: Conventions) -> None:
        self.images = images
        arrays = ImageArrays(*map(np.concatenate, zip(*images, strict=True)))
        sizes = np.array([[len(one.truth_boxes), len(one.relations), len(one.boxes), len(one.pairs)] for one in images])
        starts = np.cumsum(sizes, axis=0) - sizes
        truths, self._first_box, first_pair = starts[:, [0, 2, 3]].T
        _, relations, self._num_boxes, pairs = sizes.T
        self._first_key = np.cumsum(self._num_boxes**2) - self._num_boxes**2
        self.num_relations = len(arrays.relations)
        self.pair_ptr = np.append(first_pair, len(arrays.pairs))
        self.predicate_scores = arrays.predicate_scores
        self.image = np.repeat(np.arange(len(images)), relations)
        image_of_pair = np.repeat(np.arange(len(images)), pairs)
        first, second = arrays.pairs.T
        box = self._first_box[image_of_pair]
        self.pair_scores = arrays.label_scores[first + box] * arrays.label_scores[second + box]
        self._tables = _tables(self._key(image_of_pair, first, second), int((self._num_boxes**2).sum()))

        subjects, objects, predicates = arrays.relations.T
        ends = np.concatenate([subjects, objects]) + np.tile(truths[self.image], 2)
        end, box = _meetings(arrays, ends, self._first_box[self.image], self._num_boxes[self.image])
        alike = arrays.truth_labels[ends[end]] == arrays.labels[box]
        self.relation, self.row = self._rows_meeting(end[alike], box[alike])
        self.predicate = predicates[self.relation]
        if not conventions.zero_scores_count:  # zeros are last in every list, so the ranks of others stay
            scored = self.predicate_scores[self.row, self.predicate] > 0
            self.relation, self.row, self.predicate = (of[scored] for of in (self.relation, self.row, self.predicate))
        self._set_own_pairs(subjects, objects, end, box, mode, conventions)
        self.predicates = predicates
        self.triplets = triplet_code(arrays.truth_labels[ends[:self.num_relations]], predicates,
                                     arrays.truth_labels[ends[self.num_relations:]])

    def _set_own_pairs(self, subjects: np.ndarray, objects: np.ndarray, end: np.ndarray, box: np.ndarray, mode: str,
                       conventions: Conventions) -> None:
        same = self._rows_of(np.arange(self.num_relations), subjects, objects)
        self.given = np.zeros(len(self.pair_scores), bool)
        if mode != "sgdet":
            self.given[same[1]] = True
        own = [self._rows_meeting(end, box) if conventions.triplet_pairs_by_boxes else same]
        if conventions.triplet_both_directions:
            own.append(self._rows_meeting(end, box, backwards=True) if conventions.triplet_pairs_by_boxes
                       else self._rows_of(np.arange(self.num_relations), objects, subjects))
        rows = len(self.pair_scores)
        codes = np.unique(np.concatenate([relation * rows + row for relation, row in own]))
        relation, row = np.divmod(codes, max(rows, 1))
        self.own_hits = np.isin(self.relation * rows + self.row, codes).nonzero()[0]
        ends = np.searchsorted(relation, np.arange(self.num_relations + 1))
        owner = self.relation[self.own_hits]
        self.contest, place = _ragged(ends[owner], np.diff(ends)[owner])
        self.rival = row[place]

    def _key(self, image: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """A number for each pair of boxes of an image that is unique among all images."""
        return self._first_key[image] + first * self._num_boxes[image] + second

    def _rows_of(self, relation: np.ndarray, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The predictions on given pairs of boxes: their relations, ascending, and their rows."""
        image = self.image[relation]
        known = np.maximum(first, second) < self._num_boxes[image]  # there may be fewer detected than annotated boxes
        relation, keys = relation[known], self._key(image, first, second)[known]
        found = [(relation[table[keys] >= 0], table[keys][table[keys] >= 0]) for table in self._tables]
        relation, row = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((row, relation))
        return relation[order], row[order]

    def _rows_meeting(self, end: np.ndarray, box: np.ndarray, backwards: bool = False) -> tuple[np.ndarray, np.ndarray]:
        """Relations and the predicted rows whose two boxes overlap those of the relation. end, box: as `_meetings`
        returns them."""
        counts = np.bincount(end, minlength=2 * self.num_relations)
        sides = np.stack([np.cumsum(counts) - counts, counts], axis=1).reshape(2, -1, 2)
        subject, object_ = sides[::-1] if backwards else sides
        relation, first = _ragged(*subject.T)
        owner, second = _ragged(*object_[relation].T)
        relation, start = relation[owner], self._first_box[self.image[relation[owner]]]
        return self._rows_of(relation, box[first[owner]] - start, box[second] - start)


def _meetings(arrays: ImageArrays, ends: np.ndarray, first_box: np.ndarray,
              num_boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The predicted boxes that overlap the ends of relations: positions in `ends`, ascending, and boxes.

    ends: [2 E] annotated boxes, all subjects, then all objects. first_box, num_boxes: [E] the predicted boxes of the
    image of each relation.
    """
    end, box = _ragged(np.tile(first_box, 2), np.tile(num_boxes, 2))
    sides, sides_predicted = np.ascontiguousarray(arrays.truth_boxes.T), np.ascontiguousarray(arrays.boxes.T)
    meets = _iou(sides.take(ends[end], axis=1), sides_predicted.take(box, axis=1)) >= MIN_IOU
    return end[meets], box[meets]


def _iou(sides1: np.ndarray, sides2: np.ndarray) -> np.ndarray:
    """IoU of boxes whose first axis is left, top, right, bottom; the other axes are broadcast."""
    extent = np.minimum(sides1[2:], sides2[2:]) - np.maximum(sides1[:2], sides2[:2])
    width, height = np.maximum(extent, 0, out=extent)
    intersection = width * height
    (width1, height1), (width2, height2) = sides1[2:] - sides1[:2], sides2[2:] - sides2[:2]
    union = width1 * height1 + width2 * height2 - intersection
    return intersection / np.maximum(union, TINY)


def _ragged(starts: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The ranges starts[i] : starts[i] + counts[i] one after another: the i of each number, and the number."""
    owner = np.repeat(np.arange(len(counts)), counts)
    return owner, np.arange(len(owner)) + np.repeat(starts - np.cumsum(counts) + counts, counts)


def _tables(keys: np.ndarray, size: int) -> list[np.ndarray]:
    """[size] the row of each key, -1 for none; a second table for keys that occur twice, and so on."""
    tables: list[np.ndarray] = []
    rows = np.arange(len(keys))
    while len(rows) or not tables:
        table = np.full(size, -1)
        table[keys[rows]] = rows
        rows = rows[table[keys[rows]] != rows]
        tables.append(table)
    return tables
