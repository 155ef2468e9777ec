"""The frozen object detector: training, keeping and measuring it. `python -m sgg.detector --help`.

Backbones are entries of a registry (`backbones/`). Their names and settings need no torch, so all other names here are
imported at their first use.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from sgg.detector.cache import ensure_detector, folder_of, known_hash
    from sgg.detector.files import load_detector, save_detector
    from sgg.detector.training import pretrain

__all__ = ["ensure_detector", "folder_of", "known_hash", "load_detector", "pretrain", "save_detector"]

__getattr__ = lazy_names(__name__, {
    "ensure_detector": "cache", "folder_of": "cache", "known_hash": "cache", "load_detector": "files",
    "save_detector": "files", "pretrain": "training"})
