"""Pre-training, keeping and measuring the object detector. `python -m sgg.detector --help`."""

from sgg.detector.cache import ensure_detector, known_hash
from sgg.detector.files import load_detector, save_detector
from sgg.detector.training import pretrain

__all__ = ["ensure_detector", "known_hash", "load_detector", "pretrain", "save_detector"]
