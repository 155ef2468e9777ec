"""Graph convolutions over (subject, predicate, object) triples: Johnson et al. 2018 ("Image generation from scene
graphs"), as the generator of Knyazev et al. 2021 uses them (docs/SYSTEM.md section 4).
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise

import torch
from torch import Tensor, nn


def perceptron(*widths: int, batch_norm: bool, activate_last: bool) -> nn.Sequential:
    """Linear layers between the given widths, each (but perhaps the last) with BatchNorm, where asked for, and ReLU."""
    layers: list[nn.Module] = []
    for position, (inputs, outputs) in enumerate(pairwise(widths), start=2):
        linear = nn.Linear(inputs, outputs)
        nn.init.kaiming_normal_(linear.weight)
        layers.append(linear)
        if position < len(widths) or activate_last:
            layers += [nn.BatchNorm1d(outputs), nn.ReLU()] if batch_norm else [nn.ReLU()]
    return nn.Sequential(*layers)


class GraphTripleConv(nn.Module):
    """One round: every triple is mapped to new vectors of its three parts, and every node pools the vectors it got.

    node_width, predicate_width: widths of the inputs. hidden, outputs: widths inside and of the results. pooling: "avg"
    (over all roles a node plays) or "sum". last: leave the results without BatchNorm and ReLU, as a final round does.
    """

    def __init__(self, node_width: int, predicate_width: int, hidden: int, outputs: int, *,
                 pooling: str = "avg", batch_norm: bool = True, last: bool = False):
        super().__init__()
        if pooling not in ("avg", "sum"):
            raise ValueError(f'pooling must be "avg" or "sum", got {pooling!r}')
        self.widths = (hidden, outputs, hidden)
        self.pooling = pooling
        self.last = last
        self.triple_mlp = perceptron(2 * node_width + predicate_width, hidden, 2 * hidden + outputs,
                                     batch_norm=batch_norm, activate_last=not last)
        self.node_mlp = perceptron(hidden, hidden, outputs, batch_norm=batch_norm, activate_last=not last)

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
        pooled = messages.new_zeros(len(nodes), messages.shape[1]).index_add(0, receivers, messages)
        if self.pooling == "avg":
            pooled = pooled / torch.bincount(receivers, minlength=len(nodes)).clamp(min=1)[:, None]
        return self.node_mlp(pooled), new_predicates


class GraphTripleConvNet(nn.Module):
    """Rounds of GraphTripleConv of width `hidden`; the last one, without BatchNorm and ReLU, gives width `outputs`."""

    def __init__(self, node_width: int, predicate_width: int, hidden: int, outputs: int, *,
                 rounds: int = 5, pooling: str = "avg", batch_norm: bool = True):
        super().__init__()
        conv = partial(GraphTripleConv, pooling=pooling, batch_norm=batch_norm)
        inputs = [(node_width, predicate_width)] + [(hidden, hidden)] * (rounds - 1)
        self.rounds = nn.ModuleList(conv(*widths, hidden, hidden) for widths in inputs[:-1])
        self.rounds.append(conv(*inputs[-1], hidden, outputs, last=True))

    def forward(self, nodes: Tensor, predicates: Tensor, pairs: Tensor) -> tuple[Tensor, Tensor]:
        """nodes [N, node_width], predicates [E, predicate_width], pairs [E, 2] -> [N, outputs], [E, outputs]."""
        for conv in self.rounds:
            nodes, predicates = conv(nodes, predicates, pairs)
        return nodes, predicates
