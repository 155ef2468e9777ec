"""Graph convolutions over (subject, predicate, object) triples: Johnson et al. 2018 ("Image generation from scene
graphs"), as the generator of Knyazev et al. 2021 uses them (docs/SYSTEM.md section 4).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from sgg.common.counting import counted


def perceptron(*widths: int, activate_last: bool) -> nn.Sequential:
    """Linear layers between the given widths, each with BatchNorm and ReLU; the last one only if `activate_last`."""
    layers: list[nn.Module] = []
    for position, (inputs, outputs) in enumerate(pairwise(widths), start=2):
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight)
        layers.append(linear)
        if position < len(widths) or activate_last:
            layers += [nn.BatchNorm1d(outputs), nn.ReLU()]
    return nn.Sequential(*layers)


class GraphTripleConv(nn.Module):
    """One round: every triple maps to new vectors of its three parts, and every node averages the vectors that it
    receives.

    node_width, predicate_width: widths of the inputs. hidden, outputs: widths inside and of the results. last: whether
    this is the final round, whose results have no BatchNorm and ReLU.
    """

    def __init__(self, node_width: int, predicate_width: int, hidden: int, outputs: int, *, last: bool = False):
        super().__init__()
        self.widths = (hidden, outputs, hidden)
        self.last = last
        self.triple_mlp = perceptron(2 * node_width + predicate_width, hidden, 2 * hidden + outputs,
                                     activate_last=not last)
        self.node_mlp = perceptron(hidden, hidden, outputs, activate_last=not last)

    def forward(self, nodes: Tensor, predicates: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """nodes [N, node_width], predicates [E, predicate_width], pairs [E, 2] subject and object rows
        -> new nodes [N, outputs], new predicates [E, outputs]."""
        subject, obj = pairs.unbind(1)
        triples = self.triple_mlp(torch.cat([nodes[subject], predicates, nodes[obj]], dim=1))
        to_subject, new_predicates, to_object = triples.split(self.widths, dim=1)
        messages = torch.cat([to_subject, to_object])
        if self.last:
            messages = messages.relu()
        receivers = torch.cat([subject, obj])
        sums = messages.new_zeros(len(nodes), messages.shape[1]).index_add(0, receivers, messages)
        means = sums / counted(receivers, len(nodes)).clamp(min=1)[:, None]
        return self.node_mlp(means), new_predicates


class GraphTripleConvNet(nn.Module):
    """Rounds of GraphTripleConv of width `hidden`. The last round gives width `outputs`, without BatchNorm and ReLU."""

    def __init__(self, node_width: int, predicate_width: int, hidden: int, outputs: int, *, rounds: int = 5):
        super().__init__()
        inputs = [(node_width, predicate_width)] + [(hidden, hidden)] * (rounds - 1)
        self.rounds = nn.ModuleList(GraphTripleConv(*widths, hidden, hidden) for widths in inputs[:-1])
        self.rounds.append(GraphTripleConv(*inputs[-1], hidden, outputs, last=True))

    def forward(self, nodes: Tensor, predicates: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """nodes [N, node_width], predicates [E, predicate_width], pairs [E, 2] -> [N, outputs], [E, outputs]."""
        for conv in self.rounds:
            nodes, predicates = conv(nodes, predicates, pairs)
        return nodes, predicates
