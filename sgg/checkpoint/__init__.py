"""Weights on disk: our checkpoints, and the published files of the papers.

Each name is imported at its first use, so a command can report wrong arguments without torch.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .published import load_published
    from .state import Checkpoint, latest, latest_whole, open_checkpoint, path_of, prune, save

__all__ = ["Checkpoint", "latest", "latest_whole", "load_published", "open_checkpoint", "path_of", "prune", "save"]

__getattr__ = lazy_names(__name__, {
    "load_published": "published", **dict.fromkeys(
        ("Checkpoint", "latest", "latest_whole", "open_checkpoint", "path_of", "prune", "save"), "state")})
