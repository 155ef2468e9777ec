"""A store that is written and read: rows, groups, draws, the same through plain zarr."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
import zarr

from sgg.features import FeatureStore, StoreIdentity, array, write_store

SHAPE = (4, 3, 3)
GOLDEN_FILES = Path(__file__).resolve().parents[2] / "golden" / "files"
CLASSES = ["__background__", "cat", "dog", "emu", "fox"]


@pytest.fixture
def identity():
    return StoreIdentity(CLASSES, detector="d1", data="a1", settings={"part": "train"})


def make_parts(sizes, seed=0):
    """Features that float16 holds exactly; classes cat, dog and fox, no emu."""
    rng = np.random.default_rng(seed)
    return [(rng.integers(-50, 50, (size, *SHAPE)).astype(np.float32), rng.choice([1, 2, 4], size)) for size in sizes]


def write(path, identity, parts, **options):
    return write_store(path, identity, [lambda one=one: one for one in parts], **options)


def grouped(parts):
    features, labels = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(labels, kind="stable")
    return features[order], labels[order]


@pytest.mark.parametrize("codec", ["lz4", "zstd", "none"])
@pytest.mark.parametrize("shard_rows", [1, 7, 1000])
def test_seal_groups_rows_by_class_in_order_of_parts(tmp_path, identity, monkeypatch, codec, shard_rows):
    monkeypatch.setattr(array, "SHARD_BYTES", shard_rows * array.row_bytes(SHAPE))
    parts = make_parts([20, 0, 1, 33])
    store = write(tmp_path / "nodes.zarr", identity, parts, codec=codec)
    features, labels = grouped(parts)
    np.testing.assert_array_equal(store[:], features)
    np.testing.assert_array_equal(store.counts, np.bincount(labels, minlength=5))
    assert len(store) == 54
    np.testing.assert_array_equal(store.labels_of(np.arange(54)), labels)
    assert len(list((tmp_path / "nodes.zarr").rglob("c/*/0/0/0"))) == -(-54 // shard_rows)
    assert not (tmp_path / "nodes.zarr.writing").exists()


def test_plain_zarr_reads_the_same(tmp_path, identity, monkeypatch):
    monkeypatch.setattr(array, "SHARD_BYTES", 10 * array.row_bytes(SHAPE))
    store = write(tmp_path / "nodes.zarr", identity, make_parts([25]))
    plain = zarr.open_array(tmp_path / "nodes.zarr", mode="r")
    np.testing.assert_array_equal(plain[:], store[:])
    assert plain.metadata.zarr_format == 3
    assert (plain.dtype, plain.chunks, plain.shards) == (np.float16, (1, *SHAPE), (10, *SHAPE))
    attributes = dict(plain.attrs)
    assert attributes["counts"] == store.counts.tolist()
    assert (attributes["detector"], attributes["data"], attributes["sealed"]) == ("d1", "a1", True)
    assert attributes["settings"] == {"part": "train"}


def test_sample_draws_rows_of_the_class(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([60]))
    labels = torch.tensor([1, 4, 2, 1, 4] * 200)
    rows = store.draw(labels, torch.Generator().manual_seed(3))
    np.testing.assert_array_equal(store.labels_of(rows), labels)
    classes = store.labels_of(np.arange(60))
    for label in (1, 2, 4):
        drawn = set(rows[labels.numpy() == label])
        assert drawn == set(np.flatnonzero(classes == label)), "so many draws meet every row"
    sample = store.sample(labels, torch.Generator().manual_seed(3))
    assert (sample.shape, sample.dtype) == ((1000, *SHAPE), torch.float32)
    np.testing.assert_array_equal(sample, store[rows])


def test_draw_follows_the_generator(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([60]))
    labels = np.array([1, 2, 4] * 20)
    first, second = (store.sample(labels, torch.Generator().manual_seed(seed)) for seed in (5, 5))
    assert torch.equal(first, second)
    assert not torch.equal(first, store.sample(labels, torch.Generator().manual_seed(6)))


def test_draw_is_uniform_within_a_class(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, [(np.zeros((10, *SHAPE)), np.full(10, 2))])
    counts = np.bincount(store.draw(np.full(100_000, 2), torch.Generator().manual_seed(0)), minlength=10)
    assert np.abs(counts - 10_000).max() < 5 * np.sqrt(10_000 * 0.9), "within 5 standard deviations"


def test_sample_of_a_class_without_features_is_zeros_and_warns_once(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([30]))
    assert store.empty_classes == [3]
    with pytest.warns(UserWarning, match="no feature of emu") as warned:
        sample, _ = store.sample([3, 1, 3]), store.sample([3])
    assert len(warned) == 1
    assert not sample[[0, 2]].any()
    assert sample[1].any()


def test_sample_without_labels_is_empty(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([30]))
    assert store.sample([]).shape == (0, *SHAPE)


@pytest.mark.parametrize("labels", [[0, 5], [-1]])
def test_draw_refuses_labels_that_are_no_class(tmp_path, identity, labels):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([30]))
    with pytest.raises(ValueError, match=rf"labels must be in \[0, 5\), got {min(labels)} \.\. {max(labels)}"):
        store.sample(labels)


def test_request_draws_at_once_and_keeps_the_order(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([60]))
    batches = [np.array([1, 2]), np.array([4]), np.array([2, 2, 2])]
    drawn, asked = torch.Generator().manual_seed(1), torch.Generator().manual_seed(1)
    expected = [store.sample(labels, drawn) for labels in batches]
    pending = [store.request(labels, asked) for labels in batches]
    for sample, request in reversed(list(zip(expected, pending, strict=True))):
        assert torch.equal(request.result(), sample)


def test_feature_store_opens_where_it_is_unpickled(tmp_path, identity):
    store = write(tmp_path / "nodes.zarr", identity, make_parts([30]))
    again = pickle.loads(pickle.dumps(store))
    assert again.identity == identity
    np.testing.assert_array_equal(again[:], store[:])


def test_sample_reads_rows_of_zeros_as_such(tmp_path, identity):
    write(tmp_path / "nodes.zarr", identity, [(np.zeros((5, *SHAPE)), np.full(5, 1))])
    assert not FeatureStore.open(tmp_path / "nodes.zarr").sample([1]).any()


def test_open_after_writing_again_reads_the_new_rows(tmp_path, identity):
    path = tmp_path / "nodes.zarr"
    old = write(path, identity, [(np.full((6, *SHAPE), 1.0), np.full(6, 1))], codec="none")
    old[:]
    shutil.rmtree(path)
    new = write(path, identity, [(np.full((6, *SHAPE), 2.0), np.full(6, 1))], codec="none")
    assert (new[:] == 2).all()
    assert (FeatureStore.open(path)[:] == 2).all()
    for read in (lambda: old[:], lambda: old.sample([1])):
        with pytest.raises(ValueError, match=r"nodes\.zarr: was deleted or written again since this process opened it"):
            read()


def test_sample_refuses_a_deleted_store(tmp_path, identity):
    path = tmp_path / "nodes.zarr"
    store = write(path, identity, make_parts([30]))
    store[:]
    shutil.rmtree(path)
    with pytest.raises(ValueError, match="was deleted or written again"):
        store.sample([1])


def test_open_logs_a_store_of_the_first_edition(caplog):
    store = FeatureStore.open(GOLDEN_FILES / "feature_store_first_edition.zarr")
    assert not store.verified
    assert "first edition, without checksums: what is read from it is not verified" in caplog.text
    features = (np.arange(25 * 36) % 97).reshape(25, *SHAPE) / 4 - 3
    np.testing.assert_array_equal(store[:], features[np.argsort(np.arange(25) % 2, kind="stable")])
    assert store.sample([2, 1]).shape == (2, *SHAPE)
