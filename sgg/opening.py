"""The data set of a config. Imports no torch, so that what is wrong with it is said at once."""

from __future__ import annotations

from sgg.config import Config
from sgg.data import DataSet, open_dataset


def open_data(config: Config) -> DataSet:
    """The data set of a config, its annotation read and its pictures found.

    Raises FileNotFoundError or ValueError naming file and remedy.
    """
    settings = config.data
    data = open_dataset(settings.name, settings.root, num_val_images=settings.num_val_images,
                        exclude_left_right=settings.exclude_left_right)
    data.require_images()
    return data
