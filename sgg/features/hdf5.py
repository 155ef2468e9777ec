"""Import the reference system's file of features, `features.hdf5`, into a store (docs/SYSTEM.md section 7)."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import h5py
import numpy as np

from sgg.common.hdf5 import dataset_paths, fault_of

from .identity import StoreIdentity
from .sharing import Progress, write_store
from .store import FeatureStore
from .writer import rows_per_part

POOLED = 7


def import_hdf5(source: str | Path, path: str | Path, identity: StoreIdentity, progress: Progress = iter,
                row_shape: tuple[int, ...] | None = None) -> FeatureStore:
    """Write the store at `path` from `source`: one dataset per class name, [n, C*7*7] or [n, C, 7, 7].

    The file does not name its detector and data. `identity` names them, and nothing checks it
    (`StoreIdentity.of_import` makes an identity for imported rows). Its classes decide the labels; a class that the
    file lacks has no feature in the store.

    row_shape: the shape of a feature of that detector; None: any shape.

    Raises FileNotFoundError without the file; FileExistsError if there is a store already; ValueError that names the
    dataset if the file has another form, a class that `identity` lacks, or features of another shape.
    """
    source, path = Path(source), Path(path)
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such file")
    if path.exists():
        raise FileExistsError(f"{path}: there is a store already; delete it, or give the import another path (--out)")
    counts, shape = _survey(source, identity)
    if row_shape not in (None, shape):
        raise ValueError(f"{source}: its features have shape {list(shape)}, the detector's {list(row_shape)}: they are "
                         "of another detector")
    step = rows_per_part(shape)
    parts = [partial(_rows, source, identity.classes.index(name), name, slice(start, start + step), shape)
             for name, count in counts.items() for start in range(0, count, step)]
    return write_store(path, identity, parts, progress=progress)


def _survey(source: Path, identity: StoreIdentity) -> tuple[dict[str, int], tuple[int, int, int]]:
    """The number of rows of each class, in the order of the labels, and the shape of a row."""
    try:
        file = h5py.File(source, "r")
    except OSError as error:
        raise ValueError(f"{source} {fault_of(error)}") from None
    with file:
        present = set(dataset_paths(file)) | {name for name in file if not isinstance(file[name], h5py.Group)}
        missing = {name for name in identity.classes if _path(name) not in present}
        unknown = sorted(present - set(map(_path, identity.classes)))
        if unknown:
            raise ValueError(f"{source}: {len(unknown)} datasets are no class of this data set: "
                             f"{', '.join(unknown[:5])}; does it belong to other data?")
        shapes = {name: _row_shape(source, file[name]) for name in present}
        counts = {name: len(file[name]) for name in identity.classes if name not in missing}
    if not sum(counts.values()):
        raise ValueError(f"{source}: has no features")
    if len(set(shapes.values())) > 1:
        raise ValueError(f"{source}: datasets differ in the shape of a feature: {sorted(set(shapes.values()))}")
    return counts, next(iter(shapes.values()))


def _path(name: str) -> str:
    """The name of a class's dataset in HDF5. HDF5 takes "/" for a group, so double, leading and trailing ones are lost.
    """
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _row_shape(source: Path, dataset: h5py.Dataset | h5py.Group) -> tuple[int, int, int]:
    cells = POOLED * POOLED
    if isinstance(dataset, h5py.Dataset):
        if dataset.ndim == 4 and dataset.shape[2:] == (POOLED, POOLED):
            return dataset.shape[1:]
        if dataset.ndim == 2 and dataset.shape[1] % cells == 0:
            return dataset.shape[1] // cells, POOLED, POOLED
    raise ValueError(f"{source}: {dataset.name} must be a dataset [n, channels*{cells}] or "
                     f"[n, channels, {POOLED}, {POOLED}], got {getattr(dataset, 'shape', 'a group')}")


def _rows(source: Path, label: int, name: str, rows: slice, shape: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    with h5py.File(source, "r") as file:
        features = file[name][rows]
    return features.reshape(-1, *shape), np.full(len(features), label)
