"""The reference's features.hdf5 becomes a store."""

import re
from dataclasses import replace

import h5py
import numpy as np
import pytest

from sgg.features import StoreIdentity, StoreMismatchError, import_hdf5, writer

CLASSES = ["__background__", "cat", "dog", "emu"]


@pytest.fixture
def identity():
    return StoreIdentity(CLASSES, detector="published", data="a1")


def make_file(path, **datasets):
    with h5py.File(path, "w") as file:
        for name, rows in datasets.items():
            file.create_dataset(name, data=rows, chunks=(1, *rows.shape[1:]), compression="gzip", compression_opts=4)
    return path


def rows(count, *shape, seed=0):
    return np.random.default_rng(seed).integers(0, 9, (count, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", [(2 * 49,), (2, 7, 7)])
def test_import_hdf5_keeps_the_rows_of_classes_in_order(tmp_path, identity, monkeypatch, shape):
    monkeypatch.setattr(writer, "PART_BYTES", 3 * 2 * 2 * 49)  # three rows
    dog, cat = rows(7, *shape), rows(4, *shape, seed=1)
    source = make_file(tmp_path / "features.hdf5", dog=dog, cat=cat)
    store = import_hdf5(source, tmp_path / "nodes.zarr", identity)
    assert store.counts.tolist() == [0, 4, 7, 0]
    assert store.identity == identity
    np.testing.assert_array_equal(store[:], np.concatenate([cat, dog]).reshape(-1, 2, 7, 7))


@pytest.mark.parametrize(("datasets", "message"), [
    ({"cat": rows(2, 49), "gnu": rows(1, 49)}, "1 datasets are no class of this data set: gnu; does it belong"),
    ({"cat": rows(2, 50)}, "/cat must be a dataset [n, channels*49] or [n, channels, 7, 7], got (2, 50)"),
    ({"cat": rows(2, 49), "dog": rows(2, 98)}, "differ in the shape of a feature: [(1, 7, 7), (2, 7, 7)]"),
    ({}, "has no features"),
])
def test_import_hdf5_refuses_other_files(tmp_path, identity, datasets, message):
    source = make_file(tmp_path / "features.hdf5", **datasets)
    with pytest.raises(ValueError, match=re.escape(message)):
        import_hdf5(source, tmp_path / "nodes.zarr", identity)
    assert [one.name for one in tmp_path.iterdir()] == ["features.hdf5"]


def test_import_hdf5_names_a_file_that_is_missing_or_no_hdf5(tmp_path, identity):
    with pytest.raises(FileNotFoundError, match="no such file"):
        import_hdf5(tmp_path / "features.hdf5", tmp_path / "nodes.zarr", identity)
    (tmp_path / "features.hdf5").write_text("text")
    with pytest.raises(ValueError, match=r"features\.hdf5 is not an HDF5 file"):
        import_hdf5(tmp_path / "features.hdf5", tmp_path / "nodes.zarr", identity)


def test_import_hdf5_reads_class_names_with_a_slash(tmp_path):
    """HDF5 takes it for a dataset in a group."""
    fork, cat = rows(3, 49), rows(2, 49, seed=1)
    source = make_file(tmp_path / "features.hdf5", **{"fork/spoon": fork, "cat": cat})
    identity = StoreIdentity(["__background__", "cat", "fork/spoon"], detector="published", data="a1")
    store = import_hdf5(source, tmp_path / "nodes.zarr", identity)
    assert store.counts.tolist() == [0, 2, 3]
    np.testing.assert_array_equal(store[:], np.concatenate([cat, fork]).reshape(-1, 1, 7, 7))
    with pytest.raises(ValueError, match="no class of this data set: fork/spoon"):
        import_hdf5(source, tmp_path / "other.zarr", StoreIdentity(["__background__", "cat", "fork"], "d", "a1"))


def test_import_hdf5_refuses_features_of_another_detector(tmp_path, identity):
    source = make_file(tmp_path / "features.hdf5", cat=rows(2, 98))
    with pytest.raises(ValueError, match=r"features have shape \[2, 7, 7\], the detector's \[4, 7, 7\]: they"):
        import_hdf5(source, tmp_path / "nodes.zarr", identity, row_shape=(4, 7, 7))
    assert len(import_hdf5(source, tmp_path / "nodes.zarr", identity, row_shape=(2, 7, 7))) == 2


def test_import_hdf5_refuses_an_existing_store(tmp_path, identity):
    source = make_file(tmp_path / "features.hdf5", cat=rows(2, 98))
    import_hdf5(source, tmp_path / "nodes.zarr", identity)
    with pytest.raises(FileExistsError, match=r"nodes\.zarr: there is a store already; delete it, or .*--out"):
        import_hdf5(source, tmp_path / "nodes.zarr", identity)


def test_require_stand_in_accepts_imports_of_the_same_data_only(tmp_path):
    source = make_file(tmp_path / "features.hdf5", cat=rows(2, 49))
    own = StoreIdentity(CLASSES, "d", "a", settings={"part": "train", "images": 7}, pictures="p")
    imported = own.of_import(source)
    assert (imported.is_imported, own.is_imported) == (True, False)
    own.require_stand_in(imported, "there")
    with pytest.raises(StoreMismatchError, match=r"there: holds other features .*settings is"):
        own.require(imported, "there")
    for change in ({"detector": "e"}, {"data": "b"}, {"kind": "edge"}, {"settings": {"part": "test"}}):
        with pytest.raises(StoreMismatchError, match=next(iter(change))):
            own.require_stand_in(replace(imported, **change), "there")
