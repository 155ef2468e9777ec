"""T-CAR's small network on word vectors that says which triplets are plausible (Li et al. 2023), and its loss."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from sgg.models.head_parts.fusion import Fusion


class PlausibilityNetwork(nn.Module):
    """Scores triplets by the word vectors of their classes and predicate. Every two of the three are joined (`Fusion`),
    and gated by the third.

    classes: [C, D] and predicates: [R, D] the vectors to start from; both are trained. width: of what is joined.
    """

    def __init__(self, classes: Tensor, predicates: Tensor, width: int) -> None:
        super().__init__()
        dim = classes.shape[1]
        self.classes = nn.Embedding.from_pretrained(classes.clone(), freeze=False)
        self.predicates = nn.Embedding.from_pretrained(predicates.clone(), freeze=False)
        self.subject_object, self.subject_predicate, self.object_predicate = (Fusion(dim, width) for _ in range(3))
        self.subject_gate, self.object_gate, self.predicate_gate = (nn.Linear(dim, width) for _ in range(3))
        self.score = nn.Sequential(nn.Linear(3 * width, width // 2), nn.ReLU(), nn.Linear(width // 2, 1))

    def forward(self, triplets: Tensor) -> Tensor:
        """[n] logits of triplets [n, 3] (subject, predicate, object): the larger, the more plausible.

        What depends on a class or a predicate alone is computed once for each of them, not for each triplet.
        """
        subjects, predicates, objects = triplets.T
        of_classes, of_predicates = self.classes.weight, self.predicates.weight
        both = self.subject_object.joined(of_classes, of_classes, subjects, objects)
        of_subject = self.subject_predicate.joined(of_classes, of_predicates, subjects, predicates)
        of_object = self.object_predicate.joined(of_classes, of_predicates, objects, predicates)
        gated = [both.sigmoid() * self.predicate_gate(of_predicates).sigmoid()[predicates],
                 of_subject.sigmoid() * self.object_gate(of_classes).sigmoid()[objects],
                 of_object.sigmoid() * self.subject_gate(of_classes).sigmoid()[subjects]]
        logits: Tensor = self.score(torch.cat(gated, dim=1))
        return logits[:, 0]


def positive_unlabelled_loss(logits: Tensor, seen: Tensor, prior: float) -> Tensor:
    """The non-negative risk of learning from positive and unlabelled examples (Kiryo et al. 2017): prior * loss of seen
    triplets as plausible + max(0, loss of the others as implausible - prior * loss of seen ones as implausible).

    logits: [n]. seen: [n] whether training has the triplet. prior: the assumed fraction of plausible triplets.
    """
    if not seen.any():
        return softplus(logits).mean()
    plausible, implausible = softplus(-logits[seen]).mean(), softplus(logits[seen]).mean()
    others = softplus(logits[~seen]).mean() if not seen.all() else implausible.new_zeros(())
    return prior * plausible + (others - prior * implausible).clamp(min=0)
