"""What exists in the toy genome: classes, compositions and what is held out."""

import numpy as np
import pytest

from sgg.data.toy.world import CLASSES, KIND_OF, KINDS, PREDICATES, World, kind_triplets

SEEDS = range(5)


def test_classes_belong_to_one_kind_each_and_most_have_a_double():
    assert CLASSES[0] == PREDICATES[0] == "__background__"
    assert sorted(KIND_OF) == list(range(1, len(CLASSES)))
    assert len(CLASSES) == 25
    assert len(PREDICATES) == 11
    assert sum(len(names) == 2 for names in KINDS.values()) == 11


def test_kind_triplets_has_no_duplicate_and_only_known_names():
    listed = [entry[:3] for entry in kind_triplets()]
    assert len(listed) == len(set(listed))
    assert {subject for subject, _, _ in listed} | {other for _, _, other in listed} == set(KINDS)
    assert {predicate for _, predicate, _ in listed} == set(PREDICATES[1:])


@pytest.mark.parametrize("seed", SEEDS)
def test_held_out_compositions_are_a_fifth_of_each_predicate_and_leave_training_learnable(seed):
    world = World.build(seed)
    possible = world.weights > 0
    test, val = world.held_out["test"], world.held_out["val"]
    assert not (test & val).any()
    assert not ((test | val) & ~possible).any()
    trained = world.trained()
    assert (trained == possible & ~test & ~val).all()
    for predicate in range(1, len(PREDICATES)):
        assert .1 < test[:, predicate].sum() / possible[:, predicate].sum() < .3
    # no class loses its last partner in a role of a predicate
    assert (trained.any(axis=2) == possible.any(axis=2)).all()
    assert (trained.any(axis=0) == possible.any(axis=0)).all()


@pytest.mark.parametrize("seed", SEEDS)
def test_world_keeps_the_usual_composition_of_two_kinds_in_training(seed):
    world = World.build(seed)
    kinds = np.array([KIND_OF.get(label, "") for label in range(len(CLASSES))])
    for subject, predicate, other, weight in kind_triplets():
        block = np.ix_(kinds == subject, [PREDICATES.index(predicate)], kinds == other)
        weights = world.weights[block]
        assert weights.sum() == pytest.approx(weight)
        assert world.trained()[block].flat[weights.argmax()]


def test_world_depends_on_its_seed_alone():
    first, again, another = World.build(3), World.build(3), World.build(4)
    assert (first.weights == again.weights).all()
    assert (first.held_out["test"] == again.held_out["test"]).all()
    assert (first.weights != another.weights).any()
