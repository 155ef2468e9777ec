"""The network of the PE-Net head (Zheng et al. 2023)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.common.precision import full
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes, Unit
from sgg.models.head_parts.fusion import fuse
from sgg.models.head_parts.labels import certain_logits, decided_labels, label_code
from sgg.models.head_parts.pairs import PairsStream
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.head_parts.position import PositionEmbedding

from .layers import Gate, Perceptron, Refinement
from .losses import pair_distance, prototype_distance, prototype_similarity

TEMPERATURE = 0.07
"""What cosines are divided by at first."""
UNITS: dict[str, Unit] = {"pair_distance": "pairs"}


class PENetHead(nn.Module):
    """Labels of objects; then objects, pairs and predicates in one space (docs/SYSTEM.md section 2, "PE-Net").

    sizes: the sizes of inputs and outputs. words: [C, D] and [R, D] the start of the embeddings of classes and
    predicates; None: N(0, 1). The other arguments are the settings of `PENet`.
    """

    def __init__(self, sizes: HeadSizes, words: tuple[Tensor, Tensor] | None = None, *, hidden_dim: int,
                 semantic_dim: int, dropout: float) -> None:
        super().__init__()
        dim, self.dropout = semantic_dim, dropout
        self.object_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.position = PositionEmbedding()
        self.object_input = nn.Linear(sizes.vector + sizes.embedding + POSITION_DIM, hidden_dim)
        self.classify = nn.Linear(hidden_dim, sizes.classes)
        for layer in (self.object_input, self.classify):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            nn.init.zeros_(layer.bias)

        self.roles = nn.Linear(sizes.vector, 2 * dim)
        self.class_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.predicate_embedding = nn.Embedding(sizes.predicates, sizes.embedding)
        self.subject_word, self.object_word, self.predicate_word = (
            Perceptron(sizes.embedding, dim // 2, dim) for _ in range(3))
        self.subject_gate, self.object_gate, self.pair_gate = Gate(dim), Gate(dim), Gate(dim)
        self.to_semantic = Perceptron(dim, 2 * dim, dim, dropout)
        self.refine_subject, self.refine_object, self.refine_pair = (Refinement(dim, dropout) for _ in range(3))
        self.narrow = Perceptron(sizes.vector, dim, dim)
        self.project = Perceptron(dim, dim, 2 * dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(1 / TEMPERATURE)))
        if words is not None:
            with torch.no_grad():
                self.object_embedding.weight.copy_(words[0])
                self.class_embedding.weight.copy_(words[0])
                self.predicate_embedding.weight.copy_(words[1])

    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels on which the predicates depend; in training also losses."""
        label_logits, labels = self._decide(inputs)
        prototypes = self.prototypes()
        points = self.points(*self._ends(inputs.nodes, labels), inputs.edges, inputs.pairs)
        logits = self._similarities(points, prototypes)
        if not self.training or inputs.target_predicates is None:
            return HeadOutputs(label_logits, logits, labels)
        with torch.autocast(points.device.type, enabled=False):  # distances of bfloat16 are too coarse
            points, prototypes = full(points), full(prototypes)
            losses = {"prototype_similarity": prototype_similarity(prototypes),
                      "prototype_distance": prototype_distance(prototypes),
                      "pair_distance": pair_distance(points, prototypes, inputs.target_predicates)}
        return HeadOutputs(label_logits, logits, labels, losses, UNITS)

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        label_logits, labels = self._decide(inputs)
        ends, prototypes = self._ends(inputs.nodes, labels), self.prototypes()
        return PairsStream(lambda pairs, vectors: self._similarities(self.points(*ends, vectors, pairs), prototypes),
                           inputs.pairs, lambda logits: HeadOutputs(label_logits, logits, labels))

    def prototypes(self) -> Tensor:
        """[R, 2 semantic_dim] the prototypes of the predicates."""
        return self.project(self._drop(self.predicate_word(self.predicate_embedding.weight).relu()))

    def points(self, subjects: Tensor, objects: Tensor, vectors: Tensor, pairs: Tensor) -> Tensor:
        """[P, 2 semantic_dim] the representations of pairs in the space of the prototypes.

        subjects, objects: [N, semantic_dim] of the objects in both roles. vectors: [P, V]. pairs: [P, 2] rows of both.
        """
        fused = fuse(subjects.index_select(0, pairs[:, 0]), objects.index_select(0, pairs[:, 1]))
        # What both objects have in common, less what the picture shows of them beside the predicate.
        pair = self.refine_pair(fused - self.pair_gate(fused, self.to_semantic(self.narrow(vectors))))
        return self.project(self._drop(pair.relu()))

    def _ends(self, nodes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """[N, semantic_dim] each object as subject and as object: the word of its class, and what is visual about it.
        """
        as_object, as_subject = self.roles(nodes).chunk(2, dim=1)
        words = self.class_embedding(labels)
        subject_word, object_word = self.subject_word(words), self.object_word(words)
        subjects = subject_word + self.subject_gate(subject_word, self.to_semantic(as_subject))
        objects = object_word + self.object_gate(object_word, self.to_semantic(as_object))
        return self.refine_subject(subjects), self.refine_object(objects)

    def _similarities(self, points: Tensor, prototypes: Tensor) -> Tensor:
        """[P, R] cosines of points and prototypes, scaled."""
        with torch.autocast(points.device.type, enabled=False):
            cosines = F.normalize(full(points), dim=1) @ F.normalize(full(prototypes), dim=1).T
            return cosines * self.log_scale.exp()

    def _decide(self, inputs: HeadInputs) -> tuple[Tensor, Tensor]:
        """Logits of labels [N, C] and labels [N], each object by itself."""
        boxes = inputs.boxes, inputs.image_sizes[inputs.image_index]
        position = self.position(*boxes)
        if self.training:  # The reference computes it twice, so the statistics of BatchNorm move twice as far.
            with torch.no_grad():
                self.position(*boxes)
        if inputs.labels is not None:
            return certain_logits(inputs.labels, self.classify.out_features, position), inputs.labels
        objects = torch.cat([inputs.nodes, label_code(self.object_embedding, inputs), position], dim=1)
        logits = self.classify(self.object_input(objects))
        return logits, decided_labels(logits, inputs, self.training, background=-1.0)

    def _drop(self, values: Tensor) -> Tensor:
        return F.dropout(values, self.dropout, self.training)
