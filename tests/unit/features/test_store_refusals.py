"""What a store refuses: other identities, damage, and features that do not fit."""

import json
import re
import shutil

import numpy as np
import pytest
import torch

from sgg.features import FeatureStore, StoreIdentity, StoreMismatchError, StoreWriter, array, write_store
from sgg.features.metadata import writing_directory

SHAPE = (4, 3, 3)


@pytest.fixture
def identity():
    return StoreIdentity(["__background__", "cat", "dog"], detector="d1", data="a1", settings={"part": "train"})


@pytest.fixture
def path(tmp_path, identity, monkeypatch):
    monkeypatch.setattr(array, "SHARD_BYTES", 10 * array.row_bytes(SHAPE))
    features = np.random.default_rng(0).standard_normal((25, *SHAPE))
    write_store(tmp_path / "nodes.zarr", identity, [lambda: (features, np.arange(25) % 2 + 1)])
    return tmp_path / "nodes.zarr"


def flip_bit(file, bit):
    contents = bytearray(file.read_bytes())
    contents[bit // 8] ^= 1 << bit % 8
    file.write_bytes(contents)


def change_attributes(path, change):
    """Give the store other attributes, and the checksum that fits them."""
    array.set_attributes(path, array.attributes(path) | change)


@pytest.mark.parametrize(("change", "message"), [
    ({"detector": "d2"}, "detector is 'd1', not 'd2'"),
    ({"data": "a2"}, "data is 'a1', not 'a2'"),
    ({"settings": {"part": "val"}}, "settings is {'part': 'train'}, not {'part': 'val'}"),
    ({"kind": "edge", "classes": ["x"]}, "classes is 3 names, not 1 names; kind is 'node', not 'edge'"),
])
def test_open_refuses_another_identity(path, identity, change, message):
    other = StoreIdentity(**{**identity.to_json(), **change})
    with pytest.raises(StoreMismatchError, match=re.escape(message)) as refusal:
        FeatureStore.open(path, expected=other)
    assert str(path) in str(refusal.value)
    assert "write the features to another path" in str(refusal.value)


def test_open_accepts_an_equal_identity(path, identity):
    assert FeatureStore.open(path, expected=StoreIdentity(**identity.to_json())).identity == identity


def test_open_names_a_missing_store(tmp_path):
    with pytest.raises(FileNotFoundError, match="no feature store here; write one with `python -m sgg"):
        FeatureStore.open(tmp_path / "none.zarr")


def test_open_refuses_an_unfinished_store(tmp_path, identity):
    writer = StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=2)
    writer.write_part(0, np.zeros((1, *SHAPE)), np.array([1]))
    with pytest.raises(FileNotFoundError, match=r"not sealed yet: .*Run the same command again"):
        FeatureStore.open(tmp_path / "nodes.zarr")
    with pytest.raises(ValueError, match="cannot be sealed, 1 of 2 parts are missing, the first is part 1"):
        writer.seal()


def test_open_refuses_an_array_that_is_no_store(tmp_path):
    (tmp_path / "nodes.zarr").mkdir()
    with pytest.raises(ValueError, match="not a feature store"):
        FeatureStore.open(tmp_path / "nodes.zarr")
    (tmp_path / "nodes.zarr" / "zarr.json").write_text('{"attributes": {}}')
    with pytest.raises(ValueError, match="not a feature store"):
        FeatureStore.open(tmp_path / "nodes.zarr")


@pytest.mark.parametrize(("key", "value", "message"), [
    ("feature_store", 99, "version 99, this code reads 1 and 2"), ("sealed", False, "not sealed"),
])
def test_open_refuses_attributes_of_another_version(path, key, value, message):
    change_attributes(path, {key: value})
    with pytest.raises(ValueError, match=message):
        FeatureStore.open(path)


@pytest.mark.parametrize("content", [b"[]", b'{"attributes": []}', b'{"attributes": null}', b"\xff\xfe\xfd", b"3", b"",
                                     b'{"attributes": {"feature_store": 1}, "shape": []}'])
def test_open_names_damaged_metadata(path, content):
    (path / "zarr.json").write_bytes(content)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: not a feature store"):
        FeatureStore.open(path)


@pytest.mark.parametrize(("key", "value", "message"), [
    ("shard_bytes", None, "shard_bytes must be of type list"), ("codec", 3, "codec must be of type str"),
    ("counts", [0, "many", 12], "counts must hold whole numbers >= 0"),
    ("settings", [], "settings must be of type dict"),
    ("counts", [0, 13], "counts must have a number for each of 3 classes and sum to 25 rows"),
    ("counts", [0, 13, 13], "counts must have a number for each of 3 classes and sum to 25 rows"),
    ("classes", "cat", "classes must be of type list"), ("kind", "nodes", r"StoreIdentity\.kind must be one of node"),
    ("shard_bytes", [1, 2], "shard_bytes must have a number for each of 3 shards"),
])
def test_open_names_damaged_attributes(path, key, value, message):
    change_attributes(path, {key: value})
    with pytest.raises(ValueError, match=rf"nodes\.zarr: its attributes are damaged: {message}.*; delete it and"):
        FeatureStore.open(path)


@pytest.mark.parametrize("codecs", [None, [], [{"name": "nonsense"}]])
def test_open_names_a_form_that_cannot_be_read(path, codecs):
    metadata = json.loads((path / "zarr.json").read_text())
    del metadata["codecs"]
    (path / "zarr.json").write_text(json.dumps(metadata | ({"codecs": codecs} if codecs is not None else {})))
    array.set_attributes(path, metadata["attributes"])
    with pytest.raises(ValueError, match=r"nodes\.zarr: zarr\.json does not describe a readable array .*delete"):
        FeatureStore.open(path)


