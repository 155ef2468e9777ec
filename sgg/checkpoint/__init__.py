"""Weights on disk: our checkpoints, and the published files of the papers.

Each name is imported at its first use, so a command can report wrong arguments without torch.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .partial_epoch import PartialEpoch, RandomStates
    from .paths import path_of, prune, remove_superseded
    from .published import load_published
    from .state import Checkpoint, latest, latest_whole, open_checkpoint, save

__all__ = ["Checkpoint", "PartialEpoch", "RandomStates", "latest", "latest_whole", "load_published", "open_checkpoint",
           "path_of", "prune", "remove_superseded", "save"]

__getattr__ = lazy_names(__name__, {
    "PartialEpoch": "partial_epoch", "RandomStates": "partial_epoch", "load_published": "published",
    "path_of": "paths", "prune": "paths", "remove_superseded": "paths",
    **dict.fromkeys(("Checkpoint", "latest", "latest_whole", "open_checkpoint", "save"), "state")})
