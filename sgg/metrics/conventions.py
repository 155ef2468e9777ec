"""The choices an evaluation makes beyond the definitions of its metrics."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Conventions:
    """Every habit of the evaluators behind the published numbers that a definition would not have; each can be undone.

    The defaults reproduce published figures; `Conventions.clean()` is what the definitions say. The two agree where
    an image has no near-duplicate boxes, no `pred_weight` acts and every predicate occurs.

    resort_after_reweight: rank the pairs anew by the re-weighted scores in graph-constrained results (R, mR, F1, A).
        By default they keep the order of the unweighted scores, so only the predicate of a pair can change.
    reweight_background: divide the background column like the others. By default it is not divided, yet takes part in
        the renormalisation, so pairs that are likely background lose less than the others.
    triplet_pairs_by_boxes: the triplet rank of a relation counts the predictions whose two boxes overlap its boxes
        (IoU >= .5). By default those with its box *indices*, which in sgdet compares unrelated numberings.
    triplet_both_directions: those predictions include the pair read backwards.
    absent_predicates_count: mean recall divides by all R - 1 predicates, so that those without a relation count as 0.
    single_precision_ranks: mean ranks are rounded to float32.
    failed_images_count: an image in which the detector found no two boxes that overlap, at any score threshold, counts
        as a recall of 0 (sgdet). By default it is left out of every figure, as if it were not in the data.
    unconstrained_limit: how many triplets of an image an unconstrained result holds; no K above it gains anything.
    missed_triplet_rank: the triplet rank of a relation that no prediction on its own pair finds.
    """

    resort_after_reweight: bool = False
    reweight_background: bool = False
    triplet_pairs_by_boxes: bool = False
    triplet_both_directions: bool = True
    absent_predicates_count: bool = True
    single_precision_ranks: bool = True
    failed_images_count: bool = False
    unconstrained_limit: int = 300
    missed_triplet_rank: int = 301

    def __post_init__(self) -> None:
        for name in ("unconstrained_limit", "missed_triplet_rank"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be >= 1, got {getattr(self, name)}")

    @classmethod
    def clean(cls) -> Conventions:
        """Every switch at the plain definition."""
        return cls(resort_after_reweight=True, reweight_background=True, triplet_pairs_by_boxes=True,
                   triplet_both_directions=False, absent_predicates_count=False, single_precision_ranks=False,
                   failed_images_count=True)


REFERENCE = Conventions()
