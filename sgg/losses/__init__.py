"""What is minimised: classification of nodes and edges (`graph`), and the GAN's terms (`adversarial`).

Edge losses are entries of a registry (`edges`), whose names and settings need no torch; so it is imported when a loss
is first asked for.
"""

from typing import TYPE_CHECKING

from sgg.common.lazy import lazy_names

if TYPE_CHECKING:
    from sgg.losses.graph import edge_loss, node_loss

__all__ = ["edge_loss", "node_loss"]

__getattr__ = lazy_names(__name__, {"edge_loss": "graph", "node_loss": "graph"})
