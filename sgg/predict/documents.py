"""The JSON document of an image's scene graph (docs/PREDICTION.md, docs/scene_graph.schema.json)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict

from sgg.common.atomic import write_json
from sgg.methods.head import Mode

from .graph import ScoredGraph

FORMAT = 1


class Document(BaseModel):
    """A part of a document. It has no other keys."""

    model_config = ConfigDict(extra="forbid")


class ObjectDocument(Document):
    """An object. box: x1, y1, x2, y2 in pixels of the image, as a viewer shows it. label: the name of its class. score:
    the probability of the class; 1 where it was given."""

    box: tuple[float, float, float, float]
    label: str
    score: float


class TripletDocument(Document):
    """A relation. subject, object: positions in `objects`, from 0. predicate: its name. predicate_score: its
    probability. score: predicate score x the scores of both objects."""

    subject: int
    predicate: str
    object: int
    predicate_score: float
    score: float


class GraphDocument(Document):
    """The scene graph of an image.

    format: 1. file: the name of the image, as it was found. width, height: of the image as a viewer shows it. mode:
    sgdet: the detector found the boxes; sgcls: boxes were given; predcls: boxes and labels were given. checkpoint: the
    model. objects: in the order of the model. triplets: in descending order of their scores, at most one for a pair.
    """

    format: int
    file: str
    width: int
    height: int
    mode: Mode
    checkpoint: str
    objects: list[ObjectDocument]
    triplets: list[TripletDocument]


def document_of(graph: ScoredGraph, file: str, mode: Mode, checkpoint: str) -> GraphDocument:
    """The document of a graph. Scores have six decimals, boxes two."""
    boxes = np.asarray(graph.boxes, np.float64).round(2).tolist()
    objects = [ObjectDocument(box=box, label=name, score=round(score, 6)) for box, name, score in
               zip(boxes, graph.names, np.asarray(graph.label_scores).tolist(), strict=True)]
    rows = zip(np.asarray(graph.relations).tolist(), np.asarray(graph.predicate_scores).tolist(),
               np.asarray(graph.scores).tolist(), strict=True)
    triplets = [
        TripletDocument(subject=subject, predicate=graph.vocabulary.predicates[predicate], object=other,
                        predicate_score=round(predicate_score, 6), score=round(score, 6))
        for (subject, other, predicate), predicate_score, score in rows]
    return GraphDocument(format=FORMAT, file=file, width=graph.size[1], height=graph.size[0], mode=mode,
                         checkpoint=checkpoint, objects=objects, triplets=triplets)


def write_document(path: Path, document: GraphDocument) -> None:
    """Write a document. Raises OSError that names the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, document.model_dump(mode="json"), None)


def schema() -> dict[str, Any]:
    """The JSON Schema of a document."""
    return GraphDocument.model_json_schema()
