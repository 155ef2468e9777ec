"""Whether a detector can find boxes of its own.

Neural Motifs' `vg-faster-rcnn.tar` names given boxes as it should, which is all that SGCls and PredCls ask of it. Its
proposal network scores 20 anchors a place, torchvision's 15 others (docs/SYSTEM.md section 7), so that in our detector
what proposes boxes is left at random.
"""

from __future__ import annotations

from pathlib import Path

from sgg.common.published_files import read_published
from sgg.common.run_log import read_optional_json
from sgg.detector.files import METADATA
from sgg.detector.published import is_motifs

RANDOM = {"proposals": "random"}
"""What detector.json says of a detector that finds no boxes of its own."""


def require_proposals(weights: Path, asking: str) -> None:
    """Raise ValueError, beginning with what is `asking`, where the detector at `weights` proposes boxes at random.

    weights: a folder of ours or a published file, which is read.
    """
    if weights.is_dir():
        random = RANDOM.items() <= (read_optional_json(weights / METADATA) or {}).items()
    else:
        random = is_motifs(read_published(weights)["state_dict"])
    if random:
        raise ValueError(f"{asking} needs boxes that the detector finds, but {weights} is Neural Motifs' detector, "
                         "whose proposal network has other anchors than ours and cannot be taken over: boxes would be "
                         "found at random. Train a detector with `python -m sgg.detector train` and name its folder, "
                         "or keep to sgcls and predcls")
