"""Where the objects and predicates of a scene graph stand in a drawing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import shortest_path

from .rectangles import moved_apart

GROWTH = 1.12
"""The factor by which an area grows in which the rectangles found no room."""


def laid_out(links: Sequence[tuple[int, int]], sizes: np.ndarray,
             area: tuple[float, float]) -> tuple[np.ndarray, tuple[float, float]]:
    """Centres [N, 2] for rectangles of `sizes` [N, 2] that do not overlap, and the area (width, height) that holds
    them: the given one, or a larger one where they find no room in it.

    links: pairs of rectangles that should stand near to each other.
    """
    if not len(sizes):
        return np.empty((0, 2)), area
    positions = by_stress(_distances(links, len(sizes)))
    low, high = positions.min(0), positions.max(0)
    within = (positions - low) / np.where(high - low > 1e-9, high - low, 1)
    within[:, high - low <= 1e-9] = 0.5
    area = max(area[0], float(sizes[:, 0].max())), max(area[1], float(sizes[:, 1].max()))
    while True:
        room = np.array(area) - sizes
        centres = moved_apart(sizes / 2 + within * room, sizes, area)
        if centres is not None:
            return centres, area
        area = area[0] * GROWTH, area[1] * GROWTH


def by_stress(distances: np.ndarray, steps: int = 150) -> np.ndarray:
    """[N, 2] positions whose distances are near to `distances` [N, N]: the least stress, by majorisation (Gansner,
    Koren, North: Graph drawing by stress majorization, 2004), with weights distance^-2."""
    count = len(distances)
    if count == 1:
        return np.zeros((1, 2))
    weights = np.where(distances > 0, distances, 1.0) ** -2
    np.fill_diagonal(weights, 0)
    inverse = np.linalg.pinv(_laplacian(weights))
    positions = _classical(distances)
    for _ in range(steps):
        apart = np.linalg.norm(positions[:, None] - positions[None], axis=2)
        positions = inverse @ _laplacian(weights * distances / np.maximum(apart, 1e-6)) @ positions
    return positions


def _laplacian(weights: np.ndarray) -> np.ndarray:
    return np.diag(weights.sum(1)) - weights


def _classical(distances: np.ndarray) -> np.ndarray:
    """[N, 2] classical scaling, where no two points are the same."""
    count = len(distances)
    centred = np.eye(count) - 1 / count
    values, vectors = np.linalg.eigh(-0.5 * centred @ distances ** 2 @ centred)
    best = vectors[:, -2:] * np.sqrt(np.maximum(values[-2:], 1e-9))
    best *= np.where(best[np.abs(best).argmax(0), [0, 1]] < 0, -1, 1)  # the sign of a vector is arbitrary
    turn = np.arange(count) * 2.399963  # the golden angle
    return best + 0.05 * np.stack([np.cos(turn), np.sin(turn)], 1)


def _distances(links: Sequence[tuple[int, int]], count: int) -> np.ndarray:
    """[N, N] lengths of the shortest ways; parts that are not linked stand a little farther than the longest."""
    starts, ends = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_matrix((np.ones(len(starts)), (starts, ends)), (count, count)).tocsr()
    found = shortest_path(graph, directed=False, unweighted=True)
    reached = np.isfinite(found)
    return np.where(reached, found, found[reached].max(initial=0) + 1.5)
