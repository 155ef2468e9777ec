"""Annotated images from disk: `open_dataset` for the annotation, `load_batches` for pictures with it."""

from sgg.data.catalogue import open_dataset
from sgg.data.dataset import DataSet, Part
from sgg.data.loader import Batches, load_batches
from sgg.data.statistics import TripletCounts

__all__ = ["Batches", "DataSet", "Part", "TripletCounts", "load_batches", "open_dataset"]
