"""Trees of all images of a batch at once, against loops over the objects of one image."""

import numpy as np
import pytest

from sgg.models.heads.vctree.growth import grow


def plain_tree(scores) -> dict[str, list[int]]:
    """One image, by the definition."""
    count = len(scores)
    children = {one: [] for one in range(count)}
    inside = [max(range(count), key=lambda one: (sum(scores[one]) / count, -one))]
    parent = [-1] * count
    while len(inside) < count:
        best, found = -1.0, None
        for one in inside:
            for other in range(count):
                if other not in inside and scores[one][other] > best:
                    best, found = scores[one][other], (one, other)
        one, other = found
        children[one].append(other)
        parent[other] = one
        inside.append(other)
    left, right, above = [-1] * count, [-1] * count, [-1] * count
    for one, own in children.items():
        for number, child in enumerate(own):
            before = own[number - 1] if number else one
            (right if number else left)[before] = child
            above[child] = before
    depth = [0] * count
    for one in inside[1:]:  # a sibling before is inside earlier
        depth[one] = depth[above[one]] + 1
    return {"parent": parent, "left": left, "right": right, "binary_parent": above, "depth": depth}


@pytest.mark.parametrize("levels", [3, 10**6], ids=["many equal scores", "different scores"])
def test_grow_against_loops(levels: int) -> None:
    rng = np.random.default_rng(0)
    counts = np.array([4, 0, 7, 1, 2, 12])
    scores = (rng.integers(0, levels, (6, 12, 12)) / levels).astype(np.float32)
    trees = grow(scores, counts)
    for image, count in enumerate(counts):
        own = scores[image, :count, :count].astype(float).tolist()
        for name, expected in plain_tree(own).items() if count else ():
            assert getattr(trees, name)[image, :count].tolist() == expected, (image, name)


def test_grow_ignores_padding() -> None:
    rng = np.random.default_rng(1)
    scores, counts = rng.random((2, 5, 5), np.float32), np.array([3, 2])
    plain = grow(scores, counts)
    padded = scores.copy()
    for image, count in enumerate(counts):
        padded[image, count:], padded[image, :, count:] = -np.inf, 9.0
    again = grow(padded, counts)
    for image, count in enumerate(counts):
        assert plain.parent[image, :count].tolist() == again.parent[image, :count].tolist()
    assert (again.parent[0, 3:] == -1).all()


@pytest.mark.parametrize("shape", [(0, 0, 0), (2, 0, 0)])
def test_grow_without_objects(shape) -> None:
    trees = grow(np.zeros(shape, np.float32), np.zeros(shape[0], np.int64))
    assert trees.parent.shape == shape[:2]
