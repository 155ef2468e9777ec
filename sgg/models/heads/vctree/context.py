"""The context of an object along the tree of its image (Tang et al. 2019)."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadSizes, Unit
from sgg.models.head_parts.class_nms import labels_by_nms
from sgg.models.head_parts.contexts import Averages, Contexts
from sgg.models.head_parts.grid import ObjectGrid
from sgg.models.head_parts.labels import certain_logits, detector_probabilities, label_code, start_from
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.head_parts.position import PositionEmbedding

from .decoder import TreeDecoder
from .forest import Forest
from .scores import TreeScores, tree_loss
from .tree_lstm import TreeContext

UNITS: dict[str, Unit] = {"tree": "images"}


class VCTreeContext(nn.Module):
    """Trees, object context, labels, edge context (docs/SYSTEM.md section 2, "VCTree").

    sizes: the sizes of inputs and outputs. class_vectors: [C, D] the start of the label embeddings; None: N(0, 1). The
    other arguments are settings of `VCTree`.
    """

    averages_each_image: ClassVar[bool] = True
    """As in `MotifsContext`."""

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, hidden_dim: int, object_layers: int,
                 edge_layers: int, dropout: float) -> None:
        super().__init__()
        objects = sizes.vector + sizes.embedding + POSITION_DIM
        self.object_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.edge_embedding = nn.Embedding(sizes.classes, sizes.embedding)
        self.position = PositionEmbedding()
        self.tree_scores = TreeScores(sizes, hidden_dim)
        self.object_context = TreeContext(objects, hidden_dim, object_layers, dropout)
        self.decoder = TreeDecoder(objects + hidden_dim, hidden_dim, sizes.embedding, sizes.classes, dropout)
        self.edge_context = TreeContext(sizes.embedding + sizes.vector + hidden_dim, hidden_dim, edge_layers, dropout)
        if class_vectors is not None:
            start_from(class_vectors, self.object_embedding.weight, self.edge_embedding.weight,
                       self.decoder.label_embedding.weight[1:])

    def contexts(self, inputs: HeadInputs, averages: Averages | None = None) -> Contexts:
        """The contexts and labels of objects, and in training the loss of the trees. The vectors of pairs are not read.
        averages: as in `Averages`."""
        (found,) = self.contexts_under(inputs, averages)
        return found

    def contexts_under(self, inputs: HeadInputs, *several: Averages | None) -> list[Contexts]:
        """As `contexts`, under each of several averages. What depends on none of them is computed once."""
        grid = ObjectGrid.of(inputs.image_index, inputs.num_images, inputs.largest)
        image_sizes, classes = inputs.image_sizes[inputs.image_index], self.decoder.classify.out_features
        code = label_code(self.object_embedding, inputs)
        objects = torch.cat([inputs.nodes, code, self.position(inputs.boxes, image_sizes)], dim=1)
        certain = None if inputs.labels is None else certain_logits(inputs.labels, classes, objects)
        probabilities = detector_probabilities(inputs) if certain is None else certain.softmax(1)
        scores = self.tree_scores(inputs.nodes, code, probabilities, inputs.boxes, image_sizes, grid)
        forest = Forest.of(scores.detach().sigmoid(), grid)

        object_context = self.object_context(objects, forest, inputs.num_images)
        to_decode = torch.cat([objects, object_context], dim=1)
        found = [self._contexts(inputs, forest, certain, object_context, to_decode, averages) for averages in several]
        if self.training and inputs.related is not None:
            losses = {"tree": tree_loss(scores, inputs.pairs, inputs.related, grid)}
            found = [replace(one, losses=losses, units=UNITS) for one in found]
        return found

    def _contexts(self, inputs: HeadInputs, forest: Forest, certain: Tensor | None, object_context: Tensor,
                  to_decode: Tensor, averages: Averages | None) -> Contexts:
        """certain: [N, C] the logits of given labels."""
        if averages is not None:
            to_decode = averages.to_decode.expand_as(to_decode)
        if inputs.labels is not None and certain is not None:
            label_logits, labels = certain, inputs.labels
        else:
            label_logits, labels = self.decoder(to_decode, forest, inputs.num_images)
        known = torch.cat([self.edge_embedding(labels), inputs.nodes], dim=1)
        if averages is not None:
            known = averages.known.expand_as(known)
        edge_context = self.edge_context(torch.cat([known, object_context], dim=1), forest, inputs.num_images)
        predicted = None if averages is not None else self._predicted(label_logits, inputs)
        return Contexts(edge_context, label_logits, labels, to_decode, known, predicted)

    def _predicted(self, logits: Tensor, inputs: HeadInputs) -> Tensor | None:
        """[N] the labels of predictions in SGDet, where they differ from those that the edge context reads."""
        if inputs.mode != "sgdet" or self.training:
            return None
        assert inputs.class_boxes is not None
        return labels_by_nms(logits, inputs.class_boxes, inputs.image_index, inputs.num_images, largest=inputs.largest,
                             overwrite=False)
