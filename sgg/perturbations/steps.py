"""One perturbation of a graph, step by step, with the probability of everything that might have happened instead."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from sgg.structures import SceneGraph, to_numpy

from .perturber import Perturber


@dataclass(frozen=True, eq=False)
class Step:
    """An object that got another label.

    node: the object. before, after: its label. drawn: the probability that this object came next, after those of the
    earlier steps. probabilities: [C] float64 that of each new label, with the labels that the earlier steps have given;
    it is the distribution from which `after` was drawn, not an estimate of it.
    """

    node: int
    before: int
    after: int
    drawn: float
    probabilities: np.ndarray


def perturbation_steps(perturber: Perturber, graph: SceneGraph, generator: torch.Generator) -> list[Step]:
    """The steps of `perturber.sample(graph, generator)`, in their order. GraphN with topk 0 may give an object its own
    label again, where no other is possible.

    Raises ValueError for a graph without an object, and for a class or an object that does not exist.
    """
    if not len(graph):
        raise ValueError("the graph has no object that could get another label")
    labels = torch.as_tensor(to_numpy(graph.labels)).long()
    relations = torch.as_tensor(to_numpy(graph.relations)).long().reshape(-1, 3)
    first = perturber.node_probabilities(graph).double()
    chance = torch.rand(3, len(labels), generator=generator, dtype=torch.float64)
    batched = torch.cat([relations.new_zeros(len(relations), 1), relations], dim=1)
    after = perturber.perturb(labels.numpy(), batched.numpy(), torch.zeros_like(labels).numpy(), chance.numpy())
    steps: list[Step] = []
    current, left = labels.numpy().copy(), 1.0
    for node in perturber.drawn(graph, chance).tolist():
        now = SceneGraph(graph.boxes, current.copy(), graph.relations)
        steps.append(Step(node, int(current[node]), int(after[node]), min(1.0, float(first[node]) / max(left, 1e-12)),
                          perturber.distribution(now, node).numpy()))
        current[node], left = after[node], left - float(first[node])
    return steps
