"""The vector of the drawn boxes of a pair by itself (docs/SYSTEM.md section 2, "Causal effects")."""

from __future__ import annotations

from torch import Tensor, nn


class DrawingHead(nn.Module):
    """Two layers with ReLU on the embedding of drawn boxes, for a relation head that keeps it apart from the visual
    vector of the pair (`spatial_fc` of Tang et al. 2020, in code).

    in_features: of an embedding, channels x h x w. dim: D, width of the vector; the first layer is half as wide.
    """

    def __init__(self, in_features: int, dim: int) -> None:
        super().__init__()
        hidden = max(dim // 2, 1)
        self.input, self.output = nn.Linear(in_features, hidden), nn.Linear(hidden, dim)
        for layer in (self.input, self.output):
            nn.init.kaiming_uniform_(layer.weight, a=1)
            nn.init.zeros_(layer.bias)

    def forward(self, drawn: Tensor) -> Tensor:
        """[P, channels, h, w] -> [P, D]."""
        return self.output(self.input(drawn.flatten(1)).relu()).relu()
