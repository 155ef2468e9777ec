"""Perturbations of scene graphs: some objects get another label (SPEC section 5; Knyazev et al. 2021, section 3.3)."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from sgg.structures import SceneGraph

from .contexts import Contexts

METHODS = ("rand", "neigh", "graphn")
LEAST_WEIGHT = 1e-2  # of a node without relations, among those with


class Draw:
    """How chance becomes choice: each method turns uniform numbers in [0, 1) into a choice of the stated law."""

    def order(self, weights: Tensor, uniform: Tensor) -> Tensor:
        """Keys [N] whose ascending order is that of drawing all without replacement, proportionally to weights [N].

        Whoever's exponential clock of rate `weight` rings first is drawn first.
        """
        return -torch.log1p(-uniform) / weights

    def weighted(self, weights: Tensor, uniform: Tensor) -> Tensor:
        """[M] columns, each drawn by its row of weights [M, C]; C for a row of zeros."""
        cumulated = weights.cumsum(1)
        return torch.searchsorted(cumulated, uniform[:, None] * cumulated[:, -1:], right=True)[:, 0]

    def even(self, count: int, uniform: Tensor) -> Tensor:
        """One of 0 .. count - 1 for each of uniform [M]."""
        return (uniform * count).long()


@dataclass(frozen=True)
class Roles:
    """The roles that objects play in relations, relation by relation, the subject's first; K = 2E, or fewer after `at`.

    node [K]: who plays it. other [K]: the other end. row [K]: where its contexts begin, see Contexts.rows. played [K]:
    whether it counts; not those of background relations, nor an object's second role in a relation with itself.
    """

    node: Tensor
    other: Tensor
    played: Tensor
    row: Tensor | None

    @classmethod
    def of(cls, relations: Tensor, contexts: Contexts | None) -> Roles:
        """relations [E, 3] (subject, object, predicate)."""
        subject, obj, predicate = relations.unbind(1)
        annotated = predicate > 0
        return cls(torch.stack([subject, obj], dim=1).view(-1), torch.stack([obj, subject], dim=1).view(-1),
                   torch.stack([annotated, annotated & (subject != obj)], dim=1).view(-1),
                   None if contexts is None else contexts.rows(predicate).view(-1))

    def at(self, index: Tensor) -> Roles:
        """Those at the given positions."""
        return Roles(*(table.index_select(0, index) for table in (self.node, self.other, self.played, self.row)))


class Perturber(nn.Module):
    """Gives max(1, round(intensity x N)) of the N objects of each image another label.

    Objects are drawn without replacement, by degree ** degree_smoothing (annotated relations, either role) or
    uniformly, and relabelled one after another, each seeing the labels given before. The new label is, by `method`,

    - rand: any other class;
    - neigh: one of the `topk` nearest classes by cosine of `embeddings`;
    - graphn: of the classes that training has seen in the contexts of the object's relations, in at least two of them
      (or the only one), and in none of those fewer than `alpha` times, one is drawn inversely to its mean count; with
      topk > 0 it is then exchanged evenly for itself or one of its `topk` nearest. The original label is never a
      candidate. Where there is no candidate at all, one of the original's topk + 1 nearest is taken; with topk 0 the
      label stays.

    contexts: for graphn. embeddings [C, D]: for neigh, and graphn with topk > 0. Both are also where C is known from.
    draw: how chance becomes choice.

    Raises ValueError, naming the argument, for values out of range and tables that are missing or do not fit.
    """

    def __init__(self, method: str, contexts: Contexts | None, embeddings: Tensor | None, intensity: float = 0.2,
                 topk: int = 5, alpha: float = 2, uniform: bool = False, degree_smoothing: float = 1.0,
                 draw: Draw | None = None):
        super().__init__()
        _check_settings(method, intensity, topk, alpha, degree_smoothing)
        embeddings = None if embeddings is None else torch.as_tensor(embeddings).detach()
        self.method = method
        self.contexts = contexts
        self.num_classes = _number_of_classes(method, contexts, embeddings, topk)
        self.intensity = intensity
        self.topk = topk
        self.alpha = alpha
        self.uniform = uniform
        self.degree_smoothing = degree_smoothing
        self.draw = draw or Draw()
        self._register_lists(embeddings)
        if method == "graphn":
            # A class seen, but fewer than alpha times, is marked by an infinity that no sum washes off.
            strong = torch.where(contexts.counts >= alpha, contexts.counts, -math.inf)
            for name, table in (("offsets", contexts.offsets), ("classes", contexts.classes), ("strength", strong)):
                self.register_buffer(name, table, persistent=False)

    def _register_lists(self, embeddings: Tensor | None) -> None:
        """Buffer `lists` [C, num_options + 1]: row c is where the new label is taken from once c has been drawn; the
        original label is struck off it, and of what remains the first `num_options` are equally likely."""
        if self.method == "rand":
            self.num_options = self.num_classes - 2
            lists = torch.arange(1, self.num_classes).expand(self.num_classes, -1)
        elif self.method == "graphn" and self.topk == 0:
            self.num_options = 1
            lists = torch.arange(self.num_classes)[:, None].expand(-1, 2)
        else:
            self.num_options = self.topk + (self.method == "graphn")
            lists = nearest_classes(embeddings, self.num_options)
        self.register_buffer("lists", lists, persistent=False)

    def node_probabilities(self, graph: SceneGraph) -> Tensor:
        """[N] float32: the probability of each object to be the first that is drawn."""
        labels, relations = self._tensors(graph)
        weights = self._node_weights(Roles.of(relations, None), len(labels)).float()
        return weights / weights.sum()

    def distribution(self, graph: SceneGraph, node: int) -> Tensor:
        """[C] float64: the exact probability of each label that `node` may get, when it is drawn first."""
        labels, relations = self._tensors(graph)
        original = labels[node]
        first = nn.functional.one_hot(original, self.num_classes).double()
        if self.method == "graphn":
            roles = Roles.of(relations, self.contexts)
            roles = roles.at((roles.played & (roles.node == node)).nonzero()[:, 0])
            weights = self._context_weights(roles, labels, torch.zeros_like(roles.node), original[None])[0]
            first = weights / weights.sum() if weights.any() else first
        drawn = first.nonzero()[:, 0].repeat_interleave(self.num_options)
        pick = torch.arange(len(drawn), device=labels.device) % self.num_options
        new = self._relabel(drawn, original.expand(len(drawn)), pick)
        return torch.zeros_like(first).index_add_(0, new, first[drawn] / self.num_options)

    def sample(self, graph: SceneGraph, generator: torch.Generator) -> Tensor:
        """[N] int64 labels of the perturbed graph."""
        labels, relations = self._tensors(graph)
        relations = torch.cat([relations.new_zeros(len(relations), 1), relations], dim=1)
        return self.sample_batch(labels, relations, torch.zeros_like(labels), generator)

    def sample_batch(self, labels: Tensor, relations: Tensor, image_index: Tensor,
                     generator: torch.Generator) -> Tensor:
        """Perturb the graphs of a batch at once: labels [N], relations [E, 4] (image, subject, object, predicate),
        image_index [N] ascending -> labels [N], new.

        All chance comes as three numbers per object from `generator`, on whose device they are drawn: equal seeds of
        generators of one kind give equal labels on every device. The tables move to that of the labels.
        """
        if self.lists.device != labels.device:
            self.to(labels.device)
        chance = torch.rand(3, len(labels), generator=generator, device=generator.device, dtype=torch.float64)
        which_node, which_class, which_option = chance.to(labels.device)
        pick = self.draw.even(self.num_options, which_option)
        roles = Roles.of(relations[:, 1:], self.contexts)
        weights = self._node_weights(roles, len(labels))
        rank, drawn = self._rank(self.draw.order(weights, which_node), image_index)
        nodes = drawn.nonzero()[:, 0]
        if self.method != "graphn":
            original = labels.index_select(0, nodes)
            return labels.index_copy(0, nodes, self._relabel(original, original, pick.index_select(0, nodes)))
        roles = roles.at((roles.played & drawn.index_select(0, roles.node)).nonzero()[:, 0])
        slot = torch.empty_like(rank)
        for members, seen in _waves(nodes, roles, rank):
            slot.index_copy_(0, members, torch.arange(len(members), device=members.device))
            original = labels.index_select(0, members)
            weights = self._context_weights(seen, labels, slot.index_select(0, seen.node), original)
            first = self.draw.weighted(weights, which_class.index_select(0, members))
            first = torch.where(first < self.num_classes, first, original)
            new = self._relabel(first, original, pick.index_select(0, members))
            labels = labels.index_copy(0, members, new)
        return labels

    def _tensors(self, graph: SceneGraph) -> tuple[Tensor, Tensor]:
        device = self.lists.device
        return (torch.as_tensor(graph.labels, dtype=torch.int64, device=device),
                torch.as_tensor(graph.relations, dtype=torch.int64, device=device))

    def _node_weights(self, roles: Roles, count: int) -> Tensor:
        """[N] float64, proportional to the probability of being drawn first."""
        if self.uniform:
            return torch.ones(count, dtype=torch.float64, device=roles.node.device)
        played = roles.played.double()
        degree = played.new_zeros(count).index_add_(0, roles.node, played)
        return degree.pow_(self.degree_smoothing).clamp_(min=LEAST_WEIGHT)

    def _rank(self, keys: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """[N] place of each object in its image's order, and [N] whether it is drawn."""
        order = keys.argsort(stable=True)
        order = order.index_select(0, image_index.index_select(0, order).argsort(stable=True))
        counts = torch.bincount(image_index)
        place = torch.arange(len(keys), device=keys.device) - (counts.cumsum(0) - counts).index_select(0, image_index)
        rank = torch.empty_like(place).index_copy_(0, order, place)
        quota = (counts.double() * self.intensity).round_().clamp_(min=1)
        return rank, rank < quota.index_select(0, image_index)

    def _context_weights(self, roles: Roles, labels: Tensor, slot: Tensor, original: Tensor) -> Tensor:
        """[M, C] float64: 1 / mean count of each candidate for M objects with labels `original` [M], 0 for the rest.

        slot [K]: which of the M objects plays each of the roles.
        """
        bounds = self.offsets.unfold(0, 2, 1).index_select(0, roles.row + labels.index_select(0, roles.other))
        start, stop = bounds.unbind(1)
        size = stop - start
        role = torch.repeat_interleave(size)
        # Entries of a role are counted from its start: the running number less the sizes of all before it.
        shift = start - (size.cumsum(0) - size)
        entry = torch.arange(len(role), device=role.device) + shift.index_select(0, role)
        cell = (slot * self.num_classes).index_select(0, role) + self.classes.index_select(0, entry)
        shape = len(original), self.num_classes
        times = torch.bincount(cell, minlength=shape[0] * shape[1]).view(shape)
        total = self.strength.new_full((shape[0] * shape[1],), sys.float_info.min)  # not 0, which nothing divides
        total = total.index_add_(0, cell, self.strength.index_select(0, entry)).view(shape)
        enough = torch.bincount(slot, minlength=shape[0]).clamp_(1, 2)
        weights = (times / total).mul_(times >= enough[:, None])
        return weights.scatter_(1, original[:, None], 0.0)

    def _relabel(self, first: Tensor, original: Tensor, pick: Tensor) -> Tensor:
        """[M] labels: number `pick` of the list of `first`, from which `original` has been struck off."""
        options = self.lists.index_select(0, first)
        columns = torch.arange(options.shape[1], device=options.device)
        passed = ((options == original[:, None]) & (columns <= pick[:, None])).any(1)
        return options.gather(1, (pick + passed)[:, None])[:, 0]


