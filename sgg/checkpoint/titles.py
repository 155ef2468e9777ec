"""The data sets of published models."""

TITLES = {"vg": "Visual Genome", "gqa": "GQA", "vtranse": "VTransE's split", "custom": "custom data"}
"""The data sets that a model can have been trained on."""
