"""The scene-graph model."""
