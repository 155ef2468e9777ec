"""The words that results are named by: `<part>/<mode>/<subset>/<metric>@<K>`. Imports nothing of ours: all may ask."""

from __future__ import annotations

from collections.abc import Collection

SHOTS = {"zs": (0, 0), "10s": (1, 10), "100s": (11, 100)}
"""Subsets of relations by how often their triplet occurs in training, from and to."""
SUBSETS = (*SHOTS, "all")
"""Every subset, in the order of tables."""
KS = (20, 50, 100, 200, 300)
"""The cut-offs K of recall, unless others are asked for."""
RECALLS = ("R", "mR", "F1", "A", "ngR", "ng-mR")
"""Every recall at K, in the order of tables; A has no meaning in SGDet."""
TRIPLET_KS = (5, 10, 15, 20, 50)
"""The cut-offs of ranks on a relation's own pair of boxes."""

PARTS = {"detector": "detector.weights", "features": "detector.features"}
"""What a system may stand on that is made before it, and the setting that names another one. Every file of results has
the hash of each; that of features only where the user gives them."""

DETECTION_COUNTS = ("fallbacks", "failures")
"""Of SGDet, `<part>/sgdet/<count>`: images for which the detector lowered its score threshold, and those of them in
which it found no two boxes that overlap even so (docs/SYSTEM.md section 6)."""


def headline_k(ks: Collection[int]) -> int:
    """The K that one figure is quoted at: 100 where it is measured, else the largest."""
    return 100 if 100 in ks else max(ks)


def metric_names(mode: str, ks: Collection[int]) -> list[str]:
    """Every figure of a mode (sgcls, predcls, sgdet) and subset that says how good a model is."""
    recalls = [f"{name}@{k}" for name in RECALLS if (name, mode) != ("A", "sgdet") for k in ks]
    triplets = ["triplet-rank-mean", "triplet-rank-class-median", *(f"triplet-R@{k}" for k in TRIPLET_KS)]
    return [*recalls, *(f"ngR@{k}-weighted" for k in ks), "triplet-rank-median", *triplets,
            *(f"{name}-weighted" for name in triplets)]


def is_lower_better(metric: str) -> bool:
    """Whether a figure is the better the lower it is: losses and ranks are."""
    return metric == "loss" or metric.rpartition("/")[2].startswith("triplet-rank")


def is_fraction(metric: str) -> bool:
    """Whether a figure is a share, printed in per cent: recall and accuracy at K are; ranks and losses are not."""
    return "@" in metric
