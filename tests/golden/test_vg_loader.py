"""The miniature Visual Genome (vg_tiny) and the counting rules, against the reference's numbers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sgg.data.annotations import Annotations
from sgg.data.loading.loader import SplitImages
from sgg.data.readers.visual_genome import open_visual_genome
from sgg.data.statistics import background_counts, foreground_counts

FILES = Path(__file__).parent / "files"
FRAME = 1024
PARTS = {  # the reference's name of a split -> ours
    "sgcls.val_zs": ("val", {"subset": "zs"}),
    "sgcls.val_alls": ("val", {}),
    "sgcls.test_zs": ("test", {"subset": "zs"}),
    "sgcls.test_10s": ("test", {"subset": "10s"}),
    "sgcls.test_100s": ("test", {"subset": "100s"}),
    "sgcls.test_alls": ("test", {}),
    "sgcls.train": ("train", {}),
    "sgdet.train": ("train", {"overlapping": True}),
    "graph3to8.train": ("train", {"min_objects": 4, "max_objects": 8}),  # its lower bound is exclusive
}


@pytest.fixture(scope="module")
def golden():
    return np.load(FILES / "vg_tiny.npz")


@pytest.fixture(scope="module")
def data(golden):
    return open_visual_genome(FILES / "vg_tiny_data" / "VG", num_val_images=int(golden["num_val_im"]))


@pytest.mark.parametrize("name", PARTS)
def test_images_objects_and_relations_of_a_part(name, golden, data):
    part, options = PARTS[name]
    found = data.split(part, **options).annotations
    longer = found.sizes.max(axis=1)[found.image_of_object]
    np.testing.assert_array_equal(found.files, golden[f"{name}.filenames"])
    np.testing.assert_array_equal(found.box_ptr, golden[f"{name}.box_ptr"])
    np.testing.assert_array_equal(found.labels, golden[f"{name}.gt_classes"])
    np.testing.assert_array_equal(found.rel_ptr, golden[f"{name}.rel_ptr"])
    np.testing.assert_array_equal(found.relations, golden[f"{name}.gt_rels"])
    in_frame = found.boxes * (FRAME / longer)[:, None]
    np.testing.assert_allclose(in_frame, golden[f"{name}.gt_boxes"], rtol=1e-6)


@pytest.mark.parametrize("name", PARTS)
def test_triplet_counts_of_a_part(name, golden, data):
    part, options = PARTS[name]
    # the reference counts the training triplets before any filter, those of other splits after
    found = data.triplets("train") if part == "train" else data.split(part, **options).triplets()
    expected = zip(golden[f"{name}.triplets"].tolist(), golden[f"{name}.triplet_counts"].tolist(), strict=True)
    assert found.as_dict() == {tuple(triplet): count for triplet, count in expected}


@pytest.mark.parametrize("name", [name for name in PARTS if name.endswith("train")])
def test_open_visual_genome_gives_the_pair_tables_of_training(name, golden, data):
    part, options = PARTS[name]
    found = data.split(part, **options).triplets()
    rows = np.column_stack([found.triplets, found.counts])
    expected = golden[f"{name}.subj_pred_pairs"]
    np.testing.assert_array_equal(rows, expected[np.lexsort(expected[:, 2::-1].T)])
    by_object = golden[f"{name}.pred_obj_pairs"][:, [2, 0, 1, 3]]
    np.testing.assert_array_equal(rows, by_object[np.lexsort(by_object[:, 2::-1].T)])
    assert found.subject_predicate().tolist() == np.unique(expected[:, :2], axis=0).tolist()
    assert found.predicate_object().tolist() == np.unique(by_object[:, 1:3], axis=0).tolist()


@pytest.mark.parametrize(("name", "part", "flipped"), [("train.noflip", "train", False), ("train.flip", "train", True),
                                                       ("test_alls", "test", False)])
def test_boxes_and_sizes_of_single_images(name, part, flipped, golden, data, tmp_path):
    images = replace(data.split(part), image_folder=tmp_path)
    for index in range(4):
        height, width = images.size(index)
        Image.new("RGB", (width, height)).save(tmp_path / str(images.annotations.files[index]))
    samples = SplitImages(images, augment=part == "train", seed=0)
    for index in range(4):
        # an epoch in which this image's draw comes out as wanted
        sample = next(sample for sample in (samples[epoch, index] for epoch in range(100))
                      if part == "test" or is_mirrored(sample.graph, images.graph(index)) == flipped)
        expected = {key: golden[f"item.{name}.{index}.{key}"] for key in ("gt_boxes", "img_size", "tensor_shape")}
        np.testing.assert_allclose(sample.graph.boxes, expected["gt_boxes"], rtol=1e-6, atol=5e-5)
        assert list(sample.size) == expected["img_size"][:2].tolist()
        assert list(sample.image.shape) == expected["tensor_shape"].tolist()


def is_mirrored(graph, original):
    return not np.array_equal(graph.boxes, original.boxes)


def test_foreground_counts_and_background_counts():
    truth, golden = np.load(FILES / "eval_a_gt.npz"), np.load(FILES / "freq_bias.npz")
    count = len(truth["box_ptr"]) - 1
    annotations = Annotations(np.array([f"{i}.jpg" for i in range(count)]), np.full((count, 2), 1024), truth["box_ptr"],
                              truth["gt_boxes"], truth["gt_classes"], truth["rel_ptr"], truth["gt_rels"])
    classes, predicates = int(truth["n_obj_classes"]), int(truth["n_predicates"])
    np.testing.assert_array_equal(foreground_counts(annotations, classes, predicates), golden["out.fg"])
    np.testing.assert_array_equal(background_counts(annotations, classes), golden["out.bg"])
    np.testing.assert_array_equal(background_counts(annotations, classes, must_overlap=False),
                                  golden["out.bg_no_overlap_needed"])
