"""The toy genome of a few images, opened."""

from pathlib import Path

import pytest

from sgg.data import DataSet, open_dataset


@pytest.fixture(scope="session")
def data(toy_root: Path) -> DataSet:
    return open_dataset("toy", toy_root)
