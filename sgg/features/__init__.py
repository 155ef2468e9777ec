"""Features of the frozen detector, real and generated, in Zarr stores that all trials read at the same time.

Each name is imported at its first use, so a command can report wrong arguments without torch.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from .hdf5 import import_hdf5
    from .identity import StoreIdentity, StoreMismatchError
    from .metadata import stored_identity
    from .sharing import Progress, ensure_store, write_store
    from .store import FeatureStore, PendingSample
    from .writer import StoreWriter, rows_per_part

__all__ = ["FeatureStore", "PendingSample", "Progress", "StoreIdentity", "StoreMismatchError", "StoreWriter",
           "ensure_store", "import_hdf5", "rows_per_part", "stored_identity", "write_store"]

__getattr__ = lazy_names(__name__, {
    "import_hdf5": "hdf5", "StoreIdentity": "identity", "StoreMismatchError": "identity", "Progress": "sharing",
    "ensure_store": "sharing", "write_store": "sharing", "FeatureStore": "store", "PendingSample": "store",
    "stored_identity": "metadata", "StoreWriter": "writer", "rows_per_part": "writer"})
