"""Pictures of a judged image: its boxes, its annotated graph, and the predicted graph beside it.

Hits, misses and wrong triplets differ by the colour of their lines, by the kind of line, and by a sign.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from PIL import Image

from sgg.structures import Prediction, SceneGraph, to_numpy
from sgg.systems.contract import Vocabulary
from sgg.viz.box_picture import box_picture
from sgg.viz.graph_drawing import Link, Node, graph_drawing, place_graph, within_limits
from sgg.viz.labels import DARK, colour_of, shortened
from sgg.viz.strokes import DASHED, DOTTED, Stroke

from .judgement import Judgement

Verdict = Literal["hit", "missed", "wrong"]
STROKES: dict[Verdict, Stroke] = {"hit": Stroke((0, 114, 178)), "missed": Stroke((213, 94, 0), DASHED),
                                  "wrong": Stroke((90, 90, 90), DOTTED)}
SIGNS: dict[Verdict, str] = {"hit": "✓", "missed": "○", "wrong": "✗"}
SAME_CLASS, OTHER_CLASS = Stroke(DARK), Stroke(DARK, (5.0, 4.0))


class Line(NamedTuple):
    """A relation to draw: subject, object, predicate, verdict, and its rank or score in words."""

    subject: int
    object: int
    predicate: int
    verdict: Verdict
    remark: str


@dataclass(frozen=True, eq=False)
class Side:
    """One of the graphs that are compared: the annotated or the predicted one.

    boxes: [N, 4] in pixels. labels: [N]. wrong: [N] whether the class of an object is another than the annotated one.
    lines: its relations, each pair and predicate once.
    """

    boxes: np.ndarray
    labels: np.ndarray
    wrong: np.ndarray
    lines: list[Line]


@dataclass(frozen=True)
class JudgedPictures:
    """The pictures of an image. predicted_image: where the model finds its own boxes; else both graphs have the
    annotated ones. left_out: how many relations of both graphs are not drawn."""

    image: Image.Image
    annotated: Image.Image
    predicted: Image.Image
    predicted_image: Image.Image | None
    left_out: int


def sides_of(truth: SceneGraph, prediction: Prediction, judged: Judgement, mode: str,
             zero_shot: Sequence[bool]) -> tuple[Side, Side]:
    """The annotated and the predicted graph. zero_shot: of each annotated relation."""
    annotated: dict[tuple[int, int, int], Line] = {}
    times: dict[tuple[int, int, int], int] = {}
    for relation, unseen in zip(judged.relations, zero_shot, strict=True):
        key = relation[:3]
        times[key] = times.get(key, 0) + 1
        remark = " ".join(filter(None, ["(zero-shot)" if unseen else "", f"×{times[key]}" if times[key] > 1 else ""]))
        annotated[key] = Line(*key, "missed" if relation.rank is None else "hit", remark)
    predicted = {triplet[:3]: Line(*triplet[:3], "hit" if triplet.hit else "wrong", _two(triplet.predicate_score))
                 for triplet in reversed(judged.triplets)}
    given = mode != "sgdet"
    true_boxes, true_labels = to_numpy(truth.boxes), to_numpy(truth.labels)
    labels = true_labels if mode == "predcls" else to_numpy(prediction.labels)
    wrong = labels != true_labels if given else np.zeros(len(labels), bool)
    return (Side(true_boxes, true_labels, np.zeros(len(truth), bool), list(annotated.values())),
            Side(true_boxes if given else to_numpy(prediction.boxes), labels, wrong,
                 list(reversed(predicted.values()))))


def judged_pictures(image: np.ndarray, annotated: Side, predicted: Side, vocabulary: Vocabulary,
                    same_boxes: bool) -> JudgedPictures:
    """Draw an image [h, w, 3] and both graphs. same_boxes: both have the same objects, which then stand at the same
    places in both drawings."""
    if same_boxes:
        kept, chosen = _limited([annotated, predicted])
        left, right = _drawings(kept, chosen, [annotated, predicted], vocabulary)
        missing = len({line[:3] for side in (annotated, predicted) for line in side.lines} - set(chosen))
        return JudgedPictures(_boxes(image, annotated, kept, vocabulary), left, right, None, missing)
    drawings, images, missing = [], [], 0
    for side in (annotated, predicted):
        kept, chosen = _limited([side])
        drawings += _drawings(kept, chosen, [side], vocabulary)
        images.append(_boxes(image, side, kept, vocabulary))
        missing += len(side.lines) - len(chosen)
    return JudgedPictures(images[0], drawings[0], drawings[1], images[1], missing)


def _limited(sides: Sequence[Side]) -> tuple[list[int], list[tuple[int, int, int]]]:
    """The objects and relations that are drawn: those of the first graph go before those of the second."""
    relations = list(dict.fromkeys(line[:3] for side in sides for line in side.lines))
    kept, chosen = within_limits(len(sides[0].labels), [(subject, other) for subject, other, _ in relations])
    return kept, [relations[number] for number in chosen]


def _drawings(kept: Sequence[int], chosen: Sequence[tuple[int, int, int]], sides: Sequence[Side],
              vocabulary: Vocabulary) -> list[Image.Image]:
    """The graph of each side, all in one arrangement."""
    place = {row: number for number, row in enumerate(kept)}
    number_of = {key: number for number, key in enumerate(chosen)}
    texts: list[list[str]] = [[] for _ in chosen]
    links: list[list[Link]] = []
    for side in sides:
        links.append([])
        for line in side.lines:
            if (number := number_of.get(line[:3])) is not None:
                text = _link_text(line, vocabulary)
                texts[number].append(text)
                links[-1].append(Link(number, text, STROKES[line.verdict]))
    nodes = [[Node(_node_text(side, place[row], row, vocabulary), colour_of(place[row]),
                   OTHER_CLASS if side.wrong[row] else SAME_CLASS, heavy=bool(side.wrong[row])) for row in kept]
             for side in sides]
    places = place_graph([[of_side[number].text for of_side in nodes] for number in range(len(kept))],
                         [(place[subject], place[other], texts[number]) for number, (subject, other, _) in
                          enumerate(chosen)])
    return [graph_drawing(places, *drawn) for drawn in zip(nodes, links, strict=True)]


def _boxes(image: np.ndarray, side: Side, kept: Sequence[int], vocabulary: Vocabulary) -> Image.Image:
    height, width, _ = image.shape
    texts = [_node_text(side, number, row, vocabulary) for number, row in enumerate(kept)]
    boxes = np.asarray(side.boxes, np.float64)[list(kept)].reshape(-1, 4) / np.array([width, height, width, height])
    return box_picture(image, boxes, texts, [Stroke(colour_of(number)) for number in range(len(kept))])


def _node_text(side: Side, number: int, row: int, vocabulary: Vocabulary) -> str:
    return f"{number + 1} {shortened(vocabulary.classes[side.labels[row]])}{' ✗' if side.wrong[row] else ''}"


def _link_text(line: Line, vocabulary: Vocabulary) -> str:
    words = [SIGNS[line.verdict], shortened(vocabulary.predicates[line.predicate], 18), line.remark]
    return " ".join(filter(None, words))


def _two(score: float) -> str:
    """A score with two decimals, without the leading zero."""
    return f"{score:.2f}".removeprefix("0")
