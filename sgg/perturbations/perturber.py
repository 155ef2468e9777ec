"""Perturbations of scene graphs: some objects get another label (docs/SYSTEM.md section 5; Knyazev et al. 2021).

The same code perturbs a batch on the host in numpy and a batch on another device in torch. With a few hundred objects
most time goes into starting operations, which numpy does several times faster.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from sgg.perturbations.tables import ContextTables, Tables, option_lists, tables_on
from sgg.structures import Array, SceneGraph, to_numpy

from .arrays import A, namespace, numbers, repeated
from .candidates import Candidates
from .contexts import Contexts
from .draw import Draw
from .roles import Roles, played_roles, waves
from .support import relabel_supported, seen_roles, supported, supported_options

METHODS = ("rand", "neigh", "graphn")
LEAST_WEIGHT = 1e-2
"""The least weight of an object, which one without relations has; an object with one relation has 1."""


class Perturber:
    """Gives max(1, round(intensity x N)) of the N objects of each image another label.

    Objects are drawn without replacement, in proportion to degree ** degree_smoothing, at least .01 (the degree
    counts annotated relations in both roles), or uniformly. They are relabelled one after another, and each
    relabelling uses the labels given before. `method` decides the new label:

    - rand: any other class;
    - neigh: one of the `topk` nearest classes by cosine of `embeddings`;
    - graphn: consider the contexts of the object's relations. A candidate is a class that training has seen in at least
      two of them (or in the only one), and at least `alpha` times in each context in which it was seen. One candidate
      is drawn with a probability inversely proportional to its mean count. With topk > 0, it is then replaced by itself
      or by one of its `topk` nearest classes, all equally likely. The original label is never a candidate. Without any
      candidate, the new label is one of the topk + 1 classes nearest to the original; with topk 0 the label stays.

    With min_support > 0, each of these choices is among the classes that training has seen at least so often in every
    role of the object, as subject or object of the relation's predicate (`support.py`); without any, the label stays.

    contexts: for graphn, and for min_support. embeddings [C, D]: for neigh, and for graphn with topk > 0. Either
    determines C. draw: turns random numbers into choices.

    Raises ValueError, naming the argument, for values out of range and for tables that are missing or do not fit.
    """

    def __init__(self, method: str, contexts: Contexts | None, embeddings: Array | None, intensity: float = 0.2,
                 topk: int = 5, alpha: float = 2, uniform: bool = False, degree_smoothing: float = 1.0,
                 draw: Draw | None = None, min_support: int = 0):
        _check_settings(method, intensity, topk, alpha, degree_smoothing)
        if min_support and contexts is None:
            raise ValueError(f"contexts must be given for min_support {min_support}")
        embeddings = None if embeddings is None else to_numpy(embeddings)
        self.num_classes = _number_of_classes(method, contexts, embeddings, topk)
        self.method = method
        self.contexts = contexts
        self.intensity = intensity
        self.topk = topk
        self.alpha = alpha
        self.uniform = uniform
        self.degree_smoothing = degree_smoothing
        self.draw = draw or Draw()
        lists = option_lists(method, topk, self.num_classes, embeddings)
        self.num_options = lists.shape[1] - 1
        of_contexts = None
        if method == "graphn" and contexts is not None:
            strength = np.where(contexts.counts >= alpha, contexts.counts, -math.inf)
            of_contexts = ContextTables(contexts.offsets, contexts.classes, strength)
        self._tables = Tables(lists, of_contexts,
                              seen_roles(contexts, min_support) if contexts is not None and min_support else None)
        self._tensors: dict[torch.device, Tables[Tensor]] = {}

    def node_probabilities(self, graph: SceneGraph) -> Tensor:
        """[N] float32 the probability that each object is the first that is drawn."""
        labels, relations = self._host_tables(graph)
        weights = self._node_weights(*played_roles(relations), len(labels)).astype(np.float32)
        return torch.from_numpy(weights / weights.sum())

    def distribution(self, graph: SceneGraph, node: int) -> Tensor:
        """[C] float64 the exact probability of each new label of `node`, if it is drawn first.

        Raises ValueError where `node` is not a node of the graph.
        """
        labels, relations = self._host_tables(graph)
        if not 0 <= (node := int(node)) < len(labels):
            raise ValueError(f"node must be in 0..{len(labels) - 1}, got {node}")
        tables, original, alone = self._tables, labels[[node]], np.arange(len(labels)) == node
        allowed = self._allowed(tables, relations, alone)
        drawn: np.ndarray = original
        weights: np.ndarray = np.ones(1)
        if tables.contexts is not None:
            roles = self._roles_of(alone, relations, *played_roles(relations))
            candidates = self._candidates(tables.contexts, roles, labels, np.zeros_like(roles.node), original)
            if allowed is not None:
                candidates = candidates.among(allowed[[node]])
            if len(candidates.labels):
                drawn, weights = candidates.labels, candidates.weights / candidates.weights.sum()
        if allowed is not None:
            options, possible = supported_options(tables.lists, drawn, original, allowed[[node]].repeat(len(drawn), 0))
            kept = possible.any(1)
            shares = possible[kept] * (weights[kept] / possible[kept].sum(1))[:, None]
            found = np.zeros(self.num_classes)
            np.add.at(found, options[kept], shares)
            found[original] += weights[~kept].sum()
            return torch.from_numpy(found)
        pick = np.tile(np.arange(self.num_options), len(drawn))
        new = _relabel(tables.lists, drawn.repeat(self.num_options), original, pick)
        probability = weights.repeat(self.num_options) / self.num_options
        return torch.from_numpy(np.bincount(new, probability, self.num_classes))

    def drawn(self, graph: SceneGraph, chance: Tensor) -> Tensor:
        """[M] int64 the nodes of a graph that get another label, in their order. chance: as in `perturb`."""
        labels, relations = self._host_tables(graph)
        rank, drawn = self._rank(self._node_weights(*played_roles(relations), len(labels)), chance[0].numpy(),
                                 np.zeros_like(labels))
        return torch.from_numpy(rank.argsort()[:drawn.sum()])

    def sample(self, graph: SceneGraph, generator: torch.Generator | None = None) -> Tensor:
        """[N] int64 labels of the perturbed graph. For many graphs `sample_batch` is ten times faster."""
        labels, relations = (torch.from_numpy(table) for table in self._host_tables(graph))
        relations = torch.cat([relations.new_zeros(len(relations), 1), relations], dim=1)
        return self.sample_batch(labels, relations, torch.zeros_like(labels), generator)

    def sample_batch(self, labels: Tensor, relations: Tensor, image_index: Tensor,
                     generator: torch.Generator | None = None) -> Tensor:
        """New labels [N] of a batch, perturbed at once, on the device of the batch.

        labels [N], relations [E, 4], image_index [N] ascending: int64, laid out as in `Batch`; a relation is image,
        subject, object, predicate, where subject and object are rows of the whole batch. They are not checked.

        generator: draws three numbers for each object, on its own device; None: torch's default generator. Generators
        of one kind with equal seeds give equal labels on every device.
        """
        device = None if generator is None else generator.device
        chance = torch.rand(3, len(labels), generator=generator, device=device, dtype=torch.float64)
        if labels.device.type == "cpu":
            return torch.from_numpy(self.perturb(labels.numpy(), relations.numpy(), image_index.numpy(),
                                                 chance.numpy()))
        return self.perturb(labels, relations, image_index, chance.to(labels.device))

    def perturb(self, labels: A, relations: A, image_index: A, chance: A) -> A:
        """As `sample_batch`, from random numbers.

        chance [3, N], uniform in [0, 1): for the choice of objects, of classes and of options. All arrays are numpy, or
        all are torch.
        """
        which_node, which_class, which_option = chance
        tables, relations = self._tables_for(labels), relations[:, 1:]
        nodes, played = played_roles(relations)
        rank, drawn = self._rank(self._node_weights(nodes, played, len(labels)), which_node, image_index)
        labels, allowed = namespace(labels).asarray(labels, copy=True), self._allowed(tables, relations, drawn)
        if tables.contexts is None:
            labels[drawn] = self._relabelled(tables, labels[drawn], labels[drawn], which_option[drawn],
                                             None if allowed is None else allowed[drawn])
            return labels
        slot = namespace(labels).zeros_like(rank)
        for members, roles in waves(drawn, self._roles_of(drawn, relations, nodes, played), rank):
            slot[members] = numbers(members)
            original = labels[members]
            candidates = self._candidates(tables.contexts, roles, labels, slot[roles.node], original)
            may_become = None if allowed is None else allowed[members]
            if may_become is not None:
                candidates = candidates.among(may_become)
            position = self.draw.weighted(candidates.weights, candidates.sizes, which_class[members])
            found = candidates.sizes > 0
            first = namespace(labels).asarray(original, copy=True)
            first[found] = candidates.labels[position[found]]
            labels[members] = self._relabelled(tables, first, original, which_option[members], may_become)
        return labels

    def _relabelled(self, tables: Tables[A], first: A, original: A, uniform: A, allowed: A | None) -> A:
        """[M] an option of the list of each of `first` [M]. uniform: [M]. allowed: [M, C]; None: all."""
        if allowed is not None:
            return relabel_supported(tables.lists, first, original, allowed, self.draw, uniform)
        return _relabel(tables.lists, first, original, self.draw.even(self.num_options, uniform))

    @staticmethod
    def _allowed(tables: Tables[A], relations: A, drawn: A) -> A | None:
        """[N, C] bool: what each of the objects `drawn` [N] may become; None: every class."""
        return None if tables.seen is None else supported(tables.seen, relations, drawn)

    def _host_tables(self, graph: SceneGraph) -> tuple[np.ndarray, np.ndarray]:
        """Labels [N] and relations [E, 3] as int64, because codes of contexts do not fit smaller types.

        Raises ValueError for a class or an object that does not exist.
        """
        labels = to_numpy(graph.labels).astype(np.int64)
        relations = to_numpy(graph.relations).astype(np.int64).reshape(-1, 3)
        for name, values, end in (("labels", labels, self.num_classes),
                                  ("subjects and objects of relations", relations[:, :2], len(labels))):
            if len(values) and not (values.min() >= 0 and values.max() < end):
                raise ValueError(f"{name} must be in 0..{end - 1}, got {values[(values < 0) | (values >= end)][0]}")
        return labels, relations

    def _tables_for(self, array: A) -> Tables[A]:
        """The tables in the library and on the device of `array`."""
        if not isinstance(array, Tensor):
            return self._tables
        if array.device not in self._tensors:
            self._tensors[array.device] = tables_on(array.device, self._tables)
        return self._tensors[array.device]

    def _node_weights(self, nodes: A, played: A, count: int) -> A:
        """[N] float64 weights, proportional to the probability of being drawn first."""
        xp = namespace(nodes)
        degree = xp.asarray(xp.bincount(nodes[played], minlength=count), dtype=xp.float64)
        return xp.ones_like(degree) if self.uniform else (degree ** self.degree_smoothing).clip(LEAST_WEIGHT, None)

    def _rank(self, weights: A, chance: A, image_index: A) -> tuple[A, A]:
        """[N] the place of each object in the order of drawing in its image, and [N] whether it is drawn."""
        xp = namespace(weights)
        order = self.draw.order(weights, chance).argsort(stable=True)
        order = order[image_index[order].argsort(stable=True)]
        counts = xp.bincount(image_index)
        rank = xp.zeros_like(order)
        rank[order] = numbers(order) - (counts.cumsum(0) - counts)[image_index]
        quota = xp.round(xp.asarray(counts, dtype=xp.float64) * self.intensity).clip(1, None)
        return rank, rank < quota[image_index]

    def _roles_of(self, drawn: A, relations: A, nodes: A, played: A) -> Roles[A]:
        """The roles of drawn objects, grouped by object and in the order of its relations."""
        assert self.contexts is not None  # only GraphN calls this
        rows = namespace(nodes).stack(self.contexts.rows(relations[:, 2]), 1).reshape(-1)
        roles = Roles(nodes, relations[:, [1, 0]].reshape(-1), rows)[played & drawn[nodes]]
        return roles[roles.node.argsort(stable=True)]

    def _candidates(self, tables: ContextTables[A], roles: Roles[A], labels: A, slot: A, original: A) -> Candidates[A]:
        """The candidates of GraphN for M objects with labels `original` [M]. slot [K], ascending: the object of each
        role."""
        xp, cells = namespace(slot), len(original) * self.num_classes
        row = roles.row + labels[roles.other]
        start, size = tables.offsets[row], tables.offsets[row + 1] - tables.offsets[row]
        role = repeated(numbers(size), size)
        # Entries of a role are counted from its start: the running number less the sizes of all before it.
        entry = numbers(role) + (start - size.cumsum(0) + size)[role]
        owner, label, strength = slot[role], tables.classes[entry], tables.strength[entry]
        cell = owner * self.num_classes + label
        times = xp.bincount(cell, minlength=cells)[cell]
        total = xp.bincount(cell, strength, cells)[cell]
        enough = xp.bincount(slot, minlength=len(original)).clip(1, 2)[owner]
        kept = (times >= enough) & (total > 0) & (label != original[owner])
        return Candidates(label[kept], 1 / total[kept], xp.bincount(owner[kept], minlength=len(original)))


def _relabel(lists: A, first: A, original: A, pick: A) -> A:
    """[M] labels: option `pick` of the list of `first`, counted without `original`."""
    options = lists[first]
    passed = (options == original[:, None]) & (numbers(lists[0]) <= pick[:, None])
    return options[numbers(pick), pick + passed.any(1)]


def _check_settings(method: str, intensity: float, topk: int, alpha: float, degree_smoothing: float) -> None:
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    if not 0 < intensity <= 1:
        raise ValueError(f"intensity must be in (0, 1], got {intensity}")
    least = 1 if method == "neigh" else 0
    if topk != int(topk) or topk < least:
        raise ValueError(f"topk must be a whole number of at least {least} for {method}, got {topk}")
    if not alpha >= 1:
        raise ValueError(f"alpha must be >= 1, got {alpha}")
    if not 0 <= degree_smoothing < math.inf:
        raise ValueError(f"degree_smoothing must be >= 0, got {degree_smoothing}")


def _number_of_classes(method: str, contexts: Contexts | None, embeddings: np.ndarray | None, topk: int) -> int:
    """C. Raises ValueError unless the tables that the method needs are given and fit."""
    if method == "graphn" and contexts is None:
        raise ValueError("contexts must be given for graphn")
    compares = method == "neigh" or (method == "graphn" and topk > 0)
    if compares and embeddings is None:
        raise ValueError(f"embeddings must be given for {method} with topk {topk}")
    if embeddings is not None and embeddings.ndim != 2:
        raise ValueError(f"embeddings must have shape [classes, width], got {list(embeddings.shape)}")
    if contexts is not None:
        num_classes = contexts.num_classes
    elif embeddings is not None:
        num_classes = len(embeddings)
    else:
        raise ValueError("contexts or embeddings must be given, because the number of classes follows from them")
    if embeddings is not None and len(embeddings) != num_classes:
        raise ValueError(f"embeddings must have a row for each of {num_classes} classes, got {len(embeddings)}")
    if compares and embeddings is not None and not np.isfinite(embeddings[1:]).all():
        first = int(np.flatnonzero(~np.isfinite(embeddings[1:]).all(axis=1))[0]) + 1
        raise ValueError(f"embeddings of class {first} must be finite; the word may have no vector")
    if num_classes < 3:
        raise ValueError(f"perturbations need at least two foreground classes, got {num_classes - 1}")
    most = num_classes - 2 - (method == "graphn")
    if compares and topk > most:
        raise ValueError(f"topk must be at most {most} for {method} with {num_classes} classes, background included, "
                         f"got {topk}")
    return num_classes
