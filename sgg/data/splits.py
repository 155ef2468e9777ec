"""Splits (training, validation, test) and their zero- and few-shot subsets: the images and relations of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from sgg.common.metric_names import SHOTS, SUBSETS
from sgg.data import boxes as box_math
from sgg.data.annotations import Annotations
from sgg.data.findings import TO_ITSELF, Finding
from sgg.data.statistics import TripletCounts

NONE, TRAIN, VAL, TEST = -1, 0, 1, 2
SPLITS = {"train": TRAIN, "val": VAL, "test": TEST}


def partition(annotations: Annotations, is_test: np.ndarray, num_val_images: int,
              findings: Iterable[Finding] = ()) -> np.ndarray:
    """[I] int8: TRAIN, VAL or TEST for each image. The first `num_val_images` training images with a relation are for
    validation. Images without an object get NONE: they are in no split.

    findings: see `require_splits`. Raises ValueError if a split is empty.
    """
    splits = np.where(is_test, TEST, TRAIN).astype(np.int8)
    splits[annotations.objects_per_image == 0] = NONE
    related = annotations.relations_per_image > 0
    candidates = np.flatnonzero((splits == TRAIN) & related)
    splits[candidates[:num_val_images]] = VAL
    require_splits(annotations, splits, num_val_images, findings)
    return splits


def require_splits(annotations: Annotations, splits: np.ndarray, num_val_images: int | None = None,
                  findings: Iterable[Finding] = ()) -> None:
    """Raise ValueError with the size of each split unless every split has an image with a relation.

    num_val_images: the setting; if another value helps, the message says so. findings: of the annotation; the message
    names the relations that were dropped, since they may be the reason.
    """
    related = annotations.relations_per_image > 0
    counts = {name: int(((splits == code) & related).sum()) for name, code in SPLITS.items()}
    if not all(counts.values()):
        found = ", ".join(f"{name} {count:,}" for name, count in counts.items())
        mendable = num_val_images and counts["test"] and counts["train"] + counts["val"] > 1
        remedy = f"; choose another num_val_images, which is {num_val_images:,}" if mendable else ""
        raise ValueError(f"every split needs images with a relation, but of {len(splits):,} images there are: "
                         f"{found}{remedy}{_dropped(findings)}")


def _dropped(findings: Iterable[Finding]) -> str:
    """The end of a sentence about relations that were dropped; "" if there are none."""
    return "".join(f"; {one.often} relations in the file are {TO_ITSELF.partition(' ')[2]} (the first: {one.example}) "
                   "and were dropped, since no pair of an object with itself is ever predicted: correct the file, or "
                   "set data.self_relations=keep (--self-relations keep)"
                   for one in findings if one.kind == TO_ITSELF and one.severity == "note")


def shot_subset(annotations: Annotations, seen: TripletCounts, subset: str) -> Annotations:
    """The relations of a zero- or few-shot subset, and the images that have one.

    seen: triplet counts of training. subset: zs (count 0), 10s (1..10), 100s (11..100) or all, docs/SYSTEM.md
    section 1. Raises ValueError for another subset.
    """
    if subset == "all":
        return annotations
    if subset not in SHOTS:
        raise ValueError(f"subset must be one of {', '.join(SUBSETS)}, got {subset!r}")
    low, high = SHOTS[subset]
    counts = seen.of(annotations.triplets)
    return annotations.keep_relations((counts >= low) & (counts <= high)).with_relations()


def sized(annotations: Annotations, min_objects: int = 0, max_objects: int | None = None) -> np.ndarray:
    """[I] whether each image has at least `min_objects` and at most `max_objects` objects."""
    counts = annotations.objects_per_image
    return (counts >= min_objects) & (counts <= (counts if max_objects is None else max_objects))


def overlapping(annotations: Annotations) -> Annotations:
    """The relations between boxes that overlap, as the candidate pairs of SGDet do, and the images that have one."""
    subjects, objects = annotations.boxes[annotations.related_objects].swapaxes(0, 1)
    return annotations.keep_relations(box_math.overlap(subjects, objects)).with_relations()
