"""A study of feature quality on a few images of noise and an untrained generator."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from PIL import Image

from sgg.data.annotations import Annotations
from sgg.data.dataset import DataSet
from sgg.detector.model import Detector
from sgg.evaluate.feature_quality import FeatureStudy
from sgg.gan import GAN
from sgg.systems.two_stage.extraction import training_nodes

TRAIN, TEST = 12, 8


def make_data(folder: Path, test_predicate: int) -> DataSet:
    """Images of 64 px with three objects and two relations; `test_predicate` is the predicate of the second one in test
    images."""
    rng = np.random.default_rng(0)
    count = TRAIN + TEST
    for image in range(count):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{image}.png")
    corner = rng.integers(0, 30, (3 * count, 2))
    relations = np.tile([[0, 1, 1], [1, 2, 1]], (count, 1))
    relations[2 * TRAIN + 1::2, 2] = test_predicate
    annotations = Annotations(
        np.array([f"{image}.png" for image in range(count)]), np.full((count, 2), 64), np.arange(count + 1) * 3,
        np.concatenate([corner, corner + 25], 1).astype(np.float32), np.tile([1, 2, 1], count),
        np.arange(count + 1) * 2, relations)
    return DataSet("custom", "Noise", ["__background__", "cat", "dog"], ["__background__", "on", "by"], annotations,
                   np.repeat([0, 2], [TRAIN, TEST]), folder)


def noise_study(folder: Path) -> FeatureStudy:
    """The study; its results go to `folder / "quality"`."""
    torch.manual_seed(0)
    (folder / "pictures").mkdir()
    (folder / "epoch_0001").mkdir()
    (folder / "epoch_0001" / "weights.safetensors").write_bytes(b"weights")
    data = make_data(folder / "pictures", test_predicate=2)
    detector = Detector("tiny", 3)
    gan = GAN(3, 3, detector.channels, detector.map_size, embedding=8, hidden=8, visual_conditioning=True,
              levels=["nodes"]).eval()
    store = training_nodes(data, detector, "d1").ensure(folder / "cache" / "nodes.zarr")
    foundation = SimpleNamespace(experiment=SimpleNamespace(data=data, cache=folder / "cache"), detector=detector,
                                 detector_hash="d1", features=store, provenance={"name": data.name},
                                 stored_maps=lambda split: None)
    return FeatureStudy(foundation, gan, folder / "epoch_0001", folder / "quality")
