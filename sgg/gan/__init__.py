"""The GAN: a generator of feature maps, and discriminators ([2], docs/SYSTEM.md section 4)."""

from .model import GAN, LEVELS

__all__ = ["GAN", "LEVELS"]
