"""All state on disk: our own checkpoints, and the papers' published weights.

Each name is imported when it is first asked for: a command's complaint about its arguments needs no torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{'published' if name == 'load_published' else 'state'}"), name)
