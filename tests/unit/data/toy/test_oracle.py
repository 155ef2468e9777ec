"""The oracle of a toy genome: Bayes' rule on what was drawn."""

import math

import numpy as np
import pytest

from sgg.data.toy.editions import edition_of
from sgg.data.toy.genome import scenes_of
from sgg.data.toy.oracle import Oracle
from sgg.data.toy.scene import Scene
from sgg.data.toy.thing import Thing
from sgg.data.toy.world import World

MAN, WOMAN, HAT = 1, 2, 15


def hat_on(wearer: int, brim: float) -> Scene:
    """Somebody with a hat: (hat, person) are the things."""
    person = Thing(wearer, 0., 1, (10., 10., 35., 68.))
    hat = Thing(HAT, 0., 1, (10., 5., 30., 15.), "wearing", {"brim": brim}, slot="head", bearer=person)
    person.borne.append(hat)
    return Scene([person], [hat, person], [(1, 0, 1)], (0,))


def scores_of(prediction, pair: tuple[int, int]) -> np.ndarray:
    return prediction.predicate_scores[prediction.pairs.tolist().index(list(pair))]


def test_without_habits_the_odds_are_those_of_kinds_times_the_likelihoods():
    """wearing 5 to balancing 2.5 by the table; at difficulty .5 their means are -.105 and -.315, the sd .42 / 2.6. So a
    hat at -.105 is exp(.5 (.21 / (.42 / 2.6))^2) = exp(.845) times as likely to be worn. .6 of the relations are
    annotated."""
    edition = edition_of(3, 0.5)
    scores = scores_of(Oracle(World.build(edition, 0), habits=False).predict(hat_on(MAN, -.105)), (1, 0))
    wearing, balancing = (scores[edition.index[name]] for name in ("wearing", "balancing"))
    assert wearing / balancing == pytest.approx(2 * math.exp(.845), rel=1e-5)
    assert wearing + balancing == pytest.approx(.6)
    assert scores[0] == pytest.approx(.4)


def test_with_habits_the_prior_is_that_of_training():
    """A composition that training never shows gets no score, whatever the image says, if there is another one."""
    edition = edition_of(3, 0.)
    world = World.build(edition, 0)
    worn, balanced = (edition.index[name] for name in ("wearing", "balancing"))
    weights = {index: np.where(world.trained(), world.weights, 0.)[:, index, HAT] for index in (worn, balanced)}
    for person in (MAN, WOMAN):
        scores = scores_of(Oracle(world, habits=True).predict(hat_on(person, -.42 / 2)), (1, 0))
        total = weights[worn][person] + weights[balanced][person]
        assert scores[worn] == pytest.approx(.6 * weights[worn][person] / total, rel=1e-5)


def test_pairs_that_nobody_composed_are_background():
    scene = hat_on(MAN, 0.)
    prediction = Oracle(World.build(edition_of(3, 0.5), 0), habits=False).predict(scene)
    assert scores_of(prediction, (0, 1)).tolist() == [1.] + [0.] * 15
    assert prediction.pairs.tolist() == [[1, 0], [0, 1]]


def test_a_composed_relation_without_look_alikes_is_certain():
    """Of 60 scenes, each thing under another one."""
    edition = edition_of(3, 1.)
    world = World.build(edition, 0)
    found = 0
    for scene in scenes_of(world, "test", 0, 60):
        prediction = Oracle(world, habits=True).predict(scene)
        for s, o, p in scene.relations:
            if edition.predicates[p] == "under":
                assert scores_of(prediction, (s, o))[p] == pytest.approx(.6)
                found += 1
    assert found > 10
