"""Annotated images from disk: `open_dataset` for the annotation, `load_batches` for pictures with it.

The annotation needs no torch, so what is wrong with a file is said at once; batches import it when first asked for.
Names and settings of data sets (`sets`) need no reader of files either; so all else is imported when first asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgg.data.catalogue import open_dataset
    from sgg.data.dataset import DataSet, Part
    from sgg.data.loader import Batches, load_batches
    from sgg.data.statistics import TripletCounts

__all__ = ["Batches", "DataSet", "Part", "TripletCounts", "load_batches", "open_dataset"]

_HOMES = {"Batches": "loader", "DataSet": "dataset", "Part": "dataset", "TripletCounts": "statistics",
          "load_batches": "loader", "open_dataset": "catalogue"}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
