"""Version 2: ten predicates, of which some look alike, but hardly so."""

from __future__ import annotations

from sgg.data.toy.edition import Cue, Edition, Table
from sgg.data.toy.sizes import Sizes

COMPOSITIONS: Table = {
    "on": {
        "furniture": "vessel 5, round 2.5, person 1.5, headgear 1.2, container 1.2, pet 1, flyer .4, plate .3",
        "mount": "person 2, pet .8, flyer .6, headgear .3",
        "vehicle": "person 2, pet .6, container 1, flyer .3",
        "container": "round 1, headgear .6, vessel .5, pet .4, flyer .3",
        "house": "flyer 1.2, pet .5, plate .4, person .3",
        "tree": "flyer .8, pet .3",
    },
    "near": {
        "person": "pet 1.2, person .6, container .6, mount .4, vehicle .4, round .5",
        "pet": "round .8, pet .5, container .4",
        "mount": "person .5, mount .4, pet .4",
        "vehicle": "person .5, pet .4, container .3",
        "furniture": "person .6, pet .6, container .5, vehicle .3, mount .2",
        "container": "pet .6, round .5, person .3",
        "tree": "vehicle .4, mount .4, person .4, container .3",
        "house": "tree .8, vehicle .7, person .6, pet .5, mount .5, furniture .5",
    },
    "behind": {
        "person": "pet .3, mount .3, person .2, vehicle .2, container .2",
        "mount": "person .3, mount .2, pet .2",
        "vehicle": "person .3, pet .2, container .2",
        "furniture": "person .5, pet .3, vehicle .2, container .2",
        "container": "pet .3, person .2, round .2",
        "house": "tree .4, vehicle .4, mount .3, person .3",
    },
    "under": {
        "furniture": "pet 1, round .8, container .6, vessel .5",
        "mount": "pet .4, round .3, container .3",
        "tree": "furniture 1, person .8, mount .6, vehicle .6, pet .6, container .3",
    },
    "in": {
        "container": "round 1.8, vessel 1, pet .8, headgear .6, flyer .3",
        "tree": "flyer 1, round .6, pet .4",
        "house": "person .8, pet .6",
    },
    "above": {
        "person": "flyer .6, round .5, headgear .4",
        "pet": "flyer .3, round .4",
        "mount": "flyer .5, round .2",
        "vehicle": "flyer .4",
        "furniture": "flyer .5, plate .5, round .3",
        "container": "flyer .3, round .3",
        "tree": "flyer .6, round .3",
        "house": "flyer .8",
    },
    "holding": {
        "vessel": "person 1.2", "round": "person 1", "container": "person 1", "plate": "person .7",
        "headgear": "person .6", "pet": "person .4", "flyer": "person .3",
    },
    "wearing": {"headgear": "person 5, pet .8, mount .5"},
    "riding": {"mount": "person 1.8, pet .5", "vehicle": "person 1.8, pet .5"},
    "attached to": {
        "house": "plate 1.5", "tree": "plate .8", "furniture": "plate .4",
        "vehicle": "plate .6, container .8", "mount": "container .5",
    },
}

SLOTS = {"on": "top", "riding": "top", "above": "top", "in": "inside", "under": "below", "near": "side",
         "behind": "side", "holding": "hand", "wearing": "head", "attached to": "face"}
CUES = {
    "leg": {"on": Cue(.25, .22), "riding": Cue(.85, .22)},
    "sunk": {"on": Cue(.16, .12), "in": Cue(.52, .12)},
    "straps": {"on": Cue(.2, .25), "attached to": Cue(.9, .25)},
    "hidden": {"near": Cue(-.06, .12), "behind": Cue(.36, .10, .1, .6)},
    "raised": {"near": Cue(.5, 1.5), "behind": Cue(5., 1.5, 0.)},
    "grip": {"holding": Cue(.42, .09, .2, .62)},
    "brim": {"wearing": Cue(0., .08)},
}

SECOND = Edition(version=2, difficulty=0., compositions=COMPOSITIONS, slots=SLOTS,
                 held=frozenset({"holding", "wearing"}), cues=CUES, annotated=.85, incidental=.02,
                 groups=(.20, .50, .30), clutter=4, most_objects=14, sizes=Sizes())
"""The edition of the first results."""
