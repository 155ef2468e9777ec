"""Published rows of the two papers, to stand beside a configuration that is like them.

Visual Genome (Stanford split), VGG16 detector, SGCls, unconstrained recall at 100, in percent; of the README's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sgg.common.metric_names import SUBSETS

DATA = "Visual Genome"
METRIC = "ngR@100"
MODE = "sgcls"


@dataclass(frozen=True)
class Published:
    """A published row. settings: what a configuration must have to be like it. recall: of each subset, in percent."""

    name: str
    settings: dict[str, Any]
    recall: dict[str, float]


def _row(name: str, loss: str, augmentation: dict[str, Any], *recall: float) -> Published:
    return Published(name, {"detector.backbone": "vgg16", "model.head.kind": "imp", "loss.kind": loss, **augmentation},
                     dict(zip(SUBSETS, recall, strict=True)))


PUBLISHED = (
    _row("IMP+ [1]", "baseline", {"augmentation.kind": "off"}, 8.7, 19.2, 38.4, 47.8),
    _row("IMP++ [1]", "dnorm", {"augmentation.kind": "off"}, 8.8, 21.6, 40.6, 48.7),
    _row("IMP++ with GAN [2]", "dnorm", {"augmentation.kind": "gan", "augmentation.perturb.method": "off"},
         9.3, 22.2, 41.5, 50.0),
    _row("IMP++ with GAN, GraphN [2]", "dnorm", {"augmentation.kind": "gan", "augmentation.perturb.method": "graphn"},
         10.2, 21.7, 40.9, 49.8),
)


def published_like(data: str, settings: Mapping[str, Any]) -> Published | None:
    """The published row of a configuration on data of that description; None if there is none."""
    if not data.startswith(DATA):
        return None
    return next((row for row in PUBLISHED if all(settings.get(key) == value for key, value in row.settings.items())),
                None)
