"""Predicates that a mirror image exchanges: which they are, and that training sees them exchanged."""

import copy
import json

import numpy as np
import pytest
from PIL import Image

from sgg.data.annotations import Annotations
from sgg.data.dataset import Split
from sgg.data.loading.loader import SplitImages
from sgg.data.mirroring import NO_PARTNER, difference, exchanged_names, mirrored_predicates
from sgg.data.readers.custom import open_custom
from sgg.data.writers.custom import write_custom

VISUAL_GENOME = """above,across,
against,along,and,at,attached to,behind,belonging to,between,carrying,covered in,covering,
eating,flying in,for,from,growing on,hanging from,has,holding,in,in front of,laying on,looking at,lying on,made of,
mounted on,near,of,on,on back of,over,painted on,parked on,part of,playing,riding,says,sitting on,standing on,to,under,
using,walking in,walking on,watching,wearing,wears,with""".replace("\n", "").split(",")


def mirrored(*names, pairs=None):
    """{name: name in the mirror image, None without a partner} of those that change."""
    table = mirrored_predicates(["-", *names], pairs)
    return {name: None if row == NO_PARTNER else ["-", *names][row]
            for number, (name, row) in enumerate(zip(names, table[1:], strict=True), start=1) if row != number}


def test_mirrored_predicates_of_visual_genome_are_none():
    assert len(VISUAL_GENOME) == 50
    assert mirrored(*VISUAL_GENOME) == {}


@pytest.mark.parametrize(("left", "right"), [
    ("to the left of", "to the right of"), ("left of", "right of"), ("on left of", "on right of"), ("left", "right"),
    ("LEFT_OF", "right of"), ("isLeftOf", "isRightOf"), ("left-hand side", "right-hand side"),
    ("leftmost of", "rightmost of"), ("left to right", "right to left"), ("right next to", "left next to")])
def test_mirrored_predicates_finds_pairs_in_any_wording(left, right):
    assert mirrored("on", left, "near", right) == {left: right, right: left}


@pytest.mark.parametrize("name", ["left of", "right of", "to the left of", "has left", "is right"])
def test_mirrored_predicates_marks_a_name_without_partner(name):
    assert mirrored("on", name) == {name: None}
    assert mirrored("on", name, "beneath the right one") == {name: None, "beneath the right one": None}


@pytest.mark.parametrize("name", ["right behind", "right next to", "bright", "upright on", "cleft", "on"])
def test_mirrored_predicates_keeps_other_names(name):
    assert mirrored(name) == {}


def test_mirrored_predicates_with_two_possible_partners():
    assert mirrored("left of", "right of", "Right of") == dict.fromkeys(["left of", "right of", "Right of"])


def test_mirrored_predicates_of_given_pairs():
    assert mirrored("left of", "right of", "a", "b", pairs=[("a", "b")]) == {"a": "b", "b": "a"}
    assert mirrored("left of", pairs=[("left of", "left of")]) == {}


@pytest.fixture
def part(tmp_path):
    """One image: object 0 is left of (1) object 1, object 1 is right of (2) object 0, and on (3) it."""
    Image.new("RGB", (20, 10)).save(tmp_path / "a.png")
    annotations = Annotations(np.array(["a.png"]), np.array([[10, 20]]), np.array([0, 2]),
                              np.array([[0, 0, 5, 5], [12, 0, 20, 5]], np.float32), np.array([1, 1]), np.array([0, 2]),
                              np.array([[0, 1, 1], [1, 0, 2]]))
    return Split("train", annotations, tmp_path, mirrored_predicates(["-", "left of", "right of", "on"]))


def epochs(part, **options):
    """{whether mirrored: the distinct relations that were seen so}, over 40 epochs; boxes are mirrored in any case."""
    images, seen = SplitImages(part, augment=True, seed=0, **options), {False: set(), True: set()}
    for epoch in range(40):
        graph = images[epoch, 0].graph
        seen[graph.boxes[0].tolist() != [0, 0, 5, 5]].add(str(graph.relations.tolist()))
    return seen


