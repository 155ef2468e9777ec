"""The ways to draw the two boxes of a pair (`model.edge_boxes`), by the names of today and of the first edition."""

from __future__ import annotations

from typing import Literal

EdgeBoxes = Literal["union_frame", "image_frame"]
FORMER_NAMES: dict[str, EdgeBoxes] = {"motifs": "union_frame", "raw_boxes": "image_frame"}
"""The first edition's names, which stay accepted. `motifs` now names a relation head."""


def current_name(kind: str) -> str:
    """The name that a drawing has today; an unknown name stays as it is, for the caller to refuse."""
    return FORMER_NAMES.get(kind, kind)
