"""What a perturber looks things up in, in numpy or in torch."""

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
    """What GraphN looks up: offsets and classes as of `Contexts`; strength [2T], the count or, below alpha, minus
    infinity, which no sum washes off."""

    offsets: A
    classes: A
    strength: A


@dataclass(frozen=True, eq=False)
class Tables(Generic[A]):
    """What a perturber looks things up in: lists [C, options + 1], see `option_lists`; contexts, None but for GraphN.
    """

    lists: A
    contexts: ContextTables[A] | None = None


def tables_on(device: torch.device, tables: Tables[np.ndarray]) -> Tables[Tensor]:
    """Tables as tensors on a device."""
    def moved(table: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(table)).to(device)

    contexts = tables.contexts
    return Tables(moved(tables.lists), None if contexts is None else ContextTables(
        moved(contexts.offsets), moved(contexts.classes), moved(contexts.strength)))


def option_lists(method: str, topk: int, num_classes: int, embeddings: np.ndarray | None) -> np.ndarray:
    """[C, options + 1]: row c is where the new label is taken from once c has been drawn. The original label is struck
    off it, and of what remains the first `options` are equally likely."""
    if method == "rand":
        return np.broadcast_to(np.arange(1, num_classes), (num_classes, num_classes - 1))
    if method == "graphn" and topk == 0:
        return np.arange(num_classes)[:, None].repeat(2, axis=1)
    assert embeddings is not None  # for the method compares classes
    return nearest_classes(embeddings, topk + (method == "graphn"))


def nearest_classes(embeddings: np.ndarray, count: int) -> np.ndarray:
    """[C, count + 1]: each class, followed by the foreground classes nearest to it by cosine of embeddings [C, D]."""
    unit = embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True).clip(1e-12)
    similarity = unit @ unit.T
    similarity[:, 0] = -math.inf
    np.fill_diagonal(similarity, math.inf)
    return np.argsort(-similarity, axis=1, stable=True)[:, :count + 1]
