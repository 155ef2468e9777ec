"""Support: the classes that training has seen in every role that an object plays, and the new labels among them.

The object of a relation is its subject or its object; with the predicate this is its role. A perturbed triplet is
supported if training has its (subject, predicate) and its (predicate, object), each with any class at the third place.
"""

from __future__ import annotations

import numpy as np

from .arrays import A, namespace, numbers, repeated
from .contexts import Contexts
from .draw import Draw


def seen_roles(contexts: Contexts, least: int) -> np.ndarray:
    """[2 (R + 1), C] bool: whether training has each class at least `least` times as subject of predicate p (row p),
    and as object of predicate p (row R + 1 + p). A predicate that training never saw supports no class."""
    rows, classes = 2 * (contexts.num_predicates + 1), contexts.num_classes
    context = repeated(np.arange(len(contexts.offsets) - 1), np.diff(contexts.offsets))
    counts = np.bincount(context // classes * classes + contexts.classes, contexts.counts, rows * classes)
    seen: np.ndarray = counts.reshape(rows, classes) >= least
    return seen


def supported(seen: A, relations: A, chosen: A) -> A:
    """[N, C] bool: the classes that are seen in every role of each object.

    seen: as `seen_roles` returns it. relations: [E, 3] subject, object, predicate; background relations do not count.
    chosen: [N] bool, the objects of interest; for the others, as for an object without a relation, all classes are.
    """
    xp = namespace(relations)
    objects, predicates = len(seen) // 2, relations[:, 2].clip(None, len(seen) // 2 - 1)
    nodes, roles = relations[:, :2].reshape(-1), xp.stack([predicates, predicates + objects], 1).reshape(-1)
    kept = chosen[nodes] & (xp.stack([relations[:, 2], relations[:, 2]], 1).reshape(-1) > 0)
    nodes, roles = nodes[kept], roles[kept]
    order = nodes.argsort(stable=True)
    unseen = (~seen[roles[order]]).cumsum(0)
    unseen = xp.concat([unseen[:0].sum(0)[None], unseen])  # in the first k roles
    count = xp.bincount(nodes, minlength=len(chosen))
    stop = count.cumsum(0)
    return unseen[stop] == unseen[stop - count]


def relabel_supported(lists: A, first: A, original: A, allowed: A, draw: Draw, uniform: A) -> A:
    """[M] labels: one of the supported options of the lists of `first`, all equally likely; without any, `original`.

    lists: of the perturber. allowed: [M, C] the supported classes. uniform: [M].
    """
    xp = namespace(first)
    options, possible = supported_options(lists, first, original, allowed)
    count = possible.sum(1)
    place = (possible.cumsum(1) <= draw.even(count, uniform)[:, None]).sum(1).clip(None, options.shape[1] - 1)
    return xp.where(count > 0, options[numbers(options), place], original)


def supported_options(lists: A, first: A, original: A, allowed: A) -> tuple[A, A]:
    """[M, K + 1] the lists of `first`, and which of their entries may follow: the first K that are not `original`, as
    far as they are supported. The arguments are those of `relabel_supported`."""
    options = lists[first]
    possible = options != original[:, None]
    possible = possible & (possible.cumsum(1) < options.shape[1])
    return options, possible & allowed[numbers(options)[:, None], options]
