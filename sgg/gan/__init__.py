"""The GAN, the perturbations of scene graphs, and the class embeddings that both use."""

from .model import GAN, LEVELS

__all__ = ["GAN", "LEVELS"]
