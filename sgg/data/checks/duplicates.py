"""Find what a data set has twice: objects, relations, images."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from sgg.data.annotations import Annotations
from sgg.data.findings import Finding

LEAK = 1 / 1000
"""The fraction of images from which on images in two splits are a fault."""


def repeated_objects(annotations: Annotations) -> Iterator[Finding]:
    """A finding for objects whose class and box another object of the image has."""
    rows = np.column_stack([annotations.image_of_object, annotations.labels, annotations.boxes.view(np.int32)])
    yield from _finding(_repeated(rows), annotations.image_of_object, annotations,
                        "objects with class and box of another",
                        "Both stay. A detector finds them as one, and relations of the other are missed.")


def repeated_relations(annotations: Annotations) -> Iterator[Finding]:
    """A finding for relations that an image has twice."""
    rows = np.column_stack([annotations.image_of_relation, annotations.relations])
    yield from _finding(_repeated(rows), annotations.image_of_relation, annotations, "relations annotated twice",
                        "Both are counted, and weigh twice in recall.")


def repeated_images(files: np.ndarray, splits: np.ndarray, fingerprints: Sequence[str | None]) -> Iterator[Finding]:
    """Findings for images with the same content. files: [I] names. splits: [I]. fingerprints: [I] of the files, None
    for a missing one. That more than `LEAK` of the images are in two splits is a fault: a model is then measured on
    what it was trained on. Published data sets may have a few.
    """
    first: dict[str, int] = {}
    again: list[tuple[int, int]] = []
    for row, fingerprint in enumerate(fingerprints):
        if fingerprint is not None and first.setdefault(fingerprint, row) != row:
            again.append((first[fingerprint], row))
    within = [pair for pair in again if splits[pair[0]] == splits[pair[1]]]
    across = [pair for pair in again if splits[pair[0]] != splits[pair[1]]]
    if within:
        yield Finding("images with the content of another", len(within), len(files), _same(files, within),
                      "Both are used.")
    if across:
        yield Finding("images with the content of one in another split", len(across), len(files), _same(files, across),
                      "A model is measured on images of its training: leave them out of one split.",
                      "fault" if len(across) > LEAK * len(files) else "note")


def _same(files: np.ndarray, pairs: list[tuple[int, int]]) -> str:
    one, other = pairs[0]
    return f"{files[other]} is {files[one]}"


def _repeated(rows: np.ndarray) -> np.ndarray:
    """[n] whether each row occurs further up."""
    again = np.ones(len(rows), bool)
    again[np.unique(rows, axis=0, return_index=True)[1]] = False
    return again


def _finding(again: np.ndarray, images: np.ndarray, annotations: Annotations, kind: str, effect: str,
             ) -> Iterator[Finding]:
    if again.any():
        image = annotations.files[images[np.argmax(again)]]
        yield Finding(kind, int(again.sum()), len(again), f"image {image}", effect)
