"""The words that results are named by: `<part>/<mode>/<subset>/<metric>@<K>`. Imports nothing, so that all may ask."""

SHOTS = {"zs": (0, 0), "10s": (1, 10), "100s": (11, 100)}
"""Subsets of relations by how often their triplet occurs in training, from and to."""
SUBSETS = (*SHOTS, "all")
"""Every subset, in the order of tables."""
KS = (20, 50, 100, 200, 300)
"""The cut-offs K of recall, unless others are asked for."""
