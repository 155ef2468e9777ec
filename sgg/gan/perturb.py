"""Perturbations of scene graphs: some objects get another label (SPEC section 5; Knyazev et al. 2021, section 3.3)."""

from __future__ import annotations

import math
from collections.abc import Sequence
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
        """A column [M] of weights [M, C] each; meaningless for a row of zeros."""
        cumulated = weights.cumsum(1)
        return torch.searchsorted(cumulated, uniform[:, None] * cumulated[:, -1:], right=True)[:, 0]

    def even(self, count: int, uniform: Tensor) -> Tensor:
        """One of 0 .. count - 1 for each of uniform [M]."""
        return (uniform * count).long()


@dataclass(frozen=True)
class _Links:
    """The roles that drawn nodes play in relations: node [K], the other end [K], and the first row of the contexts."""

    node: Tensor
    other: Tensor
    row: Tensor

    def __getitem__(self, index: Tensor) -> _Links:
        return _Links(self.node[index], self.other[index], self.row[index])


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
        relations = torch.as_tensor(graph.relations)
        weights = self._node_weights(len(graph), relations[:, 0], relations[:, 1], relations[:, 2]).float()
        return weights / weights.sum()

    def distribution(self, graph: SceneGraph, node: int) -> Tensor:
        """[C] float64: the exact probability of each label that `node` may get, when it is drawn first."""
        device = self.lists.device
        labels = torch.as_tensor(graph.labels, device=device)
        relations = torch.as_tensor(graph.relations, device=device)
        original = labels[node]
        first = torch.zeros(self.num_classes, dtype=torch.float64, device=device)
        first[original] = 1
        if self.method == "graphn":
            links = self._links(*relations.unbind(1), torch.arange(len(labels), device=device) == node)
            weights = self._context_weights(links, labels, torch.zeros_like(links.node), original[None])[0]
            first = weights / weights.sum() if weights.any() else first
        seen = first.nonzero()[:, 0]
        pick = torch.arange(self.num_options, device=device).repeat(len(seen))
        drawn = seen.repeat_interleave(self.num_options)
        labels_drawn = self._relabel(drawn, original.expand(len(drawn)), pick)
        return torch.zeros_like(first).index_add(0, labels_drawn, first[drawn] / self.num_options)

    def sample(self, graph: SceneGraph, generator: torch.Generator) -> Tensor:
        """[N] int64 labels of the perturbed graph, on the device of the graph."""
        labels, relations = torch.as_tensor(graph.labels), torch.as_tensor(graph.relations)
        images = labels.new_zeros(len(labels), dtype=torch.int64)
        relations = torch.cat([relations.new_zeros(len(relations), 1), relations], dim=1)
        return self.sample_batch(labels, relations, images, generator)

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
        _, subject, obj, predicate = relations.unbind(1)
        weights = self._node_weights(len(labels), subject, obj, predicate)
        rank, drawn = self._rank(self.draw.order(weights, which_node), image_index)
        labels = labels.clone()
        pick = self.draw.even(self.num_options, which_option)
        if self.method != "graphn":
            nodes = drawn.nonzero()[:, 0]
            labels[nodes] = self._relabel(labels[nodes], labels[nodes], pick[nodes])
            return labels
        links = self._links(subject, obj, predicate, drawn)
        slot = torch.empty_like(rank)
        for nodes, wave in _waves(links, rank, drawn):
            slot[nodes] = torch.arange(len(nodes), device=nodes.device)
            original = labels[nodes]
            weights = self._context_weights(wave, labels, slot[wave.node], original)
            by_context = self.draw.weighted(weights, which_class[nodes])
            first = torch.where(weights.any(1), by_context, original)
            labels[nodes] = self._relabel(first, original, pick[nodes])
        return labels

    def _node_weights(self, count: int, subject: Tensor, obj: Tensor, predicate: Tensor) -> Tensor:
        if self.uniform:
            return torch.ones(count, dtype=torch.float64, device=subject.device)
        annotated = predicate > 0
        ends = torch.cat([subject[annotated], obj[annotated & (subject != obj)]])
        degree = torch.bincount(ends, minlength=count)
        return (degree.double() ** self.degree_smoothing).clamp(min=LEAST_WEIGHT)

    def _rank(self, keys: Tensor, image_index: Tensor) -> tuple[Tensor, Tensor]:
        """[N] place of each object in its image's order, and [N] whether it is drawn."""
        order = keys.argsort(stable=True)
        order = order[image_index[order].argsort(stable=True)]
        counts = torch.bincount(image_index)
        place = torch.arange(len(keys), device=keys.device) - (counts.cumsum(0) - counts)[image_index]
        rank = torch.empty_like(place).scatter_(0, order, place)
        quota = (counts.double() * self.intensity).round().clamp(min=1)
        return rank, rank < quota[image_index]

    def _links(self, subject: Tensor, obj: Tensor, predicate: Tensor, drawn: Tensor) -> _Links:
        """The roles of drawn objects. Of a relation with itself an object is only the subject."""
        as_subject = drawn[subject] & (predicate > 0)
        as_object = drawn[obj] & (predicate > 0) & (subject != obj)
        rows = torch.stack([self.contexts.subject_row(predicate, 0), self.contexts.object_row(predicate, 0)], dim=1)
        node, other = torch.stack([subject, obj], dim=1), torch.stack([obj, subject], dim=1)
        keep = torch.stack([as_subject, as_object], dim=1)
        return _Links(node[keep], other[keep], rows[keep])

    def _context_weights(self, links: _Links, labels: Tensor, slot: Tensor, original: Tensor) -> Tensor:
        """[M, C] float64: 1 / mean count of each candidate of M objects, 0 for others. slot [K]: object of a link."""
        row = links.row + labels[links.other]
        start = self.offsets[row]
        size = self.offsets[row + 1] - start
        link = torch.arange(len(row), device=row.device).repeat_interleave(size)
        place = torch.arange(len(link), device=row.device) - (size.cumsum(0) - size)[link]
        entry = start[link] + place
        cell = slot[link] * self.num_classes + self.classes[entry]
        strength = self.strength[entry]
        zeros = strength.new_zeros(len(original) * self.num_classes)
        total = zeros.index_add(0, cell, strength).view(len(original), -1)
        times = zeros.index_add(0, cell, torch.ones_like(strength)).view(len(original), -1)
        enough = torch.bincount(slot, minlength=len(original)).clamp(1, 2)[:, None]
        weights = torch.where((times >= enough) & (total > 0), times / total, 0.0)
        return weights.scatter_(1, original[:, None], 0.0)

    def _relabel(self, first: Tensor, original: Tensor, pick: Tensor) -> Tensor:
        """[M] labels: number `pick` of the list of `first`, from which `original` has been struck off."""
        options = self.lists[first]
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


