"""Losses: classification of nodes and edges (`graph`), and the terms of the GAN (`adversarial`).

Edge losses are entries of a registry (`edges`) whose names and settings need no torch. Torch is therefore imported only
when a loss function is first used.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from sgg.losses.graph import edge_loss, node_loss

__all__ = ["edge_loss", "node_loss"]

__getattr__ = lazy_names(__name__, {"edge_loss": "graph", "node_loss": "graph"})
