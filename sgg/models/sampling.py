"""Choose the pairs of objects that the model classifies (docs/SYSTEM.md section 2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torchvision.ops import box_iou


class Budget(NamedTuple):
    """The largest numbers of pairs on which a batch is trained: of all of them, and of annotated ones among them."""

    pairs: int
    annotated: int


PairSampler = Callable[[Tensor, Tensor, Budget, torch.Generator], tuple[Tensor, Tensor] | None]
"""Chooses among relations [E, 4] and background pairs [K, 2], given a budget and a generator. Returns the chosen rows
of both, or None for the uniform choice."""


def all_pairs(image_index: Tensor) -> Tensor:
    """[P, 2] every ordered pair of two objects of one image, sorted. image_index: [N], ascending."""
    same = image_index[:, None] == image_index[None, :]
    same.fill_diagonal_(False)
    return same.nonzero()


def overlapping(pairs: Tensor, boxes: Tensor, image_index: Tensor) -> Tensor:
    """[P] bool: whether the boxes of each pair overlap. boxes: [N, 4]. pairs: [P, 2] rows of `boxes`."""
    overlap = torch.zeros(len(pairs), dtype=torch.bool, device=pairs.device)
    for image in image_index.unique():
        rows = (image_index == image).nonzero()[:, 0]
        here = image_index[pairs[:, 0]] == image
        local = pairs[here] - rows[0]
        overlap[here] = box_iou(boxes[rows], boxes[rows])[local[:, 0], local[:, 1]] > 0
    return overlap


def training_pairs(
    image_index: Tensor,
    relations: Tensor,
    images: int,
    pairs_per_image: int = 1024,
    foreground_share: float = 0.25,
    generator: torch.Generator | None = None,
    background: Tensor | None = None,
    sampler: PairSampler | None = None,
) -> tuple[Tensor, Tensor]:
    """Sample the pairs on which a training batch is classified: annotated pairs and background.

    image_index: [N]. relations: [E, 4] image, subject, object, predicate. images: B. background: [K, 2] the pairs that
    may serve as background; None: every ordered pair of an image. sampler: replaces the uniform choice.

    The budget is for the whole batch: at most int(pairs_per_image x foreground_share x images) annotated pairs, drawn
    at random where there are more, and background pairs up to pairs_per_image x images in total. A pair with several
    predicates counts once for each. A pair of a relation that was not drawn never serves as background.

    Returns pairs [P, 2] and their predicates [P], sorted by image, subject, object.
    """
    foreground, predicates = relations[:, 1:3], relations[:, 3]
    objects = len(image_index)
    candidates = all_pairs(image_index) if background is None else background
    annotated = torch.isin(_flat(candidates, objects), _flat(foreground, objects))
    candidates = candidates[~annotated]

    budget = Budget(pairs_per_image * images, int(pairs_per_image * foreground_share * images))
    chosen = None
    if sampler is not None:
        chosen = sampler(relations, candidates, budget, generator or torch.default_generator)
    rows, others = uniform_pairs(len(foreground), len(candidates), budget, generator) if chosen is None else chosen
    return _in_order(foreground[rows], predicates[rows], candidates[others], objects)


def uniform_pairs(relations: int, background: int, budget: Budget,
                  generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
    """Rows of so many relations, and of so many background pairs: all of them, or a random choice where there are more
    than the budget allows."""
    rows = _draw(relations, budget.annotated, generator)
    return rows, _draw(background, budget.pairs - len(rows), generator)


def _in_order(foreground: Tensor, predicates: Tensor, candidates: Tensor, objects: int) -> tuple[Tensor, Tensor]:
    pairs = torch.cat([foreground, candidates])
    labels = torch.cat([predicates, predicates.new_zeros(len(candidates))])
    order = torch.argsort(_flat(pairs, objects), stable=True)
    return pairs[order], labels[order]


def _flat(pairs: Tensor, objects: int) -> Tensor:
    return pairs[:, 0] * objects + pairs[:, 1]


def _draw(count: int, budget: int, generator: torch.Generator | None) -> Tensor:
    """`budget` of `count` rows, or all of them where there are no more."""
    return torch.randperm(count, generator=generator)[:budget] if count > budget else torch.arange(count)
