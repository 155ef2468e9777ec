"""No augmentation: the model learns from the annotated images alone."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from sgg.methods.augmentation import AUGMENTATIONS, Augmentation, AugmentationParts
from sgg.settings.roles import trains


@AUGMENTATIONS.register
class NoAugmentation(Augmentation):
    """Train on the annotated images alone."""

    kind: Annotated[Literal["off"], trains(shared=True, tried=True)] = "off"
    """No augmentation."""

    def build(self, parts: AugmentationParts) -> Any:
        """An augmenter that changes nothing."""
        from sgg.systems.two_stage.augmenter import Augmenter

        return Augmenter()
