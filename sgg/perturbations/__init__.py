"""Perturbations of scene graphs: random, by nearest classes, and GraphN ([2], section 3.2).

Augmentations have their settings (`settings`), which load without torch; it is imported when a name is first used.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .contexts import Contexts
    from .perturber import Perturber

__all__ = ["Contexts", "Perturber"]

__getattr__ = lazy_names(__name__, {"Contexts": "contexts", "Perturber": "perturber"})
