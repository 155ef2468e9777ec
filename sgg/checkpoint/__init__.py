"""All state on disk: our own checkpoints, and the papers' published weights."""

from .published import load_published
from .state import (
    Checkpoint,
    latest,
    latest_whole,
    load_strictly,
    open_checkpoint,
    path_of,
    prune,
    require_fitting,
    save,
)

__all__ = ["Checkpoint", "latest", "latest_whole", "load_published", "load_strictly", "open_checkpoint", "path_of",
           "prune", "require_fitting", "save"]
