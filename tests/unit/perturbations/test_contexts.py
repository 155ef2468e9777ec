import numpy as np
import pytest

from sgg.perturbations.contexts import Contexts

# A man rides a horse twice and holds a cup thrice; a woman rides a horse once.
MAN, WOMAN, HORSE, CUP = 1, 2, 3, 4
RIDES, HOLDS = 1, 2
TRIPLETS = {(MAN, RIDES, HORSE): 2, (MAN, HOLDS, CUP): 3, (WOMAN, RIDES, HORSE): 1}


def entries(contexts, predicate, role, other):
    row = int(contexts.rows(np.array([predicate]))[role][0]) + other
    entry = slice(contexts.offsets[row], contexts.offsets[row + 1])
    return dict(zip(contexts.classes[entry].tolist(), contexts.counts[entry].tolist(), strict=True))


def test_from_triplets_has_contexts_of_subjects_and_objects():
    contexts = Contexts.from_triplets(TRIPLETS, 5)
    assert contexts.num_predicates == 3
    assert entries(contexts, RIDES, 0, HORSE) == {MAN: 2, WOMAN: 1}
    assert entries(contexts, RIDES, 1, MAN) == {HORSE: 2}
    assert entries(contexts, HOLDS, 1, MAN) == {CUP: 3}
    assert entries(contexts, HOLDS, 0, HORSE) == {}
    assert entries(contexts, HOLDS, 1, CUP) == {}
    assert entries(contexts, 77, 1, MAN) == {}, "a predicate never seen"


def test_nbytes_grows_with_triplets_and_contexts_only():
    contexts = Contexts.from_triplets(TRIPLETS, 1704, 311)
    rows = 2 * 312 * 1704
    assert contexts.nbytes == 8 * (rows + 1) + 2 * len(TRIPLETS) * (8 + 8)


def test_from_triplets_without_triplets():
    contexts = Contexts.from_triplets({}, 5)
    assert entries(contexts, RIDES, 0, HORSE) == {}


@pytest.mark.parametrize(("triplet", "count"), [((0, 1, 1), 1), ((5, 1, 1), 1), ((1, 0, 1), 1), ((1, 3, 1), 1),
                                                ((1, 1, 5), 1), ((1, 1, 1), 0)])
def test_from_triplets_refuses_triplets_out_of_range(triplet, count):
    named = rf"triplet \({triplet[0]}, {triplet[1]}, {triplet[2]}\) with count {count}"
    with pytest.raises(ValueError, match=named + ": classes must be in 1..4, predicates in 1..2, counts at least 1"):
        Contexts.from_triplets({triplet: count}, 5, 3)
