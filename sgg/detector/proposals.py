"""Check that a detector can propose boxes.

Neural Motifs' `vg-faster-rcnn.tar` classifies given boxes well, which is enough for SGCls and PredCls. But its proposal
network scores 20 anchors per cell and that of torchvision 15 other anchors (docs/SYSTEM.md section 7). So the layers
that propose boxes stay random in our detector.
"""

from __future__ import annotations

from pathlib import Path

from sgg.common.published_files import read_published
from sgg.common.run_log import read_optional_json
from sgg.detector.layout import METADATA
from sgg.detector.published import is_motifs

RANDOM = {"proposals": "random"}
"""The entry in detector.json of a detector that cannot propose boxes."""


def note_of(weights: Path) -> dict[str, str]:
    """What detector.json says of proposals of the detector at `weights`, a folder of ours or a published file."""
    if weights.is_dir():
        return {name: value for name, value in (read_optional_json(weights / METADATA) or {}).items() if name in RANDOM}
    return dict(RANDOM) if is_motifs(read_published(weights)["state_dict"]) else {}


def require_proposals(weights: Path, asking: str) -> None:
    """Raise ValueError if the detector at `weights` proposes random boxes.

    weights: a folder of ours, or a published file. asking: the setting, metric or command that needs boxes, for the
    message.
    """
    if note_of(weights) == RANDOM:
        raise ValueError(f"{asking} needs boxes that the detector finds, but {weights} is Neural Motifs' detector. Its "
                         "proposal network has other anchors than ours and cannot be loaded, so boxes would be random. "
                         "Train a detector with `python -m sgg.detector train` and name its folder, or use only sgcls "
                         "and predcls, where boxes are given")
