"""Flat annotations against single graphs handled one by one."""

import pickle

import numpy as np
import pytest

from sgg.data import splits
from sgg.data.annotations import Annotations
from sgg.data.statistics import TripletCounts, background_counts, foreground_counts

CLASSES, PREDICATES = 6, 4


def random_annotations(seed: int, images: int = 30) -> Annotations:
    rng = np.random.default_rng(seed)
    objects = rng.integers(0, 7, images)
    relations = np.where(objects, rng.integers(0, 5, images), 0)
    boxes = rng.uniform(0, 80, (objects.sum(), 4)).astype(np.float32)
    boxes[:, 2:] = boxes[:, :2] + rng.uniform(1, 20, (len(boxes), 2))
    owners = np.repeat(np.arange(images), relations)
    return Annotations(
        np.array([f"{i}.jpg" for i in range(images)]), np.full((images, 2), 100), np.cumsum([0, *objects]), boxes,
        rng.integers(1, CLASSES, len(boxes)), np.cumsum([0, *relations]),
        np.stack([rng.integers(0, objects[owners]), rng.integers(0, objects[owners]),
                  rng.integers(1, PREDICATES, len(owners))], axis=1).astype(np.int64))


def same(graph, other):
    return all(np.array_equal(getattr(graph, name), getattr(other, name)) for name in ("boxes", "labels", "relations"))


@pytest.mark.parametrize("seed", range(5))
def test_select_keeps_whole_graphs(seed):
    annotations = random_annotations(seed)
    images = np.random.default_rng(seed).permutation(30)[:11]
    selected = annotations.select(images)
    assert all(same(selected.graph(i), annotations.graph(image)) for i, image in enumerate(images))
    assert selected.files.tolist() == annotations.files[images].tolist()
    assert len(annotations.select(np.zeros(30, dtype=bool))) == 0


@pytest.mark.parametrize("seed", range(5))
def test_keep_relations_keeps_images_and_objects(seed):
    annotations = random_annotations(seed)
    mask = np.random.default_rng(seed).random(len(annotations.relations)) < 0.4
    kept = annotations.keep_relations(mask)
    for image in range(30):
        rows = slice(annotations.rel_ptr[image], annotations.rel_ptr[image + 1])
        assert kept.graph(image).relations.tolist() == annotations.relations[rows][mask[rows]].tolist()
        assert kept.graph(image).labels.tolist() == annotations.graph(image).labels.tolist()


def test_graph_can_be_changed_without_changing_the_annotations():
    annotations = random_annotations(0)
    before = annotations.boxes.copy()
    for image in range(30):
        graph = annotations.graph(image)
        graph.boxes[:] = graph.labels[:] = graph.relations[:] = 0
    assert np.array_equal(annotations.boxes, before)
    assert annotations.labels.min() > 0


def test_annotations_survive_pickling():
    annotations = random_annotations(0)
    restored = pickle.loads(pickle.dumps(annotations))
    for array, other in zip(annotations.arrays, restored.arrays, strict=True):
        np.testing.assert_array_equal(array, other)
        assert array.dtype == other.dtype


def pairs_by_loop(annotations, must_overlap):
    counts = np.zeros((CLASSES, CLASSES), dtype=int)
    for image in range(len(annotations)):
        graph = annotations.graph(image)
        pairs = [(i, j) for i in range(len(graph)) for j in range(len(graph)) if i != j]
        overlapping = [(i, j) for i, j in pairs
                       if min(graph.boxes[i][2], graph.boxes[j][2]) > max(graph.boxes[i][0], graph.boxes[j][0])
                       and min(graph.boxes[i][3], graph.boxes[j][3]) > max(graph.boxes[i][1], graph.boxes[j][1])]
        for i, j in (overlapping or pairs) if must_overlap else pairs:
            counts[graph.labels[i], graph.labels[j]] += 1
    return counts


@pytest.mark.parametrize("seed", range(5))
def test_counts_equal_those_of_a_loop(seed):
    annotations = random_annotations(seed)
    foreground = np.zeros((CLASSES, CLASSES, PREDICATES), dtype=int)
    for image in range(len(annotations)):
        for subject, predicate, object_ in annotations.graph(image).triplets():
            foreground[subject, object_, predicate] += 1
    np.testing.assert_array_equal(foreground_counts(annotations, CLASSES, PREDICATES), foreground)
    for must_overlap in (True, False):
        np.testing.assert_array_equal(background_counts(annotations, CLASSES, must_overlap),
                                      pairs_by_loop(annotations, must_overlap))


def test_triplet_counts_of_seen_and_unseen_triplets():
    counts = TripletCounts.from_triplets(np.array([[2, 1, 3], [1, 1, 1], [2, 1, 3]]))
    assert counts.as_dict() == {(1, 1, 1): 1, (2, 1, 3): 2}
    assert counts.of(np.array([[2, 1, 3], [3, 1, 2], [9, 9, 9], [0, 0, 0], [1, 1, 1]])).tolist() == [2, 0, 0, 0, 1]
    empty = TripletCounts.from_triplets(np.empty((0, 3), dtype=np.int64))
    assert empty.of(np.array([[1, 1, 1]])).tolist() == [0]
    assert empty.as_dict() == {}


def line_of_relations(counts: dict[int, int]) -> Annotations:
    """One image for each object class, with that class's number of relations to class 1."""
    relations = np.array(list(counts.values()))
    images = len(counts)
    return Annotations(
        np.array([f"{i}.jpg" for i in range(images)]), np.full((images, 2), 10), 2 * np.arange(images + 1),
        np.tile(np.array([[0, 0, 5, 5], [5, 0, 9, 5]], dtype=np.float32), (images, 1)),
        np.column_stack([list(counts), np.ones(images, dtype=int)]).reshape(-1), np.cumsum([0, *relations]),
        np.tile([[0, 1, 1]], (relations.sum(), 1)))


@pytest.mark.parametrize(("subset", "classes"),
                         [("zs", [2]), ("10s", [3, 4]), ("100s", [5, 6]), ("all", [2, 3, 4, 5, 6, 7])])
def test_shot_subset_keeps_triplets_within_its_bounds(subset, classes):
    seen = TripletCounts.from_triplets(line_of_relations({3: 1, 4: 10, 5: 11, 6: 100, 7: 101}).triplets)
    found = splits.shot_subset(line_of_relations(dict.fromkeys(range(2, 8), 2)), seen, subset)
    assert found.triplets[:, 0].tolist() == np.repeat(classes, 2).tolist()
    assert len(found) == len(classes)


def test_shot_subset_names_an_unknown_subset():
    with pytest.raises(ValueError, match="subset must be one of zs, 10s, 100s, all, got '5s'"):
        splits.shot_subset(line_of_relations({1: 1}), TripletCounts.from_triplets(np.empty((0, 3))), "5s")


def test_boxes_that_only_touch_do_not_overlap():
    touching = line_of_relations({2: 1, 3: 1})
    touching.boxes[2, 2] = 5.5
    assert splits.overlapping(touching).files.tolist() == ["1.jpg"]
