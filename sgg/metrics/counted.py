"""Images that metrics have just counted, for those who look at single relations in the same pass."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from sgg.metrics.checks import ImageArrays


class CountedImages(NamedTuple):
    """Images that were counted together, and what recall knows of their E relations, one image after another.

    names: of the images. arrays: of each image. image: [E] the place of the image of each relation. shots: [E] how
    often its triplet occurs in the training that decides the subset. unconstrained: [E] the rank of its first hit
    without graph constraint, `ranking.MISSED` without a hit; by the scores without `pred_weight`.
    """

    names: Sequence[object]
    arrays: Sequence[ImageArrays]
    image: np.ndarray
    shots: np.ndarray
    unconstrained: np.ndarray
