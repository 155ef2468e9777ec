"""A relation head of your own, to copy: two layers for each object and for each pair. From the repository's root:

    python -m platform.train tune_configs/single.yaml experiment.plugins=examples/my_head.py model.head=two_layers
"""

from typing import Annotated, Literal

from pydantic import PositiveInt

from sgg.methods.head import HEADS, Head, HeadOutputs
from sgg.settings.roles import trains


@HEADS.register
class TwoLayers(Head):
    """Objects and pairs each by themselves."""

    kind: Annotated[Literal["two_layers"], trains()] = "two_layers"
    """Two layers for each object and for each pair."""
    width: Annotated[PositiveInt, trains()] = 64
    """Width of the layer between."""

    def build(self, sizes, words=None):
        """A module (HeadInputs) -> HeadOutputs; what these hold is in sgg/methods/head.py."""
        from torch import nn  # here, because settings load without torch

        class Network(nn.ModuleDict):
            def forward(self, inputs):
                return HeadOutputs(self["nodes"](inputs.nodes), self["edges"](inputs.edges))

        return Network({name: nn.Sequential(nn.Linear(sizes.vector, self.width), nn.ReLU(),
                                            nn.Linear(self.width, outputs))
                        for name, outputs in {"nodes": sizes.classes, "edges": sizes.predicates}.items()})
