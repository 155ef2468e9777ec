"""Features of the frozen detector, real and generated, in Zarr stores that all trials read at once."""

from .identity import StoreIdentity, StoreMismatchError
from .sharing import ensure_store, write_store
from .store import FeatureStore, PendingSample, prefetched
from .writer import StoreWriter, rows_per_part

__all__ = ["FeatureStore", "PendingSample", "StoreIdentity", "StoreMismatchError", "StoreWriter", "ensure_store",
           "prefetched", "rows_per_part", "write_store"]
