"""Features of the frozen detector, real and generated, in Zarr stores that all trials read at once."""

from .hdf5 import import_hdf5
from .identity import StoreIdentity, StoreMismatchError
from .sharing import Progress, ensure_store, write_store
from .store import FeatureStore, PendingSample, stored_identity
from .writer import StoreWriter, rows_per_part

__all__ = ["FeatureStore", "PendingSample", "Progress", "StoreIdentity", "StoreMismatchError", "StoreWriter",
           "ensure_store", "import_hdf5", "rows_per_part", "stored_identity", "write_store"]
