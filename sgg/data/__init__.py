"""Annotated images from disk: `open_dataset` for the annotation, `load_batches` for pictures with it.

The annotation needs no torch, so what is wrong with a file is said at once; batches import it when first asked for.
Names and settings of data sets (`sets`) need no reader of files either; so all else is imported when first asked for.
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
