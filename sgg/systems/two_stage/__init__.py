"""The two-stage system: a frozen detector, and a scene-graph model on its features."""
