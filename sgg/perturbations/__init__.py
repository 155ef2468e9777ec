"""Perturbations of scene graphs: random, by nearest classes, and GraphN ([2], section 3.2)."""

from .contexts import Contexts
from .perturber import Perturber

__all__ = ["Contexts", "Perturber"]
