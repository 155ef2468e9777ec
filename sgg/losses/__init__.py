"""What is minimised: classification of nodes and edges (`graph`), and the GAN's terms (`adversarial`)."""

from .graph import EDGE_LOSSES, edge_loss, node_loss

__all__ = ["EDGE_LOSSES", "edge_loss", "node_loss"]
