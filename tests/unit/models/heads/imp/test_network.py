"""The gates of message passing, beside their definition: one linear layer on the joined states of node and edge."""

import pytest
import torch

from sgg.models.heads.imp.network import MessagePassing


@pytest.mark.parametrize("pairs", [[[0, 1], [1, 0], [2, 1], [0, 3]], []], ids=["four pairs", "no pair"])
def test_messages_equal_their_definition_on_joined_states(pairs):
    torch.manual_seed(0)
    network = MessagePassing(6, 5, 4, 3).double()
    nodes = torch.randn(4, 5, dtype=torch.float64, requires_grad=True)
    edges = torch.randn(len(pairs), 5, dtype=torch.float64, requires_grad=True)
    pairs = torch.tensor(pairs, dtype=torch.long).reshape(-1, 2)

    def gate(name, node, edge):
        return torch.sigmoid(getattr(network, name).linear(torch.cat([node, edge], dim=1)))

    subjects, objects = nodes[pairs[:, 0]], nodes[pairs[:, 1]]
    expected = (gate("subject_gate", subjects, edges) * subjects + gate("object_gate", objects, edges) * objects,
                gate("outgoing_gate", subjects, edges) * edges, gate("incoming_gate", objects, edges) * edges)
    found = network.messages(nodes, edges, pairs)
    wanted = [nodes, edges, *(value for name, value in network.named_parameters() if "_gate" in name)]
    assert len(wanted) == 2 + 4 * 2
    weights = [torch.randn_like(one) for one in expected]
    gradients = [torch.autograd.grad(sum((one * weight).sum() for one, weight in zip(values, weights, strict=True)),
                                     wanted) for values in (found, expected)]
    for one, other in zip(found + gradients[0], expected + gradients[1], strict=True):
        torch.testing.assert_close(one, other)
