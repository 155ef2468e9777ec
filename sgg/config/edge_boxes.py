"""The ways to draw the two boxes of a pair (`model.edge_boxes`), with current and former names."""

from __future__ import annotations

from typing import Literal

EdgeBoxes = Literal["union_frame", "image_frame", "image_cells"]
OF_PAPERS: tuple[EdgeBoxes, ...] = ("union_frame", "image_frame")
"""The drawings with which the papers trained models of the same weights."""
FORMER_NAMES: dict[str, EdgeBoxes] = {"motifs": "union_frame", "raw_boxes": "image_frame"}
"""The first edition's names, which stay accepted. `motifs` now names a relation head."""


def current_name(kind: str) -> str:
    """The current name of a drawing. An unknown name stays as it is, and the caller refuses it."""
    return FORMER_NAMES.get(kind, kind)
