"""Annotated images from disk: `open_dataset` for the annotation, `load_batches` for pictures with it.

The annotation needs no torch, so what is wrong with a file is said at once; batches import it when first asked for.
"""

from typing import TYPE_CHECKING, Any

from sgg.data.catalogue import open_dataset
from sgg.data.dataset import DataSet, Part
from sgg.data.statistics import TripletCounts

if TYPE_CHECKING:
    from sgg.data.loader import Batches, load_batches

__all__ = ["Batches", "DataSet", "Part", "TripletCounts", "load_batches", "open_dataset"]


def __getattr__(name: str) -> Any:
    if name in ("Batches", "load_batches"):
        from sgg.data import loader

        return getattr(loader, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
