"""The causal head with either context, against its formulas: logits of every world, losses of branches, gradients.

Contexts have golden numbers of their own. No golden file has the head with the contexts of VCTree.
"""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from sgg.methods.counterfactual import AVERAGE_CONTEXT, AVERAGE_CONTEXT_AND_CLASSES, EXPECTED_CLASSES
from sgg.methods.head import HeadInputs
from sgg.models.heads.causal import Causal
from sgg.models.heads.causal.pair_boxes import box_numbers, pair_numbers
from tests.scenes import in_double, scene, small_head

CASES = [(context, fusion) for context in ("motifs", "vctree") for fusion in ("sum", "gate")]
MODES = ["predcls", "sgcls", "sgdet"]
CLOSE = {"rtol": 1e-6, "atol": 1e-6}


class Formulas:
    """The parts of the head, pair by pair, from its weights."""

    def __init__(self, network, batch: HeadInputs) -> None:
        self.network, self.batch = network, batch
        self.subjects, self.objects = batch.pairs.unbind(1)
        classes = network.frequencies.num_classes
        self.table = network.frequencies.table.weight.view(classes, classes, -1)
        numbers = box_numbers(batch.boxes, batch.image_sizes[batch.image_index])
        self.numbers = pair_numbers(numbers, batch.pairs)

    def context(self, states, numbers):
        """[P, pooling_dim] of the states [N, hidden_dim] of objects and the numbers of boxes [., 32]."""
        network = self.network
        halves = network.join.roles(states)
        width = halves.shape[1] // 2
        both = torch.cat([halves[self.subjects, :width], halves[self.objects, width:]], 1)
        return network.join.join(both).relu() * network.spatial.output(network.spatial.input(numbers).relu()).relu()

    def logits(self, context, frequencies):
        """[P, R] of the three branches."""
        network = self.network
        vision = network.classify_vectors(self.batch.edges)
        if network.gate is None:
            return vision + network.classify_contexts(context) + frequencies
        return network.classify_contexts(context) * (vision + frequencies + network.gate(context)).sigmoid()

    def of_labels(self, labels):
        """[P, R] rows of the table for labels [N]."""
        return self.table[labels[self.subjects], labels[self.objects]]

    def expected(self, logits):
        """[P, R] mean of the table, by the probabilities of the classes of both objects."""
        odds = logits.softmax(1)
        return torch.einsum("pc,pd,cdr->pr", odds[self.subjects], odds[self.objects], self.table)


@pytest.mark.parametrize(("context", "fusion"), CASES)
@pytest.mark.parametrize("mode", MODES)
def test_worlds(context: str, fusion: str, mode: str) -> None:
    network = small_head("causal", context=context, fusion=fusion).double().eval()
    for mean in network.means.buffers():
        mean.normal_()
    batch = in_double(scene(3, 4, mode=mode))
    with torch.no_grad():
        found = network(replace(batch, counterfactuals=Causal.counterfactuals))
        plain, averaged = (network.context.contexts(batch, averages) for averages in (None, network.means.averages))
        by_hand = Formulas(network, batch)
        actual = by_hand.context(plain.edge, by_hand.numbers)
        average = by_hand.context(averaged.edge, network.means.boxes[None])
        frequencies, others = (by_hand.expected(one.label_logits) for one in (plain, averaged))
        expected = {EXPECTED_CLASSES: (actual, frequencies), AVERAGE_CONTEXT: (average, frequencies),
                    AVERAGE_CONTEXT_AND_CLASSES: (average, others)}
        torch.testing.assert_close(found.predicate_logits, by_hand.logits(actual, by_hand.of_labels(plain.labels)),
                                   **CLOSE)
        assert found.counterfactuals.keys() == expected.keys()
        for name, parts in expected.items():
            torch.testing.assert_close(found.counterfactuals[name], by_hand.logits(*parts), **CLOSE)


@pytest.mark.parametrize(("context", "fusion"), CASES)
@pytest.mark.parametrize("mode", MODES)
def test_training(context: str, fusion: str, mode: str) -> None:
    """With dropout off. VCTree draws the labels that it passes on, here twice the same."""
    network = small_head("causal", context=context, fusion=fusion, dropout=0.0).double().train()
    batch = in_double(scene(3, 4, mode=mode))
    batch = replace(batch, nodes=batch.nodes.requires_grad_(), edges=batch.edges.requires_grad_())
    torch.manual_seed(1)
    found = network(batch)
    torch.manual_seed(1)
    contexts, by_hand = network.context.contexts(batch), Formulas(network, batch)
    joined, frequencies = by_hand.context(contexts.edge, by_hand.numbers), by_hand.of_labels(contexts.labels)
    logits = by_hand.logits(joined, frequencies)
    torch.testing.assert_close(found.predicate_logits, logits, **CLOSE)
    branches = {"context_branch": network.classify_contexts(joined)}
    if fusion == "sum":
        branches |= {"vision_branch": network.classify_vectors(batch.edges), "frequencies_branch": frequencies}
    losses = {name: F.cross_entropy(one, batch.target_predicates) for name, one in branches.items()}
    losses |= contexts.losses
    assert found.losses.keys() == losses.keys() == set(branches) | ({"tree"} if context == "vctree" else set())
    for name, loss in losses.items():
        torch.testing.assert_close(found.losses[name], loss, **CLOSE)
    leaves = {"nodes": batch.nodes, "edges": batch.edges, **dict(network.named_parameters())}
    cotangents = torch.randn_like(contexts.label_logits), torch.randn_like(logits)
    ours, theirs = (torch.autograd.grad(
        (of_labels * cotangents[0]).sum() + (of_pairs * cotangents[1]).sum() + sum(of_losses.values()),
        list(leaves.values()), allow_unused=True) for of_labels, of_pairs, of_losses in (
            (found.label_logits, found.predicate_logits, found.losses), (contexts.label_logits, logits, losses)))
    for name, one, other in zip(leaves, ours, theirs, strict=True):
        assert (one is None) is (other is None), name
        if one is not None:
            torch.testing.assert_close(one, other, **CLOSE, msg=name)