@pytest.mark.parametrize("content", ["", "{}", "[]", "3"])
def test_writer_names_a_damaged_plan(tmp_path, identity, content):
    writer = StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=1)
    (writing_directory(writer.path) / "plan.json").write_text(content)
    with pytest.raises(ValueError, match=r"plan\.json is damaged .*: an unfinished store is in the way; delete"):
        StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=1)


@pytest.mark.parametrize("spoil", [
    lambda part: (part / "zarr.json").write_text(""), lambda part: (part / "zarr.json").write_text("{}"),
    lambda part: (part / "zarr.json").write_text((part / "zarr.json").read_text().replace(" 2,", " 3,")),
    lambda part: shutil.rmtree(part / "c"), lambda part: flip_bit(array.shard_paths(part, 1)[0], 300)])
def test_seal_names_a_damaged_part(tmp_path, identity, spoil):
    writer = StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=1)
    writer.write_part(0, np.ones((2, *SHAPE)), np.array([1, 2]))
    spoil(writing_directory(writer.path) / "parts" / "000000")
    with pytest.raises(ValueError, match=r"cannot be sealed, a part is damaged .*delete .*nodes\.zarr\.writing"):
        writer.seal()


def test_open_names_a_cut_shard(path):
    shard = array.shard_paths(path, 3)[1]
    whole = shard.read_bytes()
    shard.write_bytes(whole[:len(whole) // 2])
    message = f"{shard}: the shard has {len(whole) // 2:,} bytes, {len(whole):,} were written: the store is cut off"
    with pytest.raises(ValueError, match=re.escape(message)):
        FeatureStore.open(path)


def test_open_names_a_missing_shard(path):
    array.shard_paths(path, 3)[2].unlink()
    with pytest.raises(ValueError, match=r"the shard has 0 bytes, .* the store is cut off or damaged; delete"):
        FeatureStore.open(path)


def test_sample_names_a_shard_overwritten_after_opening(path):
    store = FeatureStore.open(path)
    shard = array.shard_paths(path, 3)[0]
    shard.write_bytes(b"\xff" * shard.stat().st_size)
    with pytest.raises(ValueError, match=f"{re.escape(str(path))}: cannot be read, its files are damaged"):
        store.sample(torch.full((50,), 1))


@pytest.mark.parametrize(("features", "labels", "message"), [
    (np.zeros((3, *SHAPE)), [1, 2], r"must be \[n, \.\.\.\] and labels \[n\], got \[3, 4, 3, 3\] and \[2\]"),
    (np.zeros((2, *SHAPE)), [1, 3], r"labels must be in \[0, 3\), got 1 \.\. 3"),
    (np.full((1, *SHAPE), 1e6), [1], "must be finite and within float16"),
    (np.full((1, *SHAPE), np.nan), [1], "must be finite and within float16"),
])
def test_write_part_refuses_parts_that_do_not_fit(tmp_path, identity, features, labels, message):
    writer = StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=1)
    with pytest.raises(ValueError, match=message) as refusal:
        writer.write_part(0, features, np.array(labels))
    assert "nodes.zarr, part 0" in str(refusal.value)
    assert writer.missing() == [0]


def test_seal_refuses_rows_of_two_shapes(tmp_path, identity):
    writer = StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=2)
    writer.write_part(0, np.zeros((1, 4, 3, 3)), np.array([1]))
    writer.write_part(1, np.zeros((1, 4, 2, 2)), np.array([1]))
    with pytest.raises(ValueError, match=r"rows have shapes \[\(4, 2, 2\), \(4, 3, 3\)\], not one shape"):
        writer.seal()


def test_seal_refuses_parts_without_rows(tmp_path, identity):
    with pytest.raises(ValueError, match=r"rows have shapes \[\], not one shape"):
        write_store(tmp_path / "nodes.zarr", identity, [lambda: (np.zeros((0, *SHAPE)), np.zeros(0, int))])


def test_writer_refuses_an_unfinished_store_of_another_plan(tmp_path, identity):
    StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=2)
    with pytest.raises(ValueError, match=r"num_parts is 2, not 3: an unfinished store is in the way; delete"):
        StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=3)
    with pytest.raises(ValueError, match="codec is lz4, not zstd"):
        StoreWriter(tmp_path / "nodes.zarr", identity, num_parts=2, codec="zstd")
    with pytest.raises(StoreMismatchError, match="detector is 'd1', not 'd2'"):
        StoreWriter(tmp_path / "nodes.zarr", StoreIdentity(identity.classes, "d2", "a1"), num_parts=2)


def test_writer_refuses_wrong_arguments(tmp_path, identity):
    with pytest.raises(ValueError, match="codec must be one of none, lz4, zstd, got 'gzip'"):
        StoreWriter(tmp_path / "nodes.zarr", identity, 1, codec="gzip")
    with pytest.raises(ValueError, match="num_parts must be >= 1, got 0"):
        StoreWriter(tmp_path / "nodes.zarr", identity, 0)
    with pytest.raises(ValueError, match=r"kind must be one of node, edge, global, .*, got 'nodes'"):
        StoreIdentity(["a"], "d", "a", kind="nodes")
    with pytest.raises(ValueError, match="source must be one of real, generated, got 'fake'"):
        StoreIdentity(["a"], "d", "a", source="fake")
    with pytest.raises(ValueError, match="has a name twice"):
        StoreIdentity(["a", "a"], "d", "a")
