"""The former name of `sgg.perturbations`, for scripts that were written for the first edition."""

from sgg.perturbations import Contexts, Perturber

__all__ = ["Contexts", "Perturber"]
