"""A model that knows nothing, on a small toy genome."""

from types import SimpleNamespace

import pytest
import torch

from sgg.config import validate
from sgg.data import open_dataset
from sgg.evaluate.restore import Restored
from tests.untrained import untrained


@pytest.fixture(scope="package")
def data(toy_root):
    return open_dataset("toy", toy_root)


@pytest.fixture(scope="package")
def model(toy_root) -> Restored:
    torch.manual_seed(0)
    foundation = untrained(validate({"data": {"name": "toy", "root": str(toy_root)},
                                     "evaluation": {"batch_size": 5, "modes": ["sgcls", "predcls"]}}), toy_root)
    predictor = foundation.build_predictor()
    for weights in predictor.model.parameters():
        weights.data.add_(0.05 * torch.randn(weights.shape))
    return Restored(foundation, predictor, SimpleNamespace(path="runs/a/trials/t", epoch=3))
