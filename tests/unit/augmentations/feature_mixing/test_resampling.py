"""Repeats of images and dropped relations, beside their rule in plain Python."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from sgg.augmentations.feature_mixing.resampling import Resampling

FREQUENCIES = np.array([1.0, 0.6, 0.3, 0.0995, 0.0005])


def test_repeats_follow_the_rarest_predicate() -> None:
    """root(.07 / .0005) is 11.8. An image without relations is shown once."""
    annotations = SimpleNamespace(image_of_relation=np.array([0, 0, 2]), relations=np.array(
        [[0, 1, 1], [1, 0, 4], [0, 1, 2]]), __len__=None)

    class Images(SimpleNamespace):
        def __len__(self) -> int:
            return 3

    repeats = Resampling(FREQUENCIES, 0.07, 0.7).repeats(Images(**vars(annotations)))
    assert repeats.tolist() == [11, 1, 1]


def kept_slowly(relations, images: int, uniform, below: float, drop: float) -> list[int]:
    """Each predicate of an image has as many random numbers as relations, and uses the first of them."""
    kept, left = set(), uniform.tolist()
    for image in range(images):
        here = [row for row in range(len(relations)) if relations[row, 0] == image]
        if not here:
            continue
        repeats = int(max(1, math.sqrt(below / min(FREQUENCIES[relations[row, 3]] for row in here))))
        for predicate in sorted({relations[row, 3] for row in here}):
            rows = [row for row in here if relations[row, 3] == predicate]
            share = max(drop * (repeats - math.sqrt(below / FREQUENCIES[predicate])) / repeats, 0)
            draws = max(1, int(len(rows) * (1 - share)))
            own, left = left[:len(rows)], left[len(rows):]
            kept |= {rows[int(number * len(rows))] for number in own[:draws]}
    return sorted(kept)


@pytest.mark.parametrize("drop", [0.7, 1.0, 0.0])
def test_kept_is_its_rule(drop: float) -> None:
    draw = np.random.default_rng(1)
    relations = np.column_stack([np.sort(draw.integers(0, 4, 80)), np.zeros((80, 2), int), draw.integers(1, 5, 80)])
    relations = relations[relations[:, 0] != 1]
    relations = relations[(relations[:, 3] != 4) | (relations[:, 0] == 0)]  # only the first image is repeated
    uniform = draw.random(len(relations))
    found = Resampling(FREQUENCIES, 0.07, drop).kept(relations, 4, uniform)
    assert found.tolist() == kept_slowly(relations, 4, uniform, 0.07, drop)
    assert set(relations[found, 3]) == set(relations[:, 3])


def test_kept_drops_frequent_predicates_of_repeated_images() -> None:
    """Ten relations of a predicate of fraction .6 beside one of .0005: d is .7 x (11 - .34) / 11 = .68, so 3 are drawn;
    the rare one stays. Without the rare one d is .7 x (1 - .34) = .46: 5 are drawn."""
    frequent = np.column_stack([np.zeros((10, 3), int), np.ones(10, int)])
    relations = np.vstack([frequent, [[0, 0, 0, 4]]])
    spread = (np.arange(11) + 0.5) / 3 % 1  # three draws that meet three relations
    resampling = Resampling(FREQUENCIES, 0.07, 0.7)
    found = resampling.kept(relations, 1, spread)
    assert len(found) == 3 + 1
    assert found[-1] == 10
    assert len(resampling.kept(frequent, 1, (np.arange(10) + 0.5) / 5 % 1)) == 5
