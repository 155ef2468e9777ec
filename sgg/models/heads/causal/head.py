"""The network of the causal head (Tang et al. 2020)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sgg.common.precision import full
from sgg.methods.counterfactual import AVERAGE_CONTEXT, AVERAGE_CONTEXT_AND_CLASSES, EXPECTED_CLASSES
from sgg.methods.head import HeadInputs, HeadOutputs, HeadSizes, Unit
from sgg.models.frequency_bias import FrequencyBias
from sgg.models.head_parts.pairs import Classify, PairJoin, PairsStream, of_pairs
from sgg.models.head_parts.position import DIM as POSITION_DIM
from sgg.models.heads.motifs.context import MotifsContext
from sgg.models.heads.vctree.context import VCTreeContext

from .pair_boxes import NUMBERS, box_numbers, pair_numbers
from .running_means import RunningMeans

CONTEXTS: dict[str, Callable[..., MotifsContext | VCTreeContext]] = {"motifs": MotifsContext, "vctree": VCTreeContext}


class CausalHead(nn.Module):
    """Contexts and labels of objects, then three branches for pairs, and their effects (docs/SYSTEM.md section 2,
    "Causal effects").

    sizes: the sizes of inputs and outputs. class_vectors: [C, D] the start of the label embeddings; None: N(0, 1). The
    other arguments are the settings of `Causal`.
    """

    def __init__(self, sizes: HeadSizes, class_vectors: Tensor | None = None, *, context: str, fusion: str,
                 spatial: bool, separate_boxes: bool, hidden_dim: int, object_layers: int, edge_layers: int,
                 pooling_dim: int, dropout: float) -> None:
        super().__init__()
        assert sizes.frequency_table is not None
        self.context = CONTEXTS[context](sizes, class_vectors, hidden_dim=hidden_dim, object_layers=object_layers,
                                         edge_layers=edge_layers, dropout=dropout)
        self.join = PairJoin(hidden_dim, pooling_dim)
        self.spatial = SpatialCode(hidden_dim, pooling_dim) if spatial else None
        self.drawing_dim = pooling_dim if separate_boxes else 0
        self.classify_contexts = nn.Linear(pooling_dim, sizes.predicates)
        self.classify_vectors = nn.Linear(sizes.vector, sizes.predicates)
        self.gate = nn.Linear(pooling_dim, sizes.predicates) if fusion == "gate" else None
        self.join.initialize(self.classify_contexts, self.classify_vectors, self.gate)
        self.frequencies = FrequencyBias(sizes.frequency_table)
        known = sizes.embedding + sizes.vector
        self.means = RunningMeans(known + POSITION_DIM + hidden_dim, known, NUMBERS, self.context.averages_each_image,
                                  self.drawing_dim)

    # torch.compile would compile the loops of contexts again for every number of steps, which takes minutes each time.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, and the labels on which the predicates depend; in training also losses, in
        evaluation counterfactual logits where the inputs ask for them."""
        if self.training:
            return self._train(inputs)
        classify, outputs = self._worlds(inputs)
        return outputs(classify(inputs.pairs, inputs.edges))

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        classify, outputs = self._worlds(inputs)
        return PairsStream(classify, inputs.pairs, outputs)

    def _train(self, inputs: HeadInputs) -> HeadOutputs:
        """Plain logits, the losses of each branch by itself, and the running means moved."""
        contexts, pairs = self.context.contexts(inputs), inputs.pairs
        boxes, (vectors, drawn) = self._boxes(inputs, pairs), self._apart(inputs.edges)
        of_pair = self._of_pairs(contexts.edge, pairs, boxes, drawn)
        vision, likely = self.classify_vectors(vectors), self._of_labels(contexts.labels, pairs)
        outputs = contexts.outputs(self._joined(vision, self._branch(of_pair), likely))
        self.means.follow(contexts, boxes, inputs, drawn)
        if inputs.target_predicates is None:
            return outputs
        branches = {"context": self.classify_contexts(of_pair)}
        if self.gate is None:
            branches |= {"vision": vision, "frequencies": likely}
        losses = {f"{name}_branch": F.cross_entropy(full(logits), inputs.target_predicates, reduction="sum") / max(
            len(pairs), 1) for name, logits in branches.items()}
        units: dict[str, Unit] = dict.fromkeys(losses, "pairs")
        return replace(outputs, losses={**outputs.losses, **losses}, units={**outputs.units, **units})

    def _worlds(self, inputs: HeadInputs) -> tuple[Classify, Callable[[Tensor], HeadOutputs]]:
        """A function that gives the logits of pairs [p, 1 + K, R], plain ones and K counterfactual ones, and one that
        gives the outputs for those of all pairs. What is common to all worlds is computed once."""
        names = sorted(inputs.counterfactuals)
        contexts, *others = self.context.contexts_under(inputs, None, *[self.means.averages] * bool(names))
        averaged = others[0] if others else contexts

        def classify(pairs: Tensor, vectors: Tensor) -> Tensor:
            visual, drawn = self._apart(vectors)
            vision = self.classify_vectors(visual)
            actual = self._branch(self._of_pairs(contexts.edge, pairs, self._boxes(inputs, pairs), drawn))
            plain = self._joined(vision, actual, self._of_labels(contexts.labels, pairs))
            if not names:
                return plain[:, None]
            boxes = None if self.spatial is None else self.means.boxes[None]
            usual = None if drawn is None else self.means.drawing[None]
            average = self._branch(self._of_pairs(averaged.edge, pairs, boxes, usual))
            likely = of_average = self._expected(contexts.label_logits.softmax(1), pairs)
            if AVERAGE_CONTEXT_AND_CLASSES in names:
                of_average = self._expected(averaged.label_logits.softmax(1), pairs)
            worlds = {EXPECTED_CLASSES: (actual, likely), AVERAGE_CONTEXT: (average, likely),
                      AVERAGE_CONTEXT_AND_CLASSES: (average, of_average)}
            return torch.stack([plain, *(self._joined(vision, *worlds[name]) for name in names)], dim=1)

        def outputs(logits: Tensor) -> HeadOutputs:
            plain, *others = logits.unbind(1)
            return replace(contexts.outputs(plain), counterfactuals=dict(zip(names, others, strict=True)))

        return classify, outputs

    def _apart(self, vectors: Tensor) -> tuple[Tensor, Tensor | None]:
        """The visual vectors of pairs [P, V] and those of their drawings, if these are apart. vectors: [P, V] or
        [P, V + pooling_dim]."""
        if not self.drawing_dim:
            return vectors, None
        return vectors[:, :-self.drawing_dim], vectors[:, -self.drawing_dim:]

    def _of_pairs(self, contexts: Tensor, pairs: Tensor, boxes: Tensor | None, drawn: Tensor | None) -> Tensor:
        """[P, pooling_dim] the contexts of pairs. contexts: [N, hidden_dim]. boxes: [P, 32], and vectors of
        drawings, drawn: [P, pooling_dim]; or one row of each for all pairs."""
        joined = of_pairs(self.join.join, *self.join.parts(contexts), pairs).relu()
        joined = joined if drawn is None else joined * drawn
        return joined if self.spatial is None or boxes is None else joined * self.spatial(boxes)

    def _boxes(self, inputs: HeadInputs, pairs: Tensor) -> Tensor | None:
        """[P, 32] the numbers of the boxes of pairs, if they are used."""
        if self.spatial is None:
            return None
        return pair_numbers(box_numbers(inputs.boxes, inputs.image_sizes[inputs.image_index]), pairs)

    def _branch(self, of_pair: Tensor) -> tuple[Tensor, Tensor | None]:
        """[P, R] the logits of the contexts [P, pooling_dim] of pairs, and what they add to the gate, if there is one.
        """
        return self.classify_contexts(of_pair), None if self.gate is None else self.gate(of_pair)

    def _joined(self, vision: Tensor, branch: tuple[Tensor, Tensor | None], likely: Tensor) -> Tensor:
        """[P, R] the logits of the three branches together.

        vision: [P, R] logits of the visual vectors. branch: of the contexts. likely: [P, R] logits of the frequencies.
        """
        context, gate = branch
        if gate is None:
            return vision + context + likely
        return context * (vision + likely + gate).sigmoid()

    def _of_labels(self, labels: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] logits of the frequencies of the classes [N]."""
        return self.frequencies(labels[pairs[:, 0]], labels[pairs[:, 1]])

    def _expected(self, odds: Tensor, pairs: Tensor) -> Tensor:
        """[P, R] the mean of the frequency table over the classes of both objects, by their probabilities [N, C]."""
        classes = self.frequencies.num_classes
        of_subjects = (odds @ self.frequencies.table.weight.view(classes, -1)).unflatten(1, (classes, -1))  # [N, C, R]
        return torch.bmm(odds[pairs[:, 1]][:, None], of_subjects[pairs[:, 0]])[:, 0]


class SpatialCode(nn.Module):
    """A small network on the numbers of the boxes of a pair."""

    def __init__(self, hidden_dim: int, pooling_dim: int) -> None:
        super().__init__()
        self.input, self.output = nn.Linear(NUMBERS, hidden_dim), nn.Linear(hidden_dim, pooling_dim)
        for layer in (self.input, self.output):
            nn.init.xavier_normal_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, boxes: Tensor) -> Tensor:
        """[P, 32] -> [P, pooling_dim]."""
        return self.output(self.input(boxes).relu()).relu()
