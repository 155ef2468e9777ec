"""Annotated images from disk: `open_dataset` reads the annotation, `load_batches` loads images with it.

Reading annotation needs no torch, so a fault of a file is reported at once. Names and settings of data sets (`sets`)
need no reader of files, either. So every name here is imported at its first use.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from sgg.data.catalogue import open_dataset
    from sgg.data.dataset import DataSet, Split
    from sgg.data.loading.loader import Batches, load_batches
    from sgg.data.statistics import TripletCounts

__all__ = ["Batches", "DataSet", "Split", "TripletCounts", "load_batches", "open_dataset"]

__getattr__ = lazy_names(__name__, {
    "Batches": "loading.loader", "DataSet": "dataset", "Split": "dataset", "TripletCounts": "statistics",
    "load_batches": "loading.loader", "open_dataset": "catalogue"})
