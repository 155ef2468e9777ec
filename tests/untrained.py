"""Foundations whose detector knows nothing: what it finds does not matter, and nothing has to be trained."""

from pathlib import Path

from sgg.config import Config
from sgg.data import open_dataset
from sgg.detector.model import Detector
from sgg.experiment.context import Experiment
from sgg.systems.two_stage.foundation import TwoStageFoundation


def untrained(config: Config, root: Path, image_size: int | None = None) -> TwoStageFoundation:
    """On the toy genome under `root`. image_size: of the detector, if not its backbone's own."""
    data = open_dataset("toy", root)
    return TwoStageFoundation(Experiment(config, data), Detector("tiny", len(data.classes), image_size), "0123")
