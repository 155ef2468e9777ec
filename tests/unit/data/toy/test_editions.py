"""The editions of the toy genome: which predicates look alike, and how much."""

import itertools

import numpy as np
import pytest

from sgg.data.toy.editions import edition_of
from sgg.data.toy.editions.third import FAMILIES
from sgg.data.toy.scene import Composer
from sgg.data.toy.world import World


@pytest.mark.parametrize("difficulty", [0, 0.25, 1])
def test_difficulty_is_the_distance_of_neighbours(difficulty):
    """d' = 2.6 (1 - difficulty) between the neighbours of every family, whose middle stays where it is."""
    cues, easy = edition_of(3, difficulty).cues, edition_of(3, 0).cues
    for measure, (predicates, _, _) in FAMILIES.items():
        of_family = [cues[measure][predicate] for predicate in predicates]
        for one, other in itertools.pairwise(of_family):
            assert one.sd == other.sd
            assert (other.mean - one.mean) / one.sd == pytest.approx(2.6 * (1 - difficulty))
        assert np.mean([cue.mean for cue in of_family]) == pytest.approx(
            np.mean([easy[measure][predicate].mean for predicate in predicates]))


def test_values_of_a_scene_follow_the_cues():
    """Of a pair of neighbours, the middle between them divides Phi(1.3 / 2) = 74.2 % rightly at difficulty 0.5."""
    edition = edition_of(3, 0.5)
    composer, family = Composer(World.build(edition, 0), "detector"), edition.cues["brim"]
    middle = (family["balancing"].mean + family["wearing"].mean) / 2
    values = [(thing.predicate, thing.measured["brim"]) for index in range(600)
              for thing in composer.compose((0, 4, index)).things if thing.predicate in family]
    right = [(value > middle) == (predicate == "wearing") for predicate, value in values]
    assert len(right) > 400
    assert np.mean(right) == pytest.approx(.742, abs=3 * (.742 * .258 / len(right)) ** .5)


@pytest.mark.parametrize(("version", "difficulty", "message"), [
    (1, 0.5, "has the versions 2 and 3, got 1"), (3, 1.5, "must be from 0 to 1, got 1.5")])
def test_edition_of_refuses_what_does_not_exist(version, difficulty, message):
    with pytest.raises(ValueError, match=message):
        edition_of(version, difficulty)
