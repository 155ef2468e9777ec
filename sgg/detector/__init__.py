"""Pre-training, keeping and measuring the object detector. `python -m sgg.detector --help`.

Backbones are entries of a registry (`backbones`), whose names and settings need no torch; so it is imported when the
rest is first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgg.detector.cache import ensure_detector, known_hash
    from sgg.detector.files import load_detector, save_detector
    from sgg.detector.training import pretrain

__all__ = ["ensure_detector", "known_hash", "load_detector", "pretrain", "save_detector"]

_HOMES = {"ensure_detector": "cache", "known_hash": "cache", "load_detector": "files", "save_detector": "files",
          "pretrain": "training"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
