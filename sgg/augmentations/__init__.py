"""What trains the scene-graph model on more than the annotated images."""

from __future__ import annotations

from typing import Any


def augmentation_of(config: Any) -> Any:
    """The augmentation that a config names."""
    from .gan import GANAugmentation
    from .off import NoAugmentation

    return GANAugmentation(config.gan) if config.gan.enabled else NoAugmentation()
