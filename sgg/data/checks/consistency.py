"""Check that the parts of an annotation are consistent, and treat doubtful annotation."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from sgg.data import boxes as box_math
from sgg.data.annotations import Annotations
from sgg.data.checks.box_conventions import Convention, require_convention
from sgg.data.findings import TO_ITSELF, Finding
from sgg.data.mirroring import NO_PARTNER, Pairs, mirrored_predicates

ROUNDING = 1.0  # pixels by which a box may leave its image without a finding: rounding and scaling cause that


@dataclass(frozen=True)
class Rules:
    """The treatment of doubtful annotation; the same for all data sets.

    allow_clipping: accept boxes that seem to follow another convention than the reader's, and boxes wholly outside
    their images. self_relations: `drop` relations of an object to itself, for which no pair is ever predicted, or
    `keep` them as the reference system does. survey: continue after a box without area or with values that are not
    finite, to find all faults; such data are never trained on.
    """

    allow_clipping: bool = False
    self_relations: Literal["drop", "keep"] = "drop"
    survey: bool = False


USUAL = Rules()
FileOf = Callable[[str], str]
STRAY_SHARE = 1 / 2000
"""The fraction of boxes of published files that may lie outside their images, or have no extent."""


def checked(annotations: Annotations, source: str, classes: list[str], predicates: list[str], rules: Rules,
            convention: Convention | None = None, stray_share: float = 0.0, mirror_pairs: Pairs | None = None,
            shifts: tuple[int, int] = (0, 0),
            file_of: FileOf | None = None) -> tuple[Annotations, tuple[Finding, ...]]:
    """Check annotations. Returns them with boxes clipped to their images and without relations of an object to itself,
    and the findings.

    source: the file, for messages. classes, predicates: names, background first. convention: that of the file's boxes;
    None: the caller has checked it. stray_share: the fraction of boxes that may lie wholly outside their images
    (published files have a few); such a box becomes a strip at the border. mirror_pairs: see `mirrored_predicates`.
    shifts: what the reader has added to the numbers of classes and of predicates; messages count as the file does.
    file_of: the file that an image is annotated in, by the name of the image; None: `source` is that of all.

    Raises ValueError that names `source`, the image and the object or relation.
    """
    if convention and not rules.allow_clipping:
        images = annotations.image_of_object
        require_convention(annotations.boxes, annotations.sizes[images], images, convention, source)
    places = _Places(annotations, file_of or (lambda image: source))
    if not rules.survey:
        _require_boxes(places, 1.0 if rules.allow_clipping else stray_share)
    _require_numbers(places, len(classes), len(predicates), shifts)
    findings = (*_findings(annotations, rules, stray_share), *_of_names(classes, "classes"),
                *_of_names(predicates, "predicates"), *_of_mirroring(annotations, predicates, mirror_pairs))
    boxes = box_math.clip(annotations.boxes, annotations.sizes[annotations.image_of_object])
    annotations = replace(annotations, boxes=boxes)
    if rules.self_relations == "drop":
        annotations = annotations.keep_relations(~_to_itself(annotations))
    return annotations, findings


def _require_boxes(places: _Places, stray_share: float) -> None:
    annotations = places.annotations
    boxes, sizes = annotations.boxes, annotations.sizes[annotations.image_of_object]
    places.refuse("object", ~np.isfinite(boxes).all(axis=1), "box {} is not finite", boxes)
    places.refuse("object", np.any(boxes[:, 2:] <= boxes[:, :2], axis=1),
                  "box {} (x1 y1 x2 y2) has no area", boxes)
    strays = box_math.outside(boxes, sizes)
    if strays.sum() > stray_share * len(boxes):
        height, width = sizes[np.argmax(strays)]
        places.refuse("object", strays,
                      f"box {{}} (x1 y1 x2 y2) lies outside the image of {width}x{height} pixels", boxes)


def _require_numbers(places: _Places, num_classes: int, num_predicates: int, shifts: tuple[int, int]) -> None:
    annotations = places.annotations
    labels, ends, predicates = annotations.labels, annotations.relations[:, :2], annotations.relations[:, 2]
    counts = annotations.objects_per_image[annotations.image_of_relation][:, None]
    places.refuse("object", *_outside(labels, num_classes, "class", shifts[0]))
    places.refuse("relation", ((ends < 0) | (ends >= counts)).any(axis=1),
                  "objects {} are not all in this image: a relation joins two objects of its image", ends)
    places.refuse("relation", *_outside(predicates, num_predicates, "predicate", shifts[1]))


def _outside(numbers: np.ndarray, count: int, kind: str, shift: int) -> tuple[np.ndarray, str, np.ndarray]:
    """Which numbers of classes or predicates do not exist, a text, and the numbers as the file has them."""
    first, last = 1 - shift, count - 1 - shift
    text = f"{kind} {{}} is not in {first}..{last}: correct the number, or add the {kind} to the list"
    for step, remedy in ((1, "add 1 to"), (-1, "subtract 1 from")):
        if len(numbers) and (numbers + step).min() >= 1 and (numbers + step).max() < count:
            text = (f"{kind} {{}} is not in {first}..{last}; the numbers seem to count from {first - step}, but here "
                    f"from {first}: {remedy} the number of every {kind}")
    return (numbers < 1) | (numbers >= count), text, numbers - shift


@dataclass(frozen=True)
class _Places:
    """Where the records of annotations stand."""

    annotations: Annotations
    file_of: FileOf

    def refuse(self, kind: Literal["object", "relation"], wrong: np.ndarray, text: str, values: np.ndarray) -> None:
        """Raise ValueError that names the first object or relation of the mask `wrong` [T or U], and its value."""
        if not wrong.any():
            return
        annotations, row = self.annotations, int(np.argmax(wrong))
        owners, ptr = ((annotations.image_of_object, annotations.box_ptr) if kind == "object" else
                       (annotations.image_of_relation, annotations.rel_ptr))
        image = str(annotations.files[owners[row]])
        raise ValueError(f"{self.file_of(image)}: image {image}, {kind} {row - ptr[owners[row]]}: "
                         f"{text.format(_shown(values[row]))}{_more(wrong, kind)}")


def _to_itself(annotations: Annotations) -> np.ndarray:
    """[U] whether subject and object of each relation are the same object."""
    return annotations.relations[:, 0] == annotations.relations[:, 1]


def _findings(annotations: Annotations, rules: Rules, stray_share: float) -> Iterator[Finding]:
    """Findings about boxes before clipping, images without objects, and relations."""
    boxes, objects = annotations.boxes, annotations.image_of_object
    sizes = annotations.sizes[objects]
    strays = box_math.outside(boxes, sizes)
    cut = box_math.leaves(boxes, sizes, ROUNDING) & ~strays
    if cut.any():
        yield Finding("clipped boxes", int(cut.sum()), len(boxes), _place(annotations, cut),
                      "A box that leaves its image is clipped at the border.")
    if strays.any():
        yield Finding("boxes outside their images", int(strays.sum()), len(boxes), _place(annotations, strays),
                      "The box becomes a strip of one pixel at the border.",
                      "fault" if strays.sum() > stray_share * len(boxes) else "note")  # published files hold a few
    empty = annotations.objects_per_image == 0
    if empty.any():
        yield Finding("images without objects", int(empty.sum()), len(annotations),
                      f"image {annotations.files[np.argmax(empty)]}", "The image is in no split.")
    if (selves := _to_itself(annotations)).any():
        row = int(np.argmax(selves))
        image = annotations.image_of_relation[row]
        effect = ("The relation is dropped: no pair of an object with itself is ever predicted."
                  if rules.self_relations == "drop" else
                  "The relation is kept and counted, but can never be found, which limits recall.")
        yield Finding(TO_ITSELF, int(selves.sum()), len(selves),
                      f"image {annotations.files[image]}, relation {row - annotations.rel_ptr[image]}", effect,
                      "note" if rules.self_relations == "drop" else "fault")


def _of_names(names: list[str], kind: str) -> Iterator[Finding]:
    """A finding for names that readers would not tell apart."""
    alike: dict[str, list[str]] = {}
    for name in names:
        alike.setdefault("".join(unicodedata.normalize("NFKC", name).casefold().split()), []).append(name)
    doubtful = [same for same in alike.values() if len(same) > 1]
    if doubtful:
        yield Finding(f"names of {kind} that are nearly equal", sum(map(len, doubtful)), len(names),
                      " and ".join(map(repr, doubtful[0])),
                      f"They differ only in blanks, case or Unicode form, and count as different {kind}.")


def _of_mirroring(annotations: Annotations, predicates: list[str], pairs: Pairs | None) -> Iterator[Finding]:
    """Findings for predicates that mirroring exchanges, and for those that have no partner to exchange with."""
    table = mirrored_predicates(predicates, pairs)
    used = annotations.relations[:, 2]
    exchanged = np.flatnonzero((table != np.arange(len(table))) & (table != NO_PARTNER))
    if count := int(np.isin(used, exchanged).sum()):
        first = exchanged[0]
        yield Finding("relations that mirroring exchanges", count, len(used),
                      f"{predicates[first]!r} and {predicates[table[first]]!r}",
                      "Mirroring an image exchanges their predicates, unless data.flip_predicates is keep.")
    alone = np.flatnonzero(table == NO_PARTNER)
    if count := int((fixed := np.isin(used, alone)).sum()):
        name = predicates[used[np.argmax(fixed)]]
        yield Finding("relations that mirroring would make wrong", count, len(used), f"predicate {name!r}",
                      "Their images are never mirrored, unless data.flip_predicates is keep: there is no predicate for "
                      "the mirrored relation.")


def _place(annotations: Annotations, wrong: np.ndarray) -> str:
    """The first object of the mask `wrong` [T], in words."""
    row = int(np.argmax(wrong))
    image = annotations.image_of_object[row]
    height, width = annotations.sizes[image].tolist()
    return (f"image {annotations.files[image]}, object {row - annotations.box_ptr[image]}: box "
            f"{_shown(annotations.boxes[row])} (x1 y1 x2 y2) in a image of {width}x{height} pixels")


def _shown(values: np.ndarray) -> Any:
    """Values for messages; the numbers of a box are rounded to the precision of files."""
    return np.round(values.astype(float), 2).tolist() if values.dtype.kind == "f" else values.tolist()


def _more(wrong: np.ndarray, kind: str) -> str:
    others = int(wrong.sum()) - 1
    return f" (and so for {others} more {kind}s)" if others else ""
