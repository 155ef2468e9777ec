"""A head that classifies pairs from contexts of objects."""

from __future__ import annotations

import torch
from torch import nn

from sgg.methods.head import HeadInputs, HeadOutputs

from .contexts import Averages, Contexts
from .pairs import PairClassifier, PairsStream


class ContextHead(nn.Module):
    """Contexts and labels of objects, then predicates. A second base class gives `contexts`.

    pairs: the classifier of pairs.
    """

    pairs: PairClassifier

    def contexts(self, inputs: HeadInputs, averages: Averages | None = None) -> Contexts:
        """The contexts and labels of objects. The vectors of pairs are not read. averages: as in `Averages`."""
        raise NotImplementedError

    # torch.compile would compile the loops of contexts again for every number of steps, which takes minutes each time.
    @torch.compiler.disable  # type: ignore[untyped-decorator]  # torch's own, and untyped
    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of labels and predicates, the labels on which the predicates depend, and losses of the contexts."""
        contexts = self.contexts(inputs)
        return contexts.outputs(self.pairs(contexts.edge, inputs.edges, inputs.pairs))

    def stream_pairs(self, inputs: HeadInputs) -> PairsStream:
        """As `StreamingHead.stream_pairs`."""
        contexts = self.contexts(inputs)
        return PairsStream(lambda pairs, vectors: self.pairs(contexts.edge, vectors, pairs), inputs.pairs,
                           contexts.outputs)