def nearest_classes(embeddings: Tensor, count: int) -> Tensor:
    """[C, count + 1]: each class, followed by the foreground classes nearest to it by cosine of embeddings [C, D]."""
    unit = nn.functional.normalize(embeddings, dim=1)
    similarity = unit @ unit.t()
    similarity[:, 0] = -math.inf
    similarity.fill_diagonal_(math.inf)
    return similarity.argsort(dim=1, descending=True, stable=True)[:, :count + 1].contiguous()


def _waves(nodes: Tensor, roles: Roles, rank: Tensor) -> Iterator[tuple[Tensor, Roles]]:
    """Drawn objects and their roles in waves: an object comes after those that it sees and that were drawn before it.

    Objects of one wave do not see each other's changes, so that relabelling wave by wave, each at once, gives the same
    labels as relabelling one object after another.
    """
    sees_change = (rank.index_select(0, roles.other) < rank.index_select(0, roles.node)).nonzero()[:, 0]
    later, earlier = roles.node.index_select(0, sees_change), roles.other.index_select(0, sees_change)
    wave, settled = torch.zeros_like(rank), not len(later)
    while not settled:
        pushed = wave.scatter_reduce(0, later, wave.index_select(0, earlier) + 1, "amax")
        settled, wave = torch.equal(pushed, wave), pushed
    if not wave.any():
        yield nodes, roles
        return
    of_nodes, of_roles = wave.index_select(0, nodes), wave.index_select(0, roles.node)
    for number in range(int(wave.max()) + 1):
        members = nodes.index_select(0, (of_nodes == number).nonzero()[:, 0])
        yield members, roles.at((of_roles == number).nonzero()[:, 0])


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


