"""What exists in the toy genome: classes, compositions and what is held out."""

import numpy as np
import pytest

from sgg.data.toy.editions import VERSIONS, edition_of
from sgg.data.toy.kinds import CLASSES, KIND_OF, KINDS
from sgg.data.toy.world import World

SEEDS = range(5)


@pytest.fixture(params=VERSIONS)
def edition(request):
    return edition_of(request.param, 0.5)


def test_classes_belong_to_one_kind_each_and_most_have_a_double():
    assert CLASSES[0] == "__background__"
    assert sorted(KIND_OF) == list(range(1, len(CLASSES)))
    assert len(CLASSES) == 25
    assert sum(len(names) == 2 for names in KINDS.values()) == 11


@pytest.mark.parametrize(("version", "predicates"), [(2, 10), (3, 15)])
def test_predicates_of_a_version(version, predicates):
    names = edition_of(version, 0.5).predicates
    assert names[0] == "__background__"
    assert len(set(names[1:])) == predicates


def test_kind_triplets_has_no_duplicate_and_only_known_names(edition):
    listed = [entry[:3] for entry in edition.kind_triplets()]
    assert len(listed) == len(set(listed))
    assert {subject for subject, _, _ in listed} | {other for _, _, other in listed} == set(KINDS)
    assert {predicate for _, predicate, _ in listed} == set(edition.predicates[1:])


@pytest.mark.parametrize("seed", SEEDS)
def test_held_out_compositions_are_a_fifth_of_each_predicate_and_leave_training_learnable(edition, seed):
    world = World.build(edition, seed)
    possible = world.weights > 0
    test, val = world.held_out["test"], world.held_out["val"]
    assert not (test & val).any()
    assert not ((test | val) & ~possible).any()
    trained = world.trained()
    assert (trained == possible & ~test & ~val).all()
    for predicate in range(1, len(edition.predicates)):
        assert .1 < test[:, predicate].sum() / possible[:, predicate].sum() < .3
    # no class loses its last partner in a role of a predicate
    assert (trained.any(axis=2) == possible.any(axis=2)).all()
    assert (trained.any(axis=0) == possible.any(axis=0)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_world_keeps_the_usual_composition_of_two_kinds_in_training(edition, seed):
    world = World.build(edition, seed)
    kinds = np.array([KIND_OF.get(label, "") for label in range(len(CLASSES))])
    for subject, predicate, other, weight in edition.kind_triplets():
        block = np.ix_(kinds == subject, [edition.predicates.index(predicate)], kinds == other)
        weights = world.weights[block]
        assert weights.sum() == pytest.approx(weight)
        assert world.trained()[block].flat[weights.argmax()]


def test_world_depends_on_its_seed_alone(edition):
    first, again, another = (World.build(edition, seed) for seed in (3, 3, 4))
    assert (first.weights == again.weights).all()
    assert (first.held_out["test"] == again.held_out["test"]).all()
    assert (first.weights != another.weights).any()
