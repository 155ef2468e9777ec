"""Published rows of the two papers, to stand beside a configuration that is like them.

Visual Genome (Stanford split), VGG16 detector, SGCls, unconstrained recall at 100, in percent; of the README's table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sgg.common.metric_names import SUBSETS

from ..adjusted import is_adjusted

METRIC = "ngR@100"
MODE = "sgcls"
CONVENTIONS = (
    "Published values: Visual Genome, VGG16, SGCls, recall at 100 without graph constraint (ngR@100) on test, by the "
    "evaluator of the papers' code. Ours beside them: the same metric by sgg.metrics.Conventions, whose defaults "
    "follow that evaluator (docs/SYSTEM.md section 6). Both: recall of each image, averaged over images; zero-shot is "
    "what train and validation lack.")
TRAINED = {"data.train_images": None, "training.epochs": 20, "training.batch_size": 24, "training.learning_rate": 0.024}
"""How the published rows were trained. Configurations trained otherwise may be like them; the page says it. None: all.
"""


@dataclass(frozen=True)
class Published:
    """A published row. settings: what a configuration must have to be like it. recall: of each subset, in percent."""

    name: str
    settings: dict[str, Any]
    recall: dict[str, float]


MEASURING = {"data.eval_images": None, "evaluation.corruption": "off", "evaluation.relation_nms": False}
"""How the published rows were measured: on all test images as they are, without relation NMS."""
METHOD = {"data.name": "vg", "detector.backbone": "vgg16", "model.head.kind": "imp", "model.edge_boxes": "union_frame",
          "model.frequency_bias": "off", "loss.foreground_weight": 1, "loss.background_weight": 1,
          "training.mode": "sgcls"}
UNAUGMENTED = {"augmentation.kind": "off"}
ADVERSARIAL = {"augmentation.kind": "gan", "augmentation.large_discriminator": True,
               "augmentation.visual_conditioning": True, "augmentation.adversarial_weight": 5}
GRAPHN = {"augmentation.perturb.method": "graphn", "augmentation.perturb.intensity": 0.2,
          "augmentation.perturb.topk": 5, "augmentation.perturb.alpha": 2, "augmentation.perturb.uniform": False}


def _row(name: str, loss: str, augmentation: dict[str, Any], *recall: float) -> Published:
    return Published(name, METHOD | {"loss.kind": loss} | augmentation, dict(zip(SUBSETS, recall, strict=True)))


PUBLISHED = (
    _row("IMP+ [1]", "baseline", UNAUGMENTED, 8.7, 19.2, 38.4, 47.8),
    _row("IMP++ [1]", "dnorm", UNAUGMENTED, 8.8, 21.6, 40.6, 48.7),
    _row("IMP++ with GAN [2]", "dnorm", ADVERSARIAL | {"augmentation.perturb.method": "off"}, 9.3, 22.2, 41.5, 50.0),
    _row("IMP++ with GAN, GraphN [2]", "dnorm", ADVERSARIAL | GRAPHN, 10.2, 21.7, 40.9, 49.8),
)


def published_like(settings: Mapping[str, Any], measuring: Mapping[str, Any]) -> Published | None:
    """The published row of a configuration; None if there is none.

    settings: those that tell configurations apart, and as `evaluation.<name>` the value of each adjustment, which must
    be neutral. measuring: those that say what is measured.
    """
    if is_adjusted(settings) or any(measuring.get(key) != value for key, value in MEASURING.items()):
        return None
    return next((row for row in PUBLISHED if all(settings.get(key) == value for key, value in row.settings.items())),
                None)


def trained_otherwise(settings: Mapping[str, Any]) -> str:
    """In what the training of a configuration differs from that of the published rows, in words; "" for nothing."""
    return "; ".join(f"{key} is {settings.get(key)}, published {'all' if value is None else value}"
                     for key, value in TRAINED.items() if settings.get(key) != value)
