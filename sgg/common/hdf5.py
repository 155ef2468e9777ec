"""HDF5 files of other programs: the reason why one does not open, and the datasets in one."""

from __future__ import annotations

import re

import h5py


def fault_of(error: Exception) -> str:
    """Why h5py does not open a file, as the end of a sentence that begins with its name."""
    if re.search(r"\block file|\bfile lock", str(error)):  # not "sblock", which h5py says of a truncated file
        return (f"is locked, or its file system (NFS) has no locks: {error}; close the program that writes it. If no "
                "program writes it, set the environment variable HDF5_USE_FILE_LOCKING=FALSE and start again")
    return f"is not an HDF5 file, or is cut off or damaged: {error}"


def dataset_paths(group: h5py.Group) -> list[str]:
    """The paths of all datasets below a group. A path with "/" ("fork/spoon") is a dataset in a nested group."""
    paths: list[str] = []
    group.visititems(lambda path, entry: paths.append(path) if isinstance(entry, h5py.Dataset) else None)
    return paths
