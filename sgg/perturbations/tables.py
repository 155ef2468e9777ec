"""The lookup tables of a perturber, in numpy or in torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Generic

import numpy as np
import torch
from torch import Tensor

from sgg.perturbations.arrays import A


@dataclass(frozen=True, eq=False)
class ContextTables(Generic[A]):
    """The lookup table of GraphN.

    offsets, classes: as in `Contexts`. strength [2T]: the count, or minus infinity where the count is below alpha, so
    that every sum with it stays minus infinity.
    """

    offsets: A
    classes: A
    strength: A


@dataclass(frozen=True, eq=False)
class Tables(Generic[A]):
    """lists [C, options + 1]: see `option_lists`. contexts: the table of GraphN; None for the other methods. seen: the
    table of `support.seen_roles`; None where a new label needs no support."""

    lists: A
    contexts: ContextTables[A] | None = None
    seen: A | None = None


def tables_on(device: torch.device, tables: Tables[np.ndarray]) -> Tables[Tensor]:
    """The tables as tensors on a device."""
    def moved(table: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(table)).to(device)

    contexts = tables.contexts
    return Tables(moved(tables.lists), None if contexts is None else ContextTables(
        moved(contexts.offsets), moved(contexts.classes), moved(contexts.strength)),
        None if tables.seen is None else moved(tables.seen))


def option_lists(method: str, topk: int, num_classes: int, embeddings: np.ndarray | None) -> np.ndarray:
    """[C, options + 1]: row c lists the new labels that may follow once class c is drawn.

    The original label is left out of the row; the first `options` of the rest are equally likely.
    """
    if method == "rand":
        return np.broadcast_to(np.arange(1, num_classes), (num_classes, num_classes - 1))
    if method == "graphn" and topk == 0:
        return np.arange(num_classes)[:, None].repeat(2, axis=1)
    assert embeddings is not None  # the perturber has checked it
    return nearest_classes(embeddings, topk + (method == "graphn"))


def nearest_classes(embeddings: np.ndarray, count: int) -> np.ndarray:
    """[C, count + 1]: each class, followed by its nearest foreground classes by cosine of embeddings [C, D]."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True).clip(1e-12)
    similarity = unit @ unit.T
    similarity[:, 0] = -math.inf
    np.fill_diagonal(similarity, math.inf)
    return np.argsort(-similarity, axis=1, stable=True)[:, :count + 1]
