"""Grow a tree of the objects of each image from scores of pairs, on the host and for all images of a batch at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NONE = -1


@dataclass(frozen=True, slots=True)
class Trees:
    """A tree of the objects of each image, as [B, L] numbers of objects within their image; -1: none.

    parent: in the tree. left, right, binary_parent: in its binary form, in which the first child of an object is its
    left child, and each further child is the right child of its sibling before. depth: of the binary form, 0 at the
    root.
    """

    parent: np.ndarray
    left: np.ndarray
    right: np.ndarray
    binary_parent: np.ndarray
    depth: np.ndarray


def grow(scores: np.ndarray, counts: np.ndarray) -> Trees:
    """Trees by Prim's algorithm. scores: [B, L, L]. counts: [B] the objects of each image, the first ones of a row.

    The root of an image is the object with the largest mean of its row of scores, itself included. Then the largest
    score [i in the tree, j outside] attaches j to i, until none is outside. Of equal scores that of the earliest i
    counts, then that of the smallest j.
    """
    images, length = scores.shape[:2]
    batch = np.arange(images)
    real = np.arange(length) < counts[:, None]
    parent, left, right, binary_parent, last_child = (np.full((images, length), NONE) for _ in range(5))
    depth = np.zeros((images, length), np.int64)
    if not length:
        return Trees(parent, left, right, binary_parent, depth)

    means = np.where(real[:, None], scores, 0).sum(2, dtype=np.float64) / np.maximum(counts, 1)[:, None]
    root = np.where(real, means, -np.inf).argmax(1)
    rank = np.full((images, length), length)  # the step at which an object joins the tree
    rank[batch, root] = 0
    best = np.where(real, scores[batch, root], -np.inf)  # [B, L] the best score that attaches an object outside
    best[batch, root] = -np.inf
    source = np.repeat(root[:, None], length, 1)  # where that score attaches it
    for step in range(1, int(counts.max(initial=0))):
        growing = batch[step < counts]
        of_source = np.take_along_axis(rank, source, 1)
        order = np.where(best == best.max(1, keepdims=True), of_source, length + 1)
        child = order.argmin(1)[growing]
        above = source[growing, child]
        parent[growing, child] = above
        rank[growing, child] = step

        sibling = last_child[growing, above]
        first = sibling == NONE
        binary = np.where(first, above, sibling)
        left[growing[first], above[first]] = child[first]
        right[growing[~first], sibling[~first]] = child[~first]
        last_child[growing, above] = child
        binary_parent[growing, child] = binary
        depth[growing, child] = depth[growing, binary] + 1

        best[growing, child] = -np.inf
        offered = scores[growing, child]
        better = (offered > best[growing]) & real[growing] & (rank[growing] == length)
        best[growing] = np.where(better, offered, best[growing])
        source[growing] = np.where(better, child[:, None], source[growing])
    return Trees(parent, left, right, binary_parent, depth)
