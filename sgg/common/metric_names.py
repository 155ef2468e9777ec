"""The parts of the names of metrics: `<split>/<mode>/<subset>/<metric>@<K>`. This module imports nothing of ours."""

from __future__ import annotations

from collections.abc import Collection, Mapping

SHOTS = {"zs": (0, 0), "10s": (1, 10), "100s": (11, 100)}
"""Subsets of relations: the lowest and highest number of times that their triplet occurs in training."""
SUBSETS = (*SHOTS, "all")
"""The subsets that every evaluation and every split of a data set has, in the order of tables."""
ZERO_SHOT_SETS = ("zs-train", "zs-list")
"""The other two sets that papers call zero-shot (docs/PUBLISHED.md): triplets that train lacks, where `zs` of test also
looks at val; and the triplets of a file. They are measured where they differ from `zs`, and where a file is given."""
MEASURED_SUBSETS = (*SUBSETS[:1], *ZERO_SHOT_SETS, *SUBSETS[1:])
"""Every subset that an evaluation may have measured, in the order of tables."""
TABLE_SUBSETS = (*SUBSETS[:1], "zs-list", *SUBSETS[1:])
"""The subsets in tables over trials. The files and the report have `zs-train`, too."""
KS = (20, 50, 100, 200, 300)
"""The default cut-offs K of recall."""
REPORTED_KS = (20, 50, 100)
"""The K of tables and reports."""
SATURATED = 0.95
"""The recall at which configurations can no longer be told apart."""
PREDICATE_GROUPS = ("head", "body", "tail")
"""Predicates in the order of their numbers of relations in training (`sgg/metrics/predicate_groups.py`)."""
RECALLS = ("R", "mR", "F1", "A", "ngR", "ng-mR", "ng-F1")
"""Every recall at K, in the order of tables. SGDet has no A (accuracy)."""
HARMONIC_MEANS = {"F1": ("R", "mR"), "ng-F1": ("ngR", "ng-mR")}
"""Of which two recalls each of these is the harmonic mean."""
RELATIVE = ("R-relative", "mR-relative", "ngR-relative", "ng-mR-relative")
"""Recalls whose K is, for each image, its number of annotated relations."""
TRIPLET_KS = (5, 10, 15, 20, 50)
"""The cut-offs K of the triplet metrics, which rank triplets on a relation's own pair of boxes."""

PARTS = {"detector": "detector.weights", "features": "detector.features"}
"""What a system needs to be made before it, and the setting that names a given one. Every file of results holds the
hash of each; the hash of features only if the user gives them."""

GENERATOR = "generator"
"""The name of the hash of a generator that was trained before the trial began with it. It is no part of what a result
is measured with, but of the method: trials with another one are other configurations."""
SETTINGS_OF_PARTS = {**PARTS, GENERATOR: "augmentation.generator"}

DETECTION_COUNTS = ("fallbacks", "failures")
"""Counts of images in SGDet, `<split>/sgdet/<count>`. fallbacks: the detector lowered its score threshold. failures: it
still found no two boxes that overlap (docs/SYSTEM.md section 6)."""


QUALITY = "quality/"
"""The beginning of the names of feature quality during training: `quality/<real|generated>/<node|edge|global>/<metric>`
(docs/METRICS.md)."""


def headline_k(ks: Collection[int]) -> int:
    """The K of the metric that is quoted alone: 100 if it is measured, else the largest."""
    return 100 if 100 in ks else max(ks)


def headline_ks(ks: Collection[int]) -> list[int]:
    """The K that reports show, of those that were measured: 20, 50 and 100, else `headline_k`."""
    return [k for k in REPORTED_KS if k in ks] or [headline_k(ks)]


def telling_k(recall: Mapping[int, float]) -> int:
    """The K at which configurations can be told apart, from the recall of the best one at each K: the largest of 100,
    50 and 20 at which it is below `SATURATED`, or the smallest measured one of them; `headline_k` of other Ks.

    On small data recall at 100 is 99 % for every configuration, because an image has hardly more than 100 triplets to
    choose from.
    """
    known = [k for k in reversed(REPORTED_KS) if k in recall]
    return next((k for k in known if recall[k] < SATURATED), known[-1]) if known else headline_k(recall)


def metric_names(mode: str, ks: Collection[int]) -> list[str]:
    """The names of all metrics of a mode (sgcls, predcls, sgdet) and a subset."""
    recalls = [f"{name}@{k}" for name in RECALLS if (name, mode) != ("A", "sgdet") for k in ks]
    triplets = ["triplet-rank-mean", "triplet-rank-class-median", *(f"triplet-R@{k}" for k in TRIPLET_KS)]
    return [*recalls, *RELATIVE, *(f"ngR@{k}-weighted" for k in ks), "triplet-rank-median", *triplets,
            *(f"{name}-weighted" for name in triplets)]


def is_lower_better(metric: str) -> bool:
    """Whether a lower value of a metric is better: losses and ranks."""
    return metric == "loss" or metric.rpartition("/")[2].startswith("triplet-rank")


def is_fraction(metric: str) -> bool:
    """Whether a metric is a fraction, which is printed in per cent: recall and accuracy, not ranks and losses."""
    return "@" in metric or metric.endswith(RELATIVE)
