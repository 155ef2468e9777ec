"""The GAN: a generator of features, and its discriminators ([2], docs/SYSTEM.md section 4)."""

from .model import GAN, LEVELS

__all__ = ["GAN", "LEVELS"]
