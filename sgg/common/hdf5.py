"""HDF5 files of other programs: what is wrong with one that does not open, and the datasets in one."""

from __future__ import annotations

import re

import h5py


def fault_of(error: Exception) -> str:
    """What is wrong with a file that h5py does not open, as the end of a sentence."""
    if re.search(r"\block file|\bfile lock", str(error)):  # not "sblock", of a file that is cut off
        return (f"is locked, or its file system (NFS) has no locks: {error}; close the program that writes it, or, "
                "where there is none, set the environment variable HDF5_USE_FILE_LOCKING=FALSE and start again")
    return f"is not an HDF5 file, or is cut off or damaged: {error}"


def dataset_paths(group: h5py.Group) -> list[str]:
    """The paths of all datasets below a group. A name with "/" in it ("fork/spoon") is one in a group within."""
    paths: list[str] = []
    group.visititems(lambda path, entry: paths.append(path) if isinstance(entry, h5py.Dataset) else None)
    return paths