def test_mirrored_predicates_are_true_of_the_mirrored_image(part):
    """After mirroring object 0 lies at the right, so it is right of object 1."""
    assert epochs(part) == {False: {"[[0, 1, 1], [1, 0, 2]]"}, True: {"[[0, 1, 2], [1, 0, 1]]"}}


def test_predicates_stay_where_the_switch_says_so(part):
    as_annotated = {"[[0, 1, 1], [1, 0, 2]]"}
    assert epochs(part, exchange_predicates=False) == {False: as_annotated, True: as_annotated}


def test_no_partner_prevents_the_mirroring_of_an_image(part):
    part.mirrored[2] = NO_PARTNER
    assert epochs(part) == {False: {"[[0, 1, 1], [1, 0, 2]]"}, True: set()}


def test_mirrored_predicates_leave_the_annotation_as_it_is(part):
    epochs(part)
    assert part.annotations.relations.tolist() == [[0, 1, 1], [1, 0, 2]]


CONTENT = {
    "images": [{"id": number, "file_name": f"{number}.png", "width": 30, "height": 40, "split": split}
               for number, split in enumerate(("train", "val", "test"))],
    "categories": [{"id": 1, "name": "dog"}],
    "annotations": [{"id": 2 * number + row, "image_id": number, "category_id": 1, "bbox": [10 * row, 0, 5, 5]}
                    for number in range(3) for row in range(2)],
    "predicates": [{"id": 1, "name": "beside west"}, {"id": 2, "name": "beside east"}, {"id": 3, "name": "left of"}],
    "relations": [{"subject_id": 2 * number, "object_id": 2 * number + 1, "predicate_id": 1 + number}
                  for number in range(3)]}


def opened(directory, **changes):
    (directory / "annotations.json").write_text(json.dumps(copy.deepcopy(CONTENT) | changes))
    return open_custom(directory)


def kinds(data):
    return [(found.kind, found.count) for found in data.findings]


def test_open_custom_reads_the_mirror_pairs_of_the_file(tmp_path):
    by_name = opened(tmp_path)
    assert by_name.mirrored.tolist() == [0, 1, 2, NO_PARTNER]
    assert kinds(by_name) == [("relations that mirroring would make wrong", 1)]
    with pytest.raises(ValueError, match=r"data.flip_predicates=refuse, 1 pred.*'left of'.*mirror_pairs"):
        by_name.require_mirrors()
    said = opened(tmp_path, mirror_pairs=[["beside west", "beside east"]])
    assert said.mirrored.tolist() == said.split("train").mirrored.tolist() == [0, 2, 1, 3]
    assert kinds(said) == [("relations that mirroring exchanges", 2)]
    said.require_mirrors()
    assert said.hash != by_name.hash
    write_custom(said, tmp_path / "again")
    assert open_custom(tmp_path / "again").hash == said.hash


@pytest.mark.parametrize(("pairs", "message"), [
    ({}, "must have list under 'mirror_pairs'"),
    (["ab"], r"mirror_pairs\[0\] must be two names of predicates, got 'ab'"),
    ([["left of", "right of"]], r"mirror_pairs\[0\] names 'right of', which is not in 'predicates'"),
    ([["left of", "__background__"]], r"names '__background__'"),
    ([["left of", "beside west"], ["left of", "beside east"]], r"mirror_pairs\[1\] gives 'left of' a second partner"),
])
def test_pairs_that_are_wrong_are_named(pairs, message, tmp_path):
    with pytest.raises(ValueError, match=r"annotations.json.*" + message):
        opened(tmp_path, mirror_pairs=pairs)


def test_exchanged_names_and_difference():
    names = ["-", "left of", "right of", "on", "is left"]
    then = exchanged_names(names, mirrored_predicates(names))
    assert then == {"left of": "right of", "right of": "left of", "is left": None}
    assert difference(then, dict(then)) is None
    assert difference(None, then) is None  # of a version that did not note it
    other = exchanged_names(names, mirrored_predicates(names, [("left of", "on")]))
    assert "'left of' became 'right of', here it becomes 'on'" in difference(then, other)
    assert "'is left' became nothing, here it becomes 'is left'" in difference({"is left": None}, {})
    assert "'on' became 'on', here it becomes 'left of'" in difference({}, {"on": "left of"})
