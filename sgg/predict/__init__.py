"""Scene graphs of images of your own, from a checkpoint alone. `python -m sgg.predict --help`; docs/PREDICTION.md.

Each name is imported at its first use, so the command can report wrong arguments without torch.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .given import GivenBoxes
    from .graph import ScoredGraph
    from .predictor import Predictor

__all__ = ["GivenBoxes", "Predictor", "ScoredGraph"]

__getattr__ = lazy_names(__name__, {"GivenBoxes": "given", "Predictor": "predictor", "ScoredGraph": "graph"})
