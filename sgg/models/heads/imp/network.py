"""The network of IMP+ (Xu et al. 2017; docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sgg.methods.head import HeadInputs, HeadOutputs


class MessagePassing(nn.Module):
    """Nodes and edges exchange messages; their final states give the logits of classes and predicates.

    input_dim: V, the width of the vectors from the box heads. hidden_dim: width of the states. num_classes,
    num_predicates: C and R, background included. iterations: rounds of message passing.
    """

    def __init__(self, input_dim: int, hidden_dim: int, num_classes: int, num_predicates: int, iterations: int = 3):
        super().__init__()
        self.iterations = iterations
        self.node_input = nn.Linear(input_dim, hidden_dim)
        self.edge_input = nn.Linear(input_dim, hidden_dim)
        self.node_gru = nn.GRUCell(hidden_dim, hidden_dim)
        self.edge_gru = nn.GRUCell(hidden_dim, hidden_dim)
        self.subject_gate = _Gate(hidden_dim)
        self.object_gate = _Gate(hidden_dim)
        self.outgoing_gate = _Gate(hidden_dim)
        self.incoming_gate = _Gate(hidden_dim)
        self.classify_nodes = nn.Linear(hidden_dim, num_classes)
        self.classify_edges = nn.Linear(hidden_dim, num_predicates)

    def forward(self, inputs: HeadInputs) -> HeadOutputs:
        """Logits of classes [N, C] and predicates [P, R]. The predicates do not depend on labels."""
        nodes, edges = self.propagate(self.node_input(inputs.nodes), self.edge_input(inputs.edges).relu(), inputs.pairs)
        return HeadOutputs(self.classify_nodes(nodes), self.classify_edges(edges))

    def propagate(self, nodes: Tensor, edges: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """The final states of nodes [N, hidden_dim] and edges [P, hidden_dim]; the inputs have the same shapes."""
        nodes = self.node_gru(nodes, torch.zeros_like(nodes))
        edges = self.edge_gru(edges, torch.zeros_like(edges))
        subject, object_ = pairs[:, 0], pairs[:, 1]
        for _ in range(self.iterations):
            # Both new states follow from the states of the previous round.
            subjects, objects = nodes[subject], nodes[object_]
            to_edges = self.subject_gate(subjects, edges) * subjects + self.object_gate(objects, edges) * objects
            to_nodes = torch.zeros_like(nodes)
            to_nodes = to_nodes.index_add(0, subject, self.outgoing_gate(subjects, edges) * edges)
            to_nodes = to_nodes.index_add(0, object_, self.incoming_gate(objects, edges) * edges)
            nodes, edges = self.node_gru(to_nodes, nodes), self.edge_gru(to_edges, edges)
        return nodes, edges


class _Gate(nn.Module):
    """The weight of a message in (0, 1), from the states of the node and the edge that it joins."""

    def __init__(self, hidden_dim: int):
        super().__init__()
        self.linear = nn.Linear(2 * hidden_dim, 1)

    def forward(self, node: Tensor, edge: Tensor) -> Tensor:
        return self.linear(torch.cat([node, edge], dim=1)).sigmoid()
