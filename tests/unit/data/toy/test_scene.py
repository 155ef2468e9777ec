"""Toy scenes: geometry, annotation, and what each part may show."""

from collections import Counter

import numpy as np
import pytest

from sgg.data.toy.editions import edition_of
from sgg.data.toy.editions.second import SECOND
from sgg.data.toy.kinds import CLASSES, KIND_OF, LABELS
from sgg.data.toy.render import render
from sgg.data.toy.scene import MIN_OBJECTS, SIDE, Composer
from sgg.data.toy.thing import Thing, overlap
from sgg.data.toy.world import World

WORLD = World.build(SECOND, 0)
PREDICATES = SECOND.predicates
COUNT = 150


def composed(world, count=COUNT):
    return {part: [Composer(world, part).compose((0, number, index)) for index in range(count)]
            for number, part in enumerate(("train", "val", "test", "detector"))}


@pytest.fixture(scope="module")
def scenes():
    return composed(WORLD)


@pytest.fixture(scope="module", params=[2, 3])
def edition(request):
    return edition_of(request.param, 0.5)


def triplets(scenes):
    return [(scene.things[s].label, p, scene.things[o].label) for scene in scenes for s, o, p in scene.relations]


def test_compose_puts_things_into_the_image_and_relations_between_two_of_them(edition):
    scenes = composed(World.build(edition, 0), 60)
    for scene in (scene for part in scenes.values() for scene in part):
        assert MIN_OBJECTS <= len(scene.things) <= edition.most_objects
        assert scene.relations
        for x1, y1, x2, y2 in (thing.box for thing in scene.things):
            assert 0 <= x1 < x2 <= SIDE
            assert 0 <= y1 < y2 <= SIDE
        for s, o, p in scene.relations:
            assert s != o
            assert max(s, o) < len(scene.things)
            assert 1 <= p < len(edition.predicates)


def test_compose_shows_no_split_what_is_held_out_from_it(scenes):
    test, val = WORLD.held_out["test"], WORLD.held_out["val"]
    assert not any(test[triplet] or val[triplet] for triplet in triplets(scenes["train"]))
    assert not any(test[triplet] for triplet in triplets(scenes["val"]))
    assert sum(val[triplet] for triplet in triplets(scenes["val"])) > COUNT / 4
    assert sum(test[triplet] for triplet in triplets(scenes["test"])) > COUNT / 2


def test_compose_draws_nothing_held_out_in_training_even_without_annotation(scenes):
    for scene in scenes["train"]:
        for thing in scene.things:
            if thing.bearer is not None:
                pair = thing.label, thing.bearer.label
                if thing.predicate in ("wearing", "holding"):
                    pair = pair[::-1]
                assert WORLD.trained()[pair[0], PREDICATES.index(thing.predicate), pair[1]]


def test_compose_annotates_sparsely_with_a_long_tail_in_training(scenes):
    density = [len(scene.relations) / (len(scene.things) * (len(scene.things) - 1)) for scene in scenes["train"]]
    assert .05 < np.mean(density) < .08
    counts = np.array(sorted(Counter(triplets(scenes["train"])).values(), reverse=True))
    assert counts[:len(counts) // 10].sum() > .35 * counts.sum()
    assert (counts <= 2).sum() > len(counts) / 3
    predicates = Counter(p for _, p, _ in triplets(scenes["train"])).most_common()
    assert PREDICATES[predicates[0][0]] == "on"
    assert predicates[0][1] > 4 * predicates[-1][1]


def test_compose_gives_the_detectors_scenes_no_usual_compositions(scenes):
    def imbalance(part):
        counts = Counter(thing.label for scene in scenes[part] for thing in scene.things)
        return [max(counts[a], counts[b]) / (counts[a] + counts[b])
                for a, b in (labels for labels in LABELS.values() if len(labels) == 2)]

    assert max(imbalance("detector")) < .65 < max(imbalance("train"))
    shown = set(triplets(scenes["detector"]))
    assert any(WORLD.held_out["test"][triplet] for triplet in shown)


def test_predicates_mean_what_they_say(scenes):
    for scene in scenes["detector"]:
        for thing in scene.things:
            if thing.bearer is None:
                continue
            name, bearer = thing.predicate, thing.bearer
            below = thing.box[3] - bearer.box[1]   # how far its foot is below the bearer's top
            if name == "above":
                assert thing.box[3] < bearer.box[1]
            elif name == "under" and bearer.kind != "tree":
                assert thing.center[1] > bearer.center[1]
            elif name == "wearing":
                assert below < .5 * bearer.height
            elif name == "riding":
                assert thing.seated
                assert thing.box[1] < bearer.box[1]
            elif name == "in" or name == "attached to":
                assert overlap(thing.box, bearer.box) > .2


def test_compose_lets_the_looks_of_a_pair_overlap_as_much_as_they_should():
    """Classes at 0 and 1 with sd 1/d': the midpoint divides them, Phi(d'/2) = 90.3 % rightly for d' = 2.6."""
    things = [thing for index in range(400) for thing in Composer(WORLD, "detector").compose((1, 3, index)).things
              if len(LABELS[thing.kind]) == 2]
    right = [(thing.look > .5) == (LABELS[thing.kind].index(thing.label) == 1) for thing in things]
    assert len(right) > 3000
    assert np.mean(right) == pytest.approx(.903, abs=.02)


def test_compose_and_render_depend_on_the_seed_alone():
    first, again, other = (Composer(WORLD, "train").compose(seed) for seed in ((5, 1, 7), (5, 1, 7), (5, 1, 8)))
    assert [thing.box for thing in first.things] == [thing.box for thing in again.things]
    assert first.relations == again.relations
    picture = np.asarray(render(first))
    assert picture.shape == (SIDE, SIDE, 3)
    assert (picture == np.asarray(render(again))).all()
    assert (picture != np.asarray(render(other))).any()


def test_render_draws_a_thing_where_its_box_says():
    """Against the same scene without the last of its lone things, only pixels of its box change."""
    scene = next(scene for scene in (Composer(WORLD, "train").compose((2, 1, index)) for index in range(50))
                 if not scene.groups[-1].borne and KIND_OF[scene.groups[-1].label] in ("pet", "round", "person"))
    with_it = np.asarray(render(scene)).astype(int)
    lone = scene.groups.pop()
    without = np.asarray(render(scene)).astype(int)
    ys, xs = np.nonzero(abs(with_it - without).sum(axis=2) > 60)
    assert xs.min() >= lone.box[0] - 2.5
    assert xs.max() <= lone.box[2] + 2.5
    assert ys.min() >= lone.box[1] - 2.5
    assert ys.max() <= lone.box[3] + 2.5
    assert xs.max() - xs.min() > .7 * lone.width
    assert ys.max() - ys.min() > .7 * lone.height


def test_points_of_a_thing_follow_its_facing():
    dog = Thing(CLASSES.index("dog"), 0., 1, (10., 20., 30., 40.))
    assert dog.at(1., 0.) == (30., 20.)
    dog.facing = -1
    assert dog.at(1., 0.) == (10., 20.)
    assert overlap((0, 0, 2, 2), (1, 1, 2, 4)) == pytest.approx(1 / 3)