def _number_of_classes(method: str, contexts: Contexts | None, embeddings: Tensor | None, topk: int) -> int:
    """C, after making sure that what the method needs is there and fits."""
    if method == "graphn" and contexts is None:
        raise ValueError("contexts must be given for graphn")
    compares = method == "neigh" or (method == "graphn" and topk > 0)
    if compares and embeddings is None:
        raise ValueError(f"embeddings must be given for {method} with topk {topk}")
    if contexts is None and embeddings is None:
        raise ValueError("contexts or embeddings must be given: they say how many classes there are")
    if embeddings is not None and embeddings.ndim != 2:
        raise ValueError(f"embeddings must have shape [classes, width], got {list(embeddings.shape)}")
    num_classes = len(embeddings) if contexts is None else contexts.num_classes
    if embeddings is not None and len(embeddings) != num_classes:
        raise ValueError(f"embeddings must have a row for each of {num_classes} classes, got {len(embeddings)}")
    if compares and not embeddings[1:].isfinite().all():
        first = int((~embeddings[1:].isfinite()).any(1).nonzero()[0]) + 1
        raise ValueError(f"embeddings of class {first} are not finite: has the word no vector?")
    if num_classes < 3:
        raise ValueError(f"perturbations need at least two foreground classes, got {num_classes - 1}")
    most = num_classes - 2 - (method == "graphn")
    if compares and topk > most:
        raise ValueError(f"topk must be at most {most} for {method} with {num_classes} classes, background included, "
                         f"got {topk}")
    return num_classes
