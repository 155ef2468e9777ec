"""From images to stores: ranges of images, and features that equal pooling each image alone."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.ops import roi_align

from sgg.data.annotations import Annotations
from sgg.data.catalogue import open_dataset
from sgg.data.dataset import DataSet
from sgg.detector.model import Detector
from sgg.features import FeatureStore, StoreMismatchError, writer
from sgg.systems.two_stage.extraction import Extraction, image_ranges, store_path, training_nodes
from tests.darkened import darken

BOXES = [[[4, 4, 40, 30], [20, 10, 60, 44], [0, 0, 63, 47]], [[8, 8, 30, 60], [2, 20, 44, 50]], [[1, 1, 50, 50]] * 2]
LABELS = [[1, 2, 1], [3, 1], [2, 2]]
RELATIONS = [[[0, 1, 1], [1, 2, 2]], [[0, 1, 1]], [[1, 0, 2]]]
SIZES = [(48, 64), (64, 48), (56, 56)]


@pytest.fixture
def data(tmp_path):
    rng = np.random.default_rng(0)
    files = [f"{image}.png" for image in range(3)]
    for file, size in zip(files, SIZES, strict=True):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(tmp_path / file)
    annotations = Annotations(
        np.array(files), np.array(SIZES), np.array([0, 3, 5, 7]), np.concatenate(BOXES).astype(np.float32),
        np.concatenate(LABELS), np.array([0, 2, 3, 4]), np.concatenate(RELATIONS))
    return DataSet("custom", "Three images", ["__background__", "cat", "dog", "emu"], ["__background__", "on", "by"],
                   annotations, np.zeros(3, int), tmp_path)


@pytest.fixture(scope="module")
def detector():
    torch.manual_seed(0)
    return Detector("tiny", num_classes=4)


def squares(data):
    for image, (height, width) in enumerate(SIZES):
        picture = torch.from_numpy(np.array(Image.open(data.image_folder / f"{image}.png"))).permute(2, 0, 1) / 255
        side = max(height, width)
        square = torch.tensor([124.0, 116.0, 103.0])[:, None, None].repeat(1, side, side) / 255
        square[:, :height, :width] = picture
        yield image, square


def pooled(data, detector, boxes_of):
    """{(image, row): feature} of boxes in pixels of the images, one image at a time."""
    found = {}
    for image, square in squares(data):
        feature_map, [(height, _)] = detector.features([square])
        boxes = torch.tensor(boxes_of(image), dtype=torch.float32) * height / square.shape[1]
        found |= {(image, row): feature for row, feature in enumerate(
            roi_align(feature_map, [boxes], 7, 1 / detector.stride, sampling_ratio=2))}
    return found


def assert_rows(store, expected):
    np.testing.assert_allclose(store[:], torch.stack(expected).numpy(), rtol=2e-3, atol=2e-3)


def test_extraction_of_node_features_by_class_in_image_order(data, detector, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "PART_BYTES", 1)  # every image is one part of the store
    store = training_nodes(data, detector, "d1").ensure(tmp_path / "nodes.zarr")
    rows = pooled(data, detector, lambda image: BOXES[image])
    assert store.counts.tolist() == [0, 3, 3, 1]
    order = [(0, 0), (0, 2), (1, 1), (0, 1), (2, 0), (2, 1), (1, 0)]  # cats, dogs, the emu
    assert_rows(store, [rows[key] for key in order])
    assert (store.identity.detector, store.identity.data, store.identity.kind) == ("d1", data.hash, "node")


def test_extraction_of_edge_features_of_union_boxes_by_predicate(data, detector, tmp_path):
    def unions(image):
        pairs = [(BOXES[image][subject], BOXES[image][object_]) for subject, object_, _ in RELATIONS[image]]
        return [[*np.minimum(a, b)[:2], *np.maximum(a, b)[2:]] for a, b in pairs]

    extraction = Extraction(data, data.split("train"), detector, "d1", kind="edge")
    store = extraction.ensure(tmp_path / "edges.zarr")
    rows = pooled(data, detector, unions)
    assert store.counts.tolist() == [0, 2, 2]
    assert_rows(store, [rows[key] for key in [(0, 0), (1, 0), (0, 1), (2, 0)]])
    assert store.identity.classes == data.predicates


def test_extraction_of_global_features_as_averaged_maps(data, detector, tmp_path):
    extraction = Extraction(data, data.split("train"), detector, "d1", kind="global")
    store = extraction.ensure(tmp_path / "global.zarr")
    assert_rows(store, [detector.features([square]).map[0].mean((1, 2), keepdim=True) for _, square in squares(data)])


def test_ensure_shows_progress_of_the_missing_parts(data, detector, tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "PART_BYTES", 1)
    seen = []

    def progress(work, stop_after):
        for done, batch in enumerate(work):
            if done == stop_after:
                raise KeyboardInterrupt
            seen.append((len(work), *batch.image_ids))
            yield batch

    extraction = Extraction(data, data.split("train"), detector, "d1")
    with pytest.raises(KeyboardInterrupt):
        extraction.ensure(tmp_path / "nodes.zarr", partial(progress, stop_after=2))
    assert len(extraction.ensure(tmp_path / "nodes.zarr", partial(progress, stop_after=None))) == 7
    assert seen == [(3, "0"), (3, "1"), (1, "2")], "the parts that were finished are not made again"


def test_ensure_opens_an_existing_store(data, detector, tmp_path):
    def ensure(detector_hash):
        extraction = training_nodes(data, detector, detector_hash)
        return extraction.ensure(store_path(tmp_path, extraction.identity))

    first = ensure("d1")
    (data.image_folder / "0.png").unlink()
    assert ensure("d1").path == first.path
    with pytest.raises(FileNotFoundError):
        ensure("d2")
    with pytest.raises(FileNotFoundError, match="Run the same command again"):
        FeatureStore.open(store_path(tmp_path, training_nodes(data, detector, "d2").identity))


def test_store_path_differs_with_the_identity(data, detector, tmp_path):
    def path(**changes):
        arguments = {"split": data.split("train"), "detector_hash": "d1", **changes}
        return store_path(tmp_path, Extraction(data, detector=detector, **arguments).identity)

    variants = [path(), path(detector_hash="d2"), path(kind="edge"), path(settings={"subset": "zs"}),
                path(source="generated"), path(split=data.split("train").head(2))]
    assert len(set(variants)) == len(variants)
    assert path() == path()


@pytest.mark.parametrize(("rows", "limit", "images", "expected"), [
    ([3, 3, 3, 3], 6, 9, [(0, 2), (2, 4)]),
    ([3, 3, 3, 3], 7, 9, [(0, 2), (2, 4)]),
    ([1, 9, 1, 1], 4, 9, [(0, 1), (1, 2), (2, 4)]),
    ([0, 0, 5, 0], 5, 9, [(0, 4)]),
    ([1, 1, 1, 1, 1], 9, 2, [(0, 2), (2, 4), (4, 5)]),
    ([1, 1, 6, 1, 1], 6, 3, [(0, 2), (2, 3), (3, 5)]),
    ([2], 1, 9, [(0, 1)]),
    ([], 5, 9, []),
])
def test_image_ranges(rows, limit, images, expected):
    assert image_ranges(np.array(rows, int), limit, images) == [range(*one) for one in expected]


def test_store_path_is_another_one_for_other_images(toy_copy, caplog):
    detector = Detector("tiny", 25)

    def path():
        data = open_dataset("toy", toy_copy)
        return store_path(toy_copy / "cache", training_nodes(replace(data, splits=data.splits), detector, "d").identity)

    first = path()
    extraction = training_nodes(open_dataset("toy", toy_copy), detector, "d")
    extraction.ensure(first)
    assert path() == first
    darken(open_dataset("toy", toy_copy).split("train"))
    assert path() != first
    assert f"{first} was made from other images" in caplog.text
    with pytest.raises(StoreMismatchError, match=r"pictures is '\w+', not '"):
        FeatureStore.open(first, training_nodes(open_dataset("toy", toy_copy), detector, "d").identity)
