"""What is minimised: classification of nodes and edges (`graph`), and the GAN's terms (`adversarial`).

Edge losses are entries of a registry (`edges`), whose names and settings need no torch; so it is imported when a loss
is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sgg.losses.graph import edge_loss, node_loss

__all__ = ["edge_loss", "node_loss"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from sgg.losses import graph

        return getattr(graph, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
