"""Pre-training, keeping and measuring the object detector. `python -m sgg.detector --help`."""

from sgg.detector.cache import ensure_detector
from sgg.detector.files import load_detector, save_detector
from sgg.detector.training import pretrain

__all__ = ["ensure_detector", "load_detector", "pretrain", "save_detector"]
