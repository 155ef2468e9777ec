"""The detector and the scene-graph model."""
