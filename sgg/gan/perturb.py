"""The first edition's name of `sgg.perturbations`, for scripts that were written for it."""

from sgg.perturbations import Contexts, Perturber

__all__ = ["Contexts", "Perturber"]
