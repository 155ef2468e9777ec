"""The page of zero-shot triplets against plain loops over the annotation."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from sgg.data import open_dataset
from sgg.show.zero_shot import OBJECT, SUBJECT, ZeroShotTriplets, picture_of_pairs, show_zero_shot


def plain_counts(data, *codes) -> Counter:
    """Triplets of the images of some splits, one relation after another."""
    counted = Counter()
    for image in range(len(data.annotations)):
        if data.splits[image] in codes:
            graph = data.annotations.graph(image)
            for subject, other, predicate in graph.relations.tolist():
                counted[int(graph.labels[subject]), predicate, int(graph.labels[other])] += 1
    return counted


@pytest.mark.parametrize(("split", "own", "training"), [("val", [1], [0]), ("test", [2], [0, 1])])
def test_zero_shot_triplets_ranked_equals_counting_one_by_one(data, split, own, training) -> None:
    seen, counted = plain_counts(data, *training), plain_counts(data, *own)
    expected = sorted(((triplet, count) for triplet, count in counted.items() if triplet not in seen),
                      key=lambda one: (-one[1], one[0]))
    found = ZeroShotTriplets.of(data, split).ranked
    assert [(one.triplet, one.count) for one in found] == expected
    assert [one.rank for one in found] == list(range(1, len(expected) + 1))
    if split == "test":
        assert len({count for _, count in expected}) > 1, "a ranking by frequency needs two frequencies"


def test_zero_shot_triplets_neighbours_equals_comparing_one_by_one(data) -> None:
    seen = plain_counts(data, 0, 1)
    found = ZeroShotTriplets.of(data, "test")
    numbers = Counter()
    for one in found.ranked:
        for column, role in enumerate(("subject", "predicate", "object")):
            others = [(other, count) for other, count in seen.items() if all(
                (other[place] == one.triplet[place]) == (place != column) for place in range(3))]
            expected = sorted(others, key=lambda other: (-other[1], other[0]))
            assert [tuple(neighbour) for neighbour in found.neighbours(one.triplet)[role]] == expected
            numbers[role] += len(expected)
    assert all(numbers[role] for role in ("subject", "predicate", "object"))


def test_zero_shot_triplets_images_and_pairs_have_the_triplet(data) -> None:
    found = ZeroShotTriplets.of(data, "test")
    for one in found.ranked:
        together = 0
        for image in found.images(one.triplet).tolist():
            graph = found.split.graph(image)
            pairs = {(subject, other) for (subject, other, _), triplet in
                     zip(graph.relations.tolist(), graph.triplets().tolist(), strict=True)
                     if tuple(triplet) == one.triplet}
            assert {tuple(pair) for pair in found.pairs(image, one.triplet).tolist()} == pairs
            together += sum(tuple(triplet) == one.triplet for triplet in graph.triplets().tolist())
        assert together == one.count


def test_zero_shot_triplets_of_a_split_without_any(data) -> None:
    """All of test occurs in training if training has the same images."""
    annotations = data.split("train").annotations
    twice = replace(data, annotations=annotations.select(np.array([0, 1, 0, 1])), splits=np.array([0, 1, 2, 2]),
                    title="twins")
    with pytest.raises(ValueError, match=r"test of twins has no zero-shot triplet.* choose another --split"):
        ZeroShotTriplets.of(twice, "test")
    with pytest.raises(ValueError, match="--split train: zero-shot triplets are those of val or test"):
        ZeroShotTriplets.of(twice, "train")


def test_show_zero_shot_writes_the_limit(data, tmp_path) -> None:
    page = show_zero_shot(data, tmp_path / "out", limit=3, examples=1, neighbours=2)
    text = page.read_text()
    found = ZeroShotTriplets.of(data, "test")
    assert text.count("<article") == 3
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["index.html", "pictures"]
    assert sorted(path.name for path in (tmp_path / "out" / "pictures").iterdir()) == [
        "00001_1.png", "00002_1.png", "00003_1.png"]
    assert f"{len(found.ranked):,} zero-shot triplets" in text
    assert "the 3 most frequent ones are shown" in text
    for path in (tmp_path / "out" / "pictures").iterdir():
        with Image.open(path) as picture:
            picture.load()


def test_show_zero_shot_names_a_missing_image_before_it_writes(data, toy_copy, tmp_path) -> None:
    copy = open_dataset("toy", toy_copy)
    found = ZeroShotTriplets.of(copy, "test")
    first = found.split.image_path(int(found.images(found.ranked[0].triplet)[0]))
    first.unlink()
    with pytest.raises(FileNotFoundError, match=str(first)):
        show_zero_shot(copy, tmp_path / "out", limit=1)
    assert not (tmp_path / "out").exists()


def test_picture_of_pairs_draws_subjects_unbroken_and_objects_dashed() -> None:
    """Along the lower edge of each box: one colour throughout, or colour and gaps. An image of 600 pixels keeps its
    size, beside a margin of 8."""
    image = np.full((400, 600, 3), 255, np.uint8)
    boxes = np.array([[30, 200, 250, 380], [330, 200, 570, 380.0]])
    drawn = np.asarray(picture_of_pairs(image, boxes, np.array([[0, 1]]), "cat", "mat"))
    for (x1, _, x2, y2), stroke, broken in ((boxes[0], SUBJECT, False), (boxes[1], OBJECT, True)):
        row = drawn[round(8 + y2) - 1, round(8 + x1) + 6:round(8 + x2) - 6]
        coloured = (row == stroke.colour).all(axis=1)
        assert coloured.any()
        assert coloured.all() != broken
