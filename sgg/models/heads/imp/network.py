"""The network of IMP+ (Xu et al. 2017; docs/SYSTEM.md section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
        nodes, edges = self.node_state(nodes), self.edge_state(edges)
        for _ in range(self.iterations):
            # Both new states follow from the states of the previous round.
            to_edges, from_subjects, from_objects = self.messages(nodes, edges, pairs)
            to_nodes = torch.zeros_like(nodes)
            to_nodes = to_nodes.index_add(0, pairs[:, 0], from_subjects)
            to_nodes = to_nodes.index_add(0, pairs[:, 1], from_objects)
            nodes, edges = self.node_gru(to_nodes, nodes), self.edge_gru(to_edges, edges)
        return nodes, edges

    def node_state(self, nodes: Tensor) -> Tensor:
        """The first states of nodes, from their inputs; both [N, hidden_dim]."""
        return self.node_gru(nodes, torch.zeros_like(nodes))

    def edge_state(self, edges: Tensor) -> Tensor:
        """The first states of edges, from their inputs; both [P, hidden_dim]."""
        return self.edge_gru(edges, torch.zeros_like(edges))

    def messages(self, nodes: Tensor, edges: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The messages of a round, [P, hidden_dim] each: to the edges, from the edges to their subjects, and to their
        objects. nodes [N, hidden_dim] and edges [P, hidden_dim]: the states."""
        subjects, objects = nodes[pairs[:, 0]], nodes[pairs[:, 1]]
        from_subject, outgoing, from_object, incoming = self.gates(nodes, edges, pairs).split(1, dim=1)
        return from_subject * subjects + from_object * objects, outgoing * edges, incoming * edges

    def gates(self, nodes: Tensor, edges: Tensor, pairs: Tensor) -> Tensor:
        """[P, 4] the weights of the messages of a round, in (0, 1): from the subject to the edge, from the edge to the
        subject, from the object to the edge, from the edge to the object. The arguments are those of `messages`.

        A gate is linear in the states of a node and of an edge. So a node's share is computed once for all of its
        edges, and the states are not joined to one vector for each edge.
        """
        linear = [gate.linear for gate in (self.subject_gate, self.outgoing_gate, self.object_gate, self.incoming_gate)]
        for_nodes, for_edges = torch.cat([one.weight for one in linear]).chunk(2, dim=1)
        of_nodes = F.linear(nodes, for_nodes, torch.cat([one.bias for one in linear]))
        ends = torch.cat([of_nodes[:, :2][pairs[:, 0]], of_nodes[:, 2:][pairs[:, 1]]], dim=1)
        return (F.linear(edges, for_edges) + ends).sigmoid()

    def stream_pairs(self, inputs: HeadInputs) -> MessageStream:
        """As `StreamingHead.stream_pairs`."""
        return MessageStream(self, inputs)


class MessageStream:
    """Message passing over edges that come in parts. It holds one state [hidden_dim] of each edge, and the messages of
    one part."""

    def __init__(self, network: MessagePassing, inputs: HeadInputs) -> None:
        self._network, self._pairs = network, inputs.pairs
        self._nodes = network.node_state(network.node_input(inputs.nodes))
        self._edges = self._nodes.new_empty(len(inputs.pairs), self._nodes.shape[1])
        self._parts: list[slice] = []

    def add(self, rows: slice, vectors: Tensor) -> None:
        """As `PairStream.add`."""
        self._edges[rows] = self._network.edge_state(self._network.edge_input(vectors).relu())
        self._parts.append(rows)

    def outputs(self) -> HeadOutputs:
        """As `PairStream.outputs`."""
        for _ in range(self._network.iterations):
            self._nodes = self._network.node_gru(self._to_nodes_from_new_edges(), self._nodes)
        predicates = torch.cat([self._network.classify_edges(self._edges[rows]) for rows in self._parts])
        return HeadOutputs(self._network.classify_nodes(self._nodes), predicates)

    def _to_nodes_from_new_edges(self) -> Tensor:
        """[N, hidden_dim] the sums of the messages of a round to the nodes. Sets the states of the edges after it: that
        of an edge follows from its own one and from the nodes."""
        to_nodes = torch.zeros_like(self._nodes)
        for rows in self._parts:
            edges, pairs = self._edges[rows], self._pairs[rows]
            to_edges, from_subjects, from_objects = self._network.messages(self._nodes, edges, pairs)
            to_nodes.index_add_(0, pairs[:, 0], from_subjects)
            to_nodes.index_add_(0, pairs[:, 1], from_objects)
            self._edges[rows] = self._network.edge_gru(to_edges, edges)
        return to_nodes


class _Gate(nn.Module):
    """The weights of a gate (`MessagePassing.gates`), for the state of a node and then for that of an edge. Published
    weights have this form."""

    def __init__(self, hidden_dim: int):
        super().__init__()
        self.linear = nn.Linear(2 * hidden_dim, 1)
