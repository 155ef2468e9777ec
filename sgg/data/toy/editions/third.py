"""Version 3: fifteen predicates in families of look-alikes, which an image tells apart as badly as asked for.

The measure of a family (how long a rider's leg is, ...) places its predicates in a row. At difficulty 0 the means of
neighbours lie d' = 2.6 standard deviations apart, so the best observer of that measure is right in Phi(2.6 / 2) = 90 %
of the choices between two neighbours. A difficulty of d moves all means towards the middle of the family, until d' =
2.6 (1 - d). The habits of the classes then decide more and more: they help in frequent compositions and mislead in
unseen ones. At 1 the image says nothing.

More things are in an image, and fewer of the composed relations are annotated, so that a graph of 20 triplets cannot
hold every alternative.
"""

from __future__ import annotations

from statistics import fmean

from sgg.data.toy.edition import Cue, Edition, Table
from sgg.data.toy.editions import second
from sgg.data.toy.sizes import Sizes

DISTANCE = 2.6
"""d' of neighbours at difficulty 0."""

COMPOSITIONS: Table = {
    **second.COMPOSITIONS,
    "sitting on": {"mount": "person 1.4, pet .9", "vehicle": "person 1.4, pet .9"},
    "beside": {
        "person": "pet .9, person .4, container .5, mount .4, vehicle .4, round .4",
        "pet": "round .6, pet .4, container .3",
        "mount": "person .5, mount .3, pet .3",
        "vehicle": "person .5, pet .3, container .3",
        "furniture": "person .6, pet .5, container .4, vehicle .3, mount .2",
        "container": "pet .5, round .4, person .3",
        "tree": "vehicle .4, mount .3, person .3, container .2",
        "house": "tree .6, vehicle .6, person .5, pet .4, mount .4, furniture .4",
    },
    "carrying": {
        "vessel": "person .8", "round": "person .7", "container": "person 1.2", "plate": "person .6",
        "headgear": "person .5", "pet": "person .5", "flyer": "person .3",
    },
    "hanging from": {
        "house": "plate 1.1", "tree": "plate .7", "furniture": "plate .4",
        "vehicle": "plate .5, container .7", "mount": "container .5",
    },
    "balancing": {"headgear": "person 2.5, pet .6, mount .4"},
}

SLOTS = {**second.SLOTS, "sitting on": "top", "beside": "side", "carrying": "hand", "hanging from": "face",
         "balancing": "head"}

# measure -> the predicates of the family in their order, the value of the first, and the distance of neighbours
FAMILIES: dict[str, tuple[tuple[str, ...], float, float]] = {
    "leg": (("on", "sitting on", "riding"), .20, .33),
    "sunk": (("on", "in"), .14, .38),
    "straps": (("on", "hanging from", "attached to"), .12, .35),
    "hidden": (("beside", "near", "behind"), -.28, .28),
    "grip": (("holding", "carrying"), .33, .20),
    "brim": (("balancing", "wearing"), -.42, .42),
}


def third(difficulty: float) -> Edition:
    """The edition of a difficulty. Raises ValueError unless it is from 0 to 1."""
    if not 0 <= difficulty <= 1:
        raise ValueError(f"the difficulty of a toy genome must be from 0 to 1, got {difficulty}")
    cues = {measure: _family(difficulty, *family) for measure, family in FAMILIES.items()}
    cues["raised"] = dict.fromkeys(FAMILIES["hidden"][0], Cue(.5, 1.5))
    return Edition(version=3, difficulty=difficulty, compositions=COMPOSITIONS, slots=SLOTS,
                   held=frozenset({"holding", "wearing", "carrying", "balancing"}), cues=cues, annotated=.6,
                   incidental=.02, groups=(.05, .35, .45, .15), clutter=6, most_objects=18, sizes=Sizes(test=800))


def _family(difficulty: float, predicates: tuple[str, ...], first: float, distance: float) -> dict[str, Cue]:
    """The cues of the predicates of a family."""
    values = [first + number * distance for number in range(len(predicates))]
    middle = fmean(values)
    return {predicate: Cue(middle + (1 - difficulty) * (value - middle), distance / DISTANCE)
            for predicate, value in zip(predicates, values, strict=True)}
