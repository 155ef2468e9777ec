"""Weights on disk: checkpoints of our own, and the papers' published files.

Each name is imported when it is first asked for: a command's complaint about its arguments needs no torch.
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