def _waves(links: _Links, rank: Tensor, drawn: Tensor) -> list[tuple[Tensor, _Links]]:
    """Drawn objects and their links in waves: an object comes after those that it sees and that were drawn before it.

    Objects of one wave do not see each other's changes, so that relabelling wave by wave, each at once, gives the same
    labels as relabelling one object after another.
    """
    sees_change = rank[links.other] < rank[links.node]
    later, earlier = links.node[sees_change], links.other[sees_change]
    wave = torch.zeros_like(rank)
    settled = not len(later)
    while not settled:
        pushed = wave.scatter_reduce(0, later, wave[earlier] + 1, "amax")
        settled = torch.equal(pushed, wave)
        wave = pushed
    nodes = drawn.nonzero()[:, 0]
    number = int(wave.max()) + 1
    if number == 1:
        return [(nodes, links)]
    nodes_by_wave = _grouped(wave[nodes], number)
    links_by_wave = _grouped(wave[links.node], number)
    return [(nodes[n], links[k]) for n, k in zip(nodes_by_wave, links_by_wave, strict=True)]


def _grouped(group: Tensor, number: int) -> Sequence[Tensor]:
    """The positions of each of the groups 0 .. number - 1."""
    return group.argsort(stable=True).split(torch.bincount(group, minlength=number).tolist())


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
